"""The same clerk's day over three APIs: the native one, VXP by a client in Java, the provincial one by plain HTTP.

A desk sends, sees what waits, takes it, and says what became of what it sent; each in its own protocol's words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from scripts.province import FIRST, SECOND, SENDER
from tests.java_system import JavaSystem
from tests.unit.http.serving import Answer, Client
from tests.vxp_town import OLD, Town
from trunk.application.accounts import PasswordWish
from trunk.bootstrap import open_administration
from trunk.domain.agency import Agency, SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.delivery import AgencyCode

NATIVE, VXP, LGSP, FOURTH = SENDER, FIRST, SECOND, "H41.02"
"""The agency over each API, and one that only receives (native)."""

_BOUNDARY = "----------------bien-gioi-4711"


@dataclass(frozen=True)
class Item:
    """Something that waits at a desk."""

    id: str  #: what the desk's protocol calls it
    sender: str


class Desk(Protocol):
    """What a clerk does, whatever the protocol."""

    agency: str

    def send(self, octets: bytes, *, kind: str = "edoc") -> str:
        """What the trunk calls it."""

    def refused(self, octets: bytes, *, kind: str = "edoc") -> str:
        """The reason, which must be one."""

    def waiting(self, kind: str = "edoc") -> list[Item]:
        """What waits."""

    def fetch(self, item: Item) -> bytes | None:
        """Its octets; None: the trunk does not hand it out."""

    def done(self, item: Item) -> None:
        """We have it."""


@dataclass
class NativeDesk:
    agency: str
    client: Client
    acknowledgements: list[str] = field(default_factory=list)

    def send(self, octets: bytes, *, kind: str = "edoc") -> str:
        answer = self.client.post("/api/v1/envelopes", octets)
        assert answer.status == 201, answer.json
        return str(answer.json["envelope_id"])

    def refused(self, octets: bytes, *, kind: str = "edoc") -> str:
        answer = self.client.post("/api/v1/envelopes", octets)
        assert answer.status >= 400
        return str(answer.codes[0])

    def waiting(self, kind: str = "edoc") -> list[Item]:
        wanted = "document" if kind == "edoc" else "status"
        items = self.client.get("/api/v1/inbox?limit=500").json["items"]
        found = [item for item in items if item["envelope"]["kind"] == wanted]
        return [Item(item["delivery_id"], item["envelope"]["sender"]) for item in found]

    def fetch(self, item: Item) -> bytes | None:
        answer = self.client.get(f"/api/v1/deliveries/{item.id}/envelope")
        if answer.status != 200:
            assert answer.codes == ["TRK-116"], answer.octets
            return None
        return answer.octets

    def done(self, item: Item) -> None:
        octets = self.client.get(f"/api/v1/deliveries/{item.id}/envelope").octets
        word = {"outcome": "taken", "sha256": hashlib.sha256(octets).hexdigest()}
        answer = self.client.post(f"/api/v1/deliveries/{item.id}/confirmation", word)
        assert answer.status == 200, answer.json

    def track(self, envelope_id: str) -> Any:
        return self.client.get(f"/api/v1/envelopes/{envelope_id}").json


@dataclass
class VxpDesk:
    agency: str
    java: JavaSystem

    def send(self, octets: bytes, *, kind: str = "edoc") -> str:
        answer = self.java.send(octets, messagetype=kind, **{"from": OLD[self.agency]})
        assert answer["status"] == "OK", answer
        return str(answer["DocId"])

    def refused(self, octets: bytes, *, kind: str = "edoc") -> str:
        answer = self.java.send(octets, messagetype=kind)
        assert answer["status"] == "FAIL"
        return str(answer["ErrorDesc"]).split()[0].strip("[]:")

    def waiting(self, kind: str = "edoc") -> list[Item]:
        return [Item(row["docId"], row["from"]) for row in self.java.mail(kind)]

    def fetch(self, item: Item) -> bytes | None:
        answer = self.java.call("getEdoc", docId=item.id, filePath=str(self.java.store))
        if answer["status"] != "OK":
            assert "TRK-116" in answer["ErrorDesc"], answer
            return None
        return Path(answer["file"]).read_bytes()

    def done(self, item: Item) -> None:
        assert self.java.says(item.id, "done")["status"] == "OK"

    def sent(self, doc_id: str) -> dict[str, str]:
        """receiveStatus and its sentence by receiver."""
        answer = self.java.call("getSentEdocList", docId=doc_id)
        assert answer["status"] == "OK", answer
        return {row["toCode"]: f"{row['receiveStatus']}: {row['receiveStatusDesc']}" for row in answer["data"]}


@dataclass
class LgspDesk:
    """As integrators write it: the token kept, a window of days polled, known ids skipped."""

    agency: str
    client: Client
    headers: Mapping[str, str]
    base: str = "/lgsp/v1"

    def send(self, octets: bytes, *, kind: str = "edoc") -> str:
        answer = self._post(octets, kind)
        assert answer.json["success"] is True, answer.json
        return str(answer.json["docId"])

    def refused(self, octets: bytes, *, kind: str = "edoc") -> str:
        answer = self._post(octets, kind)
        assert answer.json["success"] is False
        return str(answer.json["data"]["errorDesc"]).split()[0].strip("[]:")

    def waiting(self, kind: str = "edoc") -> list[Item]:
        query = urlencode({"messageType": kind, "fromDate": "2020/01/01", "toDate": "2099/01/01"})
        answer = self.client.call("GET", f"{self.base}/syncReceivedEdocList?{query}", headers=self.headers)
        assert answer.json["success"] is True, answer.json
        return [Item(row["docId"], row["from"]) for row in answer.json["data"] if row["status"] == "initial"]

    def fetch(self, item: Item) -> bytes | None:
        answer = self.client.call("GET", f"{self.base}/getEdoc?docId={item.id}", headers=self.headers)
        if not answer.json["success"]:
            assert "TRK-116" in json.dumps(answer.json), answer.json
            return None
        data = answer.json["data"]
        assert data["docId"] == item.id
        return str(data["edxml"]).encode()

    def done(self, item: Item) -> None:
        body = json.dumps({"docId": item.id, "status": "done"})
        headers = {**self.headers, "Content-Type": "application/json"}
        answer = self.client.call("POST", f"{self.base}/updateStatus", body=body, headers=headers)
        assert answer.json["success"] is True, answer.json

    def _post(self, octets: bytes, kind: str) -> Answer:
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="edocFile"; filename="van-ban.edxml"\r\n'
        head += "Content-Type: application/xml\r\n\r\n"
        tail = f'\r\n--{_BOUNDARY}\r\nContent-Disposition: form-data; name="messageType"\r\n\r\n{kind}'
        body = head.encode() + octets + f"{tail}\r\n--{_BOUNDARY}--\r\n".encode()
        headers = {**self.headers, "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        return self.client.call("POST", f"{self.base}/sendEdoc", body=body, headers=headers)


@dataclass
class ThreeDesks:
    """A trunk with an agency over each API."""

    town: Town
    native: NativeDesk
    vxp: VxpDesk
    lgsp: LgspDesk
    fourth: NativeDesk
    numbers: Iterator[int] = field(default_factory=lambda: count(1000))

    @property
    def all(self) -> dict[str, Desk]:
        return {desk.agency: desk for desk in (self.native, self.vxp, self.lgsp, self.fourth)}


@contextmanager
def three_desks(town: Town) -> Iterator[ThreeDesks]:
    with ExitStack() as stack:
        java = stack.enter_context(town.system(VXP))
        key = _register_fourth(town)
        yield ThreeDesks(
            town=town,
            native=NativeDesk(NATIVE, Client(town.port, town.province.keys[NATIVE])),
            vxp=VxpDesk(VXP, java),
            lgsp=_log_in(town),
            fourth=NativeDesk(FOURTH, Client(town.port, key)),
        )


def _register_fourth(town: Town) -> str:
    system = SystemId("h41-02-qlvb")
    with open_administration(town.province.settings()) as room:
        room.administration.put_agencies([Agency(code=AgencyCode(FOURTH), name="Sở Thứ tư tỉnh Mẫu")])
        record = SystemRecord(id=system, name="QLVB", agencies=frozenset({AgencyCode(FOURTH)}))
        room.administration.put_system(record)
        key = room.administration.issue_key(system).spelled
    town.until(lambda: town.service.registry.directory().find(FOURTH) is not None)
    return key


def _log_in(town: Town) -> LgspDesk:
    with open_administration(town.province.settings()) as room:
        room.accounts.make_key()
        account = room.accounts.issue(PasswordWish(system=SystemId(f"{LGSP.lower()}-qlvb"), username="vanthu"))
    client = Client(town.port)
    who = {"username": "vanthu", "password": account.spelled, "applicationCode": "QLVB", "otp": None}
    answer = client.post("/lgsp/v1/auth/login?allow_anonymous=true", who)
    assert answer.status == 200, answer.octets
    headers = {
        "Authorization": f"Bearer {answer.json['data']['token']}",
        "X-SystemId": OLD[LGSP],
        "X-SecretKey": town.secrets[LGSP].spelled,
    }
    return LgspDesk(LGSP, client, headers)
