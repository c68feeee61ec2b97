"""How a use case ends. Refusals are values; only faults of the house are exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trunk.domain.entry import AcceptedEnvelope
from trunk.domain.rejection import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One reason of a refusal: a catalogue code and where it applies."""

    code: Code
    line: int | None = None
    path: str = ""
    expected: str = ""
    got: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Refused, with every reason at once. ``sealed`` is the trunk's acknowledgement of it, where one can be made."""

    flaws: Sequence[Flaw]
    sealed: bytes | None = None
    retry_after: int | None = None  #: seconds, when coming again may help

    @property
    def code(self) -> Code:
        """The first reason: it chooses the HTTP status and the title."""
        return self.flaws[0].code


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The trunk is responsible now."""

    accepted: AcceptedEnvelope
    repeated: bool = False  #: the same submission had been accepted before
    warnings: Sequence[Flaw] = ()


def refuse(
    code: Code, *, path: str = "", expected: str = "", got: str = "", retry_after: int | None = None
) -> Rejected:
    """A refusal for one reason."""
    return Rejected(flaws=(Flaw(code=code, path=path, expected=expected, got=got),), retry_after=retry_after)
