"""The signatures that a PDF holds, in the order in which they were made, and what each of them covers.

Law: a signature covers everything from the first octet to the end of its revision except its own value, which fills
the gap to the last character; the last one leaves nothing behind it but a security store (DSS), which shows nothing.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from asn1crypto import parser
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from signing.errors import SigningCode
from signing.pdf.errors import fault_of_file, unreadable
from signing.pdf.octets import Lending
from signing.pdf.reading import StrictReader
from signing.verdict import Finding

MOST_SIGNATURES: Final = 8
MOST_VALUE_OCTETS: Final = 4 * 1024 * 1024  #: of one signature, with the lists that some embed
MOST_STORE_OCTETS: Final = 32 * 1024 * 1024  #: of certificates, lists and answers behind the last signature
_LOCAL: Final = timezone(timedelta(hours=7))
_HEX: Final = re.compile(rb"<[0-9A-Fa-f]*>")
_PLAIN_NAME: Final = re.compile(r"(?:signature|sig|chuky|seal|timestamp)[ ._-]{0,2}[0-9]{0,4}", re.IGNORECASE)
_PIECE: Final = 256 * 1024
_STORE: Final = "dss"
_ENDED: Final = re.compile(rb"%%EOF[\r\n]{0,2}\Z")
_ARCHIVE_END: Final = b"PK\x05\x06"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One signature as the document holds it."""

    field: str  #: fit to be shown
    order: int  #: 1 for the first
    revision: int  #: that it closes, from 0
    revisions: int  #: there are
    kind: str  #: SubFilter without its slash
    span: tuple[int, int, int]  #: octets before the value, where they go on, octets behind it
    value: bytes  #: CMS, without the zeros behind it
    written: datetime | None  #: ``M`` of the signature dictionary: when the signer says he signed
    embedded: EmbeddedPdfSignature

    @property
    def last(self) -> bool:
        return self.revision == self.revisions - 1

    @property
    def covered(self) -> str:
        return "file" if self.last else f"revision {self.revision + 1} of {self.revisions}"

    def digest(self, algorithm: str) -> bytes:
        """Over what is signed; ``algorithm`` as hashlib names it."""
        before, again, behind = self.span
        digest, stream = hashlib.new(algorithm), self.embedded.reader.stream
        for start, length in ((0, before), (again, behind)):
            stream.seek(start)
            left = length
            while left and (piece := stream.read(min(left, _PIECE - 1))):
                digest.update(piece)
                left -= len(piece)
        return digest.digest()


def held(reader: StrictReader, octets: Lending, *, marks: int) -> tuple[Held | Finding, ...] | Finding:
    """Every signature; a Finding in the place of one that cannot be taken, or for all. May raise anything.

    ``marks``: how often ``SIGNATURE_MARK`` stands in the file.
    """
    filled = enumerate_sig_fields(reader, filled_status=True)
    fields = [(_shown(str(name), number), field) for number, (name, _, field) in enumerate(filled, start=1)]
    if len(fields) > MOST_SIGNATURES:
        return unreadable(f"at most {MOST_SIGNATURES} signatures", str(len(fields)))
    if marks != len(fields):  # one was taken out of its field, put behind another, or into a compressed stream
        expected = "every signature in one field"
        return Finding(code=SigningCode.PDF_CHANGED, expected=expected, got=f"{marks} signatures, {len(fields)} fields")
    in_time = sorted(fields, key=lambda field: revision_of(reader, field[1]))
    taken = [_take(reader, octets, name, field) for name, field in in_time]
    return tuple(
        replace(one, order=order) if isinstance(one, Held) else one for order, one in enumerate(taken, start=1)
    )


def uncovered(one: Held, *, last: bool, added: tuple[str, ...]) -> Finding | None:
    """What is left uncovered that should not be; ``added``: words for what came after it and is allowed."""
    level = one.embedded.evaluate_signature_coverage()
    if level is SignatureCoverageLevel.ENTIRE_FILE:
        return None
    if level is SignatureCoverageLevel.ENTIRE_REVISION and (not last or _only_store_behind(one, added)):
        return None
    expected = "the last signature over the whole file" if last else "a signature over its whole revision"
    return Finding(code=SigningCode.PDF_NOT_COVERED, path=one.field, expected=expected)


