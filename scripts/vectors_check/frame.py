"""What a set of vectors is to this check: cases with a stated verdict, our answers, and the judgement on them.

Law: nothing is excused after the fact. What we leave out by choice is told by the form of a case (``unsupported``)
before it is run, and excuses a refusal only: what its authors refuse must never be accepted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Stated(StrEnum):
    """What the authors of a case say of it."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    POLICY = "policy"  #: either: they leave it to the profile, or say nothing


class Outcome(StrEnum):
    """How our answer compares."""

    PASSED = "passed"  #: accepted, as stated
    REFUSED = "refused"  #: refused, as stated
    UNSUPPORTED = "unsupported"  #: refused, because we leave out on purpose what it needs
    OPEN = "open"  #: nothing is stated, and we have answered
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What our code says of a case: a code where it refuses."""

    accepted: bool
    code: str = ""
    driven: bool = True  #: False: there is nothing here that could be asked


ACCEPTED = Answer(accepted=True)


NOT_DRIVEN = Answer(accepted=False, code="not driven", driven=False)


def refused(code: object) -> Answer:
    """A refusal with its code. An error's name will do where the code under test speaks by raising."""
    return Answer(accepted=False, code=type(code).__name__ if isinstance(code, Exception) else str(code))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One vector. ``run`` raises only where our code failed: that is wrong, whatever was stated."""

    name: str
    stated: Stated
    run: Callable[[], Answer]
    unsupported: str = ""  #: what it needs and we leave out on purpose
    seconds: float = 2.0  #: more is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorSet:
    """The cases of one set under one kind of verdict."""

    name: str  #: the folder in the vectors, as SOURCES.md names it
    kind: str  #: ``core``: the cryptography alone; ``trunk``: what the service answers
    cases: Sequence[Case]
    note: str = ""
    sealed: bool = True  #: run without files, network and programs
    mebibytes: int = 500  #: of memory beyond what is there at the start
    warm: Sequence[Callable[[], object]] = ()  #: run beforehand: what Python imports late must not count as access


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One case, judged."""

    case: Case
    outcome: Outcome
    why: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Tally:
    """A set, judged."""

    set: VectorSet
    watched: bool = False  #: whether access to files and network would have been noticed
    judged: list[Judged] = field(default_factory=list)

    def of(self, outcome: Outcome) -> list[Judged]:
        return [one for one in self.judged if one.outcome is outcome]

    @property
    def slowest(self) -> float:
        return max((one.seconds for one in self.judged), default=0.0)

    def reasons(self, outcome: Outcome) -> dict[str, int]:
        """Why, with how many cases there are; most first."""
        found: dict[str, int] = {}
        for one in self.of(outcome):
            found[one.why] = found.get(one.why, 0) + 1
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def judge(case: Case, answer: Answer, seconds: float) -> Judged:
    """Compares one answer with what was stated."""
    said = "accepted" if answer.accepted else f"refused with {answer.code}"
    if not answer.driven and case.unsupported:
        outcome, why = Outcome.UNSUPPORTED, case.unsupported
    elif not answer.accepted and not answer.code:
        outcome, why = Outcome.WRONG, "refused without a code"
    elif seconds > case.seconds:
        outcome, why = Outcome.WRONG, f"{seconds:.1f} s, more than {case.seconds} s"
    elif case.stated is Stated.POLICY:
        outcome, why = Outcome.OPEN, f"{case.unsupported or 'nothing is stated'}: {said.partition(' ')[0]}"
    elif answer.accepted:
        accept = case.stated is Stated.ACCEPT
        outcome, why = (Outcome.PASSED, "") if accept else (Outcome.WRONG, "accepted, against what is stated")
    elif case.stated is Stated.REFUSE:
        outcome, why = Outcome.REFUSED, answer.code
    elif case.unsupported:
        outcome, why = Outcome.UNSUPPORTED, case.unsupported
    else:
        outcome, why = Outcome.WRONG, f"{said}, against what is stated"
    return Judged(case=case, outcome=outcome, why=why, seconds=seconds)


def run(case: Case) -> Judged:
    """Runs one case here and now."""
    started = time.perf_counter()
    try:
        answer = case.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        why = f"raised {type(error).__name__}: {error}"[:200]
        return Judged(case=case, outcome=Outcome.WRONG, why=why, seconds=time.perf_counter() - started)
    return judge(case, answer, time.perf_counter() - started)
