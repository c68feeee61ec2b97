"""``trunk envelope status``: a business status message, as an agency's system sends it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import click

from envelopes.model import Document, Organization, ResponseFor, StaffInfo, StatusCode, StatusMessage
from envelopes.writer import UnwritableError, write_status
from trunk.cli.envelope_report import report
from trunk.cli.envelope_write import write_new
from trunk.cli.exits import RefusedError
from trunk.cli.filters import Moment
from trunk.cli.lazy import example
from trunk.cli.looking import Given, Looked, looking, work
from trunk.cli.output import HANOI, console
from trunk.cli.words import STATUS
from trunk.cli.world import World, wish

_CODES: Final = "\n".join(("\b", "Codes:", *(f"  {code}  {words.vi} / {words.en}" for code, words in STATUS.items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``trunk envelope status``."""

    code: str
    sender: str
    file: Path | None
    organ_id: str
    document_id: str
    document_code: str
    date: datetime | timedelta | None
    description: str
    staff: str
    department: str
    output: Path


@click.command(
    epilog=f"{_CODES}\n\n"
    + example(
        "trunk envelope status 03 --sender 'H36.17=Sở Tiếp nhận' --for letter.edxml -o status.edxml",
        "trunk envelope status 02 --sender H36.17 --organ-id H41.01 --document-code 7816/VPCP-TTĐT \\",
        "    --document-id 'H41.01,2025/10/09,7816/VPCP-TTĐT' --description 'Sai thẩm quyền' -o status.edxml",
    )
)
@click.argument("code", type=click.Choice([code.value for code in StatusCode]))
@click.option("--sender", required=True, metavar="CODE[=NAME]", help="The agency that reports.")
@click.option(
    "--for",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The document that is spoken of; the four options below are taken from it.",
)
@click.option("--organ-id", default="", help="Who sent the document: the addressee of the status.")
@click.option("--document-id", default="", help="DocumentId of the document.")
@click.option("--document-code", default="", help="Its code, e.g. 7816/VPCP-TTĐT.")
@click.option("--date", type=Moment(), help="Its day of promulgation.")
@click.option("--description", default="", help="Reason or remark; codes 02, 13 and 16 need one.")
@click.option("--staff", default="", help="Who handled it.")
@click.option("--department", default="", help="Where.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new file.")
@wish(Wish)
def status(world: World, wish: Wish) -> None:
    """Write a status message (edXML) about a document."""
    code, _, name = wish.sender.partition("=")
    message = StatusMessage(
        sender=Organization(organ_id=code.strip(), name=name.strip()),
        response_for=_about(world, wish),
        code=wish.code,
        description=wish.description,
        staff=StaffInfo(department=wish.department, staff=wish.staff) if wish.staff or wish.department else None,
        timestamp=world.doors.now(),
    )
    try:
        octets = write_status(message)
    except UnwritableError as error:
        raise RefusedError(str(error), remedy="leave control characters out") from error
    _prove(replace(work(Given())(octets, world.doors.now()), name=str(wish.output)), world)
    write_new(wish.output, octets, world)


def _about(world: World, wish: Wish) -> ResponseFor:
    if wish.file is not None:
        return _response_for(wish.file, world)
    if not (wish.organ_id and wish.document_id):
        raise click.UsageError("say what it is about: --for FILE, or --organ-id and --document-id")
    moment = world.doors.now() - wish.date if isinstance(wish.date, timedelta) else wish.date
    return ResponseFor(
        organ_id=wish.organ_id,
        code=wish.document_code,
        document_id=wish.document_id,
        promulgation_date=moment.astimezone(HANOI).date() if moment else None,
    )


def _response_for(file: Path, world: World) -> ResponseFor:
    with looking(world, Given()) as look:
        document = look(file).message
    if not isinstance(document, Document):
        raise RefusedError(f"{file} is no document message", remedy=f"trunk envelope check {file}")
    return ResponseFor(
        organ_id=document.sender.organ_id,
        code=str(document.code),
        document_id=document.document_id,
        promulgation_date=document.promulgation_date,
    )


def _prove(looked: Looked, world: World) -> None:
    if looked.form:
        console(stderr=True).print(report(looked, require_signature=False, language=world.language))
        raise RefusedError("this is no status message yet", remedy="mend what is named above; nothing was written")