def _only_store_behind(one: Held, added: tuple[str, ...]) -> bool:
    """Whether the unsigned rest is a store's revision, to the last octet, and no other file as well (PAdES-B-LT)."""
    if _STORE not in added:
        return False
    stream, (_, again, behind) = one.embedded.reader.stream, one.span
    stream.seek(again + behind)
    rest = stream.read(MOST_STORE_OCTETS + 1)
    return len(rest) <= MOST_STORE_OCTETS and bool(_ENDED.search(rest)) and _ARCHIVE_END not in rest


def revision_of(reader: PdfFileReader, field: Any) -> int:
    """In which the field's value was written; the last, where that is not to be told."""
    try:
        return int(reader.xrefs.get_last_change(field.get_object().raw_get("/V").reference))
    except Exception as error:  # noqa: BLE001 - see fault_of_file
        fault_of_file(error)
        return int(reader.xrefs.total_revisions)


def _take(reader: StrictReader, octets: Lending, name: str, field: Any) -> Held | Finding:
    try:
        embedded = EmbeddedPdfSignature(reader, field, name)
    except Exception as error:  # noqa: BLE001 - see fault_of_file
        return unreadable("a signature dictionary with CMS", fault_of_file(error), path=name)
    signature = embedded.sig_object
    if len(embedded.pkcs7_content) > MOST_VALUE_OCTETS:
        return unreadable(f"at most {MOST_VALUE_OCTETS} octets", str(len(embedded.pkcs7_content)), path=name)
    span = _span(signature, octets, embedded.pkcs7_content)
    if span is None:
        expected = "a ByteRange that leaves out the signature's value alone"
        return Finding(code=SigningCode.PDF_NOT_COVERED, path=name, expected=expected)
    return Held(
        field=name,
        order=0,
        revision=embedded.signed_revision,
        revisions=reader.xrefs.total_revisions,
        kind=str(signature.get("/SubFilter", "/"))[1:],
        span=span,
        value=_without_padding(embedded.pkcs7_content),
        written=_written(signature),
        embedded=embedded,
    )


def _span(signature: Any, octets: Lending, value: bytes) -> tuple[int, int, int] | None:
    """The ByteRange, if it starts at 0 and its gap is the value in hexadecimal, to the last character."""
    given = signature.raw_get("/ByteRange")
    if not isinstance(given, generic.ArrayObject) or len(given) != 4:
        return None
    numbers = [int(number) for number in list.__iter__(given) if isinstance(number, generic.NumberObject)]
    if len(numbers) != 4 or numbers[0] != 0:
        return None
    before, again, behind = numbers[1:]
    inside = 0 < before < again and behind > 0 and again + behind <= octets.size
    if not inside or again - before > 2 * MOST_VALUE_OCTETS + 2:
        return None
    octets.seek(before)
    gap = bytes(octets.read(again - before))
    return (before, again, behind) if _HEX.fullmatch(gap) and bytes.fromhex(gap[1:-1].decode()) == value else None


def _without_padding(value: bytes) -> bytes:
    """The value fills a gap that was left for it: zeros follow. The first object's own length says where it ends."""
    try:
        length = parser.peek(value)
    except ValueError:
        return value
    return value if value[length:].strip(b"\0") else value[:length]


def _written(signature: Any) -> datetime | None:
    try:
        at = generic.parse_pdf_date(signature["/M"], strict=False)
    except Exception as error:  # noqa: BLE001 - see fault_of_file
        fault_of_file(error)
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=_LOCAL)


def _shown(name: str, number: int) -> str:
    """A field's name may be a person's, or his number: only what tools call it is shown, of any other its place."""
    return name if _PLAIN_NAME.fullmatch(name) else f"field {number}"
