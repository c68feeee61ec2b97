"""When an agency becomes another: merged into one that is there, or renamed to a new code.

What has the old code stays under it: mail that waits, the journal, what was sent. The old code goes on meaning
somebody: ``Directory.find`` leads from it to the successor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from trunk.domain.agency import Agency, Directory
from trunk.domain.delivery import AgencyCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """Both agencies as they are afterwards."""

    old: Agency
    new: Agency
    before: Agency | None  #: the new one as it was; None: it is made


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """Why it cannot be, and what to do instead."""

    what: str
    remedy: str


def merge(directory: Directory, old: str, into: str, *, with_mandates: bool) -> Succession | Unfit:
    """The agency ``old`` goes up in ``into``. ``with_mandates``: who signed for the one signs for the other."""
    gone, stays = directory.registered(old), directory.registered(into)
    if gone is None or stays is None:
        return _unknown(old if gone is None else into)
    unfit = next(_against_leaving(gone), None) or next(_against_merging(gone, stays, directory), None)
    if unfit is not None:
        return unfit
    mandates = tuple(dict.fromkeys((*stays.mandates, *gone.mandates))) if with_mandates else stays.mandates
    return Succession(old=replace(gone, successor=stays.code), new=replace(stays, mandates=mandates), before=stays)


def rename(directory: Directory, old: str, code: str) -> Succession | Unfit:
    """The agency ``old`` under the new ``code``, with everything it has; its further codes come with it."""
    gone = directory.registered(old)
    if gone is None:
        return _unknown(old)
    unfit = next(_against_leaving(gone), None) or next(_against_taking(code, gone, directory), None)
    if unfit is not None:
        return unfit
    new = replace(
        gone,
        code=AgencyCode(code),
        old_code="" if gone.old_code == code else gone.old_code,
        aliases=tuple(alias for alias in gone.aliases if alias != code),
    )
    left = replace(gone, old_code="", aliases=(), mandates=(), successor=new.code)
    return Succession(old=left, new=new, before=None)


def _unknown(code: str) -> Unfit:
    return Unfit(what=f"no agency has the code {code}", remedy="look for it (trunk admin agency list)")


def _against_leaving(gone: Agency) -> Iterator[Unfit]:
    if gone.successor:
        yield Unfit(what=f"{gone.code} became {gone.successor} already", remedy=f"name {gone.successor} instead")


def _against_merging(gone: Agency, stays: Agency, directory: Directory) -> Iterator[Unfit]:
    if stays.code == gone.code:
        yield Unfit(what=f"{gone.code} cannot be merged into itself", remedy="name two agencies")
    if stays.successor:
        yield Unfit(what=f"{stays.code} became {stays.successor} itself", remedy=f"merge into {stays.successor}")
    if not stays.active:
        yield Unfit(what=f"{stays.code} is closed", remedy="open it (active = true), or merge into another")
    if stays.unit and not gone.unit:
        yield Unfit(what=f"{stays.code} is a unit of {stays.parent}", remedy=f"merge into {stays.parent}")
    if gone in directory.ascent(stays):
        yield Unfit(what=f"{gone.code} stands above {stays.code}", remedy="give that one another parent first")


def _against_taking(code: str, gone: Agency, directory: Directory) -> Iterator[Unfit]:
    if code == gone.code:
        yield Unfit(what=f"{code} is its code already", remedy="name the new code")
    for other in directory.agencies:
        if code in other.codes and other.code != gone.code:
            yield Unfit(
                what=f"the code {code} means {other.code} already",
                remedy=f"merge into it (trunk admin agency merge {gone.code} --into {other.code}), or choose another",
            )
