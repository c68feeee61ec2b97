"""``trunk envelope check``: would a trunk take this file, and if not, what is to be mended?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.progress import track

from trunk.cli.envelope_report import looked_json, report
from trunk.cli.exits import Exit
from trunk.cli.filters import Moment
from trunk.cli.lazy import example
from trunk.cli.looking import Given, Looked, looking
from trunk.cli.output import console, print_json
from trunk.cli.world import World, wish

_MANY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of ``trunk envelope check``."""

    files: tuple[Path, ...]
    trust: Path | None
    at: datetime | timedelta | None
    require_signature: bool
    as_json: bool


@click.command(
    epilog=example(
        "trunk envelope check letter.edxml",
        "trunk envelope check signed.edxml --trust /srv/trunk/var/trust --require-signature",
        "trunk --language vi envelope check *.edxml",
        "trunk envelope check *.edxml --json",
    )
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--trust",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Trust folder (domains, roots/, or roots *.pem): judge chains and revocation too.",
)
@click.option("--at", type=Moment(), help="Judge as if it were accepted then; default: now.")
@click.option("--require-signature", is_flag=True, help="An unsigned document is refused.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, sentences in both languages.")
@wish(Wish)
def check(world: World, wish: Wish) -> None:
    """Would a trunk take FILES? No server is needed.

    Every fault is reported with line, path, what was expected, what is there and what to do. A document without
    a signature is reported, and refused only with --require-signature; a signature that is there and wrong is
    refused always; what cannot be told is shown as such (`trunk verify` says all there is to say). Exit code 1 if
    any file is refused. Whether sender and addressees are known, only a trunk can tell (POST /api/v1/validate).
    """
    at = wish.at if isinstance(wish.at, datetime) else world.doors.now() - (wish.at or timedelta(0))
    screen = console()
    results: list[Looked] = []
    bar = console(stderr=True)
    quiet = len(wish.files) < _MANY or not bar.is_terminal
    with looking(world, Given(folder=wish.trust), at=at) as look:
        for file in track(wish.files, console=bar, transient=True, disable=quiet):
            looked = look(file)
            results.append(looked)
            if not wish.as_json:
                screen.print(report(looked, require_signature=wish.require_signature, language=world.language))
    if wish.as_json:
        print_json({"files": [looked_json(one, require_signature=wish.require_signature) for one in results]})
    if any(one.refused(require_signature=wish.require_signature) for one in results):
        raise click.exceptions.Exit(Exit.REFUSED)
