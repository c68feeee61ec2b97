from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime

import pytest

from queues.broker import QueueError
from tests.unit.http.fakes import OCTETS, House, rejected
from tests.unit.http.serving import Client
from trunk.application.responders import Responder, Responders
from trunk.domain.rejection import Code
from trunk.errors import LedgerUnavailableError
from trunk.http import operations


def _fail(fault: Exception) -> None:
    raise fault


def test_health_asks_nobody(house: House, client: Client) -> None:
    house.checks["ledger"] = lambda: _fail(LedgerUnavailableError("x"))
    answer = client.using("").get("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_readiness_names_what_fails_and_why(house: House, client: Client) -> None:
    house.checks.update(
        ledger=lambda: None,
        broker=lambda: _fail(QueueError("no connection")),
        relay=lambda: _fail(RuntimeError("the relay loop does not run")),
        driver=lambda: _fail(ValueError("postgresql://user:secret@host")),
    )
    answer = client.using("").get("/readyz")
    assert answer.status == 503
    assert answer.json == {
        "ready": False,
        "checks": {
            "ledger": {"ok": True, "why": ""},
            "broker": {"ok": False, "why": "QueueError: no connection"},
            "relay": {"ok": False, "why": "RuntimeError: the relay loop does not run"},
            "driver": {"ok": False, "why": "ValueError"},
        },
    }


def test_a_trunk_whose_dependencies_are_well_is_ready(house: House, client: Client) -> None:
    house.checks["ledger"] = lambda: None
    assert client.get("/readyz").json["ready"] is True


def test_a_dependency_that_does_not_answer_is_named_too(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "CHECK_SECONDS", 0.05)
    gate = threading.Event()
    house.checks["ledger"] = lambda: gate.wait(20) and None
    answer = client.get("/readyz")
    gate.set()
    assert answer.json["checks"]["ledger"] == {"ok": False, "why": "no answer within 0.05 s"}


def test_metrics_count_what_was_answered_accepted_and_refused(house: House, client: Client) -> None:
    client.post("/api/v1/envelopes", OCTETS)
    house.intake.outcome = rejected(Code.MISSING, Code.MISSING, Code.UNSIGNED)
    client.post("/api/v1/envelopes", OCTETS)
    client.get("/api/v1/envelopes/E1")
    client.call("PROPFIND", "/healthz")
    text = client.using("").get("/metrics").octets.decode()
    for line in (
        'trunk_http_requests_total{method="POST",route="/api/v1/envelopes",status="201"} 1.0',
        'trunk_http_requests_total{method="POST",route="/api/v1/envelopes",status="422"} 1.0',
        'trunk_http_requests_total{method="GET",route="/api/v1/envelopes/{envelope_id}",status="200"} 1.0',
        'trunk_http_requests_total{method="other",route="none",status="405"} 1.0',
        'trunk_http_request_seconds_count{method="POST",route="/api/v1/envelopes"} 2.0',
        'trunk_envelopes_accepted_total{kind="document",repeated="no"} 1.0',
        'trunk_rejections_total{code="ENV-101"} 1.0',
        'trunk_rejections_total{code="SIG-001"} 1.0',
        "trunk_ledger_up 1.0",
        "trunk_outbox_depth 3.0",
        'trunk_deliveries{state="queued"} 2.0',
    ):
        assert line in text, line


def test_metrics_tell_how_each_responder_does(house: House, client: Client) -> None:
    at = datetime.fromtimestamp(1000, UTC)
    helps = Responder(
        host="ocsp.example.vn", fetched=3, failed=1, last_fetched_at=at, last_failure="timeout", left_alone_until=None
    )
    dead = dataclasses.replace(helps, host="dead.example.vn", fetched=0, last_fetched_at=None, left_alone_until=at)
    house.fetcher.responders = Responders(hosts=(helps, dead))
    text = client.get("/metrics").octets.decode()
    for line in (
        'trunk_revocation_fetches{host="ocsp.example.vn",outcome="fetched"} 3.0',
        'trunk_revocation_fetches{host="ocsp.example.vn",outcome="failed"} 1.0',
        'trunk_revocation_fetched_timestamp_seconds{host="ocsp.example.vn"} 1000.0',
        'trunk_revocation_host_left_alone{host="ocsp.example.vn"} 0.0',
        'trunk_revocation_host_left_alone{host="dead.example.vn"} 1.0',
    ):
        assert line in text, line
    assert 'fetched_timestamp_seconds{host="dead' not in text


def test_metrics_are_there_while_the_ledger_is_not(house: House, client: Client) -> None:
    def depth() -> dict[str, int]:
        raise LedgerUnavailableError("x")

    house.depth = depth
    answer = client.get("/metrics")
    assert answer.status == 200
    assert b"trunk_ledger_up 0.0" in answer.octets
