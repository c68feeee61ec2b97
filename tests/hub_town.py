"""Two trunks in one process: a province's, and the one above it, whose VXP façade is the province's uplink.

``lower`` has agencies of a province and knows that the others are beyond its uplink; ``upper`` has those, and knows
``lower`` as the hub that speaks for the province. Neither knows who may sign for the other's agencies. Between them
is a ``Road`` that can be cut. Each can be stopped and started again; its data folder stays.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from scripts.make_test_pki import Pki, make_pki
from scripts.province import AGENCIES, FIRST, SECOND, SENDER, Province, fingerprint
from tests.java_system import Scissors
from tests.unit.http.serving import Client, serving
from tests.vxp_kit import Vxp
from trunk.application.shared_secrets import SecretWish
from trunk.bootstrap import Service, open_administration, open_service, upgrade
from trunk.domain.agency import Agency, DeliveryMode, Mandate, SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.delivery import AgencyCode
from trunk.settings import load

__all__ = ["FIRST", "NEAR", "SECOND", "SENDER", "HubTown", "Road", "Trunk", "hub_town"]

NEAR = "H41.02"
"""A second agency of the province."""

LOWER_ID, UPPER_ID = "H41.TRUC", "G00.TRUC"
HUB_SYSTEM, PUSH_SYSTEM = SystemId("h41-truc"), SystemId("g00-truc")
SIGNERS: Mapping[str, str] = {SENDER: "person", NEAR: "person-p521", FIRST: "person-p256", SECOND: "person-p384"}
NAMES: Mapping[str, str] = {**{code: name for code, (name, _) in AGENCIES.items()}, NEAR: "Sở Thứ hai tỉnh Mẫu"}


class Road(Scissors):
    """The way from one trunk to the other: as a town's scissors, and it can be ``down`` altogether."""

    down: bool = False
    connections: int = 0  #: that were asked for

    def _relay(self, near: socket.socket) -> None:
        self.connections += 1
        if self.down:
            near.close()
            return
        with suppress(OSError):  # the other trunk is not there
            super()._relay(near)


@dataclass
class Trunk:
    """One of the two: stopped or at work."""

    province: Province
    at_home: Sequence[str]  #: its own agencies
    road: Road = field(default_factory=lambda: Road(0))  #: leads here
    port: int = 0
    _service: Service | None = None
    _work: ExitStack = field(default_factory=ExitStack)

    @property
    def service(self) -> Service:
        assert self._service is not None, "the trunk is stopped"
        return self._service

    def start(self) -> None:
        """As ``trunk serve`` would: the same folder, a new port, every loop."""
        assert self._service is None
        settings = self.province.settings()
        here = settings.examination.model_copy(update={"processes": 0})
        with ExitStack() as stack:
            self._service = stack.enter_context(open_service(settings.model_copy(update={"examination": here})))
            self._service.dispatch.recover()
            for loop in self._service.process.loops:
                loop.start()
                stack.callback(loop.stop)
            self.port = self.road.port = stack.enter_context(serving(self._service.app)).port
            self._work = stack.pop_all()

    def stop(self) -> None:
        self._service = None
        self._work.close()

    def client(self, agency: str) -> Client:
        """The agency's own system, over the native API."""
        return Client(self.port, self.province.keys[agency])

    def send(self, octets: bytes, *, by: str) -> str:
        """The envelope's id here."""
        answer = self.client(by).post("/api/v1/envelopes", octets)
        assert answer.status in (200, 201), answer.json
        return str(answer.json["envelope_id"])

    def inbox(self, agency: str) -> list[dict[str, Any]]:
        """What waits for the agency: the items of the native API."""
        answer = self.client(agency).get("/api/v1/inbox?limit=500")
        assert answer.status == 200, answer.json
        return list(answer.json["items"])

    def waiting(self, agency: str, kind: str = "document") -> list[dict[str, Any]]:
        return [item for item in self.inbox(agency) if item["envelope"]["kind"] == kind]

    def take(self, agency: str, kind: str = "document", *, at_least: int = 1) -> list[bytes]:
        """Fetch and confirm all of a kind that waits, once that many do: what a hub has accepted may still be on its
        way to the inbox. Fewer after half a minute: those."""
        client, taken = self.client(agency), []
        deadline = time.monotonic() + 30
        while len(self.waiting(agency, kind)) < at_least and time.monotonic() < deadline:
            time.sleep(0.05)
        for item in self.waiting(agency, kind):
            delivery = item["delivery_id"]
            octets = client.get(f"/api/v1/deliveries/{delivery}/envelope").octets
            word = {"outcome": "taken", "sha256": hashlib.sha256(octets).hexdigest()}
            answer = client.post(f"/api/v1/deliveries/{delivery}/confirmation", word)
            assert answer.status == 200, answer.json
            taken.append(octets)
        return taken

    def track(self, envelope_id: str, *, by: str) -> Any:
        """The envelope with its deliveries, as its sender's system sees it."""
        return self.client(by).get(f"/api/v1/envelopes/{envelope_id}").json

    def states(self, envelope_id: str, *, by: str) -> dict[str, str]:
        """State of each delivery by agency."""
        return {one["agency"]: one["state"] for one in self.track(envelope_id, by=by)["deliveries"]}


