"""Documents are followed to the last of their ends, in whatever order words are heard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from trunk.load.following import Following


@dataclass
class Watch:
    now: float = 0.0
    ends: list[float] = field(default_factory=list)
    following: Following = field(init=False)

    def __post_init__(self) -> None:
        self.following = Following(clock=lambda: self.now, ended=lambda: self.ends.append(self.now))

    def submitted(self, envelope: str, *, at: float, deliveries: int = 1) -> None:
        self.following.submitted(envelope, since=at, deliveries=deliveries)

    def confirmed(self, envelope: str, delivery: str, *, at: float) -> None:
        self.now = at
        self.following.told({"delivery_id": delivery, "envelope": _envelope("document", envelope_id=envelope)})

    def acknowledged(self, envelope: str, delivery: str, *, at: float, kind: str = "delivered") -> None:
        self.now = at
        told = _envelope("acknowledgement", acknowledges=kind, about=envelope, about_delivery=delivery)
        self.following.told({"delivery_id": f"ack-{delivery}", "envelope": told})

    def all_ended(self) -> bool:
        return asyncio.run(self.following.all_ended(patience=0.01))


def _envelope(kind: str, **more: Any) -> dict[str, Any]:
    nothing = {"envelope_id": "A", "acknowledges": None, "about": None, "about_delivery": None}
    return {**nothing, "kind": kind, **more}


def test_times_count_from_when_the_submission_was_due() -> None:
    watch = Watch()
    watch.submitted("E", at=1.0)
    watch.confirmed("E", "D", at=3.0)
    watch.acknowledged("E", "D", at=4.0)
    assert watch.following.to_confirmation == [2.0]
    assert watch.following.to_last_acknowledgement == [3.0]
    assert watch.all_ended()


def test_with_several_recipients_the_last_acknowledgement_is_the_end() -> None:
    watch = Watch()
    watch.submitted("E", at=0.0, deliveries=2)
    for delivery, at in (("D1", 1.0), ("D2", 5.0)):
        watch.confirmed("E", delivery, at=at)
    watch.acknowledged("E", "D1", at=2.0)
    assert not watch.all_ended()
    watch.acknowledged("E", "D2", at=6.0)
    assert watch.following.to_confirmation == [1.0, 5.0]
    assert watch.following.to_last_acknowledgement == [6.0]
    assert watch.ends == [6.0]
    assert watch.all_ended()


def test_the_end_may_be_known_before_the_answer_to_the_submission() -> None:
    watch = Watch()
    watch.confirmed("E", "D", at=2.0)
    watch.acknowledged("E", "D", at=3.0)
    watch.submitted("E", at=1.0)
    assert (watch.following.to_confirmation, watch.following.to_last_acknowledgement) == ([1.0], [2.0])


def test_words_that_are_heard_again_count_once() -> None:
    watch = Watch()
    watch.submitted("E", at=0.0)
    for at in (1.0, 2.0):
        watch.submitted("E", at=at)
        watch.confirmed("E", "D", at=at)
        watch.acknowledged("E", "D", at=at)
    assert (watch.following.to_confirmation, watch.following.to_last_acknowledgement) == ([1.0], [1.0])
    assert watch.following.submitted_documents == 1


def test_other_acknowledgements_are_no_end() -> None:
    watch = Watch()
    watch.submitted("E", at=0.0)
    watch.acknowledged("E", "", at=1.0, kind="accepted")
    assert not watch.all_ended()
