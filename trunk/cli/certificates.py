"""``trunk admin certificate``: who may sign for an agency (its mandates), by certificate or by subject UID.

Law: a person's number is shown masked, also to who typed it a moment ago.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click

from trunk.cli.agencies import agency_json, find, no_agency
from trunk.cli.agency_file import is_uid
from trunk.cli.exits import NotFoundError, RefusedError
from trunk.cli.filters import Moment
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, note, print_json, simple_table
from trunk.cli.world import World, pass_world, wish
from trunk.domain.agency import Agency, Mandate

When = datetime | timedelta | None
_SHORTEST = 8
_UID_HELP = "Exactly as in the certificates: scheme, colon, number."


@click.group()
def certificate() -> None:
    """Who may sign for an agency: certificates by fingerprint, or whoever has a UID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The options of ``add``."""

    agency: str
    file: Path | None
    uid: str
    domain: str
    start: When
    end: When


@certificate.command(
    epilog=example(
        "trunk admin certificate add H41.01 giam-doc.pem",
        "trunk admin certificate add H41.01 pho-giam-doc.pem --from 2025-10-01 --until 2026-10-01",
        "trunk admin certificate add H41.01 --uid MST:0100000000 --domain cong-cong",
    )
)
@click.argument("agency")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--uid", default="", help=f"Whoever has this subject UID, instead of a certificate. {_UID_HELP}")
@click.option("--domain", default="", help="Only certificates of this trust domain; default: any.")
@click.option("--from", "start", type=Moment(), help="The mandate begins (a day or a time); default: at once.")
@click.option("--until", "end", type=Moment(), help="The mandate ends; default: never (the certificate ends anyway).")
@wish(Grant)
def add(world: World, grant: Grant) -> None:
    """Let the certificate in FILE (PEM), or whoever has a UID, sign for AGENCY.

    Adding it again changes the dates.
    """
    mandate = _mandate(grant)
    found = _amend(world, grant.agency, lambda a: (*(m for m in a.mandates if _who(m) != _who(mandate)), mandate))
    note(f"{found.code}: {_shown(mandate)}")


@certificate.command("list", epilog=example("trunk admin certificate list H41.01"))
@click.argument("agency")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def list_(world: World, *, agency: str, as_json: bool) -> None:
    """List the certificates and UIDs that may sign for AGENCY."""
    with world.desk() as desk:
        found = find(agency, desk.tracking.agencies())
        now = desk.tracking.now()
    if as_json:
        print_json({"agency": found.code, "items": agency_json(found)["certificates"]})
        return
    rows = [
        (
            m.fingerprint or m.shown_uid,
            m.domain,
            clock(m.valid_from) if m.valid_from else "",
            clock(m.valid_until) if m.valid_until else "",
            "yes" if m.holds(now) else "NO",
        )
        for m in found.mandates
    ]
    console().print(simple_table(("fingerprint (SHA-256) or UID", "domain", "from", "until", "holds now"), rows))


@certificate.command(
    epilog=example(
        "trunk admin certificate remove H41.01 3f9a07c2",
        "trunk admin certificate remove H41.01 --uid MST:0100000000",
    )
)
@click.argument("agency")
@click.argument("fingerprint", required=False, default="")
@click.option("--uid", default="", help=f"The mandates of this subject UID. {_UID_HELP}")
@click.option("--domain", default="", help="Of this trust domain; default: of all.")
@pass_world
def remove(world: World, *, agency: str, fingerprint: str, uid: str, domain: str) -> None:
    """Take the mandate from a certificate or a UID. FINGERPRINT may be its first eight digits or more."""
    wanted = fingerprint.lower().replace(":", "")
    if bool(wanted) == bool(uid):
        raise click.UsageError("name either a fingerprint or --uid")
    if wanted and len(wanted) < _SHORTEST:
        raise click.UsageError(f"give at least {_SHORTEST} digits of the fingerprint")

    def is_meant(mandate: Mandate) -> bool:
        if domain and mandate.domain != domain:
            return False
        return mandate.uid == uid if uid else bool(mandate.fingerprint) and mandate.fingerprint.startswith(wanted)

    found = _amend(world, agency, lambda a: _without(a, is_meant, wanted))
    note(f"{found.code}: {len(found.mandates)} mandates left")


def _mandate(grant: Grant) -> Mandate:
    start, end = grant.start, grant.end
    if isinstance(start, timedelta) or isinstance(end, timedelta):
        raise click.UsageError("--from and --until are days or times, e.g. 2025-10-01")
    if start and end and end <= start:
        raise click.UsageError("--until is not after --from")
    if bool(grant.file) == bool(grant.uid):
        raise click.UsageError("name either a certificate's file or --uid")
    if grant.uid and not is_uid(grant.uid):
        raise click.UsageError("--uid: write it as in the certificate, e.g. MST:0100000000")
    fingerprint = _fingerprint(grant.file) if grant.file else ""
    return Mandate(fingerprint=fingerprint, uid=grant.uid, domain=grant.domain, valid_from=start, valid_until=end)


def _fingerprint(file: Path) -> str:
    from trunk.cli.pem import fingerprint_of  # noqa: PLC0415  heavy

    try:
        return fingerprint_of(file)
    except ValueError as error:
        raise RefusedError(
            f"{file}: {error}", remedy="name a file that begins with -----BEGIN CERTIFICATE-----"
        ) from error


def _who(mandate: Mandate) -> Mandate:
    """Whom it means, whatever its dates."""
    return dataclasses.replace(mandate, valid_from=None, valid_until=None)


def _shown(mandate: Mandate) -> str:
    return mandate.fingerprint or f"{mandate.shown_uid} {mandate.domain}".strip()


def _amend(world: World, code: str, change: Callable[[Agency], tuple[Mandate, ...]]) -> Agency:
    with world.administration() as room:
        after = room.administration.amend_mandates(code, change)
    if after is None:
        raise no_agency(code)
    return after


def _without(agency: Agency, is_meant: Callable[[Mandate], bool], wanted: str) -> tuple[Mandate, ...]:
    gone = [mandate for mandate in agency.mandates if is_meant(mandate)]
    if not gone:
        what = f"no certificate {wanted}" if wanted else "no such UID"
        raise NotFoundError(f"{agency.code}: {what}", remedy=f"trunk admin certificate list {agency.code}")
    if len({mandate.fingerprint for mandate in gone}) > 1:
        raise RefusedError(f"{wanted} begins {len(gone)} fingerprints", remedy="give more digits")
    return tuple(mandate for mandate in agency.mandates if mandate not in gone)
