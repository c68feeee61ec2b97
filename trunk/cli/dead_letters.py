"""``trunk admin rabbitmq dead-letters``: notices that were set aside: listed, shown, replayed, or closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from trunk.cli.lazy import example
from trunk.cli.output import clean, console, note, pairs, print_json, simple_table
from trunk.cli.reasons import refused, required_reason
from trunk.cli.stewarding import opened
from trunk.cli.world import World, pass_world
from trunk.domain.outcome import Rejected

if TYPE_CHECKING:
    from trunk.application.dead_letters import DeadLetters, Laid

_NOBODYS = "no such delivery"
_KEYS = ("letter", "id", "queue", "reason", "delivery", "octets")


@click.group(
    "dead-letters",
    invoke_without_command=True,
    epilog=example(
        "trunk admin rabbitmq dead-letters",
        "trunk admin rabbitmq dead-letters --settle --forged",
        "trunk admin rabbitmq dead-letters replay 1f0c9a66b2d04e7a --reason 'their reader is mended'",
    ),
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@click.option("--settle", is_flag=True, help="Remove those whose delivery waits no longer.")
@click.option("--forged", is_flag=True, help="Remove those that speak of no delivery of ours.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def dead_letters(ctx: click.Context, *, limit: int, settle: bool, forged: bool, as_json: bool) -> None:
    """Show the notices that were set aside, and how their deliveries stand in the ledger.

    The first column names a letter for the commands below. What they remove is a line in the journal first.
    """
    if ctx.invoked_subcommand is not None:
        return
    world = ctx.find_object(World)
    assert world is not None  # noqa: S101  every command has one
    with _opened(world) as letters:
        found, removed = letters.every(limit), 0
        if settle or forged:
            from trunk.application.replay import Order  # noqa: PLC0415  heavy

            order = Order(operator=world.doors.user(), reason="cleared")
            removed = letters.clear(order, settled=settle, forged=forged, limit=limit)
    rows = [_row(laid) for laid in found]
    if as_json:
        print_json({"items": [dict(zip(_KEYS, row, strict=True)) for row in rows], "removed": removed})
    elif rows:
        console().print(simple_table(_KEYS, [(*row[:5], str(row[5])) for row in rows]))
    note(world.language.say(f"{len(rows)} thư, đã bỏ {removed}", f"{len(rows)} dead letters, {removed} removed"))


@dead_letters.command(epilog=example("trunk admin rabbitmq dead-letters show 1f0c9a66b2d04e7a"))
@click.argument("letter")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def show(world: World, *, letter: str, as_json: bool) -> None:
    """Show LETTER and what is in it: whatever somebody has sent."""
    with _opened(world) as letters:
        laid = _insist(letters.show(letter), world)
    told = dict(zip(_KEYS, _row(laid), strict=True)) | {
        "body": clean(laid.letter.body[:4096].decode(errors="backslashreplace"))
    }
    if as_json:
        print_json(told)
    else:
        console().print(pairs([(name, str(value)) for name, value in told.items()]))


@dead_letters.command(epilog=example("trunk admin rabbitmq dead-letters replay 1f0c9a66b2d04e7a --reason 'mended'"))
@click.argument("letter")
@click.option("--reason", default="", help="Why (required); goes into the journal.")
@pass_world
def replay(world: World, *, letter: str, reason: str) -> None:
    """Put the delivery that LETTER speaks of back into its inbox, and remove the letter."""
    from trunk.application.replay import Order  # noqa: PLC0415  heavy

    why = required_reason(reason, example="their reader is mended")
    with _opened(world) as letters:
        done = letters.put_back(letter, Order(operator=world.doors.user(), reason=why))
    if isinstance(done, Rejected):
        raise refused(done, world.language)
    note(f"{done.delivery.id}: {done.outcome}")


@dead_letters.command(epilog=example("trunk admin rabbitmq dead-letters close 1f0c9a66b2d04e7a --reason 'forged'"))
@click.argument("letter")
@click.option("--reason", default="", help="Why (required); goes into the journal.")
@pass_world
def close(world: World, *, letter: str, reason: str) -> None:
    """Remove LETTER: somebody has looked at it."""
    from trunk.application.replay import Order  # noqa: PLC0415  heavy

    why = required_reason(reason, example="forged; the account is closed")
    with _opened(world) as letters:
        laid = _insist(letters.close(letter, Order(operator=world.doors.user(), reason=why)), world)
    note(world.language.say(f"Đã đóng {laid.name}", f"{laid.name} is closed"))


def _insist(found: Laid | Rejected, world: World) -> Laid:
    if isinstance(found, Rejected):
        raise refused(found, world.language)
    return found


@contextmanager
def _opened(world: World) -> Iterator[DeadLetters]:
    from trunk.application.dead_letters import DeadLetters  # noqa: PLC0415  heavy

    with opened(world) as steward, world.administration() as room:
        replay = room.replay
        yield DeadLetters(ledger=replay.ledger, replay=replay, letters=steward, now=replay.now)


def _row(laid: Laid) -> tuple[Any, ...]:
    letter = laid.letter
    state = laid.delivery.state.value if laid.delivery is not None else _NOBODYS
    texts = (clean(letter.id, limit=60), clean(letter.queue, limit=40), clean(letter.reason))
    return (laid.name, *texts, state, len(letter.body))
