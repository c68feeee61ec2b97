"""What goes over the wire to another hub, and what each of its answers is taken for."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.workers.uplink.hub import AT, Hub, answer, fail, hub, ok
from trunk.errors import CorruptPayloadError
from trunk.http.vxp.signed import Headers, Signed, read_claim, read_signed, signed_at, spelled_digests
from trunk.workers.uplink.client import Client, Downloaded, Entry, Fate, Item, Messages, Refused, Word
from trunk.workers.uplink.exchange import Exchange, File, HubFaultError, UnfitError

pytestmark = pytest.mark.timeout(60)
OCTETS = b"<edXML>mail</edXML>"


def file(octets: bytes = OCTETS, source: bytes | Path | None = None) -> File:
    return File(
        source=octets if source is None else source, size=len(octets), sha256=hashlib.sha256(octets).hexdigest()
    )


def send(client: Client, what: File, to: tuple[str, ...] = ("G12",)) -> str | Refused:
    return client.send(what, kind=Messages.DOCUMENTS, sender="H41.01", to=to, trace=("H41.TRUC",))


def fault(one: Hub, **given: int) -> HubFaultError:
    with pytest.raises(HubFaultError) as raised:
        send(one.client(**given), file())
    return raised.value


def test_a_message_is_sent_as_deployed_clients_send_it(tmp_path: Path) -> None:
    octets = b"<edXML>" + b"x" * 600_000 + b"</edXML>"
    path = tmp_path / "file"
    path.write_bytes(octets)
    with hub(ok(DocId="theirs")) as one:
        assert send(one.client(), file(octets, path), to=("G12", "H36.17")) == "theirs"
        (heard,) = one.heard
    assert heard.line == "POST /some/vxp/sendEdoc HTTP/1.1"
    assert heard.body == octets + b"\r\n"
    raw = [(name.encode(), value.encode()) for name, value in heard.headers]
    claim = read_claim(Headers.of(raw))
    assert not hasattr(claim, "flaws")
    assert claim.signed_with("hush")
    assert not claim.signed_with("other")
    signed = read_signed(claim, Headers.of(raw), required=("systemid", "timestamp", "hash-file"))
    assert isinstance(signed, Signed)
    said = {name: values[0] for name, values in signed.parameters.items()}
    assert said["to"] == '["G12","H36.17"]'
    assert (said["from"], said["messagetype"], said["trace"]) == ("H41.01", "edoc", '["H41.TRUC"]')
    assert said["hash-file"] == spelled_digests(hashlib.sha256(octets).digest())[1]
    assert signed_at(said["timestamp"]) == AT
    assert said["timestamp"] == "23112026T080203+0045"
    assert heard.said("sign-header-key").split(";") == [
        name.removeprefix("XroadVnpt-") for name in json.loads(heard.said("sign-header"))
    ]
    message = heard.said("sign-header").encode()
    assert heard.said("hash-header") == hmac.new(b"hush", message, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("number", ["10", "18", "19", "21", "22", "23", 22])
@pytest.mark.parametrize("status", ["200 OK", "422 Unprocessable Content"])
def test_what_is_wrong_with_the_message_is_wrong_for_good(number: str | int, status: str) -> None:
    with hub(fail(number, "vì sao", status)) as one:
        assert send(one.client(), file()) == Refused(str(number), "vì sao")


@pytest.mark.parametrize(
    ("reply", "reason", "whole"),
    [
        (fail("20"), "number_20", False),
        (fail("99"), "number_99", False),
        (fail("20", status="503 Service Unavailable"), "status_503", True),
        (fail("22", status="500 Internal Server Error"), "status_500", True),
        (fail("10", status="408 Request Timeout"), "status_408", True),
        (answer(b"<html>proxy</html>"), "no_json", True),
        (answer(b"<html>proxy</html>", "502 Bad Gateway"), "status_502", True),
        (answer(b"", "301 Moved Permanently"), "status_301", True),
        (answer(b"[1]"), "status_200", True),
        (answer({"type": "about:blank"}, "404 Not Found"), "status_404", True),
        (ok(DocId=None), "no_id", False),
        (ok(DocId="../../etc"), "", False),
        (ok(DocId="a b"), "no_id", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "cut_off", True),
        (b"", "connection", True),
        (b"SSH-2.0-hello\r\n", "connection", True),
        (answer(b" " * 70_000), "too_large", False),
    ],
)
def test_everything_else_means_come_again(reply: bytes, reason: str, *, whole: bool) -> None:
    with hub(reply) as one:
        if not reason:
            assert send(one.client(), file()) == "../../etc"  # an id is data of ours: never a file's name
            return
        found = fault(one)
    assert (found.reason, found.whole, found.told) == (reason, whole, False)


def test_a_wrong_secret_is_temporary_and_told_aloud() -> None:
    with hub(fail("15", status="401 Unauthorized")) as one:
        found = fault(one)
    assert (found.reason, found.whole, found.told) == ("secret", True, True)


def test_silence_and_haste_without_end_are_cut_short() -> None:
    with hub(b"HTTP/1.1 200 OK\r\n", hang=True) as one:
        assert fault(one, timeout=1).reason == "timeout"
    ticks = (AT + timedelta(hours=n) for n in itertools.count())
    with hub(ok(DocId="x")) as one, pytest.raises(HubFaultError) as raised:
        send(one.client(now=lambda: next(ticks)), file())
    assert raised.value.reason == "too_slow"


def test_nobody_there_is_temporary() -> None:
    with hub(ok()) as one:
        client = one.client()
    with pytest.raises(HubFaultError, match="connection"):
        client.waiting(Messages.DOCUMENTS)


def test_damaged_octets_never_leave_whole() -> None:
    damaged = File(source=OCTETS, size=len(OCTETS), sha256="00" * 32)
    with hub(ok(DocId="x")) as one:
        with pytest.raises(CorruptPayloadError):
            send(one.client(), damaged)
        assert [heard.body for heard in one.heard] in ([], [b""])


@pytest.mark.parametrize("name", ["Đ12", "a\r\nX: y", "x" * 16_000])
def test_what_does_not_fit_into_a_header_is_never_sent(name: str) -> None:
    with hub(ok(DocId="x")) as one:
        with pytest.raises(UnfitError):
            one.client().send(file(), kind=Messages.DOCUMENTS, sender=name, to=(), trace=())
        assert one.heard == []
    with hub(ok(DocId="x")) as one:
        assert send(one.client(), file(), to=tuple(f"H41.{n:04}" for n in range(900))) == "x"


def test_certificates_are_checked() -> None:
    exchange = Exchange(url="https://127.0.0.1:1/vxp", system_id="x", secret=str, timeout_seconds=1, now=lambda: AT)
    connection = exchange._connection()
    context = connection._context
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_a_list_is_read_with_whatever_is_missing() -> None:
    rows = [
        {"docId": "a", "to": "H41.01", "trace": ["G00", 7]},
        {"docId": 12, "to": None},
        {"docId": "b\n", "to": "x"},
        {"to": "x"},
        "row",
    ]
    with hub(ok(data=rows)) as one:
        found = one.client().waiting(Messages.STATUSES, day=AT)
        assert (one.heard[0].said("fromDate"), one.heard[0].said("toDate")) == ("2026/11/23", "2026/11/23")
        assert one.heard[0].said("messagetype") == "status"
    assert found == [Item(doc_id="a", to="H41.01", trace=("G00",)), Item(doc_id="12")]


@pytest.mark.parametrize("reply", [ok(), ok(data=None), fail("21")])
def test_no_list_is_not_an_empty_list(reply: bytes) -> None:
    with hub(reply) as one, pytest.raises(HubFaultError):
        one.client().waiting(Messages.DOCUMENTS)


def test_a_file_comes_down_octet_for_octet(tmp_path: Path) -> None:
    with hub(answer(OCTETS)) as one:
        assert one.client().download("doc", tmp_path / "a") == Downloaded(framed=True)
        assert one.heard[0].line.startswith("GET /some/vxp/downloadEdoc ")
    assert (tmp_path / "a").read_bytes() == OCTETS
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    with hub(answer(OCTETS, framed=False)) as one:
        assert one.client().download("doc", tmp_path / "b") == Downloaded(framed=False)


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"<html><body>Bad gateway</body></html>"),
        answer(b"<!DOCTYPE html><p>"),
        answer(b""),
        answer(OCTETS, "502 Bad Gateway"),
        fail("20"),
        ok(),
        answer(OCTETS)[:-3],
        answer(b"<" + b"x" * 2000),
    ],
)
def test_what_is_no_file_is_never_taken_for_one(tmp_path: Path, reply: bytes) -> None:
    with hub(reply) as one, pytest.raises(HubFaultError):
        one.client().download("doc", tmp_path / "a")


def test_a_file_that_the_hub_refuses_is_refused(tmp_path: Path) -> None:
    with hub(fail("21", "gone", "404 Not Found")) as one:
        assert one.client().download("doc", tmp_path / "a") == Refused("21", "gone")


def test_words_are_said_in_ascii() -> None:
    with hub(ok()) as one:
        assert one.client().say("doc", Word.FAIL, "ENV-101 lỗi\n") is None
        assert one.heard[0].said("description") == "ENV-101 l?i?"
        assert (one.heard[0].said("status"), one.heard[0].said("docId")) == ("fail", "doc")
        assert one.heard[0].body == b"{}"


def test_fates_and_agencies_are_read() -> None:
    fates = [
        {"senderDocId": "a", "toCode": "G12", "receiveStatus": "Done", "receiveStatusDesc": "x", "state": "recalled"},
        {"senderDocId": "b", "toCode": "G13", "receiveStatus": "done"},
        {"toCode": "G14", "receiveStatus": "initial"},
    ]
    with hub(ok(data=fates)) as one:
        found = one.client().fates("a")
    assert found == [Fate(to="G12", status="done", words="x", state="recalled"), Fate(to="G14", status="initial")]
    with hub(ok(data=[{"code": " G12 ", "name": "Bộ  Mẫu", "oldCode": "000.00.00.G12", "pid": "G", "id": 7}])) as one:
        assert one.client().agencies() == [Entry(code="G12", name="Bộ Mẫu", old_code="000.00.00.G12", parent="G")]
    with hub(ok(data=[{"code": "G1", "version": 7, "deleted": True}, {"code": "G2", "version": "9"}])) as one:
        assert one.client().changes("3") == ("9", frozenset({"G1"}))
