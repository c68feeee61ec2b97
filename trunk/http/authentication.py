"""Who is calling: ``Authorization: Bearer edoc_…``. A wrong key and an unknown one get the same answer.

A key that was never good here is looked up in the strangers' line. What was authenticated is believed for a second,
so that a busy system does not cost a look into the ledger for each request; a revoked key is refused everywhere within
that second and the registry's own two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from aiohttp import web

from trunk.application.directory import Registry
from trunk.domain.agency import Caller
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.http.problems import RefusedError
from trunk.http.strangers import Lines

CHALLENGE: Final[Mapping[str, str]] = MappingProxyType({"WWW-Authenticate": 'Bearer realm="edoc-trunk"'})
BELIEVED_SECONDS: Final = 1.0
_KEPT: Final = 10_000
_MAX_KEY: Final = 256
_EXPECTED: Final = "Bearer edoc_<id>_<secret>"
_PATH: Final = "Authorization"


@dataclass(slots=True, kw_only=True)
class Doorman:
    """Knows callers by their keys. ``seconds``: a clock that only goes forward."""

    registry: Registry
    lines: Lines
    seconds: Callable[[], float]
    _known: dict[bytes, tuple[Caller, float]] = field(default_factory=dict, init=False)

    async def admit(self, request: web.Request) -> Caller:
        """The caller. Leaves by ``RefusedError`` (401); raises faults of the ledger."""
        key = bearer(request)
        if key is None:
            raise RefusedError(refuse(Code.UNAUTHENTICATED, path=_PATH, expected=_EXPECTED), headers=CHALLENGE)
        digest = hashlib.sha256(key.encode()).digest()  # the key itself is not kept
        caller, until = self._known.get(digest, (None, 0.0))
        if caller is not None and self.seconds() < until:
            return caller
        line = self.lines.of(None if caller is None else caller.system)
        found = await line.run(lambda: self.registry.authenticate(key))
        if isinstance(found, Rejected):
            self._known.pop(digest, None)
            raise RefusedError(found, headers=CHALLENGE)
        self._remember(digest, found)
        return found

    def _remember(self, digest: bytes, caller: Caller) -> None:
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[digest] = (caller, self.seconds() + BELIEVED_SECONDS)


def bearer(request: web.Request) -> str | None:
    """The key that the request shows; None: it shows none, or several."""
    values = request.headers.getall("Authorization", [])
    scheme, _, key = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    key = key.strip()
    if scheme.lower() != "bearer" or not key or len(key) > _MAX_KEY or not key.isascii():
        return None
    return key
