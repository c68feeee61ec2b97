"""Refusals that need more than a file: who calls, what was said before. Each story stands under its code.

``tests/vectors/rejected/<CODE>/*.toml``: ``[message]`` wishes for a signed document (or ``status``), ``[request]``
what is sent (default: the message to /api/v1/envelopes), ``before`` what happened first, ``[answer]`` what must come
back. Placeholders: {delivery}, {sha256}, {key}. After every story nothing has entered that was not there before.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from scripts.province import FIRST, SENDER, Province, fingerprint, make_province
from tests.unit.http.serving import Answer, Client, serving
from trunk.bootstrap import open_administration, open_service
from trunk.domain.agency import Agency, Mandate, SystemId
from trunk.domain.delivery import AgencyCode
from trunk.domain.rejection import Code

VECTORS = Path(__file__).parents[1] / "vectors" / "rejected"
STORIES = sorted(VECTORS.glob("*/*.toml"))

# Codes that no submission or request can bring about, and what shows them instead.
NO_STORY = {
    Code.TOO_COSTLY: "tests/faults/test_costly_files.py",
    Code.OVERLOADED: "tests/unit/http/test_offload.py",
    Code.UNAVAILABLE: "tests/unit/http/test_operations_door.py",
    Code.INTERNAL: "tests/unit/http",
    Code.SIGNING_TIME_UNPROVED: "never refuses by itself: tests/unit/signing/pdf/test_accepted.py",
    Code.ALREADY_SETTLED: "an administrator's: tests/unit/cli/test_cli_replay.py",
    Code.RECALLED: "tests/scenarios/test_recalls.py",
    Code.LOOP: "between hubs: tests/scenarios/test_two_trunks.py",
    Code.PURGED: "tests/scenarios/test_backup.py",
    Code.DISK_FULL: "tests/unit/http/test_overload.py",
    Code.SENDER_SHARE: "tests/unit/http/test_overload.py",
    Code.NOT_WATCHER: "tests/unit/http/test_watchers.py",
    Code.CONFIGURATION: "tests/unit/cli/test_cli_config.py",
    Code.CORRUPT_PAYLOAD: "tests/unit/http/test_deliveries_door.py",
    Code.REQUEST_SIGNATURE: "over VXP: tests/unit/http/test_vxp_door.py",
    Code.STALE_REQUEST: "over VXP: tests/unit/http/test_vxp_door.py",
    Code.BODY_HASH: "over VXP: tests/unit/http/test_vxp_operations.py",
    Code.NOT_ENROLLER: "over VXP: tests/unit/http/test_vxp_operations.py",
    Code.LOGIN: "over LGSP: tests/unit/http/lgsp/test_lgsp_door.py",
    Code.TOKEN_EXPIRED: "over LGSP: tests/unit/http/lgsp/test_lgsp_door.py",
    Code.TOKEN: "over LGSP: tests/unit/http/lgsp/test_lgsp_door.py",
    Code.SYSTEM_SECRET: "over LGSP: tests/unit/http/lgsp/test_lgsp_door.py",
    **dict.fromkeys(
        (
            Code.OPERATOR_KEY,
            Code.OPERATOR_ROLE,
            Code.OPERATOR_SHARE,
            Code.REASON,
            Code.NOTHING_MATCHES,
            Code.TOO_MANY_MATCH,
            Code.REPLAY_ENDED,
            Code.NO_DEAD_LETTER,
            Code.LETTER_OF_NOTHING,
        ),
        "operators': tests/unit/http/test_operators_doors.py",
    ),
}


@dataclass
class Stage:
    """Where the stories are played."""

    province: Province
    port: int
    names: dict[str, str] = field(default_factory=dict)  #: what placeholders stand for

    def client(self, agency: str) -> Client:
        return Client(self.port, self.province.keys.get(agency, agency))

    def message(self, wish: Mapping[str, Any]) -> bytes:
        number = hashlib.sha256(repr(sorted(wish.items())).encode()).hexdigest()[:10]
        if "status" in wish:
            return self.province.status(number, wish["status"], reporter=wish.get("reporter", FIRST))
        signer = self.province.pki[wish["signer"]] if "signer" in wish else None
        asked = {key: value for key, value in wish.items() if key != "signer"}
        return self.province.signed(number, signer=signer, **asked)

    def prepare(self, before: list[str], octets: bytes) -> None:
        """``submitted``, ``confirmed``, ``key_used``; leaves {delivery} and {sha256}."""
        self.names["sha256"] = hashlib.sha256(octets).hexdigest()
        if "submitted" in before:
            accepted = self.client(SENDER).post("/api/v1/envelopes", octets)
            (delivery,) = [d for d in accepted.json["deliveries"] if d["agency"] == FIRST]
            self.names["delivery"] = delivery["delivery_id"]
        if "key_used" in before:
            other = self.message({"priority": 4})
            assert self.client(SENDER).post("/api/v1/envelopes", other, Idempotency_Key="used").status == 201
        if "confirmed" in before:
            word = {"outcome": "taken", "sha256": self.names["sha256"]}
            path = f"/api/v1/deliveries/{self.names['delivery']}/confirmation"
            assert self.client(FIRST).post(path, word).status == 200

    def play(self, request: Mapping[str, Any], octets: bytes) -> Answer:
        client = self.client(request.get("caller", SENDER))
        path = self._named(request.get("path", "/api/v1/envelopes"))
        headers = {"Content-Type": "application/xml", **request.get("headers", {})}
        if request.get("cut_off"):
            return self._cut_off(client, path, octets)
        body: bytes | None = octets
        if "json" in request:
            body, headers["Content-Type"] = self._named(request["json"]).encode(), "application/json"
        if "size" in request:
            body = b"x" * request["size"]
        method = request.get("method", "POST")
        return client.call(method, path, body=body if method == "POST" else None, headers=headers)

    def waiting(self) -> int:
        return sum(len(self.client(code).get("/api/v1/inbox?limit=500").json["items"]) for code in (FIRST, "G12"))

    def _named(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _cut_off(self, client: Client, path: str, octets: bytes) -> Answer:
        authority = client.headers["Authorization"]
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authority}\r\nContent-Length: {len(octets)}\r\n\r\n"
        received = client.raw(head.encode() + octets[: len(octets) // 2])
        status, body = received.split(b" ", 2)[1], received.partition(b"\r\n\r\n")[2]
        return Answer(int(status), {}, body)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    province = make_province(tmp_path_factory.mktemp("province"))
    _people(province)
    settings = province.settings()
    small = settings.model_copy(
        update={"http": settings.http.model_copy(update={"max_body_octets": 2_000_000, "body_timeout_seconds": 1})}
    )
    with structlog.testing.capture_logs(), open_service(small) as service, serving(service.app) as client:
        yield Stage(province, client.port, {})


def _people(province: Province) -> None:
    """Beside the province's own: an agency that has closed, one with another policy, a seal, a key that has ended."""
    person, seal = (Mandate(fingerprint=fingerprint(province.pki[n].certificate)) for n in ("person", "organisation"))
    closed = Agency(code=AgencyCode("H99"), name="Sở đã giải thể", active=False)
    other = Agency(
        code=AgencyCode("H98"), name="Sở khác", signature_policy="required-on-main-document", mandates=(person,)
    )
    with open_administration(province.settings()) as room:
        room.administration.put_agencies([closed, other])
        room.administration.amend_mandates(SENDER, lambda agency: (*agency.mandates, seal))
        (system,) = [s for s in room.administration.systems() if s.id == SystemId(f"{SENDER.lower()}-qlvb")]
        agencies = system.agencies | {closed.code, other.code}
        room.administration.put_system(changed(system, agencies=agencies))
        past = datetime.now(UTC) - timedelta(days=1)  # noqa: TID251  a key that ended yesterday
        province.keys["ended"] = room.administration.issue_key(system.id, expires_at=past).spelled


@pytest.mark.parametrize("file", STORIES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_story_ends_in_its_refusal(stage: Stage, file: Path) -> None:
    story = tomllib.loads(file.read_text(encoding="utf-8"))
    octets = stage.message(story.get("message", {}))
    stage.prepare(story.get("before", []), octets)
    waiting = stage.waiting()
    answer = stage.play(story.get("request", {}), octets)
    expected = story["answer"]
    assert answer.status == expected["status"], answer.octets
    assert answer.codes == expected.get("codes", [file.parent.name])
    assert stage.waiting() == waiting, "a refusal has left something behind"


def test_every_code_has_a_vector_or_a_reason_why_not() -> None:
    shown = {folder.name for folder in VECTORS.iterdir() if any(folder.iterdir())}
    assert shown | {code.value for code in NO_STORY} == {code.value for code in Code}
    assert not shown & {code.value for code in NO_STORY}
