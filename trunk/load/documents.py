"""Documents that are written and signed as a sender's system does it, and copies of them that are broken."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from cryptography.x509 import Certificate

from envelopes.model import Attachment, Document, DocumentCode, Organization
from envelopes.values import VIETNAM
from envelopes.writer import write_document
from signing.maker import SigningKey
from signing.signer import sign
from trunk.load.plan import Draft

_SUBJECT: Final = "Thử tải trục liên thông; văn bản không có giá trị"
_PLACES: Final = (b"SignatureValue", b"ContentTransferEncoded")  #: what is broken, in turn
_LEAST: Final = 64  #: octets of an attachment


class UnsignableError(Exception):
    """The document cannot be signed; the codes say why."""


class TooSmallError(Exception):
    """The envelope without its attachment is larger than what is asked for."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: the key, its certificate and what leads from there to a root."""

    key: SigningKey
    certificates: Sequence[Certificate]


@dataclass(slots=True, kw_only=True)
class Scribe:
    """Writes the documents of one run."""

    signer: Signer
    sender: str
    at: datetime
    seed: int = 1
    _markup: dict[int, int] = field(default_factory=dict)  #: recipients -> octets that are not the attachment
    _contents: dict[int, bytes] = field(default_factory=dict)

    @property
    def notation(self) -> str:
        """Of every document of this run and of no other."""
        return f"TAI-{int(self.at.timestamp() * 1000):X}"

    def document_id(self, number: int) -> str:
        return f"{self.sender},{self._day:%Y/%m/%d},{number}/{self.notation}"

    def probe(self, recipients: Sequence[str]) -> bytes:
        """A small document to everybody, which is not for sending."""
        return self._signed(0, recipients, b"%PDF-1.7\n")

    def write(self, number: int, draft: Draft) -> bytes:
        """The envelope of document ``number``. Raises ``TooSmallError``, ``UnsignableError``."""
        many = len(draft.recipients)
        if many not in self._markup:
            self._markup[many] = len(self._signed(0, draft.recipients, b" "))
        room = (draft.size.octets - self._markup[many]) * 3 // 4
        if room < _LEAST:
            raise TooSmallError(
                f"{draft.size.name}: an envelope for {many} takes {self._markup[many]:,} octets without its attachment"
            )
        octets = self._signed(number, draft.recipients, self._content(room))
        return spoil(octets, _PLACES[number % len(_PLACES)]) if draft.bad else octets

    def _content(self, size: int) -> bytes:
        """The same in all documents of a size; it does not compress."""
        if size not in self._contents:
            self._contents[size] = random.Random(self.seed).randbytes(size)  # noqa: S311  no secret
        return self._contents[size]

    def _signed(self, number: int, recipients: Sequence[str], content: bytes) -> bytes:
        made = sign(
            write_document(self._document(number, recipients), {"1": content}),
            key=self.signer.key,
            certificates=self.signer.certificates,
            at=self.at,
        )
        if not isinstance(made, bytes):
            raise UnsignableError(", ".join(fault.code for fault in made))
        return made

    def _document(self, number: int, recipients: Sequence[str]) -> Document:
        return Document(
            sender=Organization(organ_id=self.sender),
            recipients=tuple(Organization(organ_id=code) for code in recipients),
            document_id=self.document_id(number),
            code=DocumentCode(number=str(number), notation=self.notation),
            subject=_SUBJECT,
            promulgation_date=self._day,
            attachments=(Attachment(content_id="1", name="thu-tai.pdf", content_type="application/pdf"),),
        )

    @property
    def _day(self) -> date:
        return self.at.astimezone(VIETNAM).date()


def spoil(octets: bytes, element: bytes) -> bytes:
    """One letter of the base64 in the first ``element`` is another one: what it spells is not what was signed."""
    begin = octets.index(b">", octets.index(element)) + 1
    at = (begin + octets.index(b"<", begin)) // 2
    while octets[at : at + 1].isspace():
        at += 1
    other = b"A" if octets[at : at + 1] != b"A" else b"B"
    return b"".join((octets[:at], other, octets[at + 1 :]))
