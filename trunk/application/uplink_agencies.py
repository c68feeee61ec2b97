"""Agencies that another hub's address book brings: registered as beyond it, kept as it has them, closed with it.

Law: an agency of our own is never touched, and a code never comes to mean another agency.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from trunk.domain.agency import Agency, DeliveryMode, Directory
from trunk.domain.delivery import AgencyCode
from trunk.storage.ledger import Book, Ledger

log = structlog.get_logger()

_MAX_CODE: Final = 35  #: SĐ1:2022
_MAX_NAME: Final = 200
_FEW: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An agency as the other hub's address book has it."""

    code: str
    name: str
    old_code: str = ""
    parent: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What a reading changed."""

    put: int = 0
    closed: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BeyondAgencies:
    """Keeps the part of the directory that is beyond the other hub."""

    ledger: Ledger
    policy: str  #: of signatures, for agencies that are new here
    now: Callable[[], datetime]

    def update(self, listed: Sequence[Listed], *, closed: Collection[str]) -> Updated:
        """``closed``: codes that the hub says are closed. Raises ``LedgerUnavailableError``.

        Agencies that are not on the list any more are closed as well; but not where most of them are missing: half a
        list, or a hub with nothing in it, closes nobody.
        """
        with self.ledger.read() as view:  # most readings change nothing, and hold up nobody
            wanted = list(self._changes(view.directory(), listed, closed))
        if not wanted:
            return Updated()
        with self.ledger.begin() as book:
            book.change_directory()
            return self._write(book, listed, closed)

    def _write(self, book: Book, listed: Sequence[Listed], closed: Collection[str]) -> Updated:
        directory = book.view.directory()
        changes = {agency.code: agency for agency in self._changes(directory, listed, closed)}
        clashing = _clashing(directory, changes.values())
        for code in clashing:
            log.warning("uplink_agency_skipped", agency=code)
            del changes[code]
        later = Directory((*(one for one in directory.agencies if one.code not in changes), *changes.values()))
        for agency in changes.values():
            fit = agency if later.misplaced(agency) is None else dataclasses.replace(agency, parent="")
            book.put_agency(fit, at=self.now())
        gone = sum(not agency.active for agency in changes.values())
        return Updated(put=len(changes) - gone, closed=gone, skipped=len(clashing))

    def _changes(self, directory: Directory, listed: Sequence[Listed], closed: Collection[str]) -> Iterator[Agency]:
        there = {one.code: one for one in listed if _is_sound(one) and one.code not in closed}
        for one in there.values():
            known = directory.registered(one.code)
            if known is not None and (not known.beyond or known.successor or known.code != one.code):
                continue
            known_parent = one.parent in there or directory.registered(one.parent) is not None
            agency = self._overlaid(known, one, known_parent=known_parent)
            if agency != known:
                yield agency
        beyond = [agency for agency in directory.agencies if agency.beyond and agency.listed]
        missing = [agency for agency in beyond if agency.code not in there]
        if missing and (len(missing) > max(_FEW, len(beyond) // 10) or not there):
            log.warning("uplink_agencies_missing", missing=len(missing), known=len(beyond))
            missing = [agency for agency in missing if agency.code in closed]
        for agency in missing:
            yield dataclasses.replace(agency, active=False)

    def _overlaid(self, known: Agency | None, one: Listed, *, known_parent: bool) -> Agency:
        agency = known or Agency(
            code=AgencyCode(one.code), name=one.name, mode=DeliveryMode.UPLINK, signature_policy=self.policy
        )
        return dataclasses.replace(
            agency,
            name=one.name,
            active=True,
            old_code=one.old_code if one.old_code != one.code else "",
            parent=one.parent if known_parent and one.parent != one.code else agency.parent,
            contact=dataclasses.replace(agency.contact, email=one.email or agency.contact.email),
        )


def _clashing(directory: Directory, changes: Iterable[Agency]) -> list[AgencyCode]:
    """Those of the changes that want a code which means another agency, or which another change wants too."""
    means = {code: agency.code for agency in directory.agencies for code in agency.codes}
    clashing = []
    for agency in changes:
        if any(means.get(code, agency.code) != agency.code for code in agency.codes):
            clashing.append(agency.code)
        else:
            means |= dict.fromkeys(agency.codes, agency.code)
    return clashing


def _is_sound(one: Listed) -> bool:
    texts = (one.name, one.email)
    return (
        _is_code(one.code)
        and (not one.old_code or _is_code(one.old_code))
        and bool(one.name)
        and all(len(text) <= _MAX_NAME and text.isprintable() for text in texts)
    )


def _is_code(code: str) -> bool:
    return 0 < len(code) <= _MAX_CODE and all("!" <= letter <= "~" for letter in code)
