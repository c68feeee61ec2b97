"""``trunk admin journal``: what happened, and whether anybody has tampered with the record of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trunk.cli.exits import Exit
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, instant, note, print_json, simple_table
from trunk.cli.world import World, pass_world, wish

if TYPE_CHECKING:
    from trunk.storage.journal import Checked, Line

_SHOWN = 50


@click.group("journal")
def journal() -> None:
    """Shows and verifies the journal: what happened, by whom and why."""


@journal.command(
    epilog=example("trunk admin journal verify", "trunk admin journal verify --against heads-2026-03-01.json --json")
)
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Heads that were kept elsewhere: a journal that was set back or written anew is noticed.",
)
@click.option(
    "--seal",
    "former",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificate of an earlier seal of this trunk, for heads from its time. May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_world
def verify(world: World, *, against: Path | None, former: tuple[Path, ...], as_json: bool) -> None:
    """Follow every chain from its first line to its last. Ends with 1 if a line is not as it was written."""
    columns = (TextColumn("journal"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        world.administration() as room,
        Progress(*columns, console=console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("journal", total=room.journal.size())
        found = room.journal.check(against=against, former=former, passed=lambda lines: bar.advance(task, lines))
    if as_json:
        print_json(asdict(found))
    else:
        _tell(found, world)
    if found.faults:
        raise click.exceptions.Exit(Exit.REFUSED)


def _tell(found: Checked, world: World) -> None:
    say = world.language.say
    if found.faults:
        rows = [(f.what, f.node, str(f.sequence), str(f.id or "")) for f in found.faults[:_SHOWN]]
        console().print(simple_table(("what", "node", "sequence", "line"), rows))
    total = f"{found.lines} / {found.chains} / {found.unlinked}"
    counted = say(f"dòng / chuỗi / dòng cũ chưa nối: {total}", f"lines / chains / older lines, not linked: {total}")
    click.echo(counted)
    if found.faults:
        click.echo(say(f"SAI LỆCH: {len(found.faults)}", f"NOT AS WRITTEN: {len(found.faults)}"))
    else:
        click.echo(say("Nhật ký nguyên vẹn", "The journal is whole"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``show``."""

    since: datetime | None
    actor: str
    envelope: str
    limit: int
    as_json: bool


@journal.command(
    epilog=example("trunk admin journal show --actor an", "trunk admin journal show --since 2026-03-01 --json")
)
@click.option("--since", type=click.DateTime(), help="From this time on (Vietnam's).")
@click.option("--actor", default="", help="By this system, user of this machine, or operator/NAME.")
@click.option("--envelope", default="", help="Of this envelope, by its id.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@wish(Wish)
def show(world: World, wish: Wish) -> None:
    """Show lines of the journal, the newest last."""
    from trunk.cli.output import HANOI  # noqa: PLC0415  beside its only use

    since = None if wish.since is None else wish.since.replace(tzinfo=wish.since.tzinfo or HANOI)
    with world.administration() as room:
        found = room.journal.lines(since=since, actor=wish.actor, envelope_id=wish.envelope, limit=wish.limit)
    if wish.as_json:
        print_json({"items": [_json(line) for line in found]})
        return
    rows = [
        (clock(line.at), line.event, line.actor, line.delivery_id or line.envelope_id, line.reason) for line in found
    ]
    console().print(simple_table(("at", "event", "by", "of", "reason"), rows))


@journal.command(epilog=example("trunk admin journal heads > heads-2026-03-01.json"))
@pass_world
def heads(world: World) -> None:
    """Print the last line of every chain under the trunk's seal. Keep it where nobody at the trunk can change it."""
    with world.administration() as room:
        click.echo(room.journal.heads(), nl=False)
    note(world.language.say("Hãy lưu ở nơi khác.", "Keep it elsewhere: another office, another ministry, paper."))


def _json(line: Line) -> dict[str, Any]:
    return {**asdict(line), "at": instant(line.at)}
