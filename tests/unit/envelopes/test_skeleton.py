from __future__ import annotations

import hashlib
import mmap
import tracemalloc
from base64 import b64encode, encodebytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.errors import EnvelopeCode
from envelopes.limits import Limits
from envelopes.skeleton import ParsedXml, parse
from scripts.form_vectors import LETTER, LONG_LETTER, change, written
from tests.unit.envelopes.examine import VECTORS, codes, examine, faults, parsed

LONG = b64encode(LONG_LETTER).decode()


def test_a_long_payload_is_set_aside_and_described() -> None:
    (payload,) = parsed(written(content=LONG_LETTER)).payloads
    assert payload.stretch is not None
    assert len(payload.element.text or "") < 64
    assert payload.size == len(LONG_LETTER)
    assert payload.sha256 == hashlib.sha256(LONG_LETTER).hexdigest()
    assert payload.magic == b"%PDF-1.7"
    assert b"".join(payload.chunks()) == LONG_LETTER
    assert payload.digest("sha512") == hashlib.sha512(LONG_LETTER).digest()
    assert payload.digest("sha256").hex() == payload.sha256


def test_a_short_payload_stays_in_the_tree_and_is_described_all_the_same() -> None:
    (payload,) = parsed(written()).payloads
    assert payload.stretch is None
    assert (payload.element.text or "").encode() == b64encode(LETTER)
    assert (payload.size, b"".join(payload.chunks())) == (len(LETTER), LETTER)


def test_the_source_stands_unchanged_around_and_inside_the_stretch() -> None:
    octets = written(content=LONG_LETTER)
    (payload,) = parsed(octets).payloads
    assert payload.stretch is not None
    assert octets[slice(*payload.stretch)] == LONG.encode()


def test_a_mapped_file_gives_what_bytes_give(tmp_path: Path) -> None:
    file = tmp_path / "message.edxml"
    file.write_bytes(written(content=LONG_LETTER))
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        (payload,) = parsed(mapped).payloads
        assert b"".join(payload.chunks()) == LONG_LETTER


def test_a_large_message_needs_little_memory_beyond_itself(tmp_path: Path) -> None:
    file = tmp_path / "large.edxml"
    file.write_bytes(_large(3 * 1024 * 1024))
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        parsed(mapped)
        tracemalloc.start()
        try:
            assert sum(len(chunk) for chunk in parsed(mapped).payloads[0].chunks()) == 3 * 1024 * 1024
            assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("space", ["&amp;#13;", "&#38;#13;", "<![CDATA[&#13;]]>"])
def test_what_only_looks_like_a_reference_is_no_white_space(space: str) -> None:
    """Recipients' parsers make five characters of it: what they decode is what we digest, or nothing."""
    sent = b64encode(LETTER).decode()
    assert EnvelopeCode.BAD_BASE64 in codes(change(written(), sent, f"{sent[:8]}{space}{sent[8:]}"))


def _large(size: int) -> bytes:
    return written(content=LONG_LETTER).replace(LONG.encode(), encodebytes(b"%PDF-1.7" + b"\0" * (size - 8)))


def test_base64_outside_its_place_is_put_back_and_judged_as_what_it_is() -> None:
    octets = change(
        written(content=LONG_LETTER),
        "<edXML:Content>",
        f"<edXML:ContentTransferEncoded>{LONG}</edXML:ContentTransferEncoded><edXML:Content>",
    )
    found = parsed(octets)
    assert [payload.stretch is not None for payload in found.payloads] == [True]
    stray = found.root.find(".//{*}MessageHeader/{*}ContentTransferEncoded")
    assert stray is not None
    assert stray.text == LONG
    assert codes(octets) == {EnvelopeCode.UNEXPECTED}


def test_text_that_is_not_the_whole_content_is_put_back() -> None:
    octets = change(written(content=LONG_LETTER), LONG, f"{LONG}<b/>QUJD")
    (payload,) = parsed(octets).payloads
    assert payload.stretch is None
    assert payload.element.text == LONG
    assert codes(octets) == {EnvelopeCode.UNEXPECTED}


