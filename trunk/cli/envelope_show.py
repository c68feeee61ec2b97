"""``trunk envelope show``: what a message says, on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from envelopes.model import Document, Organization, StatusMessage
from trunk.cli.envelope_report import describe_signature, report
from trunk.cli.exits import Exit
from trunk.cli.lazy import example
from trunk.cli.looking import Given, Looked, looking
from trunk.cli.output import console, instant, pairs, print_json
from trunk.cli.words import BUSINESS, STATUS, URGENCY, Language
from trunk.cli.world import World, pass_world

Row = tuple[str, str]


@click.command(epilog=example("trunk envelope show letter.edxml", "trunk envelope show letter.edxml --json"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def show(world: World, *, file: Path, as_json: bool) -> None:
    """Show what the message in FILE says. Nobody vouches for it: `trunk envelope check --trust` does that."""
    with looking(world, Given()) as look:
        looked = look(file)
    if looked.message is None:
        console(stderr=True).print(report(looked, require_signature=False, language=world.language))
        raise click.exceptions.Exit(Exit.REFUSED)
    if as_json:
        print_json(message_json(looked.message, looked))
        return
    rows = list(_rows(looked.message, world.language))
    if looked.report is not None:
        said = describe_signature(looked, looked.report.envelope, world.language)
        rows.append((world.language.say("Chữ ký", "Signature"), said))
    rows.append(("SHA-256", looked.sha256))
    console().print(pairs(rows))


def message_json(message: Document | StatusMessage, looked: Looked) -> dict[str, Any]:
    """``trunk envelope show --json``."""
    common = {"sender": message.sender.organ_id, "sha256": looked.sha256, "size": looked.size}
    if isinstance(message, StatusMessage):
        about = message.response_for
        return {
            "kind": "status",
            **common,
            "status_code": message.code,
            "description": message.description,
            "about": {"organ_id": about.organ_id, "code": about.code, "document_id": about.document_id},
            "timestamp": instant(message.timestamp),
        }
    return {
        "kind": "document",
        **common,
        "recipients": [one.organ_id for one in message.recipients],
        "document_id": message.document_id,
        "document_code": str(message.code),
        "subject": message.subject,
        "promulgation_date": message.promulgation_date.isoformat() if message.promulgation_date else None,
        "due_date": message.due_date.isoformat() if message.due_date else None,
        "urgency": message.other.priority,
        "business": int(message.business.kind),
        "attachments": [
            {"content_id": a.content_id, "name": a.name, "form": a.form.value, "size": a.size, "sha256": a.sha256}
            for a in message.attachments
        ],
    }


def _rows(message: Document | StatusMessage, language: Language) -> Iterator[Row]:
    return _status(message, language) if isinstance(message, StatusMessage) else _document(message, language)


def _status(message: StatusMessage, language: Language) -> Iterator[Row]:
    words, about = STATUS.get(message.code), message.response_for
    yield language.say("Trạng thái", "Status"), f"{message.code} {language.of(words) if words else ''}".strip()
    yield language.say("Bên báo", "Reporter"), _organization(message.sender)
    yield language.say("Về văn bản", "About"), f"{about.code}  {about.document_id}"
    yield language.say("Của", "Sent by"), about.organ_id
    if message.description:
        yield language.say("Nội dung", "Description"), message.description


def _document(message: Document, language: Language) -> Iterator[Row]:
    yield language.say("Số ký hiệu", "Code"), str(message.code)
    yield language.say("Trích yếu", "Subject"), message.subject
    yield language.say("Mã định danh", "Document id"), message.document_id
    yield language.say("Nghiệp vụ", "Business"), language.of(BUSINESS[int(message.business.kind)])
    yield language.say("Bên gửi", "Sender"), _organization(message.sender)
    for recipient in message.recipients:
        yield language.say("Bên nhận", "Recipient"), _organization(recipient)
    if message.promulgation_date:
        yield language.say("Ngày ban hành", "Promulgated"), f"{message.promulgation_date:%d/%m/%Y}"
    if message.other.priority:
        words = URGENCY.get(message.other.priority)
        yield language.say("Độ khẩn", "Urgency"), language.of(words) if words else str(message.other.priority)
    for attachment in message.attachments:
        name = attachment.name or attachment.content_id
        yield language.say("Tệp", "Attachment"), f"{name}  ({attachment.size} B, {attachment.form})"


def _organization(organization: Organization) -> str:
    return f"{organization.organ_id}  {organization.name}".strip()
