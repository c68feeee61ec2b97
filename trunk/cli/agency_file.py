"""Agencies from a TOML or CSV file. Every wrong row is reported at once, with its line and what to write instead.

Law: a file changes only what it says. A key that is absent (TOML) or a column that is missing (CSV) leaves what
the directory has; so a list of names reloaded does not drop certificates. Nothing is written here.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trunk.domain.agency import Agency, DeliveryMode, Directory, Mandate
from trunk.domain.delivery import AgencyCode
from trunk.domain.endpoint import EndpointRules, UnfitUrl

_CODE: Final = re.compile(r"[^\s,;/\\\x00-\x1f\x7f]{1,35}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_UID: Final = re.compile(r"[A-Z]{2,8}:[^\s@]{1,60}")
_YES_NO: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_CONTACT: Final = ("address", "email", "telephone")
_PUSH: Final = ("push_url", "push_ca_file", "push_key_id")
_SWITCHES: Final = ("active", "unit")
_MAX_TEXT: Final = 200
_LONGEST: Final = {"push_url": 2000}
KEYS: Final = (
    *("code", "name", "old_code", "aliases", "parent", "unit", *_CONTACT, "mode", "signature_policy", "active"),
    *_PUSH,
    *("certificates", "uids"),
)
_LISTS: Final = ("aliases", "certificates", "uids")

Fingerprint = Callable[[Path], str]
"""The fingerprint of a PEM file's certificate. Raises ``ValueError`` or ``OSError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What rows are held against."""

    directory: Directory
    policies: Collection[str]
    endpoints: EndpointRules
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A row that cannot be taken."""

    line: int
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a file says of one agency."""

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a load would do to one agency."""

    line: int
    before: Agency | None
    after: Agency

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what changes; all of a new one's count as one word."""
        if self.before is None:
            return ("new",)
        old, new = dataclasses.asdict(self.before), dataclasses.asdict(self.after)
        return tuple(name for name in old if old[name] != new[name])


