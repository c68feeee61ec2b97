"""What counts as signed, and what does not."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from trunk.domain.outcome import Rejected
from trunk.http.vxp.signed import (
    HASH_FILE,
    SYSTEM,
    TIMESTAMP,
    Claim,
    Headers,
    Signed,
    read_claim,
    read_signed,
    signed_at,
    spelled_digests,
)

SECRET = "bí mật"
MEMBERS = {"systemid": "000.00.00.H41", "docId": "D1", "timestamp": "22112026T145914+0283"}


def _headers(members: object = None, *, message: bytes | None = None, **changed: list[bytes]) -> Headers:
    """A good request, but for ``changed`` headers."""
    given = {f"XroadVnpt-{name}": value for name, value in MEMBERS.items()} if members is None else members
    written = json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode() if message is None else message
    digest = hmac.new(SECRET.encode(), written, hashlib.sha256).hexdigest().encode()
    pairs = dict(given) if isinstance(given, dict) else {f"XroadVnpt-{n}": v for n, v in MEMBERS.items()}
    raw = {name: [value.encode() if isinstance(value, str) else b""] for name, value in pairs.items()}
    raw |= {"XroadVnpt-sign-header": [written], "XroadVnpt-hash-header": [digest]}
    raw |= {f"XroadVnpt-{name.replace('_', '-')}": values for name, values in changed.items()}
    return Headers.of([(name.encode(), value) for name, values in raw.items() for value in values])


def _claim(headers: Headers) -> Claim:
    claim = read_claim(headers)
    assert isinstance(claim, Claim), claim
    return claim


def _read(headers: Headers, *required: str) -> Signed | Rejected:
    claim = _claim(headers)
    assert claim.signed_with(SECRET)
    return read_signed(claim, headers, required=required or (SYSTEM, TIMESTAMP))


def _signed(headers: Headers) -> Signed:
    signed = _read(headers)
    assert isinstance(signed, Signed), signed
    return signed


def test_what_was_signed_is_read_by_any_spelling_of_its_name() -> None:
    signed = _signed(_headers())
    assert signed.values("docid") == ["D1"]
    assert signed.one("docid") == "D1"
    assert signed.one("status") == ""


def test_the_signature_is_over_the_octets_as_they_came() -> None:
    """Spaces, order, escapes: whatever the client's JSON library writes."""
    spelled = b'{ "XroadVnpt-timestamp":"22112026T145914+0283",  "XroadVnpt-systemid":"000.00.00.H41",'
    for ending in (b'"XroadVnpt-docId":"D1"}', b'"XroadVnpt-docId":"\\u0044\\u0031"}'):
        assert _signed(_headers(message=spelled + ending)).one("docid") == "D1"


@pytest.mark.parametrize("value", ["Đã nhận", "a<b>&'/", 'quote " and \\', "tab\tin it"])
def test_raw_utf_8_and_letters_that_gson_leaves_alone(value: str) -> None:
    given = {f"XroadVnpt-{name}": text for name, text in {**MEMBERS, "description": value}.items()}
    assert _signed(_headers(given)).one("description") == value


def test_a_header_that_lost_half_of_each_letter_verifies_for_nobody() -> None:
    """Apache's client sends the low octet of each letter; the HMAC was over the others."""
    given = {f"XroadVnpt-{name}": text for name, text in {**MEMBERS, "description": "Đã nhận"}.items()}
    message = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
    good = _headers(given)
    cut = bytes(ord(letter) & 0xFF for letter in message)
    broken = Headers({**good.values, "xroadvnpt-sign-header": [cut]})
    assert not _claim(broken).signed_with(SECRET)


@pytest.mark.parametrize("secret", ["", "bí mật ", "bi mat", SECRET.upper()])
def test_another_secret_signed_something_else(secret: str) -> None:
    assert not _claim(_headers()).signed_with(secret)


@pytest.mark.parametrize("name", ["systemid", "sign_header", "hash_header"])
@pytest.mark.parametrize("values", [[], [b""], [b"x", b"x"]])
def test_a_claim_has_each_of_its_parts_once(name: str, values: list[bytes]) -> None:
    assert isinstance(read_claim(_headers(**{name: values})), Rejected)


