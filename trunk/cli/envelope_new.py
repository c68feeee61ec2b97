"""``trunk envelope new``: a document message, without writing XML by hand."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from envelopes.writer import UnwritableError, write_document
from trunk.cli.envelope_draft import BUSINESS, DraftError, document, draft
from trunk.cli.envelope_write import write_new
from trunk.cli.exits import RefusedError
from trunk.cli.filters import Moment
from trunk.cli.lazy import example
from trunk.cli.output import HANOI
from trunk.cli.world import World, wish
from trunk.domain.outcome import Flaw
from trunk.domain.rejection import CATALOGUE, Code

_TOML: Final = """\b
letter.toml:
  number = "7816"
  notation = "VPCP-TTĐT"
  subject = "Về việc chạy thử trục liên thông"
  date = 2025-10-09
  place = "Hà Nội"                 # also: content, due_date, to_places, document_id, steering_type
  sender = { organ_id = "H41.01", name = "Sở Nội vụ" }
  recipients = [{ organ_id = "H36.17" }, { organ_id = "G12", name = "Bộ Nội vụ" }]
  type = { type = 2, detail = 18, name = "Công văn" }
  signer = { competence = "KT.", position = "Phó Giám đốc", full_name = "Nguyễn Văn A" }
  other = { priority = 1, page_amount = 2 }
  business = { kind = "new" }      # new, revoke, update, replace; reason, document_id, replacements, …
  attachments = [{ file = "cong-van.pdf", description = "Công văn" }]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``trunk envelope new``."""

    from_toml: Path | None
    sender: str
    to: tuple[str, ...]
    number: str
    notation: str
    subject: str
    date: datetime | timedelta | None
    place: str
    priority: int | None
    due: datetime | timedelta | None
    business: str
    about: str
    reason: str
    attach: tuple[Path, ...]
    output: Path


@click.command(
    epilog=f"{_TOML}\n\n"
    + example(
        "trunk envelope new --from-toml letter.toml -o letter.edxml",
        "trunk envelope new --sender 'H41.01=Sở Nội vụ' --to H36.17 --to G12 --number 7816 --notation VPCP-TTĐT \\",
        "    --subject 'Về việc chạy thử' --attach cong-van.pdf -o letter.edxml",
        "trunk envelope new --from-toml letter.toml --business revoke --about 'H41.01,2025/10/09,7816/VPCP-TTĐT' \\",
        "    --reason 'Ban hành nhầm' -o revoke.edxml",
    )
)
@click.option("--from-toml", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Options outrank it.")
@click.option("--sender", default="", metavar="CODE[=NAME]", help="The sending agency.")
@click.option("--to", multiple=True, metavar="CODE[=NAME]", help="A receiving agency; repeat for several.")
@click.option("--number", default="", help="Số.")
@click.option("--notation", default="", help="Ký hiệu.")
@click.option("--subject", default="", help="Trích yếu.")
@click.option("--date", type=Moment(), help="Day of promulgation; default: today.")
@click.option("--place", default="", help="Place of promulgation.")
@click.option("--priority", type=click.IntRange(0, 4), help="0 thường, 1 khẩn, 2 thượng khẩn, 3 hỏa tốc, 4 hẹn giờ.")
@click.option("--due", type=Moment(), help="Day by which an answer is expected.")
@click.option("--business", type=click.Choice(list(BUSINESS)), default=None, help="Default: new.")
@click.option("--about", default="", metavar="DOCUMENT_ID", help="The document that is revoked, updated or replaced.")
@click.option("--reason", default="", help="Why it is revoked, updated or replaced.")
@click.option(
    "--attach", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True, help="Repeat for several."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new file.")
@wish(Wish)
def new(world: World, wish: Wish) -> None:
    """Write a document message (edXML), unsigned.

    What is written was read back and found valid. Next: `trunk envelope sign`.
    """
    folder = wish.from_toml.parent if wish.from_toml else Path()
    try:
        made, contents = document(draft(_table(world, wish)), folder)
        octets = write_document(made, contents)
    except DraftError as error:
        raise RefusedError(
            "\n".join(("this is no document yet:", *(f"  {reason}" for reason in error.reasons))),
            remedy="trunk envelope new --help shows options and an example",
        ) from error
    except UnwritableError as error:
        flaws = [Flaw(code=Code(f.code), path=f.path, expected=f.expected, got=f.got) for f in error.faults]
        raise RefusedError("\n".join(_spell(flaw, world) for flaw in flaws), remedy="mend the values") from error
    write_new(wish.output, octets, world)


def _table(world: World, wish: Wish) -> dict[str, Any]:
    """The TOML file's table with the options laid over it."""
    table = _read(wish.from_toml) if wish.from_toml else {}
    today = world.doors.now()
    said: dict[str, Any] = {
        "sender": _organization(wish.sender) if wish.sender else None,
        "recipients": [_organization(one) for one in wish.to],
        "number": wish.number,
        "notation": wish.notation,
        "subject": wish.subject,
        "place": wish.place,
        "date": _day(wish.date, today),
        "due_date": _day(wish.due, today),
        "attachments": [{"file": str(one.resolve())} for one in wish.attach],
    }
    table |= {key: value for key, value in said.items() if value}
    table.setdefault("date", _day(today, today))
    if wish.priority is not None:
        table["other"] = {**table.get("other", {}), "priority": wish.priority}
    business = {"kind": wish.business, "document_id": wish.about, "reason": wish.reason}
    if any(business.values()):
        table["business"] = {**table.get("business", {}), **{k: v for k, v in business.items() if v}}
    return table


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RefusedError(f"{file}: not TOML: {error}", remedy="see trunk envelope new --help") from error


def _organization(text: str) -> dict[str, str]:
    code, _, name = text.partition("=")
    return {"organ_id": code.strip(), "name": name.strip()}


def _day(moment: datetime | timedelta | None, now: datetime) -> Any:
    if moment is None:
        return None
    return (now - moment if isinstance(moment, timedelta) else moment).astimezone(HANOI).date()


def _spell(flaw: Flaw, world: World) -> str:
    title = world.language.of(CATALOGUE[flaw.code].title)
    return f"{flaw.code} {title}: {flaw.path} {flaw.expected} {flaw.got}".rstrip()
