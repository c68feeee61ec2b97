"""Dead letters: notices that a broker set aside, looked at, replayed, or closed with a reason.

The ledger comes first: what a person decided is committed, with its line in the journal, before the letter is removed.
Killed in between, the letter is there again, and doing the same again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from queues.estate import DeadLetter
from trunk.application.notices import delivery_of
from trunk.application.replay import Order, Replay, Replayed
from trunk.domain.control import fair_reason
from trunk.domain.delivery import WAITING, Delivery
from trunk.domain.operator import Operator
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.replaying import ALREADY_QUEUED
from trunk.storage.ledger import Ledger

MOST: Final = 10_000


class Letters(Protocol):
    """Where they lie."""

    def dead_letters(self, most: int, /) -> Sequence[DeadLetter]:
        """The oldest, which stay where they are."""

    def settle(self, decide: Callable[[DeadLetter], bool], most: int, /) -> int:
        """Remove those of which ``decide`` says so; how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A dead letter, and the delivery that it speaks of, if it is one of ours."""

    name: str  #: by which it is asked for: letters that are the same in all have the same
    letter: DeadLetter
    delivery: Delivery | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """What a person does about them. Raises what ``letters`` raises."""

    ledger: Ledger
    replay: Replay
    letters: Letters
    now: Callable[[], datetime]

    def every(self, limit: int) -> Sequence[Laid]:
        """The oldest."""
        return list(self._laid(self.letters.dead_letters(limit)))

    def show(self, name: str) -> Laid | Rejected:
        """The letter of that name."""
        found = (one for one in self.letters.dead_letters(MOST) if name_of(one) == name)
        return next(self._laid(found), None) or refuse(Code.NO_DEAD_LETTER, got=name)

    def put_back(self, name: str, order: Order) -> Replayed | Rejected:
        """Replay its delivery, and remove it; where that was queued already, with a line of its own."""
        laid = self.show(name)
        if isinstance(laid, Rejected):
            return laid
        if laid.delivery is None:
            return refuse(Code.LETTER_OF_NOTHING, got=laid.letter.id)
        done = self.replay.one(laid.delivery.id, order)
        if isinstance(done, Rejected):
            return done
        if done.outcome == ALREADY_QUEUED:  # the replay wrote nothing, and nothing is removed without a line
            self._close([laid], Order(operator=order.operator, reason=order.reason.strip()))
        else:
            self._remove({name})
        return done

    def close(self, name: str, order: Order) -> Laid | Rejected:
        """Remove it: somebody has looked at it, and says why nothing is to be done."""
        reason = fair_reason(order.reason)
        if isinstance(reason, Rejected):
            return reason
        laid = self.show(name)
        if not isinstance(laid, Rejected):
            self._close([laid], Order(operator=order.operator, reason=reason))
        return laid

    def clear(self, order: Order, *, settled: bool, forged: bool, limit: int) -> int:
        """Remove those whose delivery waits no longer, and those that speak of none of ours; how many."""
        chosen = [
            laid
            for laid in self.every(limit)
            if (forged if laid.delivery is None else settled and laid.delivery.state not in WAITING)
        ]
        return self._close(chosen, order) if chosen else 0

    def _close(self, chosen: Sequence[Laid], order: Order) -> int:
        operator = Operator(name=order.operator, now=self.now, why=order.reason)
        with self.ledger.acting(operator).begin() as book:
            for laid in chosen:
                about = laid.delivery.id if laid.delivery else "no delivery"
                book.act("dead_letter_closed", f"{laid.name} of {about}")
        return self._remove({laid.name for laid in chosen})

    def _remove(self, names: set[str]) -> int:
        return self.letters.settle(lambda letter: name_of(letter) in names, MOST)

    def _laid(self, letters: Iterator[DeadLetter] | Sequence[DeadLetter]) -> Iterator[Laid]:
        for letter in letters:
            about = delivery_of(letter.id, letter.body)
            with self.ledger.read() as view:
                delivery = view.delivery(about) if about is not None else None
            yield Laid(name=name_of(letter), letter=letter, delivery=delivery)


def name_of(letter: DeadLetter) -> str:
    """Short, and the same as long as the letter lies there: brokers give them no number."""
    head = f"{letter.queue}\0{letter.id}\0{letter.reason}".encode(errors="surrogatepass")
    return hashlib.sha256(head + b"\0" + letter.body).hexdigest()[:16]