@pytest.mark.parametrize("name", [b"a b", "Đ".encode(), b"\x10", b"x" * 65])
def test_a_systemid_is_visible_ascii(name: bytes) -> None:
    assert isinstance(read_claim(_headers(systemid=[name])), Rejected)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"x",
        b"[]",
        b'[["XroadVnpt-systemid","000.00.00.H41"],["XroadVnpt-timestamp","22112026T145914+0283"]]',
        b'"text"',
        b"null",
        b'{"XroadVnpt-systemid":"000.00.00.H41","XroadVnpt-timestamp":7}',
        b'{"XroadVnpt-systemid":"000.00.00.H41","XroadVnpt-timestamp":{"a":"b"}}',
        b'{"XroadVnpt-systemid":"000.00.00.H41","XroadVnpt-timestamp":"22112026T145914+0283"',
        b'{"XroadVnpt-docId":"D1","XroadVnpt-docId":"D1","XroadVnpt-systemid":"000.00.00.H41"}',
        b'{"XroadVnpt-systemid":"\xff"}',
        b'{"a":' * 5000,
    ],
)
def test_signed_nonsense_is_refused_and_breaks_nothing(message: bytes) -> None:
    if message:
        assert isinstance(_read(_headers(message=message)), Rejected)


@pytest.mark.parametrize(
    "changed",
    [
        {"docId": [b"D2"]},  # changed on its way
        {"docId": []},  # taken out
        {"docId": [b"D1", b"D2"]},  # another one beside it
        {"docId": [b"D1", b"D1"]},
        {"timestamp": [b"23112026T145914+0283"]},
    ],
)
def test_a_header_that_is_not_as_it_was_signed_is_refused(changed: dict[str, list[bytes]]) -> None:
    assert isinstance(_read(_headers(**changed)), Rejected)


def test_a_header_that_nobody_signed_is_let_through_and_not_read() -> None:
    signed = _signed(_headers(status=[b"done"], filePath=[b"C:\\x"], hash_file=[b"abc", b"def"]))
    assert signed.one("status") == ""
    assert signed.values(HASH_FILE) == []


@pytest.mark.parametrize("missing", ["systemid", "timestamp"])
def test_what_must_be_signed_is_not_taken_from_elsewhere(missing: str) -> None:
    given = {f"XroadVnpt-{name}": value for name, value in MEMBERS.items() if name != missing}
    assert isinstance(_read(_headers(given, **{missing: [MEMBERS[missing].encode()]})), Rejected)
    assert isinstance(_read(_headers(), SYSTEM, TIMESTAMP, HASH_FILE), Rejected)


def test_two_spellings_of_a_name_are_both_kept_and_one_of_them_may_not_arrive() -> None:
    given = {f"XroadVnpt-{n}": v for n, v in {**MEMBERS, "docid": "D0"}.items()}
    both = _signed(_headers(given))
    assert both.values("docid") == ["D1", "D0"]
    assert isinstance(both.one("docid"), Rejected)
    assert _signed(_headers(given, docid=[])).values("docid") == ["D1", "D0"]
    assert isinstance(_read(_headers(given, docid=[], docId=[b"D7"])), Rejected)


@pytest.mark.parametrize("sent", [[b"7"], [b"3.0.201608"], [b"7", b"3.0.201608"], [b"3.0.201608", b"7"]])
def test_the_protocols_own_version_may_stand_beside_or_before_the_one_asked_for(sent: list[bytes]) -> None:
    given = {f"XroadVnpt-{n}": v for n, v in {**MEMBERS, "version": "7"}.items()}
    assert _signed(_headers(given, version=sent)).one("version") == "7"
    assert isinstance(_read(_headers(given, version=[*sent, b"8"])), Rejected)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("22112026T145914+0283", datetime(2026, 11, 22, 7, 59, 14, 283_000, UTC)),
        ("22112026T145914+0000", datetime(2026, 11, 22, 7, 59, 14, 0, UTC)),
        ("22112026T145914+0999", datetime(2026, 11, 22, 7, 59, 14, 999_000, UTC)),
    ],
)
def test_the_end_of_a_timestamp_is_milliseconds_and_its_clock_vietnams(text: str, moment: datetime) -> None:
    assert signed_at(text) == moment


@pytest.mark.parametrize("text", ["", "x", "22112026T145914", "32112026T145914+0283", "22112026T145914+02x3", "²" * 20])
def test_a_time_that_is_none_is_none(text: str) -> None:
    assert signed_at(text) is None


def test_a_digest_is_written_with_and_without_its_zeros() -> None:
    assert spelled_digests(b"\x0f\xa0\x00\x07") == ("0fa00007", "fa007")
