"""``trunk admin``: what administrators do. Writes the ledger; no broker is needed."""

from __future__ import annotations

import click

from trunk.cli.lazy import LazyGroup, example
from trunk.cli.output import note
from trunk.cli.world import World, pass_world


@click.group(
    cls=LazyGroup,
    places={
        "replay": "replay:replay",
        "agency": "agencies:agency",
        "certificate": "certificates:certificate",
        "system": "keys:system",
        "key": "keys:key",
        "operator": "operators:operator",
        "vxp-secrets": "vxp_secrets:vxp_secrets",
        "rabbitmq": "rabbitmq:rabbitmq",
        "set-aside": "set_aside:set_aside",
        "journal": "journal:journal",
        "backup": "backup:backup",
        "restore": "backup:restore",
        "purge": "purge:purge",
        "lgsp-accounts": "lgsp_accounts:lgsp_accounts",
    },
    epilog=example("trunk admin agency load agencies.toml", "trunk admin key issue h41-qlvb"),
)
def admin() -> None:
    """Registers agencies, certificates, systems, keys and operators; replays deliveries; upgrades the database."""


@admin.command(epilog=example("trunk admin upgrade"))
@pass_world
def upgrade(world: World) -> None:
    """Bring the database to this version, all or nothing, also while nodes of the release before run.

    Back it up first.
    """
    revision = world.doors.upgrade(world.settings)
    note(world.language.say(f"Cơ sở dữ liệu ở phiên bản {revision}", f"The database is at revision {revision}"))
