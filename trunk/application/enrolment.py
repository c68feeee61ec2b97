"""Enrolment over the wire: a hub's system adds an agency or closes one, where the trunk's settings let it.

Only what an agency is called: certificates, codes and policies are given by administrators at the trunk. Closing
keeps the agency, its mail and its codes; it neither sends nor receives any more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trunk.domain.agency import Agency, Caller, SystemId
from trunk.domain.delivery import AgencyCode
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.storage.ledger import Ledger

_MAX_CODE: Final = 35  #: SĐ1:2022
_MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Changes the directory for the systems that ``may_enrol``. The same again is a quiet success."""

    ledger: Ledger
    may_enrol: Callable[[SystemId], bool]

    def register(self, caller: Caller, code: str, name: str) -> Agency | Rejected:
        """The agency of that code with that name, active; a new one if there is none."""
        if not self.may_enrol(caller.system):
            return refuse(Code.NOT_ENROLLER)
        if not 0 < len(code) <= _MAX_CODE or not all("!" <= letter <= "~" for letter in code):
            return refuse(Code.BAD_REQUEST, path="code", expected=f"1 to {_MAX_CODE} visible ASCII characters")
        if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
            return refuse(Code.BAD_REQUEST, path="name", expected=f"1 to {_MAX_NAME} printable characters")
        with self.ledger.begin() as book:
            book.change_directory()
            known = book.view.directory().find(code)
            agency = dataclasses.replace(known, name=name, active=True) if known else _new(code, name)
            if agency != known:
                book.put_agency(agency)
        return agency

    def close(self, caller: Caller, code: str) -> Agency | Rejected:
        """The agency of that code, closed."""
        if not self.may_enrol(caller.system):
            return refuse(Code.NOT_ENROLLER)
        with self.ledger.begin() as book:
            book.change_directory()
            known = book.view.directory().find(code)
            if known is None:
                return refuse(Code.ADDRESSEE_UNKNOWN, path="AgencyCode", got=code)
            if known.active:
                book.put_agency(dataclasses.replace(known, active=False))
        return dataclasses.replace(known, active=False)


def _new(code: str, name: str) -> Agency:
    return Agency(code=AgencyCode(code), name=name)
