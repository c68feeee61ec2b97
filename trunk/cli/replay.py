"""``trunk admin replay``: put deliveries back into their agencies' inboxes. Who and why go into the journal.

Writes the ledger; the running service sends. So it works while RabbitMQ is down.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trunk.cli.exits import Exit, WrongUsageError
from trunk.cli.filters import Filter, filter_options
from trunk.cli.lazy import example
from trunk.cli.listing import deliveries_table
from trunk.cli.output import console, is_terminal, note, print_json, simple_table
from trunk.cli.reasons import refused, required_reason
from trunk.cli.words import STATE, Language
from trunk.cli.world import Doors, World, wish
from trunk.domain.delivery import DeliveryId
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.domain.replaying import NOT_ARRIVED, Counted
from trunk.domain.tracking import Listed

if TYPE_CHECKING:
    from trunk.application.replay import Order, Replay, Replayed
    from trunk.bootstrap import AdminRoom

_SHOWN: Final = 20
_UNKNOWN, _SETTLED, _PURGED = "unknown", "settled", "purged"
_REFUSED: Final = {Code.NOT_FOUND: _UNKNOWN, Code.ALREADY_SETTLED: _SETTLED, Code.PURGED: _PURGED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish(Filter):
    """The options of ``trunk admin replay``."""

    deliveries: tuple[str, ...]
    reason: str
    operator: str
    per_second: float
    dry_run: bool
    yes: bool
    as_json: bool

    @property
    def why(self) -> str:
        """The reason, with who ordered it: words of the user's, which say nothing of who did it."""
        reason, by = self.reason.strip(), self.operator.strip()
        return f"{reason} (ordered by {by})" if by else reason


