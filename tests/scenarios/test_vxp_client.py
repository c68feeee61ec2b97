"""A deployed client moves to this trunk by changing an address and a secret: one in Java, on a real trunk that listens.

Each client object lives through its whole test, as deployed ones do: its headers pile up and its timestamp grows old.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.java_system import VERSIONS, Scissors, java_system
from tests.unit.http.serving import Client, serving
from tests.unit.http.vxp_house import VxpHouse
from tests.vxp_town import FIRST, NUMBERS, OLD, SECOND, SENDER, Town, failed, ok, vxp_town
from trunk.bootstrap import open_administration
from trunk.errors import LedgerUnavailableError, OverloadedError
from trunk.http.app import make_app
from trunk.http.vxp.entrance import OPERATIONS, facade

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def town(java: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with vxp_town(java, tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture
def own_town(java: tuple[Path, Path], tmp_path: Path) -> Iterator[Town]:
    """For tests that change who is who."""
    with vxp_town(java, tmp_path) as town:
        yield town


# the main road


@pytest.mark.parametrize("version", VERSIONS)
def test_the_life_of_a_document(town: Town, version: str) -> None:
    """Each operation, by one client object an agency, again and again."""
    with town.system(SENDER, version=version) as sender, town.system(FIRST, version=version) as recipient:
        for _ in range(3):
            number = str(next(NUMBERS))
            letter = town.province.signed(number, recipients=[FIRST])
            doc_id = ok(sender.send(letter, **{"from": OLD[SENDER]}))["DocId"]
            (item,) = recipient.mail()
            assert (item["from"], item["to"], item["status"]) == (SENDER, FIRST, "initial")
            assert recipient.fetch(item["docId"]) == letter
            if recipient.has("downloadEdoc"):
                assert recipient.fetch(item["docId"], "downloadEdoc") == letter
                assert ok(recipient.call("countReceiveEdoc", messagetype="edoc"))["count"] == 1
            ok(recipient.says(item["docId"], "processing"))
            assert [one["docId"] for one in recipient.mail()] == [item["docId"]]
            ok(recipient.call("updateStatus", docid=item["docId"], status="done"))  # and from here on both names
            assert recipient.mail() == []
            (row,) = ok(sender.call("getSentEdocList", servicetype="eDoc", messagetype="edoc", docId=doc_id))["data"]
            assert (row["toCode"], row["receiveStatus"], row["receiverDocId"]) == (FIRST, "done", item["docId"])
            assert row["receivedTime"]

            status = town.province.status(number, "03", reporter=FIRST)
            ok(recipient.send(status, messagetype="status"))
            (told,) = sender.mail("status")
            assert told["messageType"] == "status"
            assert sender.fetch(told["docId"]) == status
            ok(sender.says(told["docId"], "done"))
            assert sender.mail("status") == []
            (row,) = ok(sender.call("getSentEdocList", docId=doc_id))["data"]
            assert row["receiveStatusDesc"] == "Bên nhận đã tiếp nhận"


def test_the_content_says_what_a_message_is_and_the_message_whom_it_is_for(town: Town) -> None:
    """messagetype and to are hints: one may be wrong, the other is mostly absent."""
    with town.system(SENDER) as sender, town.system(FIRST) as recipient:
        letter = town.letter(recipients=[FIRST])
        ok(sender.send(letter, messagetype="status", to=f'["{OLD[SECOND]}"]'))
        (item,) = recipient.mail()
        assert recipient.fetch(item["docId"]) == letter
        ok(recipient.says(item["docId"], "done"))


def test_files_of_every_digest_go_in(town: Town) -> None:
    """Some with 64 digits, most with fewer."""
    lengths = set()
    with town.system(SENDER) as sender:
        for _ in range(12):
            letter = town.letter(recipients=[SECOND])
            lengths.add(sum(len(f"{octet:x}") for octet in hashlib.sha256(letter).digest()))
            ok(sender.send(letter))
    assert min(lengths) < 64


def test_large_files_and_letters_of_all_alphabets_in_headers(town: Town) -> None:
    with town.system(SENDER) as sender, town.system(FIRST) as recipient:
        letter = town.letter(recipients=[FIRST], content=bytes(range(256)) * 8_000)
        assert len(letter) > 2_000_000
        ok(sender.send(letter, title="Đã nhận & <xong>"))
        (item,) = recipient.mail()
        assert recipient.fetch(item["docId"]) == letter
        assert recipient.fetch(item["docId"], "downloadEdoc") == letter
        ok(recipient.says(item["docId"], "done"))


def test_both_doors_show_the_same_mail_and_the_trunks_own_notices_stay_at_the_native_one(town: Town) -> None:
    native = Client(town.port, town.province.keys[SENDER])
    with town.system(SENDER) as sender, town.system(FIRST) as recipient:
        doc_id = ok(sender.send(town.letter(recipients=[FIRST])))["DocId"]
        (item,) = recipient.mail()
        ok(recipient.says(item["docId"], "done"))
        assert sender.mail("status") == []
        track = native.get(f"/api/v1/envelopes/{doc_id}").json
        assert [(d["delivery_id"], d["state"]) for d in track["deliveries"]] == [(item["docId"], "delivered")]
        assert [a["kind"] for a in track["acknowledgements"]] == ["accepted", "delivered"]


def test_sent_mail_is_listed_for_the_sender_alone(town: Town) -> None:
    with town.system(SENDER) as sender, town.system(FIRST) as recipient:
        doc_id = ok(sender.send(town.letter()))["DocId"]
        rows = ok(sender.call("getSentEdocList", servicetype="eDoc", messagetype="edoc"))["data"]
        assert {row["toCode"] for row in rows if row["senderDocId"] == doc_id} == {FIRST, SECOND}
        assert all(row["fromCode"] == SENDER for row in rows)
        failed(recipient.call("getSentEdocList", docId=doc_id), "21")
        for item in recipient.mail():
            ok(recipient.says(item["docId"], "done"))
        # the docId of received mail is left over from the call before, and nothing is meant by it
        rows = ok(recipient.call("getSentEdocList", messagetype="edoc"))["data"]
        assert all(row["fromCode"] == FIRST for row in rows)


def test_fail_takes_an_item_off_the_list_until_it_falls_due_again(town: Town) -> None:
    with town.system(SENDER) as sender, town.system(FIRST) as recipient:
        ok(sender.send(town.letter(recipients=[FIRST])))
        (item,) = recipient.mail()
        before = ok(recipient.call("countReceiveEdoc"))["count"]
        ok(recipient.says(item["docId"], "fail", description="het dung luong"))
        assert recipient.mail() == []
        assert ok(recipient.call("countReceiveEdoc"))["count"] == before - 1
        ok(recipient.says(item["docId"], "fail"))
        town.until(lambda: bool(recipient.mail()))
        assert [one["docId"] for one in recipient.mail()] == [item["docId"]]
        ok(recipient.says(item["docId"], "done"))
        failed(recipient.says(item["docId"], "fail"), "21")
        ok(recipient.says(item["docId"], "done"))


def test_days_bound_a_list(town: Town) -> None:
    with town.system(SENDER) as sender, town.system(FIRST) as recipient:
        ok(sender.send(town.letter(recipients=[FIRST])))
        assert recipient.mail(fromDate="2020/01/01", toDate="2020/12/31") == []
        (item,) = recipient.mail(fromDate="2020/01/01", toDate="2099/12/31")
        ok(recipient.says(item["docId"], "done"))


def test_the_address_book_and_its_keepers(own_town: Town) -> None:
    with own_town.system(SECOND) as hub, own_town.system(SENDER) as sender:
        version = max(item["version"] for item in hub.call("getSynchronizeUnit", version="0")["data"])
        assert ok(hub.call("getSynchronizeUnit", version=str(int(version))))["data"] == []
        new = '{"id":"","pcode":"","code":"H41.09","name":"Sở Mới","mail":"","mobile":"","fax":""}'
        failed(sender.call("registerAgency", data=new), "15")
        for _ in range(3):
            ok(hub.call("registerAgency", data=new))
        own_town.until(lambda: "H41.09" in {a["code"] for a in ok(sender.call("getAgenciesList"))["data"]})
        listed = {a["code"]: a for a in ok(sender.call("getAgenciesListQD20"))["data"]}
        assert listed["H41.09"]["name"] == "Sở Mới"
        assert listed[FIRST]["code102"] == OLD[FIRST]
        assert {a["oldCode"] for a in ok(sender.call("getAgenciesList"))["data"]} >= set(OLD.values())
        failed(sender.call("deleteAgency", AgencyCode=FIRST), "15")
        for _ in range(3):
            ok(hub.call("deleteAgency", AgencyCode="H41.09"))
        changed = ok(hub.call("getSynchronizeUnit", version=str(int(version))))["data"]
        assert [(a["code"], a["deleted"]) for a in changed] == [("H41.09", True)], "and nothing that stayed as it was"
        own_town.until(lambda: "H41.09" not in {a["code"] for a in ok(sender.call("getAgenciesList"))["data"]})
        failed(sender.send(own_town.letter(recipients=["H41.09"])), "23")


# what goes wrong


def test_wrong_secrets_are_seen_by_the_caller_of_every_operation(town: Town) -> None:
    """A refusal that the client takes for an empty list would be the worst."""
    with town.system(SENDER, secret="wrong") as system:
        for operation in OPERATIONS:
            if operation == "sendEdoc":
                answer = system.send(town.letter())
                assert answer["DocId"] == ""
            elif operation == "downloadEdoc":
                continue  # any body counts as the file there
            else:
                answer = system.call(operation, data='{"code":"x","name":"x"}', docId="x", status="done")
            failed(answer, "15")
            assert "data" not in answer or answer["data"] == []
        stored = system.fetch("x", "downloadEdoc")
        assert stored.startswith(b'{"status":"FAIL","ErrorCode":"15"'), "never XML, so that nobody reads it as a file"


def test_each_refusal_of_the_intake_has_its_number(own_town: Town) -> None:
    province = own_town.province
    with own_town.system(SENDER) as sender, own_town.system(SECOND) as hub:
        failed(sender.send(own_town.letter(recipients=[FIRST, "X99", "Y99"])), "18")
        both = sender.send(own_town.letter(recipients=["X99", "Y99"]))["ErrorDesc"]
        assert "X99" in both
        assert "Y99" in both
        assert "Bên nhận chưa đăng ký" in both, "ASCII on the wire, Vietnamese for its reader"
        failed(sender.send(own_town.letter(sender=FIRST, recipients=[SECOND])), "19")
        failed(sender.send(b"Kinh gui"), "10")
        failed(sender.send(b""), "10")
        failed(sender.send(own_town.letter().replace(b"<edXML:OrganId>", b"<edXML:OrganIds>", 1)), "10")
        failed(sender.send(province.document("u1").replace(b"edXML:Subject", b"edXML:Subjects")), "22")
        failed(sender.send(own_town.letter().replace("chạy thử".encode(), "chạy thật".encode())), "21")
        failed(sender.send(province.document("u2")), "21")
        assert sender.send(b"x" * 4_100_000)["ErrorCode"] == "10"
        ok(hub.call("deleteAgency", AgencyCode=FIRST))
        own_town.until(lambda: FIRST not in {a["code"] for a in ok(sender.call("getAgenciesList"))["data"]})
        failed(sender.send(own_town.letter(recipients=[FIRST])), "23")
        ok(sender.send(own_town.letter(recipients=[SECOND])))


def test_what_is_not_there_is_refused_and_nobody_elses_mail_is(town: Town) -> None:
    with town.system(SENDER) as sender, town.system(FIRST) as recipient, town.system(SECOND) as stranger:
        ok(sender.send(town.letter(recipients=[FIRST])))
        (item,) = recipient.mail()
        for doc_id in (item["docId"], "no-such-thing", "../../etc/passwd", "a/b"):
            answer = stranger.call("getEdoc", docId=doc_id, filePath=str(town.folder))
            failed(answer, "21")
            failed(stranger.says(doc_id, "done"), "21")
        failed(recipient.call("updateStatus", docId=item["docId"], status="gone"), "20")
        ok(recipient.says(item["docId"], "done"))


def test_vietnamese_in_the_headers_of_the_other_library_is_refused_aloud(town: Town) -> None:
    """It sends half of each letter. Where that makes a control character, no HTTP server takes it."""
    with town.system(SENDER) as sender, town.system(FIRST) as recipient:
        ok(sender.send(town.letter(recipients=[FIRST])))
        (item,) = recipient.mail()
        failed(recipient.says(item["docId"], "fail", description="Đã nhận"), "20")
        failed(recipient.says(item["docId"], "fail", description="nhận"), "15")
        assert [one["docId"] for one in recipient.mail(description="")] == [item["docId"]]
        ok(recipient.says(item["docId"], "done"))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", [LedgerUnavailableError("down"), OverloadedError(), KeyError("mistake")])
def test_a_trunk_in_trouble_is_seen_by_the_caller(
    java: tuple[Path, Path], tmp_path: Path, operation: str, fault: Exception
) -> None:
    house = VxpHouse(tmp_path)
    house.recogniser.fault = fault
    with structlog.testing.capture_logs(), serving(make_app(house.doors(), facade(house.means()))) as client:
        endpoint = f"http://127.0.0.1:{client.port}/vxp"
        with java_system(java, endpoint, ("h41", "s3cret-of-h41"), tmp_path / "store") as system:
            if operation == "sendEdoc":
                failed(system.send(b"<edXML/>"), "20")
            elif operation == "downloadEdoc":
                assert b'"ErrorCode":"20"' in system.fetch("D1", operation)
            else:
                failed(system.call(operation, data="{}", docId="D1", status="done"), "20")


# what is repeated


def test_an_answer_that_gets_lost_makes_one_envelope_of_two_requests(town: Town) -> None:
    """The JDK sends the file again by itself."""
    with (
        Scissors(town.port).open() as road,
        town.system(SENDER, endpoint=road.endpoint) as sender,
        town.system(SECOND) as recipient,
    ):
        for item in recipient.mail():
            ok(recipient.says(item["docId"], "done"))
        letter = town.letter(recipients=[SECOND])
        road.cuts = 1
        answer = ok(sender.send(letter))
        assert road.answers == 2
        (item,) = recipient.mail()
        assert recipient.fetch(item["docId"]) == letter
        assert ok(sender.send(letter))["DocId"] == answer["DocId"]
        (row,) = ok(sender.call("getSentEdocList", docId=answer["DocId"]))["data"]
        assert row["receiverDocId"] == item["docId"]
        road.cuts = 2
        letter = town.letter(recipients=[SECOND])
        assert sender.send(letter) is None, "the caller believes that it failed, and sends again"
        ok(sender.send(letter))
        assert len(recipient.mail()) == 2


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - {"sendEdoc"}))
def test_every_other_operation_may_come_three_times(own_town: Town, operation: str) -> None:
    with Scissors(own_town.port).open() as road, own_town.system(SECOND, endpoint=road.endpoint) as system:
        with own_town.system(SENDER) as sender:
            ok(sender.send(own_town.letter(recipients=[SECOND])))
        (item,) = system.mail()
        agency = '{"code":"H41.09","name":"x"}'
        header = {"docId": item["docId"], "status": "done", "AgencyCode": FIRST, "filePath": str(system.store)}
        if operation == "getSentEdocList":
            del header["docId"]
        road.cuts, road.answers = 2, 0
        answer = ok(system.call(operation, data=agency, **header))
        assert (system.sent, road.answers) == (3, 3)
        assert operation != "getReceivedEdocList" or [one["docId"] for one in answer["data"]] == [item["docId"]]
        road.cuts = 3
        assert system.call(operation, data=agency, **header) is None
        ok(system.call(operation, data=agency, **header))


def test_many_clients_at_once_get_their_own(town: Town) -> None:
    letters = [town.letter(recipients=[SECOND]) for _ in range(12)]

    def send(some: list[bytes]) -> list[str]:
        with town.system(SENDER) as sender:
            return [ok(sender.send(letter))["DocId"] for letter in some]

    with ThreadPoolExecutor(3) as pool:
        sent = [doc for docs in pool.map(send, [letters[:8], letters[4:], letters]) for doc in docs]
    assert len(set(sent)) == len(letters)


# secrets


def test_a_secret_is_changed_while_the_system_keeps_sending(own_town: Town) -> None:
    """No refused request: the old one holds until every client has the new one."""
    stop, answers = threading.Event(), list[Any]()

    def keep_sending(secret: str, until: threading.Event) -> None:
        with own_town.system(SENDER, secret=secret) as sender:
            while not until.is_set():
                answers.append(sender.send(own_town.letter(recipients=[FIRST])))
                answers.append(sender.call("getReceivedEdocList", messagetype="status"))

    old = own_town.secrets[SENDER]
    moved = threading.Event()
    first = threading.Thread(target=keep_sending, args=(old.spelled, moved))
    first.start()
    own_town.until(lambda: len(answers) > 4)
    new = own_town.issue(SENDER)
    second = threading.Thread(target=keep_sending, args=(new.spelled, stop))  # at once, without a pause
    second.start()
    seen = len(answers)
    own_town.until(lambda: len(answers) > seen + 12)
    moved.set()
    first.join(30)
    with open_administration(own_town.province.settings()) as room:
        assert room.secrets.retire(old.record.id)
    seen = len(answers)
    own_town.until(lambda: len(answers) > seen + 6)
    stop.set()
    second.join(30)
    assert all(answer is not None and answer["status"] == "OK" for answer in answers), answers
    with own_town.system(SENDER, secret=old.spelled) as sender:
        own_town.until(lambda: sender.send(own_town.letter())["ErrorCode"] == "15", seconds=10)


def test_an_inactive_system_is_turned_away(own_town: Town) -> None:
    with own_town.system(FIRST) as system:
        assert system.mail() == []
        with open_administration(own_town.province.settings()) as room:
            (record,) = [one for one in room.administration.systems() if one.id == "h36.17-qlvb"]
            room.administration.put_system(replace(record, active=False))
        own_town.until(lambda: system.call("getReceivedEdocList")["ErrorCode"] == "15", seconds=10)
