"""``trunk admin agency``: who is who, loaded from a file and looked at."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from trunk.application.policies import policies
from trunk.cli.agency_file import Change, Known, Wrong, plan, read_rows
from trunk.cli.exits import NotFoundError, RefusedError
from trunk.cli.lazy import LazyGroup, example
from trunk.cli.output import clock, console, instant, note, pairs, print_json, simple_table
from trunk.cli.words import Language
from trunk.cli.world import World, pass_world
from trunk.domain.agency import Agency, Directory, Mandate, Meaning, Naming
from trunk.domain.endpoint import Endpoint, EndpointRules

_TOML: Final = """\b
agencies.toml:
  [[agency]]
  code = "H41.01"                        # required; QĐ 20/2020
  name = "Sở Nội vụ tỉnh Nghệ An"        # required for a new one
  old_code = "000.00.01.H41"             # QCVN 102:2016
  aliases = ["001.H41"]                  # further codes of real mail
  parent = "H41"                         # the agency above it
  unit = false                           # true: whoever speaks for its parent speaks for it
  address = "1 Lê Lợi"                   # for people to read; also: email, telephone
  mode = "pull"                          # pull (default), amqp, push, or uplink: beyond another hub
  push_url = "https://qlvb.example.vn/edoc"  # mode push: where its mail is posted (then: try-push)
  push_ca_file = "push/h41.pem"          # authorities of its TLS certificate, in the data folder; absent: the system's
  push_key_id = "truc"                   # what the agency calls the trunk's key; absent: its fingerprint
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


_ELSEWHERE: Final = {
    "merge": "agency_succession:merge",
    "rename": "agency_succession:rename",
    "try-push": "agency_push:try_push",
}


@click.group(cls=LazyGroup, places=_ELSEWHERE)
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
    """List the agencies, each under the one above it."""
    with world.desk() as desk:
        agencies = desk.tracking.agencies()
    if as_json:
        print_json({"items": [agency_json(one) for one in agencies]})
        return
    rows = [_row(depth, one) for depth, one in _tree(Directory(agencies))]
    headings = ("code", "name", "other codes", "mode", "signatures", "certificates", "active")
    console().print(simple_table(headings, rows))


@agency.command(epilog=example("trunk admin agency show H41.01", "trunk admin agency show 000.00.01.H41 --json"))
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_world
def show(world: World, *, code: str, as_json: bool) -> None:
    """Show one agency, by any code, and why that code means it."""
    with world.desk() as desk:
        directory = Directory(desk.tracking.agencies())
    meaning = directory.meaning(code)
    if meaning is None:
        raise no_agency(code)
    found = meaning.agency
    if as_json:
        asked = {"code": code, "naming": meaning.naming.value, "of": meaning.written.code}
        print_json({**agency_json(found), "asked": asked})
        return
    rows = [
        ("asked for", "" if code == found.code else f"{code}: {why(meaning, world.language)}"),
        ("code", found.code),
        ("name", _named(found)),
        ("old code", found.old_code),
        ("aliases", ", ".join(found.aliases)),
        ("formerly", ", ".join(sorted(directory.family(found.code) - {found.code}))),
        ("parent", found.parent),
        ("units", ", ".join(a.code for a in directory.agencies if a.unit and directory.above(a) == found)),
        ("address", ", ".join(filter(None, dataclasses.astuple(found.contact)))),
        ("mode", found.mode),
        ("posts to", _endpoint(found.endpoint)),
        ("signatures", found.signature_policy),
        ("active", _active(found)),
        *(("uid" if m.uid else "certificate", _mandate(m)) for m in found.mandates),
    ]
    console().print(pairs((name, value) for name, value in rows if value))


def why(meaning: Meaning, language: Language) -> str:
    """The reason why a code means the agency, in words; none for its own."""
    of = meaning.written.code
    reason = {
        Naming.CODE: "",
        Naming.OLD_CODE: language.say(f"mã cũ của {of}", f"the old code of {of}"),
        Naming.ALIAS: language.say(f"mã khác của {of}", f"an alias of {of}"),
        Naming.CONVERTED: language.say(
            f"chưa đăng ký; theo quy tắc chuyển mã là {of}", f"not registered; converted by the rule it is {of}"
        ),
    }[meaning.naming]
    now = meaning.agency.code
    became = language.say(f"nay là {now}", f"which became {now}" if reason else f"became {now}") if now != of else ""
    return ", ".join(filter(None, (reason, became)))


def find(code: str, agencies: Sequence[Agency]) -> Agency:
    """The agency that any of its codes means. Raises ``NotFoundError``."""
    found = Directory(agencies).find(code)
    if found is None:
        raise no_agency(code)
    return found


def registered(code: str, directory: Directory) -> Agency:
    """The agency whose code it is, also one that became another. Raises ``NotFoundError``."""
    found = directory.registered(code)
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
        "parent": agency.parent,
        "unit": agency.unit,
        "successor": agency.successor,
        **dataclasses.asdict(agency.contact),
        "push": {
            "url": agency.endpoint.url,
            "ca_file": agency.endpoint.ca_file,
            "key_id": agency.endpoint.key_id,
            "proven": agency.endpoint.open,
            "proven_at": instant(agency.endpoint.proven_at),
        },
        "changed": agency.changed,
        "changed_at": instant(agency.changed_at),
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
        endpoints=EndpointRules(private_hosts=world.settings.push.private_hosts, ports=world.settings.push.ports),
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


def _tree(directory: Directory) -> Iterator[tuple[int, Agency]]:
    """Every agency once, with its depth, after the one above it."""
    below: defaultdict[str, list[Agency]] = defaultdict(list)
    for one in sorted(directory.agencies, key=lambda a: a.code):
        above = directory.above(one)
        lost = above is None or one in directory.ascent(one)  # in a circle: shown at the top rather than not at all
        below["" if above is None or lost else above.code].append(one)
    left = [(0, one) for one in reversed(below[""])]
    while left:
        depth, one = left.pop()
        yield depth, one
        left += [(depth + 1, lower) for lower in reversed(below[one.code])]


def _row(depth: int, agency: Agency) -> tuple[str, ...]:
    others, mandates = ", ".join(agency.codes[1:]), str(len(agency.mandates))
    kept = (agency.mode, agency.signature_policy, mandates)
    return (_branch(depth) + agency.code, _named(agency), others, *kept, _active(agency))


def _branch(depth: int) -> str:
    return f"└{'─' * (2 * depth - 1)} " if depth else ""


def _named(agency: Agency) -> str:
    return f"{agency.name} (unit)" if agency.unit else agency.name


def _active(agency: Agency) -> str:
    if agency.successor:
        return f"→ {agency.successor}"
    return "yes" if agency.active else "NO"


def _endpoint(endpoint: Endpoint) -> str:
    if not endpoint.url:
        return ""
    proven = f"proven {clock(endpoint.proven_at)}" if endpoint.open and endpoint.proven_at else "NOT PROVEN: try-push"
    return f"{endpoint.url} ({proven})"


def _mandate(mandate: Mandate) -> str:
    words = (
        mandate.fingerprint or mandate.shown_uid,
        f"in {mandate.domain}" if mandate.domain else "",
        f"from {clock(mandate.valid_from)}" if mandate.valid_from else "",
        f"until {clock(mandate.valid_until)}" if mandate.valid_until else "",
    )
    return " ".join(filter(None, words))
