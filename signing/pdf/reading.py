"""A PDF, read strictly: what more than one reader could understand differently is not read at all."""

from __future__ import annotations

import os
from binascii import Error as HexError
from binascii import unhexlify
from io import BytesIO
from typing import IO, Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.misc import PdfStreamError, PdfStrictReadError
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader

from signing.pdf.errors import fault_of_file, unreadable
from signing.pdf.octets import HEAD_OCTETS, HEADER, Lending
from signing.pdf.survey import Survey
from signing.pdf.usages import Resolver
from signing.verdict import Finding

MOST_REVISIONS: Final = 100
MOST_OBJECTS: Final = 100_000  #: a second for 12,000


def read_hexadecimal(stream: IO[bytes]) -> Any:
    """A hexadecimal string, by stretches: pyHanko's own goes by characters, 20 ms for one signature."""
    stream.read(1)
    digits, length = bytearray(), 64
    while (piece := bytes(stream.read(length))) and (end := piece.find(b">")) < 0:
        digits += piece
        length = min(8 * length, 128 * 1024)
    if not piece:
        raise PdfStreamError("a string without an end")
    stream.seek(end + 1 - len(piece), os.SEEK_CUR)
    digits = (digits + piece[:end]).translate(None, b" \t\r\n\f\0")
    try:
        return generic.pdf_string(bytes(unhexlify(digits + b"0" * (len(digits) % 2))))
    except HexError as error:
        raise PdfStreamError("not hexadecimal") from error


generic.read_hex_string_from_stream = read_hexadecimal


class StrictReader(PdfFileReader):
    """pyHanko's strict reader, with each object stream decoded and its table read once, not once for each object."""

    def __init__(self, stream: Lending) -> None:
        self._opened: dict[int, tuple[BytesIO, list[int], int]] = {}
        self._seen: Survey | None = None
        super().__init__(stream, strict=True)

    def know(self, seen: Survey) -> None:
        """From now on revisions can be compared."""
        self._seen = seen
        self._historical_resolver_cache.clear()

    def get_historical_resolver(self, revision: int) -> HistoricalResolver:
        """See ``PdfFileReader``."""
        if self._seen is not None and revision not in self._historical_resolver_cache:
            self._historical_resolver_cache[revision] = Resolver(self, revision, self._seen)
        return super().get_historical_resolver(revision)

    def _get_object_from_stream(self, idnum: int, stmnum: int, idx: int) -> Any:
        if stmnum not in self._opened:
            self._opened[stmnum] = self._open(stmnum)
        data, table, first = self._opened[stmnum]
        if not 0 <= 2 * idx < len(table) or table[2 * idx] != idnum:
            raise PdfStrictReadError("an object that is not where its object stream has it")
        data.seek(first + table[2 * idx + 1])
        found = generic.read_object(data, generic.Reference(idnum, 0, self))
        if isinstance(found, (generic.StreamObject, generic.IndirectObject)):
            raise PdfStrictReadError("an object that may not be in an object stream")
        return found

    def _read_object(self, ref: generic.Reference, marker: Any, *args: Any, **wishes: Any) -> Any:
        """What is not there is null (ISO 32000-2 7.3.10): ``signing.pdf.survey`` sees to it that it stays so."""
        if marker is None:
            nothing = generic.NullObject()
            nothing.container_ref = generic.Reference(ref.idnum, ref.generation, self)
            return nothing
        return super()._read_object(ref, marker, *args, **wishes)

    def _open(self, stmnum: int) -> tuple[BytesIO, list[int], int]:
        stream = generic.Reference(stmnum, 0, self).get_object()
        if not isinstance(stream, generic.StreamObject) or stream["/Type"] != "/ObjStm":
            raise PdfStrictReadError("no object stream")
        data, first = stream.read_data(DecodePurpose.OBJECT_STREAM), int(stream["/First"])
        table = [int(number) for number in data[:first].split()]
        if len(table) < 2 * int(stream["/N"]):
            raise PdfStrictReadError("an object stream with a short table")
        return BytesIO(data), table[: 2 * int(stream["/N"])], first


def open_pdf(octets: Lending) -> StrictReader | Finding:
    """The document in ``octets``, or why nobody should trust what a viewer shows of it."""
    octets.seek(0)
    head = octets.read(HEAD_OCTETS)
    if not head.startswith(HEADER):
        return unreadable("%PDF- at the beginning", "something before it")
    try:
        reader = StrictReader(octets)
        encrypted = "/Encrypt" in reader.trailer
        hybrid, revisions = reader.xrefs.hybrid_xrefs_present, reader.xrefs.total_revisions
        objects = sum(len(reader.xrefs.explicit_refs_in_revision(revision)) for revision in range(revisions))
    except Exception as error:  # noqa: BLE001 - see fault_of_file
        return unreadable("PDF as ISO 32000 has it", fault_of_file(error))
    if encrypted:
        return unreadable("no encryption", "an encrypted file")
    if hybrid:
        return unreadable("one kind of cross-reference table", "a hybrid one")
    if revisions > MOST_REVISIONS or objects > MOST_OBJECTS:
        return unreadable(f"at most {MOST_REVISIONS} revisions and {MOST_OBJECTS} objects", f"{revisions}, {objects}")
    return reader
