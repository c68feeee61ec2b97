"""What a system shows after it has logged in: a JWT, HMAC-SHA256 with a key of this trunk. Any process can read it.

It names the account and the system, nobody's name, and holds for half an hour. The algorithm is ours to say, never
the token's; the time is that of our clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import jwt

from trunk.application.accounts import LoggedIn
from trunk.application.key_file import KeyFile
from trunk.domain.agency import SystemId
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code

MAX_TOKEN: Final = 2048
_ALGORITHM: Final = "HS256"
_FOR: Final = "lgsp"
_CLAIMS: Final = ("iat", "exp", "aud", "sub", "account")
# who judges the time is ``Tokens.read``, by the house's clock
_OPTIONS: Final[Any] = {"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False, "verify_nbf": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """What a good token says."""

    account: str
    system: SystemId


@dataclass(slots=True, kw_only=True)
class Tokens:
    """Gives tokens and reads them. The key file is looked at again after ``fresh_for``."""

    key_file: KeyFile
    now: Callable[[], datetime]
    lifetime: timedelta
    fresh_for: timedelta = timedelta(seconds=2)
    _kept: tuple[list[bytes], datetime] | None = field(default=None, init=False)

    def give(self, who: LoggedIn) -> str:
        """A token. Raises ``ConfigurationError`` without a usable key file."""
        now = self.now()
        claims = {
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
            "aud": _FOR,
            "sub": str(who.system.id),
            "account": who.account.id,
        }
        return jwt.encode(claims, self._keys()[0], algorithm=_ALGORITHM)

    def read(self, token: str) -> Bearer | Rejected:
        """Whose token it is. Raises ``ConfigurationError`` without a usable key file."""
        claims = self._claims(token)
        if claims is None:
            return refuse(Code.TOKEN, path="Authorization")
        if self.now().timestamp() >= claims["exp"]:
            return refuse(Code.TOKEN_EXPIRED, path="Authorization")
        return Bearer(account=claims["account"], system=SystemId(claims["sub"]))

    def _claims(self, token: str) -> dict[str, Any] | None:
        for key in self._keys() if len(token) <= MAX_TOKEN else ():
            try:
                claims: dict[str, Any] = jwt.decode(
                    token, key, algorithms=[_ALGORITHM], audience=_FOR, options=_OPTIONS
                )
            except (jwt.PyJWTError, ValueError, RecursionError):  # hostile headers raise more than the library says
                continue
            if isinstance(claims["account"], str) and isinstance(claims["exp"], int):
                return claims
        return None

    def _keys(self) -> list[bytes]:
        kept, now = self._kept, self.now()
        if kept is not None and timedelta(0) <= now - kept[1] < self.fresh_for:
            return kept[0]
        keys = self.key_file.keys()
        self._kept = (keys, now)
        return keys
