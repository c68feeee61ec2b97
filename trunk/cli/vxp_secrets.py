"""``trunk admin vxp-secrets``: what VXP systems sign their requests with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import click

from trunk.application.shared_secrets import SecretWish
from trunk.cli.exits import NotFoundError
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, instant, note, print_json, simple_table
from trunk.cli.world import World, pass_world, wish
from trunk.domain.agency import SystemId
from trunk.domain.shared_secret import SharedSecretRecord


@click.group("vxp-secrets")
def vxp_secrets() -> None:
    """Secrets of systems that speak VXP. Two may be valid at a time, so that one is changed without a refused request.

    They are kept sealed; the file of the setting vxp.key_file opens them. Keep a copy of it apart from the database's.
    """


@vxp_secrets.command("make-key", epilog=example("trunk admin vxp-secrets make-key"))
@pass_world
def make_key(world: World) -> None:
    """Make the file that seals the secrets. Once, before the first one; never over another."""
    with world.administration() as room:
        room.secrets.make_key()
    file = world.settings.path(world.settings.vxp.key_file)
    note(world.language.say(f"Đã tạo {file}. Hãy sao lưu riêng.", f"{file} is made. Keep a copy of it elsewhere."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``add``."""

    system_id: str
    name: str
    expires_days: int | None
    fresh_minutes: int | None


@vxp_secrets.command(
    epilog=example(
        "trunk admin vxp-secrets add h41-qlvb --systemid 000.00.00.H41",
        "trunk admin vxp-secrets add h41-qlvb --systemid 000.00.00.H41 --expires-days 365 > h41.secret",
    )
)
@click.argument("system_id", metavar="SYSTEM")
@click.option(
    "--systemid",
    "name",
    default="",
    help="What its client sends as systemid, often an agency's old code; default: SYSTEM.",
)
@click.option("--expires-days", type=click.IntRange(min=1), help="The secret ends after so many days; default: never.")
@click.option(
    "--fresh-minutes",
    type=click.IntRange(min=1),
    help="Refuse requests signed longer ago. Not for the deployed client: it signs with the time of its start.",
)
@wish(Wish)
def add(world: World, wish: Wish) -> None:
    """Make a new secret for SYSTEM. It is printed once, alone, to standard output.

    To change one: add the new, give it to the agency, and retire the old when the system sends with the new.
    """
    with world.administration() as room:
        expires = room.secrets.now() + timedelta(days=wish.expires_days) if wish.expires_days else None
        fresh = timedelta(minutes=wish.fresh_minutes) if wish.fresh_minutes else None
        issued = room.secrets.issue(
            SecretWish(system=SystemId(wish.system_id), name=wish.name, expires_at=expires, fresh_for=fresh)
        )
    click.echo(issued.spelled)
    until = clock(expires) if expires else world.language.say("không thời hạn", "no end")
    record = issued.record
    note(
        world.language.say(
            f"Secret {record.id} của {record.name}, hiệu lực: {until}. Hãy lưu lại ngay: chỉ hiện một lần.",
            f"Secret {record.id} of {record.name}, until: {until}. Keep it now: it is shown this once.",
        )
    )


@vxp_secrets.command(
    "list", epilog=example("trunk admin vxp-secrets list h41-qlvb", "trunk admin vxp-secrets list --json")
)
@click.argument("system_id", metavar="[SYSTEM]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def list_secrets(world: World, *, system_id: str | None, as_json: bool) -> None:
    """List the secrets of SYSTEM, or of all; never what they are."""
    with world.administration() as room:
        systems = [s.id for s in room.administration.systems() if system_id in (None, s.id)]
        if system_id and not systems:
            raise NotFoundError(f"no such system: {system_id}", remedy="trunk admin system list")
        found = [one for s in systems for one in room.secrets.all_of(s)]
        now = room.secrets.now()
    if as_json:
        print_json({"items": [_json(one, now) for one in found]})
        return
    rows = [(s.id, s.system, s.name, clock(s.created_at), _end(s), _state(s, now)) for s in found]
    console().print(simple_table(("id", "system", "systemid", "made", "ends", "state"), rows))


@vxp_secrets.command(
    epilog=example("trunk admin vxp-secrets retire Zk3xQ9aB", "trunk admin vxp-secrets retire Zk3xQ9aB --after-days 7")
)
@click.argument("secret_id")
@click.option("--after-days", type=click.IntRange(min=1), help="Let it hold for so many days yet; default: end it now.")
@pass_world
def retire(world: World, *, secret_id: str, after_days: int | None) -> None:
    """End a secret. Running services notice within seconds."""
    with world.administration() as room:
        at = room.secrets.now() + timedelta(days=after_days or 0)
        if not room.secrets.retire(secret_id, at=at):
            raise NotFoundError(
                f"no secret with the id {secret_id} holds that long", remedy="trunk admin vxp-secrets list"
            )
    note(world.language.say(f"{secret_id} hết hiệu lực: {clock(at)}", f"{secret_id} ends: {clock(at)}"))


def _state(secret: SharedSecretRecord, now: datetime) -> str:
    if secret.valid(now):
        return "valid" if secret.retired_at is None else "ending"
    return "expired" if secret.retired_at is None else "retired"


def _end(secret: SharedSecretRecord) -> str:
    ends = [end for end in (secret.retired_at, secret.expires_at) if end is not None]
    return clock(min(ends)) if ends else ""


def _json(secret: SharedSecretRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": secret.id,
        "system": secret.system,
        "systemid": secret.name,
        "state": _state(secret, now),
        "created_at": instant(secret.created_at),
        "expires_at": instant(secret.expires_at),
        "retired_at": instant(secret.retired_at),
        "fresh_minutes": None if secret.fresh_for is None else round(secret.fresh_for.total_seconds() / 60),
    }
