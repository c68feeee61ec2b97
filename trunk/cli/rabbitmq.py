"""``trunk admin rabbitmq``: RabbitMQ as it should be, planned, applied and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from queues.estate import Act, Step
from trunk.cli.exits import Exit
from trunk.cli.lazy import LazyGroup, example
from trunk.cli.output import console, note, print_json, simple_table
from trunk.cli.stewarding import opened
from trunk.cli.world import World, pass_world


@click.group(cls=LazyGroup, places={"dead-letters": "dead_letters:dead_letters"})
def rabbitmq() -> None:
    """RabbitMQ: virtual host, users and rights, policies, queues; docs/rabbitmq.md.

    Asks the management API ([broker] management_url_file) and the directory: agencies in mode `amqp` get a user.
    """


@rabbitmq.command(epilog=example("trunk admin rabbitmq plan", "trunk admin rabbitmq plan --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def plan(world: World, *, as_json: bool) -> None:
    """Show what `apply` would do, and do nothing. Exit code 1 if something in it is refused."""
    with opened(world) as steward:
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
    with opened(world) as steward:
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
    with opened(world) as steward:
        planned = steward.plan()
    _print(planned.steps, as_json=as_json)
    if planned.differences:
        raise click.exceptions.Exit(Exit.REFUSED)
    if not as_json:
        note(world.language.say("RabbitMQ đúng như thiết lập", "RabbitMQ is as it should be"))


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
