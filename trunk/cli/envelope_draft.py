"""What ``trunk envelope new`` is told, by options or a TOML file, as the document that it means.

Law: a key that is not known is an error, and every error is reported at once with the key it belongs to.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from datetime import date as Day  # noqa: N812  a field is called date
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from envelopes.attachments import describe
from envelopes.model import (
    Attachment,
    Business,
    BusinessKind,
    Document,
    DocumentCode,
    DocumentType,
    Organization,
    OtherInfo,
    ResponseFor,
    SignerInfo,
)

BUSINESS: Final = {kind.name.lower(): kind for kind in BusinessKind}


class DraftError(ValueError):
    """The draft is no document; ``reasons`` name the keys."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AttachedFile(_Strict):
    """A file to be attached; its path is relative to the TOML file."""

    file: Path
    name: str = ""
    content_type: str = ""
    description: str = ""


class Draft(_Strict):
    """A document to be written. Nested tables have the keys of ``envelopes.model``."""

    number: str = Field(min_length=1)
    notation: str = Field(min_length=1)
    subject: str = Field(min_length=1)
    sender: Organization
    recipients: tuple[Organization, ...] = Field(min_length=1)
    date: Day
    place: str = ""
    document_id: str = ""
    type: DocumentType = DocumentType(type=2, detail=18, name="Công văn")
    content: str = ""
    signer: SignerInfo | None = None
    due_date: Day | None = None
    to_places: tuple[str, ...] = ()
    other: OtherInfo = OtherInfo()
    response_for: tuple[ResponseFor, ...] = ()
    steering_type: int | None = None
    business: Business = Business()
    attachments: tuple[AttachedFile, ...] = ()

    @field_validator("business", mode="before")
    @classmethod
    def _kind_by_name(cls, value: Any) -> Any:
        """``kind = "revoke"`` reads better than ``kind = 1``; both are taken."""
        if isinstance(value, dict) and isinstance(value.get("kind"), str):
            return {**value, "kind": BUSINESS.get(value["kind"].lower(), value["kind"])}
        return value


def draft(table: Mapping[str, Any]) -> Draft:
    """The draft that ``table`` spells. Raises ``DraftError``."""
    try:
        return Draft.model_validate(table)
    except ValidationError as error:
        raise DraftError(
            [_sentence(fault) for fault in error.errors(include_input=False, include_url=False)]
        ) from error


def document(draft: Draft, folder: Path) -> tuple[Document, dict[str, bytes]]:
    """The document and its attachments' octets. Raises ``OSError`` for a file that cannot be read."""
    attachments: list[Attachment] = []
    contents: dict[str, bytes] = {}
    for number, attached in enumerate(draft.attachments, start=1):
        octets = (folder / attached.file).read_bytes()
        contents[str(number)] = octets
        attachments.append(_attachment(str(number), attached, octets))
    code = DocumentCode(number=draft.number, notation=draft.notation)
    made = Document(
        sender=draft.sender,
        recipients=draft.recipients,
        document_id=draft.document_id or f"{draft.sender.organ_id},{draft.date:%Y/%m/%d},{code}",
        code=code,
        subject=draft.subject,
        promulgation_date=draft.date,
        promulgation_place=draft.place,
        type=draft.type,
        content=draft.content,
        signer=draft.signer,
        due_date=draft.due_date,
        to_places=draft.to_places,
        other=draft.other,
        response_for=draft.response_for,
        steering_type=draft.steering_type,
        business=draft.business,
        attachments=tuple(attachments),
    )
    return made, contents


def _attachment(content_id: str, attached: AttachedFile, octets: bytes) -> Attachment:
    name = attached.name or attached.file.name
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return describe(
        octets,
        content_id=content_id,
        name=name,
        content_type=attached.content_type or guessed,
        description=attached.description,
    )


def _sentence(fault: Mapping[str, Any]) -> str:
    key = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in fault["loc"])
    unknown = fault["type"] in ("extra_forbidden", "unexpected_keyword_argument")
    return f"{key}: {'no such key' if unknown else fault['msg']}"
