"""The oracle notices each way in which the law can be broken, and nothing where it is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scripts.soak.law import left_over, lost, violations
from scripts.soak.oracle import Oracle, Sent

LETTER = Sent("a" * 64, "H41.01", ("H41.100", "H41.101"))
STATUS = Sent("b" * 64, "H41.100", ("H41.01",), "status")
STRANGE = "c" * 64


def kept() -> Oracle:
    """A history in which everything is as it should be."""
    oracle = Oracle()
    oracle.submitted(LETTER)
    oracle.accepted(LETTER.sha256, "e1")
    oracle.accepted(LETTER.sha256, "e1")  # the same answer again
    for number, agency in enumerate(LETTER.recipients):
        oracle.stored(agency, f"d{number}", "e1", LETTER.sha256)
        oracle.took_word(agency, f"d{number}")
        oracle.acknowledged("e1", "delivered", f"d{number}", own=f"a{number}")
    oracle.acknowledged("e1", "accepted", "", own="a9")
    oracle.acknowledged("e1", "accepted", "", own="a9")  # read twice
    oracle.submitted(STATUS)
    oracle.accepted(STATUS.sha256, "e2")
    oracle.stored("H41.01", "d8", "e2", STATUS.sha256)
    return oracle


def test_where_the_law_is_kept_nothing_is_found() -> None:
    oracle = kept()
    assert list(violations(oracle)) == []
    assert lost(oracle) == []
    assert (oracle.deliveries, oracle.open, oracle.missing) == (3, 0, 0)


def test_what_comes_again_after_its_confirmation_is_counted_and_allowed() -> None:
    oracle = kept()
    oracle.stored("H41.100", "d0", "e1", LETTER.sha256)
    assert oracle.offered_again == 1
    assert list(violations(oracle)) == []


def test_what_is_under_way_ends_with_the_word_to_its_sender() -> None:
    oracle = Oracle()
    oracle.submitted(LETTER)
    oracle.accepted(LETTER.sha256, "e1")
    oracle.stored("H41.100", "d0", "e1", LETTER.sha256)
    assert oracle.open == 2
    oracle.acknowledged("e1", "delivered", "d0", own="a0")
    oracle.acknowledged("e1", "delivered", "d0", own="a5")  # a second one is a breach, and no second end
    oracle.acknowledged("e1", "recalled", "d1", own="a1")
    assert oracle.open == 0


def test_what_was_held_back_may_be_missing() -> None:
    oracle = kept()
    del oracle.held["H41.101"]
    oracle.told[("e1", "delivered", "d1")] = 0
    oracle.acknowledged("e1", "recalled", "d1", own="a7")
    oracle.asked_back.add(LETTER.sha256)
    assert list(violations(oracle)) == []


def never_arrived(oracle: Oracle) -> None:
    del oracle.held["H41.101"]


def altered(oracle: Oracle) -> None:
    oracle.stored("H41.100", "d5", "e1", STRANGE)


def changed_on_the_way(oracle: Oracle) -> None:
    oracle.stored("H41.100", "d0", "e1", STATUS.sha256)


def not_for_it(oracle: Oracle) -> None:
    oracle.stored("H41.999", "d5", "e1", LETTER.sha256)


def never_acknowledged(oracle: Oracle) -> None:
    oracle.submitted(Sent(STRANGE, "H41.01", ("H41.100",)))
    oracle.stored("H41.100", "d5", "e5", STRANGE)


def refused_and_delivered(oracle: Oracle) -> None:
    oracle.submitted(Sent(STRANGE, "H41.01", ("H41.100",)))
    oracle.turned_down(STRANGE, "SIG-101")
    oracle.stored("H41.100", "d5", "e5", STRANGE)


def refused_after_acceptance(oracle: Oracle) -> None:
    oracle.turned_down(LETTER.sha256, "SIG-101")


def two_envelopes(oracle: Oracle) -> None:
    oracle.accepted(LETTER.sha256, "e5")


def one_envelope_for_two(oracle: Oracle) -> None:
    oracle.submitted(Sent(STRANGE, "H41.01", ()))
    oracle.accepted(STRANGE, "e1")


def under_two_ids(oracle: Oracle) -> None:
    oracle.stored("H41.100", "d5", "e5", LETTER.sha256)


def never_told(oracle: Oracle) -> None:
    oracle.told[("e1", "delivered", "d1")] = 0


def told_twice(oracle: Oracle) -> None:
    oracle.acknowledged("e1", "delivered", "d1", own="a5")


def told_two_ends(oracle: Oracle) -> None:
    oracle.acknowledged("e1", "undeliverable", "d1", own="a5")


def acceptance_never_told(oracle: Oracle) -> None:
    oracle.told[("e1", "accepted", "")] = 0


def told_of_nothing(oracle: Oracle) -> None:
    oracle.acknowledged("e5", "accepted", "", own="a5")


def told_without_the_fact(oracle: Oracle) -> None:
    del oracle.held["H41.101"].octets[LETTER.sha256]


def held_back_and_delivered(oracle: Oracle) -> None:
    oracle.told[("e1", "delivered", "d1")] = 0
    oracle.acknowledged("e1", "recalled", "d1", own="a7")
    oracle.asked_back.add(LETTER.sha256)


def recalled_by_nobody(oracle: Oracle) -> None:
    del oracle.held["H41.101"]
    oracle.told[("e1", "delivered", "d1")] = 0
    oracle.acknowledged("e1", "recalled", "d1", own="a7")


def given_up(oracle: Oracle) -> None:
    del oracle.held["H41.101"]
    oracle.told[("e1", "delivered", "d1")] = 0
    oracle.acknowledged("e1", "undeliverable", "d1", own="a7")


def never_answered(oracle: Oracle) -> None:
    oracle.submitted(Sent(STRANGE, "H41.01", ("H41.100",)))


def status_lost(oracle: Oracle) -> None:
    del oracle.held["H41.01"]


@pytest.mark.parametrize(
    "broken",
    [
        never_arrived,
        altered,
        changed_on_the_way,
        not_for_it,
        never_acknowledged,
        refused_and_delivered,
        refused_after_acceptance,
        two_envelopes,
        one_envelope_for_two,
        under_two_ids,
        never_told,
        told_twice,
        told_two_ends,
        acceptance_never_told,
        told_of_nothing,
        told_without_the_fact,
        held_back_and_delivered,
        recalled_by_nobody,
        given_up,
        never_answered,
        status_lost,
    ],
)
def test_each_breach_is_noticed(broken: Callable[[Oracle], None]) -> None:
    oracle = kept()
    broken(oracle)
    assert list(violations(oracle))


@pytest.mark.parametrize("broken", [never_arrived, status_lost, told_without_the_fact])
def test_what_is_lost_is_counted_as_lost(broken: Callable[[Oracle], None]) -> None:
    oracle = kept()
    broken(oracle)
    assert len(lost(oracle)) == 1


def test_what_the_doctor_tells_of_is_a_breach_unless_a_fault_is_its_reason() -> None:
    findings = [{"code": code, "what": "3", "count": 1} for code in ("DOC-108", "DOC-101")]
    assert list(left_over(findings, ["row edited: outbox entry without delivery"])) == ["stuck: DOC-101 3 (1)"]
    assert len(list(left_over(findings, ["trunk killed"]))) == 2


def test_a_repetition_may_be_refused_while_the_first_is_under_way_if_its_sender_is_told() -> None:
    oracle = kept()
    oracle.submitted(Sent(STRANGE, "H41.01", ("H41.100",)))
    oracle.not_heard(STRANGE)
    oracle.turned_down(STRANGE, "SIG-207")
    oracle.acknowledged("", "rejected", "", own="r1")
    oracle.stored("H41.100", "d5", "e5", STRANGE)
    oracle.acknowledged("e5", "delivered", "d5", own="a6")
    assert list(violations(oracle)) == ["H41.100 has e5, which was refused (SIG-207)"]
    oracle.acknowledged("e5", "accepted", "", own="a7")
    assert list(violations(oracle)) == []


def test_each_refusal_is_told_once() -> None:
    oracle = kept()
    for number in range(2):
        oracle.refused[f"bad{number}"] = "SIG-101"
        oracle.acknowledged("", "rejected", "", own=f"r{number}")
    assert list(violations(oracle)) == []
    oracle.acknowledged("", "rejected", "", own="r9")
    assert list(violations(oracle)) == ["rejected was told 3 times, and 2 were refused"]
