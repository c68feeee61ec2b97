"""The façade's operations, one after the other: what goes in, what comes out, what is said of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.http.fakes import DIGEST, OCTETS, delivery, envelope, rejected
from tests.unit.http.serving import Client
from tests.unit.http.test_errands import PASSED, UNKNOWN
from tests.unit.http.vxp_house import VxpHouse, is_vxp
from tests.vxp_kit import Vxp, read_answer, unpadded
from trunk.application.enrolment import Registration
from trunk.application.handover import Failed, Taken
from trunk.domain.delivery import DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.rejection import Code
from trunk.domain.tracking import Listed
from trunk.errors import LedgerUnavailableError, OverloadedError

BIG = b"<edXML>" + b"x" * 400_000 + b"</edXML>"


@pytest.fixture
def client(vxp_client: Client) -> Client:
    return vxp_client


@pytest.fixture
def sender(vxp_sender: Vxp) -> Vxp:
    return vxp_sender


@pytest.fixture
def recipient(vxp_recipient: Vxp) -> Vxp:
    return vxp_recipient


# sendEdoc


@pytest.mark.parametrize("octets", [OCTETS, BIG], ids=["in memory", "in a file"])
@pytest.mark.parametrize("ending", [b"\r\n", b""])
def test_the_file_goes_in_without_the_clients_line_end(
    vxp_house: VxpHouse, sender: Vxp, octets: bytes, ending: bytes
) -> None:
    for spelled in (hashlib.sha256(octets).hexdigest(), unpadded(hashlib.sha256(octets).digest())):
        answer = sender.call("sendEdoc", octets + ending, hash_file=spelled)
        assert answer.json == {"status": "OK", "ErrorCode": "0", "ErrorDesc": "", "DocId": "E1"}
        assert answer.status == 200
        submission, entered = vxp_house.intake.seen[-1]
        assert entered == octets
        assert (submission.size, submission.sha256) == (len(octets), hashlib.sha256(octets).hexdigest())
        assert submission.caller.agencies == {"H41"}
    assert not list(vxp_house.spool.iterdir())
    assert vxp_house.woken


@pytest.mark.parametrize("octets", [OCTETS + b"\r\n", OCTETS + b"\r\n\r\n", OCTETS + b"\n", b"\r\n"])
def test_a_file_that_ends_in_line_ends_of_its_own_keeps_them(vxp_house: VxpHouse, sender: Vxp, octets: bytes) -> None:
    assert sender.send(octets).status == 200
    assert vxp_house.intake.seen[-1][1] == octets
    without = sender.call("sendEdoc", octets, hash_file=hashlib.sha256(octets).hexdigest())
    assert without.status == 200
    assert vxp_house.intake.seen[-1][1] == octets


@pytest.mark.parametrize("changed", [OCTETS + b" \r\n", OCTETS[:-1] + b"\r\n", b"x\r\n", OCTETS + b"\r\n\r\n", BIG])
def test_a_body_that_is_not_what_was_signed_is_refused(vxp_house: VxpHouse, sender: Vxp, changed: bytes) -> None:
    is_vxp(sender.call("sendEdoc", changed, hash_file=DIGEST), "sendEdoc", number="10")
    assert not vxp_house.intake.seen


def test_what_verdicts_lack_is_waited_for_as_over_the_native_api(vxp_house: VxpHouse, sender: Vxp) -> None:
    vxp_house.intake.finds = [UNKNOWN, PASSED]
    assert sender.send(OCTETS).status == 200
    assert vxp_house.fetcher.wanted
    assert vxp_house.intake.decided_on == [PASSED]


def test_what_is_still_unknown_then_may_come_again(vxp_house: VxpHouse, sender: Vxp) -> None:
    vxp_house.intake.finds = [UNKNOWN, UNKNOWN, PASSED]
    vxp_house.intake.outcome = rejected(Code.REVOCATION_UNKNOWN)
    answer = sender.send(OCTETS)
    assert is_vxp(answer, "sendEdoc", number="20")["ErrorDesc"].startswith("SIG-301")
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    assert len(vxp_house.intake.seen) == 2


def test_a_file_that_costs_too_much_is_refused_for_good(vxp_house: VxpHouse, sender: Vxp) -> None:
    vxp_house.intake.outcome = rejected(Code.TOO_COSTLY)
    is_vxp(sender.send(OCTETS), "sendEdoc", number="21")


def test_an_empty_body_and_a_missing_digest_are_refused(vxp_house: VxpHouse, sender: Vxp) -> None:
    is_vxp(sender.call("sendEdoc", b"", hash_file=DIGEST), "sendEdoc", number="10")
    is_vxp(sender.call("sendEdoc", OCTETS), "sendEdoc", number="15")
    assert not vxp_house.intake.seen


@pytest.mark.parametrize(
    ("code", "number"), [(Code.ADDRESSEE_UNKNOWN, "18"), (Code.MISSING, "22"), (Code.FORGED, "21"), (Code.EMPTY, "10")]
)
def test_a_refusal_of_the_intake_is_told_in_vxps_words(
    vxp_house: VxpHouse, sender: Vxp, code: Code, number: str
) -> None:
    vxp_house.intake.outcome = rejected(code, code)
    fields = is_vxp(sender.send(OCTETS), "sendEdoc", number=number)
    assert fields["ErrorDesc"].count(code) == 2


def test_an_intake_that_breaks_is_an_answer_with_a_docid(vxp_house: VxpHouse, sender: Vxp) -> None:
    for fault in (LedgerUnavailableError("x"), OverloadedError("x"), ValueError("x")):
        vxp_house.intake.outcome = fault
        is_vxp(sender.send(OCTETS), "sendEdoc", number="20")


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", "application/x-www-form-urlencoded", "?"])
def test_the_label_of_a_body_does_not_matter(sender: Vxp, kind: str) -> None:
    sender.extra = [("Content-Type", kind)]
    assert sender.send(OCTETS, to='["000.00.17.H36"]', docId="x").status == 200


def test_a_list_of_several_hundred_receivers_fits_into_the_headers(sender: Vxp) -> None:
    to = json.dumps([f"000.{n:02}.{n % 100:02}.H36" for n in range(600)])
    assert sender.send(OCTETS, to=to).status == 200


# mail


def test_lists_and_counts_ask_for_what_waits_and_nothing_else(vxp_house: VxpHouse, recipient: Vxp) -> None:
    vxp_house.waits("D1", "D2")
    (item, _) = recipient.data("getReceivedEdocList", messagetype="edoc")
    assert item == {
        "docId": "D1",
        "serviceType": "eDoc",
        "messageType": "edoc",
        "created_time": "2026/11/22 08:30:00",
        "updated_time": "2026/11/22 08:30:00",
        "from": "H41",
        "to": "H36.17",
        "status": "initial",
        "status_desc": "Chờ nhận",
    }
    recipient.data("getReceivedEdocList", messagetype="status")
    assert recipient.call("countReceiveEdoc", messagetype="status").json["count"] == 7
    assert recipient.call("countReceiveStatus", b"", method="GET").json["count"] == 7
    kinds = [selection.kinds for selection in vxp_house.handover.selections]
    documents, statuses = {EnvelopeKind.DOCUMENT}, {EnvelopeKind.STATUS}
    assert kinds == [documents, statuses, documents, statuses]
    assert all(s.states == {DeliveryState.QUEUED, DeliveryState.DISPATCHED} for s in vxp_house.handover.selections)
    is_vxp(recipient.call("getReceivedEdocList", messagetype="x"), "getReceivedEdocList", number="20")


@pytest.mark.parametrize("day", ["2026/11/22", "22/11/2026", "2026-11-22", "2026-11-22T10:00:00", "2026/11/22 00:00"])
def test_days_are_vietnams_and_both_belong_to_the_list(vxp_house: VxpHouse, recipient: Vxp, day: str) -> None:
    recipient.data("getReceivedEdocList", fromDate=day, toDate=day)
    (asked,) = vxp_house.handover.selections
    assert asked.accepted_after is not None
    assert asked.accepted_before is not None
    assert asked.accepted_after.isoformat() == "2026-11-22T00:00:00+07:00"
    assert asked.accepted_before - asked.accepted_after == timedelta(days=1)


def test_a_day_that_cannot_be_read_hides_nothing(vxp_house: VxpHouse, recipient: Vxp) -> None:
    recipient.data("getReceivedEdocList", fromDate="yesterday", toDate="99/99/9999")
    assert [(s.accepted_after, s.accepted_before) for s in vxp_house.handover.selections] == [(None, None)]


@pytest.mark.parametrize("content", [OCTETS, BIG])
@pytest.mark.parametrize("kept", ["in memory", "in a file"])
def test_a_file_comes_out_as_it_went_in(
    vxp_house: VxpHouse, recipient: Vxp, tmp_path: Path, content: bytes, kept: str
) -> None:
    for length in (len(content), len(content) - 1, len(content) - 2):
        octets = content[:length]
        (tmp_path / "payload").write_bytes(octets)
        vxp_house.handover.content = tmp_path / "payload" if kept == "in a file" else octets
        fetched = recipient.call("getEdoc", docId="D1")
        assert base64.b64decode(fetched.json["data"], validate=True) == octets
        assert fetched.json | {"data": ""} == {
            "status": "OK",
            "ErrorCode": "0",
            "ErrorDesc": "",
            "DocId": "D1",
            "data": "",
        }
        assert int(fetched.headers["Content-Length"]) == len(fetched.octets)
        downloaded = recipient.call("downloadEdoc", b"", method="GET", docid="D1")
        assert (downloaded.status, downloaded.octets) == (200, octets)


@pytest.mark.parametrize("operation", ["getEdoc", "downloadEdoc"])
def test_a_file_that_is_damaged_on_disk_never_ends_well(
    vxp_house: VxpHouse, recipient: Vxp, tmp_path: Path, operation: str
) -> None:
    file = tmp_path / "payload"
    file.write_bytes(BIG)
    vxp_house.handover.content = file
    vxp_house.handover.after_fetch = lambda: file.write_bytes(BIG[:-1] + b"?")
    try:
        answer = recipient.call(operation, b"", docId="D1")
    except ConnectionError:
        return
    assert len(answer.octets) < int(answer.headers["Content-Length"])


@pytest.mark.parametrize("operation", ["getEdoc", "downloadEdoc", "updateStatus"])
@pytest.mark.parametrize("sought", ["D2", "../etc/passwd", "a/b", "x" * 65, "D1;--", "Đ"])
def test_what_is_not_there_or_not_ones_own_is_an_answer(
    recipient: Vxp, sender: Vxp, operation: str, sought: str
) -> None:
    is_vxp(recipient.call(operation, docId=sought, status="done"), operation, number="21")
    is_vxp(sender.call(operation, docId="D1", status="done"), operation, number="21")
    is_vxp(recipient.call(operation, status="done"), operation, number="20")


def test_done_fail_and_processing(vxp_house: VxpHouse, recipient: Vxp) -> None:
    for _ in range(3):  # a connection that was cut: the client says it three times
        assert recipient.call("updateStatus", docid="D1", status="done").json["status"] == "OK"
    recipient.call("updateStatus", docId="D1", status="fail", description="het dung luong")
    recipient.call("updateStatus", docId="D1", status="FAIL")
    said = vxp_house.handover.asked
    assert said == [Taken(DIGEST)] * 3 + [Failed("het dung luong"), Failed("VXP: fail")]
    assert recipient.call("updateStatus", docId="D1", status="processing").json["status"] == "OK"
    assert len(vxp_house.handover.asked) == 5
    is_vxp(recipient.call("updateStatus", docId="D1", status="deleted"), "updateStatus", number="20")
    is_vxp(recipient.call("updateStatus", docId="D1"), "updateStatus", number="20")


def test_a_long_reason_is_cut_and_letters_that_are_none_do_no_harm(vxp_house: VxpHouse, recipient: Vxp) -> None:
    assert recipient.call("updateStatus", docId="D1", status="fail", description="a" * 2000).status == 200
    members = {"systemid": recipient.systemid, "timestamp": "t", "docId": "D1", "status": "fail"}
    signed = {f"XroadVnpt-{name}": value for name, value in {**members, "description": "\ud800"}.items()}
    message = json.dumps(signed).encode()
    digest = hmac.new(recipient.secret.encode(), message, hashlib.sha256).hexdigest().encode()
    lines = [f"{n}: {v}".encode(errors="surrogatepass") for n, v in signed.items()]
    lines += [b"XroadVnpt-sign-header: " + message, b"XroadVnpt-hash-header: " + digest, b"Connection: close"]
    head = b"POST /vxp/updateStatus HTTP/1.1\r\nHost: x\r\n" + b"\r\n".join(lines)
    assert read_answer(recipient.client.raw(head + b"\r\n\r\n")).status == 200
    assert vxp_house.handover.asked == [Failed("a" * 1000), Failed("?")]


def test_of_two_ids_the_one_that_still_waits_is_meant(vxp_house: VxpHouse, recipient: Vxp) -> None:
    """A client that fetches by docId and reports by docid sends the one before with each."""
    vxp_house.handover.states = {"D0": DeliveryState.DELIVERED, "D1": DeliveryState.QUEUED}
    assert recipient.call("getEdoc", docId="D1", docid="D0").status == 200
    assert recipient.call("getEdoc", docId="D1", docid="D1").status == 200
    assert recipient.call("updateStatus", docId="D0", docid="D1", status="done").status == 200
    vxp_house.handover.states = {"D0": DeliveryState.QUEUED, "D1": DeliveryState.QUEUED}
    is_vxp(recipient.call("getEdoc", docId="D1", docid="D0"), "getEdoc", number="20")
    vxp_house.handover.states = {"D1": DeliveryState.DELIVERED}
    is_vxp(recipient.call("updateStatus", docId="D1", docid="D7", status="done"), "updateStatus", number="20")


# what was sent, and the address book


def test_sent_mail_has_a_row_for_each_receiver(sender: Vxp, recipient: Vxp) -> None:
    rows = sender.data("getSentEdocList", docId="E1")
    assert [row["receiverDocId"] for row in rows] == ["D1", "D9"]
    assert rows[0]["senderDocId"] == "E1"
    assert rows[0]["notation"] == "7/STN"
    assert (rows[0]["sendStatus"], rows[0]["receiveStatus"]) == ("done", "initial")
    assert rows[0]["receiveStatusDesc"] == "Chờ bên nhận lấy về; đã yêu cầu lấy lại, chờ bên nhận trả lời"
    assert rows[1]["receiveStatusDesc"] == "Chờ bên nhận lấy về"
    is_vxp(recipient.call("getSentEdocList", docId="E1"), "getSentEdocList", number="21")
    is_vxp(sender.call("getSentEdocList", docId="a/b"), "getSentEdocList", number="21")


def test_the_latest_rows_tell_recalls_too_and_a_13_without_a_word_has_a_title(
    vxp_house: VxpHouse, sender: Vxp, monkeypatch: pytest.MonkeyPatch
) -> None:
    recall = envelope(id="S13", kind=EnvelopeKind.STATUS, subject="", status_code="13")
    listed = [
        (envelope(), delivery(state=DeliveryState.DELIVERED)),
        (envelope(), delivery(id="D8", state=DeliveryState.RECALLED)),
        (envelope(), delivery(id="D7", state=DeliveryState.RELAYED)),
        (recall, delivery(id="D6")),
        (replace(recall, description="nhầm nơi nhận"), delivery(id="D5")),
    ]
    lines = [Listed(envelope=record, delivery=one, recipient_name="Sở") for record, one in listed]
    monkeypatch.setattr(vxp_house.tracking, "search", lambda _: lines, raising=False)
    rows = {row["receiverDocId"]: row for row in sender.data("getSentEdocList")}
    assert {name: (row["receiveStatus"], row["receiveStatusDesc"]) for name, row in rows.items()} == {
        "D1": ("done", "Hệ thống bên nhận đã nhận; đã yêu cầu lấy lại, chờ bên nhận trả lời"),
        "D8": ("done", "Đã thu hồi"),
        "D7": ("processing", "Trục khác đã nhận chuyển tiếp"),
        "D6": ("initial", "Chờ bên nhận lấy về"),
        "D5": ("initial", "Chờ bên nhận lấy về"),
    }
    assert (rows["D6"]["messageType"], rows["D6"]["title"]) == ("status", "Yêu cầu lấy lại văn bản")
    assert rows["D5"]["title"] == "nhầm nơi nhận"


def test_the_address_book(sender: Vxp) -> None:
    (first, second) = sender.data("getAgenciesList")
    assert first == {"code": "H36.17", "id": "H36.17", "mail": "", "name": "Sở", "pid": "", "oldCode": "000.00.17.H36"}
    assert second["oldCode"] == ""
    assert sender.data("getAgenciesListQD20")[0] == {
        **{key: first[key] for key in ("code", "id", "mail", "name", "pid")},
        "code102": "000.00.17.H36",
    }


@pytest.mark.parametrize(("known", "codes"), [("3", ["H41"]), ("7", []), ("8", ["H36.17", "H41"])])
def test_what_changed_after_a_version(sender: Vxp, known: str, codes: list[str]) -> None:
    assert [item["code"] for item in sender.data("getSynchronizeUnit", version=known)] == codes


@pytest.mark.parametrize("known", ["", "0", "-1", "x", "1.5", "²", "9" * 40])
def test_everything_is_news_to_who_has_no_version(sender: Vxp, known: str) -> None:
    (first, second) = sender.data("getSynchronizeUnit", version=known)
    assert (first["version"], second["version"]) == (3, 7)
    assert first["modifyDate"] == "2026/11/22 08:30:00"
    assert (first["deleted"], first["isAgency"], first["pid"]) == (False, True, "")


def test_only_who_may_registers_and_closes_agencies(vxp_house: VxpHouse, sender: Vxp) -> None:
    body = json.dumps(
        {"code": " H41.09 ", "name": "Sở", "id": 1, "pcode": "H41", "mail": " a@b ", "mobile": None, "fax": "2"}
    ).encode()
    is_vxp(sender.call("registerAgency", body), "registerAgency", number="15")
    is_vxp(sender.call("deleteAgency", AgencyCode="H41.09"), "deleteAgency", number="15")
    assert vxp_house.enrolment.asked == [
        Registration(code="H41.09", name="Sở", id="1", parent="H41", email="a@b"),
        "H41.09",
    ]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"x", b'{"code":1,"name":"a"}', b"[" * 50_000, b'{"code":"a"}'])
def test_an_agency_that_cannot_be_read_is_an_answer(vxp_house: VxpHouse, sender: Vxp, body: bytes) -> None:
    is_vxp(sender.call("registerAgency", body), "registerAgency", number="20")
    assert not vxp_house.enrolment.asked