def read_rows(file: Path) -> tuple[list[Row], list[Wrong]]:
    """Rows of a ``.toml`` (tables ``[[agency]]``) or ``.csv`` file (first line: names of columns)."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return [], [Wrong(line=1, what="not UTF-8", remedy="save the file as UTF-8")]
    return _toml_rows(text) if file.suffix.lower() == ".toml" else _csv_rows(text)


def plan(rows: Sequence[Row], known: Known) -> tuple[list[Change], list[Wrong]]:
    """What the rows would change in the directory, or everything that is wrong with them."""
    changes: list[Change] = []
    wrong: list[Wrong] = []
    for row in rows:
        try:
            changes.append(_change(row, known))
        except _WrongRowError as error:
            wrong += (Wrong(line=row.line, what=what, remedy=remedy) for what, remedy in error.reasons)
    wrong += _clashes(changes, known.directory)
    after = {change.after.code: change.after for change in changes}
    whole = Directory([*(a for a in known.directory.agencies if a.code not in after), *after.values()])
    wrong += _misplaced(changes, whole)
    return [_placed(change, whole) for change in changes], wrong


class _WrongRowError(Exception):
    def __init__(self, reasons: Sequence[tuple[str, str]]) -> None:
        super().__init__("wrong row")
        self.reasons = reasons


def _toml_rows(text: str) -> tuple[list[Row], list[Wrong]]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        return [], [Wrong(line=int(place[1]) if place else 1, what=f"not TOML: {error}", remedy="mend the syntax")]
    items = table.pop("agency", None)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or table:
        return [], [
            Wrong(line=1, what="expected tables [[agency]] and nothing else", remedy="see --help for an example")
        ]
    lines = [n for n, line in enumerate(text.splitlines(), start=1) if re.match(r"\s*\[\[\s*agency\s*\]\]", line)]
    lines += [1] * (len(items) - len(lines))  # written inline: agency = [{…}]
    return [Row(line=line, values=item) for line, item in zip(lines, items, strict=False)], []


def _csv_rows(text: str) -> tuple[list[Row], list[Wrong]]:
    first = text.partition("\n")[0]
    reader = csv.DictReader(text.splitlines(), delimiter=";" if first.count(";") > first.count(",") else ",")
    rows: list[Row] = []
    wrong: list[Wrong] = []
    for cells in reader:
        if None in cells or None in cells.values():
            expected = f"expected {len(reader.fieldnames or ())} cells"
            wrong.append(Wrong(line=reader.line_num, what=expected, remedy="quote cells that hold the separator"))
        else:
            values = {key.strip(): _cell(key.strip(), value.strip()) for key, value in cells.items()}
            rows.append(Row(line=reader.line_num, values=values))
    return rows, wrong


def _cell(key: str, text: str) -> Any:
    if key in _LISTS:
        return [part for part in re.split(r"[|\s]+", text) if part]
    return _YES_NO.get(text.lower(), text) if key in _SWITCHES else text


def _change(row: Row, known: Known) -> Change:
    reasons = [*_strangers(row.values), *_shape(row.values, known.policies)]
    mandates, wrong = ([], reasons) if reasons else _mandates(row.values, known.fingerprint)
    if wrong:
        raise _WrongRowError(wrong)
    before = next((a for a in known.directory.agencies if a.code == row.values["code"]), None)
    if before is None and not row.values.get("name"):
        raise _WrongRowError([("name is missing", "a new agency needs a name")])
    after = _overlaid(before or Agency(code=AgencyCode(row.values["code"]), name=""), row.values)
    if any(key in row.values for key in (*_PUSH, "mode")):
        after = _with_endpoint_read(after, known.endpoints)
    kept = [m for m in after.mandates if ("certificates" if m.fingerprint else "uids") not in row.values]
    after = dataclasses.replace(after, mandates=tuple(dict.fromkeys((*kept, *mandates))))
    return Change(line=row.line, before=before, after=after)


def _overlaid(agency: Agency, values: Mapping[str, Any]) -> Agency:
    """``agency`` with what the row says; an empty name, mode, policy or switch says nothing."""
    said: dict[str, Any] = {key: values[key] for key in ("old_code", "parent") if key in values}
    said |= {key: values[key] for key in ("name", "signature_policy") if values.get(key)}
    said |= {key: values[key] for key in _SWITCHES if values.get(key, "") != ""}
    if "aliases" in values:
        said["aliases"] = tuple(values["aliases"])
    if values.get("mode"):
        said["mode"] = DeliveryMode(values["mode"])
    contact = dataclasses.replace(agency.contact, **{key: values[key] for key in _CONTACT if key in values})
    told = {key.removeprefix("push_"): values[key] for key in _PUSH if key in values}
    endpoint = dataclasses.replace(agency.endpoint, **told)
    return dataclasses.replace(agency, contact=contact, endpoint=endpoint, **said)


def _endpoint_faults(agency: Agency, rules: EndpointRules) -> Iterator[tuple[str, str]]:
    endpoint = agency.endpoint
    read = rules.read(endpoint.url) if endpoint.url else endpoint.url
    if isinstance(read, UnfitUrl):
        yield f"push_url: {read.what}", read.remedy
    if agency.mode is DeliveryMode.PUSH and not endpoint.url:
        yield "mode push needs push_url", 'write push_url = "https://…", or another mode'
    if endpoint.ca_file.startswith("/") or ".." in endpoint.ca_file.split("/"):
        yield "push_ca_file is no file in the data folder", "a path relative to it, e.g. push/h41.pem"


def _with_endpoint_read(agency: Agency, rules: EndpointRules) -> Agency:
    if unfit := list(_endpoint_faults(agency, rules)):
        raise _WrongRowError(unfit)
    read = rules.read(agency.endpoint.url)
    if isinstance(read, UnfitUrl):
        return agency
    return dataclasses.replace(agency, endpoint=dataclasses.replace(agency.endpoint, url=read))


def _strangers(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in values:
        if key not in KEYS:
            close = difflib.get_close_matches(key, KEYS, n=1)
            yield f"no such key: {key}", f"did you mean {close[0]}?" if close else f"keys are {', '.join(KEYS)}"


def _shape(values: Mapping[str, Any], policies: Collection[str]) -> Iterator[tuple[str, str]]:
    codes = [("code", values.get("code", "")), *((key, values.get(key) or "-") for key in ("old_code", "parent"))]
    aliases = values.get("aliases", [])
    if not all(isinstance(values.get(key, []), list) for key in _LISTS):
        yield "aliases, certificates and uids are lists", 'write ["A", "B"] (in CSV: A|B)'
        return
    for key, code in [*codes, *(("aliases", alias) for alias in aliases)]:
        if not isinstance(code, str) or not is_code(code):
            yield f"{key}: {code!r} is no code", "1 to 35 characters without blanks, commas and slashes, e.g. H41.01"
    if not isinstance(values.get("name", ""), str):
        yield "name is a text", 'write name = "…"'
    for key in (*_CONTACT, *_PUSH):
        text = values.get(key, "")
        if not isinstance(text, str) or len(text) > _LONGEST.get(key, _MAX_TEXT) or not text.isprintable():
            yield f"{key} is no line of text", f"write at most {_LONGEST.get(key, _MAX_TEXT)} characters on one line"
    yield from _choices(values, policies)


def _choices(values: Mapping[str, Any], policies: Collection[str]) -> Iterator[tuple[str, str]]:
    for key, choices in (("mode", tuple(DeliveryMode)), ("signature_policy", policies)):
        allowed = [str(choice) for choice in choices]
        if values.get(key, "") not in ("", *allowed):
            yield f"{key}: {values[key]!r} is unknown", f"write {' or '.join(allowed)}"
    for key in _SWITCHES:
        if values.get(key, "") not in ("", True, False):
            yield f"{key}: {values[key]!r} is neither yes nor no", "write true or false"


def _mandates(values: Mapping[str, Any], fingerprint: Fingerprint) -> tuple[list[Mandate], list[tuple[str, str]]]:
    """Fingerprints, or PEM files relative to the file that names them; and UIDs, maybe of one trust domain."""
    found: list[Mandate] = []
    wrong: list[tuple[str, str]] = []
    for name in values.get("certificates", ()):
        plain = str(name).lower().replace(":", "")
        try:
            print_ = plain if _FINGERPRINT.fullmatch(plain) else fingerprint(Path(str(name)))
            found.append(Mandate(fingerprint=print_))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            wrong.append(
                (f"certificates: {name}: {reason}", "name a PEM file or a SHA-256 fingerprint (64 hex digits)")
            )
    for number, name in enumerate(values.get("uids", ()), start=1):
        uid, _, domain = str(name).partition("@")
        if is_uid(uid):
            found.append(Mandate(uid=uid, domain=domain))
        else:
            wrong.append((f"uids: number {number} is none", "write it as in the certificate, e.g. MST:0100000000"))
    return found, wrong


def is_uid(text: str) -> bool:
    """Whether it can be a subject UID, scheme and number, as certificates spell it."""
    return _UID.fullmatch(text) is not None


def is_code(text: str) -> bool:
    """Whether it can be an agency's code."""
    return _CODE.fullmatch(text) is not None


