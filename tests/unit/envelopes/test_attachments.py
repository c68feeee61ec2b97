from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable, Iterable
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.attachments import form_of, unpack
from envelopes.errors import Fault
from envelopes.limits import Limits
from envelopes.model import AttachmentForm
from scripts.form_vectors import LONG_LETTER, wrapped

ENTRY = "7e57c0de-0000-4000-8000-000000000001.pdf"


class Chunks:
    def __init__(self, octets: bytes, size: int) -> None:
        self._octets, self._size = octets, size

    def chunks(self) -> Iterable[bytes]:
        return (self._octets[start : start + self._size] for start in range(0, len(self._octets), self._size))


def _unpacked(octets: bytes, *, size: int = 1000, limits: Limits = Limits()) -> bytes | Fault:  # noqa: B008 - frozen
    stream = io.BytesIO()
    return unpack(Chunks(octets, size), form=AttachmentForm.ZIP, into=stream, limits=limits) or stream.getvalue()


def _refusal(octets: bytes, limits: Limits = Limits()) -> str:  # noqa: B008 - frozen
    found = _unpacked(octets, limits=limits)
    assert isinstance(found, Fault)
    return f"{found.expected}; {found.got}"


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_the_file_comes_out_whole_in_chunks_of_any_size(content: bytes, size: int) -> None:
    assert _unpacked(wrapped(content, entry=ENTRY), size=size) == content


def test_a_plain_file_is_passed_through() -> None:
    stream = io.BytesIO()
    assert unpack(Chunks(LONG_LETTER, 999), form=AttachmentForm.PLAIN, into=stream) is None
    assert stream.getvalue() == LONG_LETTER


def _archive(fill: Callable[[zipfile.ZipFile], None]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        fill(archive)
    return stream.getvalue()


def test_stored_entries_and_lengths_that_follow_are_understood() -> None:
    assert _unpacked(_archive(lambda archive: archive.writestr(zipfile.ZipInfo(ENTRY), LONG_LETTER))) == LONG_LETTER
    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ENTRY, LONG_LETTER)
    assert _unpacked(stream.getvalue()) == LONG_LETTER


class Unseekable(io.BytesIO):
    """To which zipfile writes lengths behind the data, as streaming senders do."""

    def tell(self) -> NoReturn:
        raise OSError("not seekable")


def _two(archive: zipfile.ZipFile) -> None:
    archive.writestr("a.pdf", b"a" * 100)
    archive.writestr("b.pdf", b"b" * 100)


def _link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("a.pdf")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


def test_second_files_and_links_are_refused() -> None:
    assert "one file" in _refusal(_archive(_two))
    assert "a link" in _refusal(_archive(_link))


def test_an_encrypted_entry_is_refused() -> None:
    octets = bytearray(wrapped(LONG_LETTER, entry=ENTRY))
    octets[6] |= 1
    assert "encrypted" in _refusal(bytes(octets))


def test_a_bomb_is_stopped_at_its_bound() -> None:
    bomb = wrapped(b"\0" * 20_000_000, entry=ENTRY)
    assert "for each packed one" in _refusal(bomb)
    assert "octets unpacked" in _refusal(bomb, Limits(max_unpacked_octets=1_000_000, max_inflation=100_000))


def test_bounds_are_met_one_piece_late_at_most() -> None:
    stream = io.BytesIO()
    limits = Limits(max_unpacked_octets=1_000_000, max_inflation=100_000)
    unpack(Chunks(wrapped(b"\0" * 20_000_000, entry=ENTRY), 500), form=AttachmentForm.ZIP, into=stream, limits=limits)
    assert len(stream.getvalue()) <= 1_000_000


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_damage_is_refused_or_harmless_and_never_raises(at: int, bits: int) -> None:
    octets = bytearray(wrapped(LONG_LETTER, entry=ENTRY))
    octets[at % len(octets)] ^= bits
    found = _unpacked(bytes(octets))
    assert isinstance(found, Fault) or found == LONG_LETTER


@given(st.integers(1, 10_000))
def test_an_archive_without_its_end_is_refused(cut: int) -> None:
    octets = wrapped(LONG_LETTER, entry=ENTRY)
    assert isinstance(_unpacked(octets[: -(cut % (len(octets) - 1) + 22)]), Fault)


def test_the_form_is_told_by_octets_and_name() -> None:
    packed = wrapped(LONG_LETTER, entry=ENTRY)
    office = _archive(lambda archive: archive.writestr("[Content_Types].xml", b"<Types/>"))
    assert form_of(packed[:256], name="Công văn.pdf") is AttachmentForm.ZIP
    assert form_of(office[:256], name="Báo cáo.docx") is AttachmentForm.PLAIN
    assert form_of(office[:256], name="Tập tin.zip") is AttachmentForm.PLAIN
    assert form_of(wrapped(office, entry=ENTRY.replace("pdf", "docx"))[:256], name="B.DOCX") is AttachmentForm.ZIP
    assert form_of(LONG_LETTER[:256], name="Tập tin.zip") is AttachmentForm.PLAIN
    assert form_of(b"", name="") is AttachmentForm.PLAIN


@pytest.mark.parametrize("octets", [b"", b"PK", b"PK\x03\x04", b"%PDF-1.7 and more octets than a header has"])
def test_what_is_no_archive_is_refused(octets: bytes) -> None:
    assert "ZIP archive" in _refusal(octets)
