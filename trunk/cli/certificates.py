"""``trunk admin certificate``: which certificates may sign for an agency (its mandates)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trunk.cli.agencies import agency_json, find
from trunk.cli.exits import NotFoundError, RefusedError
from trunk.cli.filters import Moment
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, note, print_json, simple_table
from trunk.cli.world import World, pass_world
from trunk.domain.agency import Agency, Mandate

if TYPE_CHECKING:
    from trunk.bootstrap import AdminRoom

When = datetime | timedelta | None
_SHORTEST = 8


@click.group()
def certificate() -> None:
    """Who may sign for an agency: certificates, by fingerprint."""


@certificate.command(
    epilog=example(
        "trunk admin certificate add H41.01 giam-doc.pem",
        "trunk admin certificate add H41.01 pho-giam-doc.pem --from 2025-10-01 --until 2026-10-01",
    )
)
@click.argument("agency")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "start", type=Moment(), help="The mandate begins (a day or a time); default: at once.")
@click.option("--until", "end", type=Moment(), help="The mandate ends; default: never (the certificate ends anyway).")
@pass_world
def add(world: World, *, agency: str, file: Path, start: When, end: When) -> None:
    """Let the certificate in FILE (PEM) sign for AGENCY. Adding it again changes the dates."""
    from trunk.cli.pem import fingerprint_of  # noqa: PLC0415  heavy

    if isinstance(start, timedelta) or isinstance(end, timedelta):
        raise click.UsageError("--from and --until are days or times, e.g. 2025-10-01")
    if start and end and end <= start:
        raise click.UsageError("--until is not after --from")
    try:
        fingerprint = fingerprint_of(file)
    except ValueError as error:
        raise RefusedError(
            f"{file}: {error}", remedy="name a file that begins with -----BEGIN CERTIFICATE-----"
        ) from error
    mandate = Mandate(fingerprint=fingerprint, valid_from=start, valid_until=end)
    with world.administration() as room:
        found = _amend(room, agency, lambda a: (*(m for m in a.mandates if m.fingerprint != fingerprint), mandate))
    note(f"{found.code}: {fingerprint}")


@certificate.command("list", epilog=example("trunk admin certificate list H41.01"))
@click.argument("agency")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def list_(world: World, *, agency: str, as_json: bool) -> None:
    """List the certificates that may sign for AGENCY."""
    with world.desk() as desk:
        found = find(agency, desk.tracking.agencies())
        now = desk.tracking.now()
    if as_json:
        print_json({"agency": found.code, "items": agency_json(found)["certificates"]})
        return
    rows = [
        (
            m.fingerprint,
            clock(m.valid_from) if m.valid_from else "",
            clock(m.valid_until) if m.valid_until else "",
            "yes" if m.holds(now) else "NO",
        )
        for m in found.mandates
    ]
    console().print(simple_table(("fingerprint (SHA-256)", "from", "until", "holds now"), rows))


@certificate.command(epilog=example("trunk admin certificate remove H41.01 3f9a07c2"))
@click.argument("agency")
@click.argument("fingerprint")
@pass_world
def remove(world: World, *, agency: str, fingerprint: str) -> None:
    """Take the mandate from a certificate. FINGERPRINT may be its first eight digits or more."""
    wanted = fingerprint.lower().replace(":", "")
    if len(wanted) < _SHORTEST:
        raise click.UsageError(f"give at least {_SHORTEST} digits of the fingerprint")
    with world.administration() as room:
        found = _amend(room, agency, lambda a: _without(a, wanted))
    note(f"{found.code}: {len(found.mandates)} certificates left")


def _amend(room: AdminRoom, code: str, change: Callable[[Agency], tuple[Mandate, ...]]) -> Agency:
    before = find(code, room.tracking.agencies())
    after = dataclasses.replace(before, mandates=change(before))
    room.administration.put_agencies([after])
    return after


def _without(agency: Agency, wanted: str) -> tuple[Mandate, ...]:
    gone = [m for m in agency.mandates if m.fingerprint.startswith(wanted)]
    if not gone:
        raise NotFoundError(
            f"{agency.code}: no certificate {wanted}", remedy=f"trunk admin certificate list {agency.code}"
        )
    if len(gone) > 1:
        raise RefusedError(f"{wanted} begins {len(gone)} fingerprints", remedy="give more digits")
    return tuple(m for m in agency.mandates if m not in gone)