def test_base64_in_a_comment_is_no_payload() -> None:
    comment = f"<!-- <ContentTransferEncoded>{LONG}</ContentTransferEncoded> -->"
    octets = change(written(content=LONG_LETTER), "  <AttachmentEncoded>", f"{comment}<AttachmentEncoded>")
    found = parsed(octets)
    assert len(found.payloads) == 1
    assert found.has_comments
    assert found.payloads[0].size == len(LONG_LETTER)


def test_too_much_base64_outside_its_place_is_refused_with_its_line() -> None:
    stray = f"<edXML:ContentTransferEncoded>{LONG * 100}</edXML:ContentTransferEncoded>"
    (fault,) = faults(change(written(), "<edXML:Content>", f"{stray}<edXML:Content>"))
    assert (fault.code, fault.line) == (EnvelopeCode.TEXT_TOO_LONG, 38)
    assert "edXML:ContentTransferEncoded" in fault.got


def test_a_payload_behind_an_empty_tag_is_not_its_text() -> None:
    octets = change(written(content=LONG_LETTER), f">{LONG}</edXML:ContentTransferEncoded>", f"/>{LONG}")
    assert codes(octets) == {EnvelopeCode.UNEXPECTED}


def test_a_stand_in_cannot_be_foretold_or_forged() -> None:
    octets = written(content=LONG_LETTER)
    found = parse(octets, chance=lambda size: b"\x01" * size)
    assert isinstance(found, ParsedXml)
    assert found.payloads[0].element.text == f"payload-{'01' * 16}-0"
    assert parsed(octets).payloads[0].element.text != parsed(octets).payloads[0].element.text


def test_lines_behind_wrapped_payloads_are_those_of_the_file() -> None:
    octets = written(content=LONG_LETTER).replace(LONG.encode(), encodebytes(LONG_LETTER))
    octets = octets.replace(b"</Attachment>\n", b"<Odd>1</Odd></Attachment>\n")
    expected = 1 + octets[: octets.index(b"<Odd>")].count(b"\n")
    (fault,) = faults(octets)
    assert (fault.code, fault.line) == (EnvelopeCode.UNEXPECTED, expected)


def test_a_syntax_error_behind_a_wrapped_payload_has_the_line_of_the_file() -> None:
    octets = written(content=LONG_LETTER).replace(LONG.encode(), encodebytes(LONG_LETTER))
    octets = octets.replace(b"</AttachmentEncoded>", b"</Attachments>")
    (fault,) = faults(octets)
    assert (fault.code, fault.line) == (EnvelopeCode.NOT_XML, octets.count(b"\n") - 1)


def test_a_bad_character_in_a_wrapped_payload_is_named_with_its_own_line() -> None:
    lines = encodebytes(LONG_LETTER).splitlines(keepends=True)
    lines[40] = b"*" + lines[40][1:]
    octets = written(content=LONG_LETTER).replace(LONG.encode(), b"".join(lines))
    (fault,) = faults(octets)
    assert (fault.code, fault.got) == (EnvelopeCode.BAD_BASE64, "character '*'")
    assert fault.line == 1 + octets[: octets.index(b"*")].count(b"\n")


@pytest.mark.parametrize("limit", [Limits(max_attachments=0), Limits(max_markup_octets=1000), Limits(max_elements=40)])
def test_limits_are_kept(limit: Limits) -> None:
    found = parse(written(content=LONG_LETTER), limits=limit)
    assert isinstance(found, tuple)
    assert found[0].code in {EnvelopeCode.TOO_MANY, EnvelopeCode.TEXT_TOO_LONG}


@pytest.mark.parametrize("cut", range(1, 12_000, 397))
def test_a_message_cut_anywhere_is_cut_off(cut: int) -> None:
    octets = written(content=LONG_LETTER)
    assert codes(octets[: min(cut + 40, len(octets) - 10)]) == {EnvelopeCode.CUT_OFF}


ALL = sorted(VECTORS.rglob("*.edxml"))


@given(st.sampled_from(ALL), st.integers(0, 30_000), st.binary(max_size=6), st.integers(0, 12))
def test_no_damage_of_a_message_ever_raises(file: Path, at: int, junk: bytes, removed: int) -> None:
    octets = file.read_bytes()[:60_000]
    place = at % (len(octets) + 1)
    damaged = octets[:place] + junk + octets[place + removed :]
    examine(damaged)


@given(st.binary(max_size=400))
def test_no_octets_ever_raise(octets: bytes) -> None:
    assert isinstance(parse(octets), tuple)
