"""The OpenAPI document is true: it describes what is there, all of it, and the service behaves as described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.signed_report import KEPT
from tests.unit.http.fakes import AT, House, delivery, envelope
from tests.unit.http.operators_room import open_operators_room
from tests.unit.http.reports_fake import FakePunctuality
from tests.unit.http.serving import Client, serving
from trunk.domain.tracking import InboxItem
from trunk.http.app import make_app, routes
from trunk.http.openapi import DOCUMENT_PATH, PAGE_PATH, document

DOCUMENT: dict[str, Any] = document(routes())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    house = House(tmp_path_factory.mktemp("house"))
    house.handover.items = [InboxItem(delivery=delivery(), envelope=envelope(), position=4)]
    house.tracking.verdict = KEPT
    house.punctuality = FakePunctuality()
    room = open_operators_room(house.folder)
    operators_key.append(room.key())
    room.delivery()
    room.letter("gone")
    with structlog.testing.capture_logs(), serving(make_app(room.doors(house)), key="edoc_r_1") as client:
        yield client


operators_key: list[str] = []


def test_every_route_is_described_and_every_described_one_exists(house: House) -> None:
    app = make_app(house.doors())
    there = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    described = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert there == described


def test_the_document_served_is_the_document_written(served: Client) -> None:
    answer = served.using("").get(DOCUMENT_PATH)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json == DOCUMENT


def test_every_object_that_is_named_is_there_and_every_one_there_is_named() -> None:
    named = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))
    assert named == set(DOCUMENT["components"]["schemas"])


def test_operations_have_their_own_names_and_words_in_both_languages() -> None:
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["summary"] and operation["x-summary-vi"] for operation in operations)


def test_the_page_shows_every_operation_and_fetches_nothing(served: Client) -> None:
    page = served.using("").get(PAGE_PATH)
    text = page.octets.decode()
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script" not in text
    assert not re.search(r"""(src|href)=["'](https?:)?//""", text)
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in text
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_times_are_written_at_seven_hours_with_milliseconds(served: Client) -> None:
    written = served.get("/api/v1/envelopes/E1").json["envelope"]["accepted_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+07:00", written)
    assert written.startswith(f"{AT:%Y-%m-%d}")


OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
    openapi_checks.unsupported_method,
]


# Not schemathesis's own parametrisation: its tests share one name, and a run in several processes keeps one of them.
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_the_service_answers_as_the_document_says(operation: Any, mode: GenerationMode, served: Client) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=8,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def answers(case: schemathesis.Case) -> None:
        if "wait" in (case.query or {}):
            case.query["wait"] = 0
        client = served.using(operators_key[0]) if operation.path.startswith("/api/v1/admin/") else served
        case.call_and_validate(
            base_url=f"http://127.0.0.1:{served.port}", headers=client.headers, timeout=20, checks=CHECKS
        )

    try:
        answers()
    except Unsatisfiable:  # an operation without parameters has nothing that could be wrong
        assert mode is GenerationMode.NEGATIVE