def _misplaced(changes: Sequence[Change], whole: Directory) -> Iterator[Wrong]:
    """Parents that are nowhere, or under what they stand above, when all rows are taken."""
    for change in changes:
        if fault := whole.misplaced(change.after):
            yield Wrong(line=change.line, what=fault[0], remedy=fault[1])


def _placed(change: Change, whole: Directory) -> Change:
    """With the parent's own code, whichever of them the row has."""
    parent = whole.registered(change.after.parent)
    if parent is None:
        return change
    return dataclasses.replace(change, after=dataclasses.replace(change.after, parent=parent.code))


def _clashes(changes: Sequence[Change], directory: Directory) -> Iterator[Wrong]:
    """Codes that would mean two agencies, in the file or beside what the directory has."""
    loaded = {change.after.code for change in changes}
    owners = {c: a.code for a in directory.agencies if a.code not in loaded for c in a.codes}
    lines: dict[str, int] = {}
    for change in changes:
        for code in change.after.codes:
            owner = owners.setdefault(code, change.after.code)
            line = lines.setdefault(code, change.line)
            if owner != change.after.code:
                yield Wrong(
                    line=change.line, what=f"the code {code} means {owner} too", remedy="each code means one agency"
                )
            elif line != change.line:
                yield Wrong(
                    line=change.line, what=f"{code} stands in line {line} already", remedy="keep one of the two"
                )
