"""``trunk admin lgsp-accounts``: what clients of the LGSP façade log in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import click

from trunk.application.accounts import PasswordWish
from trunk.cli.exits import NotFoundError
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, instant, note, print_json, simple_table
from trunk.cli.world import World, pass_world, wish
from trunk.domain.account import AccountRecord
from trunk.domain.agency import SystemId


@click.group("lgsp-accounts")
def lgsp_accounts() -> None:
    """Passwords of systems that log in over LGSP. Two of a user name may be valid at a time.

    Such a system also needs a secret, which it sends as X-SecretKey: trunk admin vxp-secrets add.
    """


@lgsp_accounts.command("make-key", epilog=example("trunk admin lgsp-accounts make-key"))
@pass_world
def make_key(world: World) -> None:
    """Make the file that signs tokens. Once, before the first login; never over another."""
    with world.administration() as room:
        room.accounts.make_key()
    file = world.settings.path(world.settings.lgsp.key_file)
    note(world.language.say(f"Đã tạo {file}.", f"{file} is made."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``add``."""

    system_id: str
    username: str
    expires_days: int | None


@lgsp_accounts.command(
    epilog=example(
        "trunk admin lgsp-accounts add h37-dn --username dn001",
        "trunk admin lgsp-accounts add h37-dn --username dn001 --expires-days 365 > dn001.password",
    )
)
@click.argument("system_id", metavar="SYSTEM")
@click.option("--username", default="", help="What its client sends as username; default: SYSTEM.")
@click.option("--expires-days", type=click.IntRange(min=1), help="It ends after so many days; default: never.")
@wish(Wish)
def add(world: World, wish: Wish) -> None:
    """Make a new password for SYSTEM. It is printed once, alone, to standard output.

    To change one: add the new, give it to the agency, and retire the old when the system logs in with the new.
    """
    with world.administration() as room:
        expires = room.accounts.now() + timedelta(days=wish.expires_days) if wish.expires_days else None
        issued = room.accounts.issue(
            PasswordWish(system=SystemId(wish.system_id), username=wish.username, expires_at=expires)
        )
    click.echo(issued.spelled)
    until = clock(expires) if expires else world.language.say("không thời hạn", "no end")
    record = issued.record
    note(
        world.language.say(
            f"Mật khẩu {record.id} của {record.username}, hiệu lực: {until}. Hãy lưu lại ngay: chỉ hiện một lần.",
            f"Password {record.id} of {record.username}, until: {until}. Keep it now: it is shown this once.",
        )
    )


@lgsp_accounts.command(
    "list", epilog=example("trunk admin lgsp-accounts list h37-dn", "trunk admin lgsp-accounts list --json")
)
@click.argument("system_id", metavar="[SYSTEM]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def list_accounts(world: World, *, system_id: str | None, as_json: bool) -> None:
    """List the passwords of SYSTEM, or of all; never what they are."""
    with world.administration() as room:
        systems = [s.id for s in room.administration.systems() if system_id in (None, s.id)]
        if system_id and not systems:
            raise NotFoundError(f"no such system: {system_id}", remedy="trunk admin system list")
        found = [one for s in systems for one in room.accounts.all_of(s)]
        now = room.accounts.now()
    if as_json:
        print_json({"items": [_json(one, now) for one in found]})
        return
    rows = [(a.id, a.system, a.username, clock(a.created_at), _end(a), _state(a, now)) for a in found]
    console().print(simple_table(("id", "system", "username", "made", "ends", "state"), rows))


@lgsp_accounts.command(
    epilog=example(
        "trunk admin lgsp-accounts retire Zk3xQ9aB", "trunk admin lgsp-accounts retire Zk3xQ9aB --after-days 7"
    )
)
@click.argument("account_id")
@click.option("--after-days", type=click.IntRange(min=1), help="Let it hold for so many days yet; default: end it now.")
@pass_world
def retire(world: World, *, account_id: str, after_days: int | None) -> None:
    """End a password, and the tokens that were given for it. Running services notice within seconds."""
    with world.administration() as room:
        at = room.accounts.now() + timedelta(days=after_days or 0)
        if not room.accounts.retire(account_id, at=at):
            raise NotFoundError(
                f"no password with the id {account_id} holds that long", remedy="trunk admin lgsp-accounts list"
            )
    note(world.language.say(f"{account_id} hết hiệu lực: {clock(at)}", f"{account_id} ends: {clock(at)}"))


def _state(account: AccountRecord, now: datetime) -> str:
    if account.valid(now):
        return "valid" if account.retired_at is None else "ending"
    return "expired" if account.retired_at is None else "retired"


def _end(account: AccountRecord) -> str:
    ends = [end for end in (account.retired_at, account.expires_at) if end is not None]
    return clock(min(ends)) if ends else ""


def _json(account: AccountRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": account.id,
        "system": account.system,
        "username": account.username,
        "state": _state(account, now),
        "created_at": instant(account.created_at),
        "expires_at": instant(account.expires_at),
        "retired_at": instant(account.retired_at),
    }
