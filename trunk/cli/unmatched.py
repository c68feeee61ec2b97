"""``trunk unmatched``: statuses that speak of no document known here, so that both sides see them and nobody polls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click
from rich.table import Table
from rich.text import Text

from trunk.cli.exits import NotFoundError
from trunk.cli.lazy import example
from trunk.cli.output import cell, clock, console, note, print_json, table
from trunk.cli.shapes import unmatched_json
from trunk.cli.words import STATUS, WHY_UNMATCHED, Language
from trunk.cli.world import World, wish
from trunk.domain.delivery import AgencyCode
from trunk.domain.tracking import ListedStatus, StatusSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``trunk unmatched``."""

    agency: str | None
    limit: int
    as_json: bool


@click.command(epilog=example("trunk unmatched", "trunk unmatched --agency H41.01", "trunk unmatched --json"))
@click.option("--agency", help="Reporter or addressee, by any of its codes (H41.01, 000.00.01.H41, an alias).")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@wish(Wish)
def unmatched(world: World, wish: Wish) -> None:
    """Which statuses match no document? / Trạng thái không khớp văn bản nào.

    Such a status is kept and was passed on as it is; it moved nothing. The newest first, each with who reported it,
    who was told, what it speaks of and why no document was found for it.
    """
    with world.desk() as desk:
        family = desk.tracking.family(wish.agency) if wish.agency else None
        if family is not None and not family:
            raise NotFoundError(f"no agency has the code {wish.agency}", remedy="trunk admin agency list")
        found = desk.tracking.statuses(StatusSearch(agencies=family, unmatched=True, limit=wish.limit))
    if wish.as_json:
        print_json({"items": [unmatched_json(line) for line in found]})
    elif found:
        console().print(_table(found, world.language))
    else:
        note(world.language.say("Mọi trạng thái đều khớp văn bản", "Every status matches a document"))
    if len(found) == wish.limit:
        note(world.language.say(f"Chỉ hiện {wish.limit} dòng; dùng --limit", f"{wish.limit} shown; see --limit"))


def _table(found: Sequence[ListedStatus], language: Language) -> Table:
    made = table(
        [
            language.say("Lúc", "When"),
            language.say("Báo → nhận", "From → to"),
            language.say("Trạng thái", "Status"),
            language.say("Nói về văn bản", "Speaks of"),
        ]
    )
    made.columns[0].no_wrap = True
    made.columns[3].ratio = 2
    for line in found:
        made.add_row(*_row(line, language))
    return made


def _row(line: ListedStatus, language: Language) -> tuple[Text, Text, Text, Text]:
    report, envelope = line.report, line.envelope
    way = cell(report.reporter, "bold").append("\n→ ").append_text(cell(report.addressee or AgencyCode("?")))
    words = STATUS.get(report.code)
    said = cell(f"{report.code} {language.of(words) if words else ''}".strip())
    if report.description:
        said.append("\n").append_text(cell(report.description))
    names = [name for name in (envelope.document_code, envelope.document_id or envelope.promulgation_date) if name]
    spoken = cell(names[0] if names else "—", "bold")
    for more in names[1:]:
        spoken.append("\n").append_text(cell(more))
    if line.why:
        spoken.append(f"\n{language.of(WHY_UNMATCHED[line.why])}", style="yellow")
    spoken.append(f"\n{envelope.id}", style="dim")
    return Text(clock(report.at)), way, said, spoken
