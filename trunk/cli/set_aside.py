"""``trunk admin set-aside``: what the reconciler took out of the way, looked at and closed with a reason."""

from __future__ import annotations

import click

from trunk.cli.exits import NotFoundError
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, instant, note, print_json, simple_table
from trunk.cli.reasons import required_reason
from trunk.cli.world import World, pass_world


@click.group()
def set_aside() -> None:
    """What cannot be right and was taken out of the way, so that nothing else stops."""


@set_aside.command("list", epilog=example("trunk admin set-aside list --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def list_(world: World, *, as_json: bool) -> None:
    """What nobody has closed yet, the newest first."""
    with world.administration() as room:
        found = room.administration.set_aside()
    if as_json:
        print_json(
            {
                "items": [
                    {"number": a.id, "at": instant(a.at), "code": a.code, "what": a.reference, "detail": a.detail}
                    for a in found
                ]
            }
        )
    elif found:
        rows = [(str(a.id), clock(a.at), a.code, a.reference, a.detail) for a in found]
        console().print(simple_table(("number", "at", "code", "what", "detail"), rows))
    else:
        note(world.language.say("Không có gì", "Nothing is set aside"))


@set_aside.command(epilog=example("trunk admin set-aside close 3 --reason 'restored from the backup'"))
@click.argument("number", type=click.IntRange(min=1))
@click.option("--reason", default="", help="Why (required); kept with it, and who.")
@pass_world
def close(world: World, *, number: int, reason: str) -> None:
    """Close NUMBER: somebody has looked at it. It stays in the database with who and why."""
    why = required_reason(reason, example="restored from the backup")
    with world.administration() as room:
        if not room.administration.close_aside(number, operator=world.doors.user(), reason=why):
            raise NotFoundError(f"nothing open has the number {number}", remedy="trunk admin set-aside list")
    note(world.language.say(f"Đã đóng {number}", f"{number} is closed"))
