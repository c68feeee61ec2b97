"""``trunk admin system`` and ``trunk admin key``: the systems that speak for agencies, and their API keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from trunk.cli.agencies import registered
from trunk.cli.exits import NotFoundError
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, instant, note, print_json, simple_table
from trunk.cli.world import World, pass_world
from trunk.domain.agency import Directory, SystemId
from trunk.domain.credential import KeyRecord, SystemRecord


@click.group()
def system() -> None:
    """Document-management systems and the agencies they speak for."""


@system.command(
    epilog=example(
        "trunk admin system put h41-qlvb --name 'QLVB tỉnh Nghệ An' --agency H41.01 --agency H41.02",
        "trunk admin system put h41-qlvb --name 'QLVB tỉnh Nghệ An' --agency H41.01 --inactive",
        "trunk admin system put h36-truc --name 'Trục tỉnh H36' --agency H36.01 --agency H36.02 --hub",
    )
)
@click.argument("system_id", metavar="ID")
@click.option("--name", required=True, help="What people call it.")
@click.option(
    "--agency", "agencies", multiple=True, required=True, help="It speaks for this agency; repeat for several."
)
@click.option("--active/--inactive", default=True, help="An inactive system is turned away, whatever its keys.")
@click.option("--hub", is_flag=True, help="It is another trunk, and this one its uplink.")
@pass_world
def put(world: World, *, system_id: str, name: str, agencies: tuple[str, ...], active: bool, hub: bool) -> None:
    """Add or replace the system ID.

    It speaks for the agencies, for what was merged into them, and for their units. The code of a merged agency
    means that one alone, not its successor.
    """
    with world.administration() as room:
        directory = Directory(room.tracking.agencies())
        codes = frozenset(registered(code, directory).code for code in agencies)
        room.administration.put_system(
            SystemRecord(id=SystemId(system_id), name=name, agencies=codes, active=active, hub=hub)
        )
    note(f"{system_id}: {', '.join(sorted(codes))}; next: trunk admin key issue {system_id}")


@system.command("list", epilog=example("trunk admin system list"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def list_systems(world: World, *, as_json: bool) -> None:
    """List the systems."""
    with world.administration() as room:
        systems = room.administration.systems()
    if as_json:
        print_json({"items": [_system_json(one) for one in systems]})
        return
    rows = [
        (s.id, s.name, ", ".join(sorted(s.agencies)), "yes" if s.hub else "", "yes" if s.active else "NO")
        for s in systems
    ]
    console().print(simple_table(("id", "name", "speaks for", "hub", "active"), rows))


@click.group()
def key() -> None:
    """API keys of systems. Two may be valid at a time, so that a key is changed without a refused request."""


@key.command(
    epilog=example("trunk admin key issue h41-qlvb --expires-days 365", "trunk admin key issue h41-qlvb > h41.key")
)
@click.argument("system_id", metavar="SYSTEM")
@click.option("--expires-days", type=click.IntRange(min=1), help="The key ends after so many days; default: never.")
@pass_world
def issue(world: World, *, system_id: str, expires_days: int | None) -> None:
    """Make a new key for SYSTEM. It is printed once, alone, to standard output; only its digest is kept."""
    with world.administration() as room:
        now = room.administration.now()
        expires = now + timedelta(days=expires_days) if expires_days else None
        issued = room.administration.issue_key(SystemId(system_id), expires_at=expires)
    click.echo(issued.spelled)
    until = clock(expires) if expires else world.language.say("không thời hạn", "no end")
    note(
        world.language.say(
            f"Khóa {issued.record.id} của {system_id}, hiệu lực: {until}. Hãy lưu lại ngay: khóa chỉ hiện một lần.",
            f"Key {issued.record.id} of {system_id}, until: {until}. Keep it now: it is shown this once.",
        )
    )


@key.command("list", epilog=example("trunk admin key list h41-qlvb", "trunk admin key list --json"))
@click.argument("system_id", metavar="[SYSTEM]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def list_keys(world: World, *, system_id: str | None, as_json: bool) -> None:
    """List the keys of SYSTEM, or of all; never a secret."""
    with world.administration() as room:
        systems = [s.id for s in room.administration.systems() if system_id in (None, s.id)]
        if system_id and not systems:
            raise NotFoundError(f"no such system: {system_id}", remedy="trunk admin system list")
        keys = [one for s in systems for one in room.administration.keys(s)]
        now = room.administration.now()
    if as_json:
        print_json({"items": [_key_json(one, now) for one in keys]})
        return
    rows = [
        (k.id, k.system, clock(k.created_at), clock(k.expires_at) if k.expires_at else "", _state(k, now)) for k in keys
    ]
    console().print(simple_table(("key id", "system", "issued", "expires", "state"), rows))


@key.command(epilog=example("trunk admin key revoke Zk3xQ9aB"))
@click.argument("key_id")
@pass_world
def revoke(world: World, *, key_id: str) -> None:
    """End a key now. Running services notice within seconds."""
    with world.administration() as room:
        if not room.administration.revoke_key(key_id):
            raise NotFoundError(f"no valid key has the id {key_id}", remedy="trunk admin key list")
    note(world.language.say(f"Đã thu hồi khóa {key_id}", f"{key_id} is revoked"))


def _state(key: KeyRecord, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if key.valid(now) else "expired"


def _system_json(system: SystemRecord) -> dict[str, Any]:
    return {
        "id": system.id,
        "name": system.name,
        "agencies": sorted(system.agencies),
        "active": system.active,
        "hub": system.hub,
    }


def _key_json(key: KeyRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "system": key.system,
        "state": _state(key, now),
        "created_at": instant(key.created_at),
        "expires_at": instant(key.expires_at),
        "revoked_at": instant(key.revoked_at),
    }
