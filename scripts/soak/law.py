"""The law by which the oracle judges, after everything was drained.

What was acknowledged is at every recipient, octet for octet, unless its sender was told that it was held back or
could not be delivered; nobody has what was never acknowledged, was refused or was held back; every sender has one
``accepted`` for an envelope and exactly one end for each recipient, and none without its fact.

Of what was submitted without an answer nobody knows the fate: it may be under way still while it is repeated, and what
becomes of both may differ where clocks differ. Then its sender has to be told in its inbox what became of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from scripts.soak.oracle import FINAL, Oracle

_NOTICED: Final = {
    "DOC-108": ("row edited: outbox entry without delivery", "trunk killed at reconcile."),
    "DOC-109": ("forged AMQP messages", "poison AMQP messages"),
    "DOC-302": ("clock of a trunk an hour ahead", "clock of a trunk a day ahead"),
}
"""What the doctor ought to tell of, for a person to look at, after these faults: what cannot be mended by itself."""


def left_over(findings: Collection[Mapping[str, Any]], happened: Collection[str]) -> Iterator[str]:
    """What is stuck, and no fault that ``happened`` is the reason that it should be told."""
    for one in findings:
        reasons = _NOTICED.get(one["code"], ())
        if not (reasons and any(name.startswith(reasons) for name in happened)):
            yield f"stuck: {one['code']} {one['what']} ({one['count']})"


def violations(oracle: Oracle) -> Iterator[str]:
    """Everything that breaks the law, one sentence each."""
    yield from oracle.broken
    yield from (f"never answered: {sha256}" for sha256 in _unanswered(oracle))
    ends = _ends(oracle)
    yield from _lost(oracle, ends)
    yield from _strangers(oracle)
    yield from _told(oracle)
    yield from _counted(oracle, ends)


def lost(oracle: Oracle) -> list[str]:
    """Every delivery of an acknowledged submission that its recipient does not hold and nobody was told the end of."""
    return list(_lost(oracle, _ends(oracle)))


def _unanswered(oracle: Oracle) -> Iterator[str]:
    return (sha256 for sha256 in oracle.sent if sha256 not in oracle.answers and sha256 not in oracle.refused)


def _ends(oracle: Oracle) -> dict[str, Counter[str]]:
    """By envelope: how many deliveries ended how."""
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    for (about, fact, _), times in oracle.told.items():
        if fact in FINAL:
            ends[about][fact] += times
    return ends


def _lost(oracle: Oracle, ends: dict[str, Counter[str]]) -> Iterator[str]:
    """A delivery that ended without a recipient's word may be missing there; no other may."""
    for envelope_id, sha256 in oracle.envelopes.items():
        sent = oracle.sent[sha256]
        missing = [agency for agency in sent.recipients if not _holds(oracle, agency, sha256)]
        excused = ends[envelope_id]["recalled"] + ends[envelope_id]["undeliverable"]
        if sent.kind != "document" or len(missing) > excused:
            yield from (f"{envelope_id} ({sent.kind} of {sent.sender}) never reached {agency}" for agency in missing)


def _strangers(oracle: Oracle) -> Iterator[str]:
    """What somebody holds and ought not to."""
    for agency, held in oracle.held.items():
        for sha256, envelope_id in held.octets.items():
            told = sha256 in oracle.unheard and oracle.told[(envelope_id, "accepted", "")]
            if sha256 in oracle.refused and not told:
                yield f"{agency} has {envelope_id}, which was refused ({oracle.refused[sha256]})"
            elif sha256 not in oracle.answers and not told:
                yield f"{agency} has {envelope_id}, which was never acknowledged"


def _told(oracle: Oracle) -> Iterator[str]:
    """Acknowledgements one by one."""
    doubtful = _doubtful(oracle)
    for (about, fact, delivery_id), times in oracle.told.items():
        if fact == "rejected" and not about:  # what was refused has no envelope id
            if times > len(oracle.refused.keys() | oracle.unheard):
                yield f"rejected was told {times} times, and {len(oracle.refused)} were refused"
            continue
        if times > 1:
            yield f"{fact} was told {times} times of {about} {delivery_id}"
        if about not in oracle.envelopes and about not in doubtful:
            yield f"{fact} was told of {about}, which was never acknowledged"
    for envelope_id, sha256 in oracle.envelopes.items():
        if oracle.sent[sha256].kind == "document" and not oracle.told[(envelope_id, "accepted", "")]:
            yield f"accepted was never told of {envelope_id}"


def _doubtful(oracle: Oracle) -> set[str]:
    """Envelopes of submissions without an answer, as their recipients know them, whose repetition was refused."""
    return {
        envelope_id
        for held in oracle.held.values()
        for sha256, envelope_id in held.octets.items()
        if sha256 in oracle.unheard and sha256 in oracle.refused
    }


def _counted(oracle: Oracle, ends: dict[str, Counter[str]]) -> Iterator[str]:
    """One end for each recipient; ``delivered`` for those alone that hold it, ``recalled`` for those that do not."""
    for envelope_id, sha256 in oracle.envelopes.items():
        sent, told = oracle.sent[sha256], ends[envelope_id]
        wanted = len(sent.recipients) if sent.kind == "document" else 0
        holders = sum(_holds(oracle, agency, sha256) for agency in sent.recipients)
        if told.total() != wanted:
            yield f"{told.total()} of {wanted} final acknowledgements of {envelope_id}: {dict(told)}"
        if told["delivered"] > holders:
            yield f"{told['delivered']} times delivered was told of {envelope_id}, which {holders} hold"
        if told["recalled"] > len(sent.recipients) - holders:
            yield f"{told['recalled']} times recalled was told of {envelope_id}, which {holders} hold"
        if told["recalled"] and sha256 not in oracle.asked_back:
            yield f"{envelope_id} was recalled, and nobody had asked for it"
        if told["undeliverable"]:
            yield f"{envelope_id} was given up"


def _holds(oracle: Oracle, agency: str, sha256: str) -> bool:
    return agency in oracle.held and sha256 in oracle.held[agency].octets
