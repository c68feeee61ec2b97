"""``trunk admin agency merge`` and ``rename``: an agency becomes another, and its codes go on meaning somebody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click
from rich.table import Table

from trunk.cli.agencies import agency_json, registered
from trunk.cli.agency_file import is_code
from trunk.cli.exits import WrongUsageError
from trunk.cli.lazy import example
from trunk.cli.output import console, is_terminal, note, print_json, simple_table
from trunk.cli.words import Language
from trunk.cli.world import World, wish
from trunk.domain.agency import Directory

if TYPE_CHECKING:
    from trunk.application.administration import Succeeded
    from trunk.bootstrap import AdminRoom

_DRY_RUN: Final = click.option("--dry-run", is_flag=True, help="Only show what would change.")
_YES: Final = click.option("--yes", is_flag=True, help="Do not ask (needed without a terminal).")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of both."""

    old: str
    dry_run: bool
    yes: bool
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Merger(Wish):
    """The options of ``merge``."""

    into: str
    without_mandates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming(Wish):
    """The options of ``rename``."""

    new: str


@click.command(
    epilog=example(
        "trunk admin agency merge H41.05 --into H41.02 --dry-run",
        "trunk admin agency merge H41.05 --into H41.02 --yes",
    )
)
@click.argument("old")
@click.option("--into", required=True, help="The agency that stays, by any of its codes.")
@click.option("--without-mandates", is_flag=True, help="Who signed for OLD does not sign for the other.")
@_DRY_RUN
@_YES
@_JSON
@wish(Merger)
def merge(world: World, wish: Merger) -> None:
    """Merge the agency OLD into another.

    Mail for any of OLD's codes goes to the other from now on, and mail sent under them is the other's. What waits
    for OLD waits on: OLD's systems and the other's read it. OLD's systems do not read the other's mail; for that,
    name it in trunk admin system put.
    """
    with world.administration() as room:
        gone, stays = _codes(room, wish.old, wish.into)
        mandates = not wish.without_mandates
        planned = room.administration.merge(gone, stays, with_mandates=mandates, dry_run=True)
        if _agreed(planned, wish, world.language):
            _report(room.administration.merge(gone, stays, with_mandates=mandates), wish, world.language)


@click.command(
    epilog=example("trunk admin agency rename H41.05 H41.25 --dry-run", "trunk admin agency rename H41.05 H41.25 --yes")
)
@click.argument("old")
@click.argument("new")
@_DRY_RUN
@_YES
@_JSON
@wish(Renaming)
def rename(world: World, wish: Renaming) -> None:
    """Give the agency OLD the code NEW.

    Everything it has comes with it: name, further codes, certificates, systems. OLD goes on meaning it.
    """
    if not is_code(wish.new):
        raise WrongUsageError(
            f"{wish.new!r} is no code", remedy="1 to 35 characters without blanks, commas and slashes"
        )
    with world.administration() as room:
        (gone,) = _codes(room, wish.old)
        planned = room.administration.rename(gone, wish.new, dry_run=True)
        if _agreed(planned, wish, world.language):
            _report(room.administration.rename(gone, wish.new), wish, world.language)


def _codes(room: AdminRoom, *codes: str) -> list[str]:
    directory = Directory(room.tracking.agencies())
    return [registered(code, directory).code for code in codes]


def _agreed(planned: Succeeded, wish: Wish, language: Language) -> bool:
    """Whether to go on; what would change has been shown where that is a question."""
    if wish.dry_run and wish.as_json:
        print_json(_json(planned))
    elif wish.dry_run or not wish.yes:
        console(stderr=not wish.dry_run).print(_table(planned, language))
    if wish.dry_run:
        note(language.say("Thử: chưa thay đổi gì", "Dry run: nothing was changed"))
    elif not wish.yes:
        if not is_terminal():
            raise WrongUsageError("there is nobody to ask", remedy="look with --dry-run, then add --yes")
        click.confirm(
            language.say("Thực hiện? Không hoàn tác được.", "Do it? There is no way back."), abort=True, err=True
        )
    return not wish.dry_run


def _report(done: Succeeded, wish: Wish, language: Language) -> None:
    if wish.as_json:
        print_json(_json(done))
    else:
        console().print(_table(done, language))
    old, new = done.succession.old.code, done.succession.new.code
    note(language.say(f"{old} nay là {new}", f"{old} became {new}"))


def _table(done: Succeeded, language: Language) -> Table:
    return simple_table(("code", "name", "changes"), _rows(done, language))


def _rows(done: Succeeded, language: Language) -> Iterator[tuple[str, str, str]]:
    old, new, before = done.succession.old, done.succession.new, done.succession.before
    yield old.code, old.name, f"→ {new.code}"
    more = len(new.mandates) - (len(before.mandates) if before else 0)
    certificates = language.say(f"+{more} chứng thư, người ký", f"+{more} certificates and UIDs")
    yield new.code, new.name, certificates if before else language.say(f"mới; {certificates}", f"new; {certificates}")
    for system in done.systems:
        only = language.say(f"chỉ đọc thư của {old.code}", f"reads what waits for {old.code} only")
        yield system.id, system.name, only if before else language.say(f"nay thay {new.code}", f"for {new.code}")


def _json(done: Succeeded) -> dict[str, object]:
    return {
        "old": agency_json(done.succession.old),
        "new": agency_json(done.succession.new),
        "systems": [{"id": system.id, "agencies": sorted(system.agencies)} for system in done.systems],
    }
