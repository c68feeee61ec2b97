"""Which reference of the manifest and which attachment belong together: each has exactly one of the other."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from lxml.etree import _Element

from edxml_schemas import QCVN
from envelopes.attachments import form_of
from envelopes.errors import EnvelopeCode
from envelopes.fields import Fields, Notes
from envelopes.model import Attachment
from envelopes.payload import PayloadText
from envelopes.values import collapse

_REFERENCES: Final = f"{{{QCVN}}}edXMLEnvelope/{{{QCVN}}}edXMLBody/{{{QCVN}}}edXMLManifest/{{{QCVN}}}Reference"
_ATTACHMENTS: Final = f"{{{QCVN}}}AttachmentEncoded/{{{QCVN}}}Attachment"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_DECEITFUL: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SEPARATORS: Final = frozenset("/\\:")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Half:
    """A reference or an attachment."""

    element: _Element
    fields: Fields
    content_id: str


def attachments(root: _Element, notes: Notes, *, only_manifest: bool) -> tuple[Attachment, ...]:
    """The attachments in the order of the manifest (the file's own is not signed): the first is the document itself.

    ``only_manifest``: what stands beside the octets is not signed either.
    """
    references = _unique(notes, [_reference(element, notes) for element in root.iterfind(_REFERENCES)])
    present = _unique(notes, [_attachment(element, notes) for element in root.iterfind(_ATTACHMENTS)])
    for content_id, half in references.items():
        if content_id not in present:
            notes.fault(EnvelopeCode.NO_ATTACHMENT, half.element, expected="an Attachment", got=content_id)
    for content_id, half in present.items():
        if content_id not in references:
            notes.fault(EnvelopeCode.NO_REFERENCE, half.element, expected="a Reference", got=content_id)
    payloads = {payload.element.getparent(): payload for payload in notes.parsed.payloads}
    paired = []
    for content_id, reference in references.items():
        attachment = present.get(content_id)
        if attachment is not None:
            _judge_names(notes, reference.fields, attachment.fields)
            told = [reference.fields] if only_manifest else [reference.fields, attachment.fields]
            paired.append(_paired(notes, content_id, told, payloads[attachment.element]))
    return tuple(paired)


def _reference(element: _Element, notes: Notes) -> _Half:
    fields = Fields(element, notes)
    said, linked = _bare(fields.identifier("ContentId")), _bare(collapse(element.get(_HREF) or ""))
    if not said and not linked:
        notes.fault(EnvelopeCode.MISSING, element, expected="ContentId")
    if said and linked and said != linked:
        notes.fault(EnvelopeCode.BAD_VALUE, element, expected=f"xlink:href to cid:{said}", got=linked)
    return _Half(element=element, fields=fields, content_id=said or linked)


def _attachment(element: _Element, notes: Notes) -> _Half:
    fields = Fields(element, notes)
    return _Half(element=element, fields=fields, content_id=_bare(fields.identifier("ContentId")))


def _bare(content_id: str) -> str:
    return content_id.removeprefix("cid:")


def _unique(notes: Notes, halves: list[_Half]) -> dict[str, _Half]:
    found: dict[str, _Half] = {}
    for half in halves:
        if half.content_id and found.setdefault(half.content_id, half) is not half:
            notes.fault(
                EnvelopeCode.DUPLICATE_CONTENT_ID, half.element, expected="a ContentId of its own", got=half.content_id
            )
    return found


def _paired(notes: Notes, content_id: str, told: list[Fields], payload: PayloadText) -> Attachment:
    if payload.size == 0:
        notes.fault(EnvelopeCode.EMPTY_ATTACHMENT, payload.element, expected="a file with content", got="0 octets")
    name = _first(told, "AttachmentName").strip()
    return Attachment(
        content_id=content_id,
        name=name,
        content_type=_first(told, "ContentType"),
        description=_first(told, "Description"),
        form=form_of(payload.head, name=name),
        size=payload.size,
        sha256=payload.sha256,
    )


def _first(fields: list[Fields], name: str) -> str:
    """The manifest's word counts; the attachment's where the manifest is silent."""
    return next((text for each in fields if collapse(text := each.text(name))), "")


def _judge_names(notes: Notes, reference: Fields, attachment: Fields) -> None:
    """Both are judged: receivers read either."""
    name = _first([reference, attachment], "AttachmentName").strip()
    if not name:
        notes.warn(attachment.element("ContentId"), expected="an AttachmentName", got="")
    for fields in (reference, attachment):
        other = fields.text("AttachmentName").strip()
        if _bad(other):
            expected = "a file name without control characters, / \\ and :"
            notes.fault(EnvelopeCode.BAD_NAME, fields.element("AttachmentName"), expected=expected, got=other)
        elif other and other != name:
            notes.warn(fields.element("AttachmentName"), expected=f"{name}, as in the manifest", got=other)


def _bad(name: str) -> bool:
    if name in {".", ".."} or not _SEPARATORS.isdisjoint(name):
        return True
    return not name.isprintable() and any(unicodedata.category(character) in _DECEITFUL for character in name)
