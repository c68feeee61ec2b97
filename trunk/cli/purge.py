"""``trunk admin purge``: delete octets whose retention has ended, now."""

from __future__ import annotations

import click

from trunk.cli.exits import WrongUsageError
from trunk.cli.lazy import example
from trunk.cli.output import note, print_json
from trunk.cli.world import World, pass_world

_LISTED = 10_000


@click.command(epilog=example("trunk admin purge --dry-run", "trunk admin purge --yes"))
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do it.")
@click.option("--json", "as_json", is_flag=True, help="Print ids and digests.")
@pass_world
def purge(world: World, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete octets of envelopes that have been settled for as long as [retention] says. The journal keeps the proof.

    The running service does the same once a day. What waits, is asked for, open with another hub or shared stays.
    """
    if dry_run == yes:
        raise WrongUsageError("say one of --dry-run and --yes")
    with world.administration() as room:
        found = list(room.purge.candidates(_LISTED)) if dry_run else []
        while yes and (batch := room.purge.run_once()):
            found += batch
    if as_json:
        print_json({"purged": not dry_run, "items": [{"id": one.envelope_id, "sha256": one.sha256} for one in found]})
    octets = sum(one.size for one in found)
    note(world.language.say(f"{len(found)} văn bản, {octets} byte", f"{len(found)} envelopes, {octets} octets"))
