"""The dead letters, by the service's own account: a connection of its own for each look, so that nothing else waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from queues.broker import QueueError
from queues.estate import DeadLetter, EstateError
from queues.rabbitmq.mover import Mover
from queues.rabbitmq.tuning import Tuning
from queues.rabbitmq.wire import parameters


class DeadLetterBox:
    """Raises ``QueueError``."""

    def __init__(self, url: str, tuning: Tuning) -> None:
        self._parameters = parameters(url, tuning)
        self._newborn_seconds = tuning.newborn_seconds

    def dead_letters(self, most: int, /) -> Sequence[DeadLetter]:
        """The oldest, which stay where they are."""
        with self._opened() as mover:
            return mover.dead_letters(most)

    def settle(self, decide: Callable[[DeadLetter], bool], most: int, /) -> int:
        """Remove those of which ``decide`` says so; how many."""
        with self._opened() as mover:
            return mover.settle(decide, most)

    @contextmanager
    def _opened(self) -> Iterator[Mover]:
        try:
            mover = Mover(self._parameters, newborn_seconds=self._newborn_seconds, settle_seconds=0)
            try:
                yield mover
            finally:
                mover.close()
        except EstateError as error:
            raise QueueError(f"{error.code}: {error}") from error
