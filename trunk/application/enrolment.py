"""Enrolment over the wire: a hub's system adds an agency or closes one, where the trunk's settings let it.

Only what an agency is called, where it stands and how people reach it: certificates and policies are given by
administrators at the trunk. So is the place of a unit: who stands above it reads its mail. Closing keeps the agency,
its mail and its codes; it neither sends nor receives any more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from trunk.domain.agency import Agency, Caller, Directory, SystemId
from trunk.domain.delivery import AgencyCode
from trunk.domain.operator import Operator
from trunk.domain.outcome import Flaw, Rejected, refuse
from trunk.domain.rejection import Code
from trunk.storage.ledger import Ledger

log = structlog.get_logger()

_MAX_CODE: Final = 35  #: SĐ1:2022
_MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a hub's system says of an agency. What is empty says nothing, and leaves what the directory has."""

    code: str
    name: str
    id: str = ""  #: what the hub calls it; a further code of it, where nobody else has that
    parent: str = ""  #: any code of the agency above it; one that is not registered says nothing, nor any of a unit
    email: str = ""
    telephone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Changes the directory for the systems that ``may_enrol``. The same again is a quiet success."""

    ledger: Ledger
    may_enrol: Callable[[SystemId], bool]
    now: Callable[[], datetime]

    def register(self, caller: Caller, said: Registration) -> Agency | Rejected:
        """The agency of that code with what is said, active; a new one if there is none."""
        if not self.may_enrol(caller.system):
            return refuse(Code.NOT_ENROLLER)
        flaws = tuple(_flaws(said))
        if flaws:
            return Rejected(flaws=flaws)
        with self.ledger.acting(Operator(name=caller.system, now=self.now)).begin() as book:
            book.change_directory()
            directory = book.view.directory()
            known = directory.registered(said.code)
            if known is not None and known.successor:
                return refuse(Code.BAD_REQUEST, path="code", expected=f"{said.code} became {known.successor}")
            agency = _overlaid(known or Agency(code=AgencyCode(said.code), name=said.name), said, directory)
            if agency != known:
                book.put_agency(agency, at=self.now())
        return agency

    def close(self, caller: Caller, code: str) -> Agency | Rejected:
        """The agency of that code, closed. One that became another is closed as it is; the other stays open."""
        if not self.may_enrol(caller.system):
            return refuse(Code.NOT_ENROLLER)
        with self.ledger.acting(Operator(name=caller.system, now=self.now)).begin() as book:
            book.change_directory()
            known = book.view.directory().registered(code)
            if known is None:
                return refuse(Code.ADDRESSEE_UNKNOWN, path="AgencyCode", got=code)
            closed = known if known.successor else dataclasses.replace(known, active=False)
            if closed != known:
                book.put_agency(closed, at=self.now())
        return closed


def _flaws(said: Registration) -> Iterator[Flaw]:
    if not _is_code(said.code):
        yield Flaw(code=Code.BAD_REQUEST, path="code", expected=f"1 to {_MAX_CODE} visible ASCII characters")
    texts = {"name": said.name, "mail": said.email, "mobile": said.telephone}
    for path, text in texts.items():
        fewest = 1 if path == "name" else 0
        if not fewest <= len(text) <= _MAX_NAME or not text.isprintable():
            expected = f"{fewest} to {_MAX_NAME} printable characters"
            yield Flaw(code=Code.BAD_REQUEST, path=path, expected=expected)


def _is_code(code: str) -> bool:
    return 0 < len(code) <= _MAX_CODE and all("!" <= letter <= "~" for letter in code)


def _overlaid(agency: Agency, said: Registration, directory: Directory) -> Agency:
    contact = agency.contact
    is_free = _is_code(said.id) and directory.registered(said.id) is None and said.id not in agency.codes
    return dataclasses.replace(
        agency,
        name=said.name,
        active=True,
        aliases=(*agency.aliases, said.id) if is_free else agency.aliases,
        parent=_parent(agency, said, directory),
        contact=dataclasses.replace(
            contact, email=said.email or contact.email, telephone=said.telephone or contact.telephone
        ),
    )


def _parent(agency: Agency, said: Registration, directory: Directory) -> str:
    parent = directory.find(said.parent) if said.parent else None
    if parent is None or any(one.code == agency.code for one in (parent, *directory.ascent(parent))):
        return agency.parent  # nobody stands above itself
    if agency.unit and parent != directory.above(agency):
        log.warning("unit_not_moved", agency=agency.code, asked=parent.code, remedy="trunk admin agency load moves it")
        return agency.parent
    return agency.parent if agency.unit else parent.code