@click.command(
    epilog=example(
        "trunk admin replay 0199a3c4-7d0e-7c11-a3b5-5d0c8f6a2b11 --reason 'their disk was full'",
        "trunk admin replay --agency H41.01 --state expired --dry-run",
        "trunk admin replay --agency H41.01 --older-than 2d --per-second 5 --yes --reason 'H41 was down'",
        "trunk admin replay --reason-code status_503 --since 2026-11-20 --until 2026-11-22 --dry-run",
    )
)
@click.argument("deliveries", nargs=-1)
@filter_options(limit=100_000)
@click.option("--reason", default="", help="Why (required, except with --dry-run); goes into the journal.")
@click.option(
    "--operator",
    default="",
    help="Who ordered it, if not you: goes into the reason. Who did it is your user name on this machine.",
)
@click.option(
    "--per-second", type=click.FloatRange(min=0, min_open=True), default=50.0, show_default=True, help="Pace."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be replayed; ends as it would.")
@click.option("--yes", is_flag=True, help="Do not ask (needed for more than one without a terminal).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@wish(Wish)
def replay(world: World, wish: Wish) -> None:
    """Put deliveries back into their agencies' inboxes.

    Name deliveries by id, or choose them by filter. A filter without --state means what has not arrived:
    dispatched, deferred and expired. What an agency's people received or refused, and what was recalled, is settled
    and stays so. Every replay is written into the journal with who and why. The running service sends; RabbitMQ may be
    down meanwhile.
    """
    _check(wish)
    with world.administration() as room:
        if wish.deliveries:
            _replay(room, [DeliveryId(d) for d in dict.fromkeys(wish.deliveries)], wish, world)
        else:
            _replay_chosen(room, wish, world)


def _check(wish: Wish) -> None:
    if wish.deliveries and not wish.empty:
        raise WrongUsageError("name deliveries or choose them by filter, not both")
    if not wish.deliveries and wish.empty:
        raise WrongUsageError("nothing is chosen", remedy="name deliveries, or give --agency, --state, --text, …")
    if not wish.dry_run:
        required_reason(wish.reason, example="their disk was full")
        required_reason(wish.why, example="their disk was full")


def _replay_chosen(room: AdminRoom, wish: Wish, world: World) -> None:
    states = wish.state or tuple(sorted(NOT_ARRIVED))
    search = dataclasses.replace(wish, state=states).search(room.tracking)
    found = room.replay.choose(search)
    if isinstance(found, Rejected):
        raise refused(found, world.language)
    chosen, counts = found[: wish.limit], room.replay.count(search)
    if wish.dry_run and wish.as_json:
        print_json({"would_replay": chosen, "counts": [dataclasses.asdict(one) for one in counts]})
    elif wish.dry_run:
        _show(counts, room.replay.candidates(dataclasses.replace(search, limit=_SHOWN)), room, world)
    else:
        if not wish.as_json:
            console(stderr=True).print(_counts(counts, world.language))
        _replay(room, chosen, wish, world)
    if len(found) > wish.limit:
        note(f"the first {wish.limit} only; see --limit")


def _show(counts: Sequence[Counted], newest: Sequence[Listed], room: AdminRoom, world: World) -> None:
    screen, total = console(), sum(one.count for one in counts)
    screen.print(_counts(counts, world.language))
    screen.print(deliveries_table(newest, room.tracking, world.language))
    if total > len(newest):
        left = total - len(newest)
        note(world.language.say(f"… và {left} nữa", f"… and {left} more"))


def _counts(counts: Sequence[Counted], language: Language) -> object:
    rows = [(str(one.agency), language.of(STATE[one.state]), str(one.count)) for one in counts]
    rows.append((language.say("Tổng", "Total"), "", str(sum(one.count for one in counts))))
    headings = [language.say("Nơi nhận", "Recipient"), language.say("Tình trạng", "State"), "n"]
    return simple_table(headings, rows)


def _replay(room: AdminRoom, ids: Sequence[DeliveryId], wish: Wish, world: World) -> None:
    if wish.dry_run:
        _rehearse(room, ids, wish, world.language)
        return
    from trunk.application.replay import Order  # noqa: PLC0415  heavy

    _ask(len(ids), wish, world)
    order = Order(operator=world.doors.user(), reason=wish.why)
    outcomes: dict[DeliveryId, str] = {}
    try:
        outcomes.update(_paced(room.replay, ids, order, wish, world.doors))
    finally:  # an interruption half-way tells what was done until then
        _summarise(outcomes, len(ids), wish, world.language)
    _end(outcomes.values())


def _rehearse(room: AdminRoom, ids: Sequence[DeliveryId], wish: Wish, language: Language) -> None:
    """Ends as the replay would."""
    flaws = {one: flaw for one in ids for flaw in room.replay.flaws([one])}
    left = {one: _REFUSED[flaw.code] for one, flaw in flaws.items()}
    chosen = [one for one in ids if one not in left]
    if wish.as_json:
        print_json({"would_replay": chosen, "left_alone": left})
    else:
        click.echo("\n".join(chosen), nl=bool(chosen))
        _tell_refused(left, language)
    _end(left.values())


def _end(outcomes: Collection[str]) -> None:
    if _UNKNOWN in outcomes:
        raise click.exceptions.Exit(Exit.NOT_FOUND)
    if {_SETTLED, _PURGED} & set(outcomes):
        raise click.exceptions.Exit(Exit.REFUSED)


def _ask(number: int, wish: Wish, world: World) -> None:
    if number <= 1 or wish.yes:
        return
    if not is_terminal():
        raise WrongUsageError(f"{number} deliveries, and nobody to ask", remedy="look with --dry-run, then add --yes")
    question = world.language.say(f"Giao lại {number} lượt?", f"Replay {number} deliveries?")
    click.confirm(question, abort=True, err=True)


def _paced(
    replay: Replay, ids: Sequence[DeliveryId], order: Order, wish: Wish, doors: Doors
) -> Iterator[tuple[DeliveryId, str]]:
    """One after the other, not faster than asked, with a progress bar on standard error."""
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("replay", total=len(ids))
        started = doors.monotonic()
        for number, delivery_id in enumerate(ids):
            ahead = started + number / wish.per_second - doors.monotonic()
            if ahead > 0:
                doors.sleep(ahead)
            yield delivery_id, _outcome(replay.one(delivery_id, order))
            bar.advance(task)


def _outcome(result: Replayed | Rejected) -> str:
    if isinstance(result, Rejected):
        return _REFUSED[result.code]
    return result.outcome


def _summarise(outcomes: dict[DeliveryId, str], total: int, wish: Wish, language: Language) -> None:
    if wish.as_json:
        print_json({"outcomes": outcomes, "not_reached": total - len(outcomes)})
        return
    words = _words(language)
    for outcome, number in Counter(outcomes.values()).items():
        click.echo(f"{number:>6}  {words[outcome]}")
    _tell_refused({d: outcome for d, outcome in outcomes.items() if outcome in _REFUSED.values()}, language)
    if len(outcomes) < total:
        click.echo(f"{total - len(outcomes):>6}  {language.say('chưa thực hiện', 'not reached')}")


def _tell_refused(refused: Mapping[DeliveryId, str], language: Language) -> None:
    words = _words(language)
    for delivery_id, outcome in refused.items():
        click.echo(f"        {delivery_id}: {words[outcome]}", err=True)


def _words(language: Language) -> Mapping[str, str]:
    return {
        "queued": language.say("đã xếp lại vào hàng chờ", "queued again"),
        "already_queued": language.say("vốn đang chờ chuyển", "queued already"),
        _SETTLED: language.say("đã kết thúc, giữ nguyên", "settled, left alone"),
        _PURGED: language.say("nội dung đã xoá theo quy định lưu trữ", "purged, its content is gone"),
        _UNKNOWN: language.say("không có mã này", "no such delivery"),
    }
