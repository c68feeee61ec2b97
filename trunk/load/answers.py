"""What a trunk answered to submissions, and whether that is what it had to answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

from trunk.load.plan import Arrival, Kind
from trunk.load.wire import Reply

_REPLAYED: Final = "Idempotent-Replayed"
_CREATED: Final = 201
_UNPROCESSABLE: Final = 422
_SIGNATURE: Final = "SIG-"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is kept of it."""

    status: int  #: 0: there is none
    code: str = ""  #: of the problem; where there is no answer, the kind of trouble
    replayed: bool = False
    envelope_id: str = ""
    sha256: str = ""
    deliveries: int = 0

    @classmethod
    def of(cls, reply: Reply) -> Answer:
        """Whatever it is: what is not understood is empty."""
        try:
            told = reply.json
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, dict):
            return cls(reply.status)
        if reply.status != _CREATED:
            return cls(reply.status, str(told.get("code", "")))
        return cls(
            reply.status,
            replayed=reply.header(_REPLAYED) == "true",
            envelope_id=str(told.get("envelope_id", "")),
            sha256=str(told.get("sha256", "")),
            deliveries=len(told.get("deliveries", ())),
        )

    @property
    def accepted(self) -> bool:
        return self.status == _CREATED


class Verdict(StrEnum):
    """What an answer is."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"  #: accepted before, and said so
    REFUSED = "refused_as_wanted"
    UNEXPECTED = "unexpected"


class Surprise(StrEnum):
    """In which way an answer is not what it had to be."""

    NOT_ACCEPTED = "not_accepted"
    NO_ANSWER = "no_answer"
    BROKEN_ACCEPTED = "broken_one_accepted"
    BROKEN_REFUSED_OTHERWISE = "broken_one_refused_for_another_reason"
    ACCEPTED_TWICE = "accepted_twice"
    NOT_ACCEPTED_BEFORE = "replayed_and_never_accepted"
    OTHER_OCTETS = "other_octets_than_were_sent"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one answer; a surprise if and only if it is unexpected."""

    verdict: Verdict
    surprise: Surprise | None = None


def judge(
    arrivals: Sequence[Arrival], answers: Sequence[Answer | None], digests: Sequence[str]
) -> list[Judgement | None]:
    """One for each answer. A document and its repetitions are judged together: whichever the trunk took first, one of
    them was accepted and all others were replayed."""
    judged: list[Judgement | None] = [None] * len(arrivals)
    accepted: dict[int, list[int]] = defaultdict(list)
    unknown: set[int] = set()  # documents of which an answer is missing: the trunk may have them
    for number, (arrival, answer) in enumerate(zip(arrivals, answers, strict=True)):
        if answer is None:
            continue
        surprise = _surprise(arrival, answer, digests[arrival.document])
        if surprise is not None:
            judged[number] = Judgement(Verdict.UNEXPECTED, surprise)
            unknown |= {arrival.document} if not answer.status else set()
        elif arrival.kind is Kind.BAD:
            judged[number] = Judgement(Verdict.REFUSED)
        else:
            accepted[arrival.document].append(number)
    for document, numbers in accepted.items():
        told = {number: answer for number in numbers if (answer := answers[number]) is not None}
        for number, judgement in _together(told, may_be_before=document in unknown).items():
            judged[number] = judgement
    return judged


def _surprise(arrival: Arrival, answer: Answer, digest: str) -> Surprise | None:
    if not answer.status:
        return Surprise.NO_ANSWER
    if arrival.kind is Kind.BAD:
        if answer.accepted:
            return Surprise.BROKEN_ACCEPTED
        wanted = answer.status == _UNPROCESSABLE and answer.code.startswith(_SIGNATURE)
        return None if wanted else Surprise.BROKEN_REFUSED_OTHERWISE
    if not answer.accepted:
        return Surprise.NOT_ACCEPTED
    return None if answer.sha256 == digest else Surprise.OTHER_OCTETS


def _together(told: Mapping[int, Answer], *, may_be_before: bool) -> dict[int, Judgement]:
    """Answers to the same octets, all accepted; ``may_be_before``: by a submission whose answer got lost."""
    fresh = next((number for number, answer in told.items() if not answer.replayed), None)
    ids = {answer.envelope_id for answer in told.values()}
    found = {}
    for number, answer in told.items():
        if number == fresh:
            found[number] = Judgement(Verdict.ACCEPTED)
        elif not answer.replayed or len(ids) > 1:
            found[number] = Judgement(Verdict.UNEXPECTED, Surprise.ACCEPTED_TWICE)
        elif fresh is None and not may_be_before:
            found[number] = Judgement(Verdict.UNEXPECTED, Surprise.NOT_ACCEPTED_BEFORE)
        else:
            found[number] = Judgement(Verdict.REPEATED)
    return found
