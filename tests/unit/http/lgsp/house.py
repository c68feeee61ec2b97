"""The façade with everything behind it played, but for its tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.lgsp_kit import Lgsp
from tests.unit.http.fakes import AT, RECIPIENT, SENDER
from tests.unit.http.serving import Answer, Client
from tests.unit.http.vxp_house import FakeRecogniser, VxpHouse
from trunk.application.accounts import LoggedIn
from trunk.application.enrolment import Registration
from trunk.application.key_file import KeyFile
from trunk.domain.account import AccountRecord
from trunk.domain.agency import Agency, Caller, SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.http.lgsp.doors import Means
from trunk.http.lgsp.tokens import Tokens
from trunk.settings import Lgsp as Settings

PASSWORDS = {"gui": ("p-gui", SENDER), "nhan": ("p-nhan", RECIPIENT)}
SECRETS = {"gui": ("h41", "s3cret-of-h41"), "nhan": ("000.00.17.H36", "s3cret-of-h36")}


@dataclass
class FakeLogins:
    fault: Exception | None = None
    ended: bool = False
    standing: bool = True

    def log_in(self, username: str, password: str) -> LoggedIn | Rejected:
        if self.fault:
            raise self.fault
        spelled, agency = PASSWORDS.get(username, ("", SENDER))
        if not spelled or password != spelled:
            return refuse(Code.LOGIN)
        if self.ended:
            return refuse(Code.KEY_EXPIRED, path="password")
        system = SystemId(f"system-{agency}")
        account = AccountRecord(id=f"a-{agency}", system=system, username=username, digest="", created_at=AT)
        return LoggedIn(account=account, system=SystemRecord(id=system, name="QLVB", agencies=frozenset({agency})))

    def holds_as_known(self, account_id: str) -> bool | None:
        return None

    def holds(self, account_id: str) -> bool:
        if self.fault:
            raise self.fault
        return self.standing


@dataclass
class FakeSecrets(FakeRecogniser):
    once: str = ""  #: a secret that has ended

    def held_once(self, name: str, signed_with: Any) -> bool:
        return bool(self.once) and signed_with(self.once)


@dataclass
class Enrolled:
    said: list[Registration] = field(default_factory=list)

    def register(self, caller: Caller, said: Registration) -> Agency | Rejected:
        self.said.append(said)
        return refuse(Code.NOT_ENROLLER)


@dataclass
class LgspHouse(VxpHouse):
    logins: FakeLogins = field(default_factory=FakeLogins)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    enrolled: Enrolled = field(default_factory=Enrolled)
    told: Settings = field(default_factory=Settings)
    clock: datetime = AT

    @property
    def key_file(self) -> KeyFile:
        return KeyFile(file=self.folder / "lgsp.key", chance=secrets.token_bytes, remedy="make-key")

    def lgsp(self) -> Means:
        if not self.key_file.file.exists():
            self.key_file.make()
        tokens = Tokens(key_file=self.key_file, now=lambda: self.clock, lifetime=timedelta(minutes=30))
        parts: Any = {"logins": self.logins, "recogniser": self.secrets, "enrolment": self.enrolled}
        return Means(settings=self.told, tokens=tokens, **parts)

    def client_of(self, client: Client, username: str) -> Lgsp:
        system, secret = SECRETS[username]
        return Lgsp(client, username, PASSWORDS[username][0], system, secret, lambda: self.clock)


def is_failure(answer: Answer, *, status: int, number: str, code: Code) -> dict[str, Any]:
    """A refusal in the façade's form."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.octets.isascii()
    fields: dict[str, Any] = answer.json
    assert set(fields) == {"success", "message", "data"}
    assert fields["success"] is False
    assert fields["message"]
    data: dict[str, Any] = fields["data"]
    assert set(data) == {"docId", "status", "errorCode", "errorDesc"}
    assert (data["docId"], data["status"], data["errorCode"]) == (None, "error", number), data
    assert data["errorDesc"].startswith(code)
    return data


def is_unauthorized(answer: Answer, code: Code) -> str:
    """The body that integrators know, where one member says why."""
    assert answer.status == 401, answer
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    fields = answer.json
    detail: str = fields.pop("errorDetail")
    assert fields == {"code": 401, "message": "Unauthorized", "licenseInfo": "invalid", "totalTime": 0}
    assert detail.startswith(code), detail
    return detail
