"""``trunk admin agency``: who is who, loaded from a file and looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from trunk.application.policies import policies
from trunk.cli.agency_file import Change, Known, Wrong, plan, read_rows
from trunk.cli.exits import NotFoundError, RefusedError
from trunk.cli.lazy import example
from trunk.cli.output import clock, console, instant, note, pairs, print_json, simple_table
from trunk.cli.world import World, pass_world
from trunk.domain.agency import Agency, Directory, Mandate

_TOML: Final = """\b
agencies.toml:
  [[agency]]
  code = "H41.01"                        # required; QĐ 20/2020
  name = "Sở Nội vụ tỉnh Nghệ An"        # required for a new one
  old_code = "000.00.01.H41"             # QCVN 102:2016
  aliases = ["001.H41"]                  # further codes of real mail
  mode = "pull"                          # pull (default) or amqp
  signature_policy = "required"          # required (default), required-on-main-document, seal-suffices,
                                         # deliver-marked, or one of [signatures.policies]
  active = true
  certificates = ["certs/giam-doc.pem"]  # who may sign for it: PEM files or SHA-256 fingerprints
  uids = ["MST:0100000000@cong-cong"]    # or by the UID in their certificates, maybe of one trust domain only
"""
_CSV: Final = """\b
agencies.csv (comma or semicolon; lists with |):
  code,name,old_code,aliases,certificates
  H41.01,Sở Nội vụ tỉnh Nghệ An,000.00.01.H41,001.H41|002.H41,certs/giam-doc.pem
"""


@click.group()
def agency() -> None:
    """Who is who: agencies and their codes."""


@agency.command(
    epilog=f"{_TOML}\n\n{_CSV}\n\n"
    + example("trunk admin agency load agencies.toml --dry-run", "trunk admin agency load agencies.csv")
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@pass_world
def load(world: World, *, file: Path, dry_run: bool) -> None:
    """Add or change agencies from FILE (.toml or .csv), all or none.

    Keys and columns that are absent leave what the directory has. Every wrong row is reported at once.
    """
    if file.suffix.lower() not in (".toml", ".csv"):
        raise click.UsageError(f"{file}: expected a .toml or .csv file")
    with world.administration() as room:
        changes, wrong = _planned(file, Directory(room.tracking.agencies()), world)
        if wrong:
            raise RefusedError(_spell(file, wrong), remedy="nothing was changed; mend the file and load it again")
        changing = [change for change in changes if change.fields]
        if changing and not dry_run:
            room.administration.put_agencies([change.after for change in changing])
    _report(changes, world, dry_run=dry_run)


@agency.command("list", epilog=example("trunk admin agency list", "trunk admin agency list --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def list_(world: World, *, as_json: bool) -> None:
    """List the agencies."""
    with world.desk() as desk:
        agencies = desk.tracking.agencies()
    if as_json:
        print_json({"items": [agency_json(one) for one in agencies]})
        return
    rows = [
        (a.code, a.name, ", ".join(a.codes[1:]), a.mode, a.signature_policy, str(len(a.mandates)), _active(a))
        for a in agencies
    ]
    headings = ("code", "name", "other codes", "mode", "signatures", "certificates", "active")
    console().print(simple_table(headings, rows))


@agency.command(epilog=example("trunk admin agency show H41.01", "trunk admin agency show 000.00.01.H41 --json"))
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def show(world: World, *, code: str, as_json: bool) -> None:
    """Show one agency, by any of its codes."""
    with world.desk() as desk:
        found = find(code, desk.tracking.agencies())
    if as_json:
        print_json(agency_json(found))
        return
    rows = [
        ("code", found.code),
        ("name", found.name),
        ("old code", found.old_code),
        ("aliases", ", ".join(found.aliases)),
        ("mode", found.mode),
        ("signatures", found.signature_policy),
        ("active", _active(found)),
        *(("uid" if m.uid else "certificate", _mandate(m)) for m in found.mandates),
    ]
    console().print(pairs(rows))


def find(code: str, agencies: Sequence[Agency]) -> Agency:
    """The agency that any of its codes means. Raises ``NotFoundError``."""
    found = Directory(agencies).find(code)
    if found is None:
        raise no_agency(code)
    return found


def no_agency(code: str) -> NotFoundError:
    return NotFoundError(f"no agency has the code {code}", remedy="trunk admin agency list")


def agency_json(agency: Agency) -> dict[str, Any]:
    return {
        "code": agency.code,
        "name": agency.name,
        "old_code": agency.old_code,
        "aliases": list(agency.aliases),
        "mode": agency.mode.value,
        "signature_policy": agency.signature_policy,
        "active": agency.active,
        "certificates": [
            {
                "fingerprint": m.fingerprint,
                "uid": m.shown_uid,
                "domain": m.domain,
                "valid_from": instant(m.valid_from),
                "valid_until": instant(m.valid_until),
            }
            for m in agency.mandates
        ],
    }


def _planned(file: Path, directory: Directory, world: World) -> tuple[list[Change], list[Wrong]]:
    from trunk.cli.pem import fingerprint_of  # noqa: PLC0415  heavy

    rows, unreadable = read_rows(file)
    known = Known(
        directory=directory,
        policies=policies(world.settings.signatures.policies).by_name,
        fingerprint=lambda pem: fingerprint_of(file.parent / pem),
    )
    changes, wrong = plan(rows, known)
    if not rows and not unreadable:
        unreadable = [Wrong(line=1, what="no agency in it", remedy="see --help for an example")]
    return changes, sorted([*unreadable, *wrong], key=lambda w: w.line)


def _spell(file: Path, wrong: Sequence[Wrong]) -> str:
    return "\n".join((f"{file}: {len(wrong)} faults", *(f"  line {w.line}: {w.what} → {w.remedy}" for w in wrong)))


def _report(changes: Sequence[Change], world: World, *, dry_run: bool) -> None:
    rows = [(c.after.code, c.after.name, ", ".join(c.fields)) for c in changes if c.fields]
    if rows:
        console().print(simple_table(("code", "name", "changes"), rows))
    same = len(changes) - len(rows)
    if dry_run:
        note(
            world.language.say(
                f"Thử: {len(rows)} sẽ thay đổi, {same} giữ nguyên", f"Dry run: {len(rows)} would change, {same} stay"
            )
        )
    else:
        note(world.language.say(f"Đã ghi {len(rows)}, giữ nguyên {same}", f"{len(rows)} written, {same} unchanged"))


def _active(agency: Agency) -> str:
    return "yes" if agency.active else "NO"


def _mandate(mandate: Mandate) -> str:
    words = (
        mandate.fingerprint or mandate.shown_uid,
        f"in {mandate.domain}" if mandate.domain else "",
        f"from {clock(mandate.valid_from)}" if mandate.valid_from else "",
        f"until {clock(mandate.valid_until)}" if mandate.valid_until else "",
    )
    return " ".join(filter(None, words))
