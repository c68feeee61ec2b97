"""``trunk admin operator``: who may look and act at the trunk over HTTP (``/api/v1/admin``), by keys of their own."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from trunk.cli.exits import NotFoundError
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, instant, note, print_json, simple_table
from trunk.cli.world import World, pass_world
from trunk.domain.control import OperatorKey, Role


@click.group()
def operator() -> None:
    """Operators of the API /api/v1/admin: administrators, who act, and monitors, who look.

    An operator is a name on one or two valid keys. Keys of agencies' systems do not count there, nor these elsewhere.
    """


@operator.command(
    epilog=example(
        "trunk admin operator add binh --role administrator --expires-days 90",
        "trunk admin operator add zabbix --role monitor > monitor.key",
    )
)
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What the key may do.")
@click.option("--expires-days", type=click.IntRange(min=1), help="The key ends after so many days; default: never.")
@pass_world
def add(world: World, *, name: str, role: str, expires_days: int | None) -> None:
    """Make a key for the operator NAME. It is printed once, alone, to standard output; only its digest is kept.

    Again for the same operator: a second key, so that one is changed without a refused request.
    """
    with world.administration() as room:
        now = room.operators.now()
        expires = now + timedelta(days=expires_days) if expires_days else None
        issued = room.operators.add(name, Role(role), expires_at=expires)
    click.echo(issued.spelled)
    until = clock(expires) if expires else world.language.say("không thời hạn", "no end")
    note(
        world.language.say(
            f"Khóa {issued.key.id} của {name} ({role}), hiệu lực: {until}. Hãy lưu lại ngay: khóa chỉ hiện một lần.",
            f"Key {issued.key.id} of {name} ({role}), until: {until}. Keep it now: it is shown this once.",
        )
    )


@operator.command("list", epilog=example("trunk admin operator list", "trunk admin operator list --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def list_(world: World, *, as_json: bool) -> None:
    """List operators and their keys; never a secret."""
    with world.administration() as room:
        keys, now = room.operators.every(), room.operators.now()
    if as_json:
        print_json({"items": [_json(one, now) for one in keys]})
    elif keys:
        rows = [
            (
                one.operator,
                one.role,
                one.id,
                clock(one.created_at),
                clock(one.expires_at) if one.expires_at else "",
                _state(one, now),
            )
            for one in keys
        ]
        console().print(simple_table(("operator", "role", "key id", "issued", "expires", "state"), rows))
    else:
        note(world.language.say("Chưa có ai", "Nobody yet"))


@operator.command(epilog=example("trunk admin operator revoke binh", "trunk admin operator revoke Zk3xQ9aB"))
@click.argument("named", metavar="NAME_OR_KEY_ID")
@pass_world
def revoke(world: World, *, named: str) -> None:
    """End all keys of an operator, or one key, now. A replay that was ordered with it puts nothing more back."""
    with world.administration() as room:
        ended = room.operators.revoke(named)
    if not ended:
        raise NotFoundError(f"no valid key is, or is of, {named}", remedy="trunk admin operator list")
    for one in ended:
        note(
            world.language.say(f"Đã thu hồi khóa {one.id} của {one.operator}", f"{one.id} of {one.operator} is revoked")
        )


def _state(key: OperatorKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if key.valid(now) else "expired"


def _json(key: OperatorKey, now: datetime) -> dict[str, str | None]:
    return {
        "operator": key.operator,
        "role": key.role,
        "id": key.id,
        "state": _state(key, now),
        "created_at": instant(key.created_at),
        "expires_at": instant(key.expires_at),
        "revoked_at": instant(key.revoked_at),
    }
