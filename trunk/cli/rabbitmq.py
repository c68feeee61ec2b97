"""``trunk admin rabbitmq``: RabbitMQ as it should be, planned, applied and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from queues.estate import Act, DeadLetter, EstateError, Step, Steward
from trunk.application.notices import delivery_of
from trunk.cli.exits import EndingError, Exit, MisconfiguredError, RefusedError, UnavailableError
from trunk.cli.lazy import example
from trunk.cli.output import clean, console, note, print_json, simple_table
from trunk.cli.world import World, pass_world
from trunk.domain.delivery import DeliveryState

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking

_SETTINGS = frozenset({"RMQ-107", "RMQ-108"})
_WAITING = frozenset({DeliveryState.QUEUED, DeliveryState.DISPATCHED, DeliveryState.DEFERRED})
_NOBODYS = "no such delivery"


@click.group()
def rabbitmq() -> None:
    """RabbitMQ: virtual host, users and rights, policies, queues; docs/rabbitmq.md.

    Asks the management API ([broker] management_url_file) and the directory: agencies in mode `amqp` get a user.
    """


@rabbitmq.command(epilog=example("trunk admin rabbitmq plan", "trunk admin rabbitmq plan --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def plan(world: World, *, as_json: bool) -> None:
    """Show what `apply` would do, and do nothing. Exit code 1 if something in it is refused."""
    with _opened(world) as steward:
        planned = steward.plan()
    _print(planned.steps, as_json=as_json)
    if not (as_json or planned.differences):
        note(world.language.say("Không có gì phải thay đổi", "Nothing to do"))
    _end_refused(planned.refused)


@rabbitmq.command(
    epilog=example(
        "trunk admin rabbitmq apply --passwords rabbitmq-passwords",
        "trunk admin rabbitmq apply --renew trunk.agency.H41",
    )
)
@click.option(
    "--passwords",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write passwords of new users into this folder, a file of mode 600 each; else they are shown this once.",
)
@click.option("--renew", multiple=True, metavar="USER", help="Give this user another password; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def apply(world: World, *, folder: Path | None, renew: Sequence[str], as_json: bool) -> None:
    """Make RabbitMQ as it should be. May be repeated at any time, also while the trunk runs.

    A queue whose arguments have changed is made anew, and what is in it is carried over without losing a message.
    Steps that are refused (exit code 1) stay undone; all others are done. The trunk's own password goes into the
    file that [broker] password_file names. A file that is there already is obeyed, not overwritten.
    """
    with _opened(world) as steward:
        refused = steward.plan().refused
        applied = steward.apply(folder=folder, renew=renew)
    _print([*applied.steps, *refused], as_json=as_json, passwords=dict(applied.passwords))
    if not as_json:
        for user, password in applied.passwords.items():
            click.echo(f"{user} {password}")
        done = len(applied.steps)
        note(world.language.say(f"Đã thực hiện {done} bước", f"{done} steps done"))
    if applied.passwords:
        note(
            world.language.say(
                "Hãy lưu mật khẩu ngay: chỉ hiện một lần.", "Keep the passwords now: they are shown this once."
            )
        )
    _end_refused(refused)


@rabbitmq.command(epilog=example("trunk admin rabbitmq check", "trunk admin rabbitmq check --json || echo look"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def check(world: World, *, as_json: bool) -> None:
    """Say what differs from what should be. Exit code 0: nothing; 1: something; 5: RabbitMQ cannot be asked now."""
    with _opened(world) as steward:
        planned = steward.plan()
    _print(planned.steps, as_json=as_json)
    if planned.differences:
        raise click.exceptions.Exit(Exit.REFUSED)
    if not as_json:
        note(world.language.say("RabbitMQ đúng như thiết lập", "RabbitMQ is as it should be"))


@rabbitmq.command(
    "dead-letters",
    epilog=example("trunk admin rabbitmq dead-letters", "trunk admin rabbitmq dead-letters --settle --forged"),
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@click.option("--settle", is_flag=True, help="Remove those whose delivery waits no longer.")
@click.option("--forged", is_flag=True, help="Remove those that speak of no delivery of ours.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def dead_letters(world: World, *, limit: int, settle: bool, forged: bool, as_json: bool) -> None:
    """Show the notices that were set aside, and how their deliveries stand in the ledger."""
    with _opened(world) as steward, world.desk() as desk:
        found = [(letter, _state(letter, desk.tracking)) for letter in steward.dead_letters(limit)]
        removed = (
            steward.settle(_removable(desk.tracking, settle=settle, forged=forged), limit) if settle or forged else 0
        )
    rows = [
        (clean(a.id, limit=60), clean(a.queue, limit=40), clean(a.reason), state, len(a.body)) for a, state in found
    ]
    keys = ("id", "queue", "reason", "delivery", "octets")
    if as_json:
        print_json({"items": [dict(zip(keys, row, strict=True)) for row in rows], "removed": removed})
    elif rows:
        console().print(simple_table(keys, [(*row[:4], str(row[4])) for row in rows]))
    note(world.language.say(f"{len(rows)} thư, đã bỏ {removed}", f"{len(rows)} dead letters, {removed} removed"))


@rabbitmq.command(epilog=example("trunk admin rabbitmq republish --yes"))
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_world
def republish(world: World, *, yes: bool) -> None:
    """After RabbitMQ's data are lost: send the notices of all deliveries anew that nobody has taken yet.

    Only agencies in mode `amqp` miss them; others are read from the ledger. Notices that were not lost come twice.
    """
    if not yes:
        click.confirm(world.language.say("Gửi lại mọi thông báo?", "Send all notices anew?"), abort=True)
    with world.administration() as room:
        count = room.administration.republish(operator=world.doors.user())
    note(world.language.say(f"Xếp lại {count} thông báo", f"{count} notices are queued again"))


def _removable(tracking: Tracking, *, settle: bool, forged: bool) -> Callable[[DeadLetter], bool]:
    def decide(letter: DeadLetter) -> bool:
        state = _state(letter, tracking)
        return forged if state == _NOBODYS else settle and state not in _WAITING

    return decide


def _state(letter: DeadLetter, tracking: Tracking) -> str:
    named = delivery_of(letter.id, letter.body)
    delivery = tracking.delivery(named) if named is not None else None
    return delivery.state.value if delivery is not None else _NOBODYS


@contextmanager
def _opened(world: World) -> Iterator[Steward]:
    """The tool, for the agencies of the directory; its faults as endings."""
    with world.desk() as desk:
        agencies = desk.tracking.agencies()
    try:
        yield world.doors.open_rabbitmq(world.settings, agencies)
    except EstateError as error:
        raise _ending(error) from error


def _ending(error: EstateError) -> EndingError:
    kind = UnavailableError if error.temporary else MisconfiguredError if error.code in _SETTINGS else RefusedError
    return kind(f"{error.code}: {clean(str(error))}", remedy=error.remedy)


def _end_refused(refused: Sequence[Step]) -> None:
    if refused:
        raise click.exceptions.Exit(Exit.REFUSED)


def _print(steps: Sequence[Step], *, as_json: bool, passwords: dict[str, str] | None = None) -> None:
    if as_json:
        told: dict[str, Any] = {"steps": [_step_json(step) for step in steps]}
        print_json(told | ({"passwords": passwords} if passwords is not None else {}))
    elif steps:
        rows = [(step.act.value, step.kind, step.name, _words(step)) for step in steps]
        console().print(simple_table(("step", "kind", "name", "what"), rows))


def _words(step: Step) -> str:
    return f"{step.code}: {step.what} → {step.remedy}" if step.act is Act.REFUSE else step.what


def _step_json(step: Step) -> dict[str, str]:
    return {
        "act": step.act.value,
        "kind": step.kind,
        "name": step.name,
        "what": step.what,
        "code": step.code,
        "remedy": step.remedy,
    }