@dataclass
class HubTown:
    """Both, and what is written in them."""

    lower: Trunk
    upper: Trunk
    secret: str  #: of ``lower`` at ``upper``
    push_secret: str  #: of ``upper`` at ``lower``; empty: it pushes nothing
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def letter(self, *, sender: str = SENDER, recipients: Sequence[str] = (FIRST,), **wish: Any) -> bytes:
        """A signed document of an agency of either side."""
        return self.lower.province.signed(str(next(self.numbers)), sender=sender, recipients=recipients, **wish)

    def as_lower(self) -> Vxp:
        """``lower`` as it speaks to ``upper``, in the test's hands."""
        return Vxp(Client(self.upper.port), LOWER_ID, self.secret)

    def as_upper(self) -> Vxp:
        """``upper`` as it pushes to ``lower``."""
        return Vxp(Client(self.lower.port), UPPER_ID, self.push_secret)

    def until(self, true: Callable[[], Any], *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "it did not come to pass"
            time.sleep(0.05)


@contextmanager
def hub_town(folder: Path, *, push: bool = False, uplink: bool = True, settings: str = "") -> Iterator[HubTown]:
    """Both at work. ``push``: ``upper`` may bring mail; ``uplink``: ``lower`` calls ``upper``; ``settings``: more of
    ``lower``'s TOML, lines of ``[uplink]`` first."""
    pki = make_pki(at=datetime.now(UTC))  # noqa: TID251  certificates are of today
    upper = _made(folder / "upper", pki, UPPER_ID, (FIRST, SECOND), "")
    with ExitStack() as stack:
        stack.enter_context(structlog.testing.capture_logs())
        stack.enter_context(upper.road.open())
        more = _uplink(upper.road.endpoint if uplink else "", push=push)
        lower = _made(folder / "lower", pki, LOWER_ID, (SENDER, NEAR), f"{more}\n{settings}")
        stack.enter_context(lower.road.open())
        secret, push_secret = _introduce(lower, upper, push=push)
        for trunk in (upper, lower):
            stack.callback(trunk.stop)
            trunk.start()
        yield HubTown(lower, upper, secret, push_secret)


def _uplink(url: str, *, push: bool) -> str:
    return f"""
[uplink]
url = "{url}"
name = "national"
system_id = "{LOWER_ID}"
secret_file = "uplink.secret"
organ_ids = ["{UPPER_ID}"]
poll_seconds = 0.2
address_book_minutes = 0
timeout_seconds = 5
push_system = "{PUSH_SYSTEM if push else ""}"
"""


def _made(folder: Path, pki: Pki, organ_id: str, at_home: Sequence[str], more: str) -> Trunk:
    """Its folder, its tables, its own agencies with mandates, systems and keys."""
    pki.write(folder)
    config = folder / "trunk.toml"
    config.write_text(_TOML.format(organ_id=organ_id) + more, encoding="utf-8")
    upgrade(load(config, {}))
    keys = {}
    with open_administration(load(config, {})) as room:
        room.secrets.make_key()
        for code in at_home:
            mandate = Mandate(fingerprint=fingerprint(pki[SIGNERS[code]].certificate))
            room.administration.put_agencies([Agency(code=AgencyCode(code), name=NAMES[code], mandates=(mandate,))])
            system = SystemId(f"{code.lower()}-qlvb")
            record = SystemRecord(id=system, name=f"QLVB {code}", agencies=frozenset({AgencyCode(code)}))
            room.administration.put_system(record)
            keys[code] = room.administration.issue_key(system).spelled
    return Trunk(Province(folder=folder, config=config, pki=pki, keys=keys, signers=SIGNERS), at_home)


def _introduce(lower: Trunk, upper: Trunk, *, push: bool) -> tuple[str, str]:
    """Each learns of the other's agencies, and ``upper`` of the hub that speaks for the province. The secrets."""
    with open_administration(upper.province.settings()) as room:
        room.administration.put_agencies([_agency(code, DeliveryMode.PULL) for code in lower.at_home])
        agencies = frozenset(AgencyCode(code) for code in lower.at_home)
        room.administration.put_system(SystemRecord(id=HUB_SYSTEM, name="Trục tỉnh Mẫu", agencies=agencies, hub=True))
        secret = room.secrets.issue(SecretWish(system=HUB_SYSTEM, name=LOWER_ID)).spelled
    settings, push_secret = lower.province.settings(), ""
    file = settings.path(settings.uplink.secret_file)
    file.write_text(secret + "\n", encoding="utf-8")
    file.chmod(0o600)
    with open_administration(settings) as room:
        room.administration.put_agencies([_agency(code, DeliveryMode.UPLINK) for code in upper.at_home])
        if push:
            record = SystemRecord(id=PUSH_SYSTEM, name="Trục quốc gia", agencies=frozenset())
            room.administration.put_system(record)
            push_secret = room.secrets.issue(SecretWish(system=PUSH_SYSTEM, name=UPPER_ID)).spelled
    return secret, push_secret


def _agency(code: str, mode: DeliveryMode) -> Agency:
    """As one hub knows an agency of the other: by name and code, without mandates."""
    return Agency(code=AgencyCode(code), name=NAMES[code], mode=mode, signature_policy="deliver-marked")


_TOML = """\
data_folder = "var"

[identity]
organ_id = "{organ_id}"

[http]
port = 0

[delivery]
retry_first_seconds = 0.1

[signatures]
trust_folder = "../trust"
seal_key_file = "../identities/seal.key"
seal_certificate_file = "../identities/seal.pem"
"""
