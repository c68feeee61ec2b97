"""``trunk list``: many deliveries at a glance, through the read-only door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from trunk.cli.filters import Filter, filter_options
from trunk.cli.lazy import example
from trunk.cli.output import age, cell, clock, console, note, print_json, table
from trunk.cli.shapes import is_overdue, listed_json
from trunk.cli.story import badges
from trunk.cli.words import STATE, STATE_STYLE, Language
from trunk.cli.world import World, wish
from trunk.domain.tracking import Listed

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking

_SUBJECT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish(Filter):
    """The options of ``trunk list``."""

    as_json: bool
    ids: bool


@click.command(
    "list",
    epilog=example(
        "trunk list --agency H41.01 --state waiting",
        "trunk list --urgent --since 09/10/2025",
        "trunk list --text 7816 --json",
        "trunk list --state expired --ids | xargs trunk admin replay --yes --reason 'H41 is back'",
    ),
)
@filter_options(limit=100)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--ids", is_flag=True, help="Print delivery ids only, one on a line.")
@wish(Wish)
def list_(world: World, wish: Wish) -> None:
    """Which messages are where? / Danh sách văn bản.

    One line for each delivery (a message on its way to one recipient), the newest first. A state may be one of
    the nine, or `waiting` (not taken yet) or `settled`.
    """
    with world.desk() as desk:
        found = desk.tracking.search(wish.search(desk.tracking))
        if wish.ids:
            for line in found:
                click.echo(line.delivery.id)
        else:
            _print(found, desk.tracking, world, as_json=wish.as_json)
    if len(found) == wish.limit:
        note(world.language.say(f"Chỉ hiện {wish.limit} dòng; dùng --limit", f"{wish.limit} shown; see --limit"))


def _print(found: Sequence[Listed], tracking: Tracking, world: World, *, as_json: bool) -> None:
    if as_json:
        print_json({"items": [listed_json(line, tracking=tracking) for line in found]})
    elif found:
        console().print(deliveries_table(found, tracking, world.language))
    else:
        note(world.language.say("Không có kết quả", "Nothing found"))


def deliveries_table(found: Sequence[Listed], tracking: Tracking, language: Language) -> Table:
    """A line for each delivery, readable in 80 columns."""
    made = table(
        [
            language.say("Văn bản", "Message"),
            language.say("Gửi → nhận", "From → to"),
            language.say("Tình trạng", "State"),
            language.say("Tiếp nhận", "Accepted"),
        ]
    )
    made.columns[0].ratio = 3
    made.columns[3].no_wrap = True
    for line in found:
        made.add_row(*_row(line, tracking, language))
    return made


def _row(line: Listed, tracking: Tracking, language: Language) -> tuple[Text, Text, Text, Text]:
    envelope, delivery = line.envelope, line.delivery
    late = is_overdue(delivery, envelope, tracking=tracking)
    message = cell(envelope.document_code or envelope.document_id, "bold")
    if envelope.subject:
        message.append("\n").append_text(cell(envelope.subject, limit=_SUBJECT))
    marks = badges(envelope, overdue=late, language=language)
    if marks.plain:
        message.append("\n").append_text(marks)
    way = cell(envelope.sender).append("\n→ ").append_text(cell(delivery.addressee, "bold"))
    state = Text(language.of(STATE[delivery.state]), style=STATE_STYLE[delivery.state])
    accepted = Text(clock(envelope.accepted_at)).append("\n")
    accepted.append(age(tracking.now() - envelope.accepted_at, language), style="dim")
    return message, way, state, accepted
