"""How answers are spelled: what deployed clients cannot do without."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.http.fakes import rejected
from trunk.domain.rejection import CATALOGUE, Code
from trunk.http.facades import NUMBERS, SHOWN, number_of
from trunk.http.problems import STATUS
from trunk.http.vxp.entrance import OPERATIONS
from trunk.http.vxp.replies import failure, operation_called, success

KNOWN = {"10", "15", "18", "19", "20", "21", "22", "23"}
LISTS = {
    "getReceivedEdocList",
    "getSentEdocList",
    "getAgenciesList",
    "getAgenciesListQD20",
    "getSynchronizeUnit",
}


def _fields(response: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(response.body)
    return fields


@pytest.mark.parametrize("code", Code)
def test_every_refusal_has_all_four_fields_in_ascii_and_a_number_that_clients_know(code: Code) -> None:
    response = failure("sendEdoc", rejected(code), request_id="R")
    status = STATUS[CATALOGUE[code].nature]
    assert response.status == (503 if status == 429 else status)  # deployed clients know no 429
    assert response.status not in (200, 201, 202)
    assert (response.content_type, response.charset) == ("application/json", "utf-8")
    assert isinstance(response.body, bytes)
    assert response.body.isascii()
    fields = _fields(response)
    assert set(fields) == {"status", "ErrorCode", "ErrorDesc", "DocId"}
    assert (fields["status"], fields["DocId"]) == ("FAIL", "")
    assert fields["ErrorCode"] in KNOWN
    assert fields["ErrorDesc"].startswith(f"{code} {CATALOGUE[code].title.vi}")


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (Code.NOT_XML, "10"),
        (Code.CUT_OFF, "10"),
        (Code.BODY_HASH, "10"),
        (Code.TOO_LARGE, "10"),
        (Code.REQUEST_SIGNATURE, "15"),
        (Code.KEY_EXPIRED, "15"),
        (Code.ADDRESSEE_UNKNOWN, "18"),
        (Code.SENDER_UNKNOWN, "19"),
        (Code.SENDER_NOT_CALLER, "19"),
        (Code.OVERLOADED, "20"),
        (Code.UNAVAILABLE, "20"),
        (Code.INTERNAL, "20"),
        (Code.REVOCATION_UNKNOWN, "20"),
        (Code.CHAIN_INCOMPLETE, "20"),
        (Code.FORGED, "21"),
        (Code.TOO_COSTLY, "21"),
        (Code.NOT_FOUND, "21"),
        (Code.MISSING, "22"),
        (Code.NO_ADDRESSEE, "22"),
        (Code.ADDRESSEE_INACTIVE, "23"),
    ],
)
def test_what_integrators_switch_on(code: Code, number: str) -> None:
    assert number_of(code) == number


@pytest.mark.parametrize("code", [code for code in Code if CATALOGUE[code].temporary])
def test_what_passes_is_never_called_the_files_fault(code: Code) -> None:
    """20 alone says "come again"; every other number makes a client give the document up."""
    response = failure("sendEdoc", rejected(code))
    assert (number_of(code), response.status, response.headers["Retry-After"]) == ("20", 503, "5")


def test_the_table_names_only_what_exists() -> None:
    assert all(any(code.startswith(beginning) for code in Code) for beginning in NUMBERS)
    assert {code[:3] for code in Code} <= set(NUMBERS)


@pytest.mark.parametrize("operation", [*OPERATIONS, "", "nothing"])
def test_a_refusal_has_what_its_client_takes_out_without_looking(operation: str) -> None:
    fields = _fields(failure(operation, rejected(Code.INTERNAL)))
    assert (fields.get("data") == []) == (operation in LISTS or operation not in OPERATIONS)
    assert (fields.get("count") == 0) == operation.startswith("count")


def test_every_fault_is_named_and_too_many_are_counted() -> None:
    text = _fields(failure("sendEdoc", rejected(Code.ADDRESSEE_UNKNOWN, Code.MISSING)))["ErrorDesc"]
    assert "ADR-103" in text
    assert "ENV-101" in text
    assert "dòng 3" in text
    many = _fields(failure("sendEdoc", rejected(*[Code.MISSING] * (SHOWN + 5))))["ErrorDesc"]
    assert many.count("ENV-101") == SHOWN
    assert many.endswith("… và 5 lỗi khác")


def test_a_fault_of_ours_names_the_request_and_nothing_else() -> None:
    assert _fields(failure("getEdoc", rejected(Code.INTERNAL), request_id="R-1"))["ErrorDesc"].endswith("[R-1]")
    assert "R-1" not in _fields(failure("getEdoc", rejected(Code.NOT_FOUND), request_id="R-1"))["ErrorDesc"]
    assert failure("getEdoc", rejected(Code.UNAVAILABLE)).headers["Retry-After"] == "5"


def test_a_success_has_the_same_four_fields() -> None:
    response = success(data=[{"title": "Về việc"}])
    assert response.status == 200
    assert isinstance(response.body, bytes)
    assert response.body.isascii()
    assert _fields(response) == {
        "status": "OK",
        "ErrorCode": "0",
        "ErrorDesc": "",
        "DocId": "",
        "data": [{"title": "Về việc"}],
    }


@pytest.mark.parametrize(
    ("octets", "operation"),
    [
        (b"POST /vxp/sendEdoc HTTP/1.1\r\n", "sendEdoc"),
        (b"POST //vxp//getEdoc?x=1 HTTP/1.1\r\n", "getEdoc"),
        (b"POST http://h:80/vxp/getEdoc HTTP/1.1\r\n", "getEdoc"),
        (b"GET /vxp HTTP/1.1\r\n", ""),
        (b"GET /vxp/ HTTP/1.1\r\n", ""),
        (b"POST /vxp/\xff\xff HTTP/1.1\r\n", ""),
        (b"POST /vxpx/sendEdoc HTTP/1.1\r\n", None),
        (b"POST /api/v1/envelopes HTTP/1.1\r\n", None),
        (b"", None),
        (b"\x16\x03\x01", None),
    ],
)
def test_for_whom_a_broken_request_was_is_seen_from_its_beginning(octets: bytes, operation: str | None) -> None:
    assert operation_called(octets) == operation
