"""``trunk admin agency try-push``: whether an agency's endpoint answers as one that takes mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trunk.cli.agencies import registered
from trunk.cli.exits import RefusedError, WrongUsageError
from trunk.cli.lazy import example
from trunk.cli.output import note, print_json
from trunk.cli.world import World, pass_world
from trunk.domain.agency import Directory

if TYPE_CHECKING:
    from trunk.workers.push.trial import Tried


@click.command(
    "try-push", epilog=example("trunk admin agency try-push H41.01", "trunk admin agency try-push H41.01 --json")
)
@click.argument("code")
@click.option("--dry-run", is_flag=True, help="Only show what comes back; nothing is recorded.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def try_push(world: World, *, code: str, dry_run: bool, as_json: bool) -> None:
    """Send a signed challenge to the endpoint of the agency CODE, and say what came back.

    Mail is posted to an endpoint only after it has answered one; with another address it must answer again.
    """
    with world.administration() as room:
        agency = registered(code, Directory(room.tracking.agencies()))
        if not agency.endpoint.url:
            raise WrongUsageError(f"{agency.code} has no endpoint", remedy="push_url in the file of agency load")
        tried = room.trial().run(agency.endpoint)
        recorded = tried.proven and not dry_run
        if recorded and not room.administration.record_proof(agency.code, agency.endpoint.terms):
            raise RefusedError(f"{agency.code} was changed meanwhile", remedy="try again")
    if as_json:
        shown = {"agency": agency.code, "url": agency.endpoint.url, "code": tried.code, "status": tried.status}
        print_json({**shown, "proven": tried.proven, "recorded": recorded})
    if not tried.proven:
        raise RefusedError(_failed(agency.endpoint.url, tried), remedy="docs/push.md says what each word means")
    if not as_json:
        note(world.language.say(f"{agency.endpoint.url} đã trả lời đúng", f"{agency.endpoint.url} answered rightly"))


def _failed(url: str, tried: Tried) -> str:
    answer = f"HTTP {tried.status}" if tried.status else "no answer"
    return f"{url}: {tried.code} ({answer})"
