"""The command ``trunk``: its groups, the options that come before a command, and how everything ends."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click

from trunk.cli.exits import EXITS, told_plainly
from trunk.cli.lazy import LazyGroup, example
from trunk.cli.words import Language
from trunk.cli.world import World

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class TrunkGroup(LazyGroup):
    """The root: below it every fault becomes one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        with told_plainly(traceback=bool(ctx.params.get("traceback"))):
            return super().invoke(ctx)


def _exit_codes() -> str:
    return "\n".join(("\b", "Exit codes:", *(f"  {code:>3}  {meaning}" for code, meaning in EXITS.items())))


@click.group(
    cls=TrunkGroup,
    context_settings=CONTEXT,
    epilog=_exit_codes()
    + "\n\n"
    + example("trunk init /srv/trunk", "cd /srv/trunk && trunk serve", "trunk status 7816/VPCP-TTĐT"),
    places={
        "status": "status:status",
        "signatures": "signatures:signatures",
        "verify": "verify:verify",
        "list": "listing:list_",
        "overdue": "punctuality:overdue",
        "punctuality": "punctuality:punctuality",
        "unmatched": "unmatched:unmatched",
        "envelope": "envelope:envelope",
        "admin": "admin:admin",
        "init": "init:init",
        "serve": "serve:serve",
        "doctor": "doctor:doctor",
        "load": "load:load",
        "config": "config:config",
    },
)
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (else TRUNK_CONFIG, else ./trunk.toml).")
@click.option(
    "--language",
    type=click.Choice([language.value for language in Language]),
    help="Language of tables and messages (else the setting `language`, else LANG).",
)
@click.option("--traceback", is_flag=True, help="Show where a fault comes from.")
@click.version_option(version("edoc-trunk"), prog_name="trunk")
@click.pass_context
def trunk(ctx: click.Context, *, config: Path | None, language: str | None, traceback: bool) -> None:
    """An interchange trunk for official electronic documents.

    Trục liên thông văn bản điện tử: tiếp nhận, xác thực, chuyển và theo dõi văn bản.

    \b
    Clerks (văn thư):    status, signatures, verify, list, overdue, unmatched,
                         punctuality
    Developers:          envelope
    Administrators:      admin, init, config
    Operations:          serve, doctor, load
    """
    world = ctx.obj if isinstance(ctx.obj, World) else World()
    world.config = config or world.config
    world.asked_language = Language(language) if language else world.asked_language
    world.traceback = traceback
    ctx.obj = world
