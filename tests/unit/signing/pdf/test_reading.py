from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError, PdfReadError
from pyhanko.pdf_utils.writer import PdfFileWriter

from scripts.handmade_pdf import SHARED
from scripts.make_signed_pdf import Workshop
from signing.pdf.octets import Lending, Search
from signing.pdf.reading import StrictReader, open_pdf, read_hexadecimal
from signing.pdf.survey import TRAILER, survey
from signing.pdf.usages import Ways
from signing.verdict import Finding


@pytest.mark.parametrize("octets", [b"<41", b"<4g>", b"<", b"<41 42"])
def test_what_is_not_hexadecimal_is_refused(octets: bytes) -> None:
    with pytest.raises(PdfError):
        read_hexadecimal(BytesIO(octets))


@given(st.binary(max_size=400), st.sampled_from([b"", b" ", b"\r\n"]), st.booleans())
def test_hexadecimal_strings_of_any_length_are_read_to_their_end(octets: bytes, space: bytes, odd: bool) -> None:  # noqa: FBT001
    digits = octets.hex().encode()[: -1 if odd else None]
    stream = BytesIO(b"<" + space.join(digits[at : at + 3] for at in range(0, len(digits), 3)) + b">rest")
    expected = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    assert read_hexadecimal(stream).original_bytes == expected
    assert stream.read() == b"rest"


def _in_streams(count: int) -> bytes:
    """A document whose objects lie in an object stream."""
    writer = PdfFileWriter(stream_xrefs=True)
    stream = writer.prepare_object_stream()
    for number in range(count):
        reference = writer.add_object(
            generic.DictionaryObject({generic.pdf_name("/A"): generic.NumberObject(number)}), obj_stream=stream
        )
        writer.root[f"/Known{number}"] = reference
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def test_object_streams_are_read_as_pyhanko_reads_them(read: Callable[[bytes], StrictReader]) -> None:
    reader = read(_in_streams(40))
    assert [reader.root[f"/Known{number}"]["/A"] for number in range(40)] == list(range(40))
    assert len(reader._opened) == 1


def test_an_object_that_is_elsewhere_in_its_stream_is_not_taken(read: Callable[[bytes], StrictReader]) -> None:
    reader = read(_in_streams(3))
    known = reader.root.raw_get("/Known1").reference
    where = reader.xrefs[known]
    for place in (where.ix_in_stream + 1, 99, -1):
        with pytest.raises(PdfError):
            reader._get_object_from_stream(known.idnum, where.obj_stream_id, place)


def test_what_is_large_is_lent(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"a" * 600_000)
    with file.open("rb") as opened:
        octets = Lending(opened)
        assert isinstance(octets.read(300_000), memoryview)
        assert isinstance(octets.read(10), bytes)
        assert octets.tell() == 300_010
        assert len(octets.read(900_000)) == 299_990
        assert octets.read(300_000) == b""


_MARK = st.sampled_from([b"/ByteRange", b"/Byte#52ange", b"/#42yteRang#65", b"/#42#79#74#65#52#61#6e#67#65", b"/B#6fx"])


@given(st.lists(st.tuples(_MARK, st.binary(max_size=40))), st.integers(1, 60))
def test_marks_are_counted_in_any_spelling_and_any_pieces(parts: list[tuple[bytes, bytes]], size: int) -> None:
    octets = b"".join(mark + rest.replace(b"/", b" ") for mark, rest in parts)
    search = Search(only_pdf=False)
    for at in range(0, len(octets), size):
        search.write(octets[at : at + size])
    marks = [mark for mark, _ in parts if mark != b"/B#6fx"]
    assert search.marks == len(marks)
    assert search.disguised is any(b"#" in mark for mark in marks)


@pytest.mark.parametrize("name", [b"/#43ontents", b"/SubFilte#72", b"/A#63roForm", b"/Field#73"])
def test_names_by_which_signatures_are_found_are_seen_when_disguised(name: bytes) -> None:
    search = Search(only_pdf=False)
    search.write(b"/Contents /SubFilter /AcroForm /Fields /Other#20Name")
    assert not search.disguised
    search.write(name)
    assert (search.disguised, search.marks) == (True, 0)


def test_too_many_revisions_are_not_read(shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signing.pdf.reading.MOST_REVISIONS", 1)
    file = tmp_path / "a.pdf"
    file.write_bytes(shop.signed())
    with file.open("rb") as opened:
        assert isinstance(open_pdf(Lending(opened)), Finding)


def test_ways_have_an_end() -> None:
    graph = {TRAILER: ((("/Root",), (1, 0)),)}
    graph |= {(number, 0): tuple(((way,), (number + 1, 0)) for way in (0, 1)) for number in range(1, 40)}
    with pytest.raises(PdfReadError):
        Ways(graph).to((40, 0))
    assert Ways(graph).to((41, 0)) == set()
    assert len(Ways(graph).to((4, 0))) == 8


@pytest.mark.parametrize("name", ["called-parent", "of-an-element", "of-a-widget"])
def test_what_a_page_draws_is_used_whatever_it_is_called(
    bad: dict[str, dict[str, bytes]], read: Callable[[bytes], StrictReader], name: str
) -> None:
    """Even where what names it is at the same time something that is entered by other ways alone."""
    seen = survey(read(bad["SIG-402"][f"shared-look-{name}"]))
    ways = Ways(seen.graph(0)).to((SHARED, 0))
    assert any(way[:5] == ("/Root", "/Pages", "/Kids", 0, "/Resources") for way in ways)


def test_objects_are_kept_by_nobody(shop: Workshop, read: Callable[[bytes], StrictReader]) -> None:
    reader = read(shop.signed())
    survey(reader)
    assert len(reader.resolved_objects) < 4
