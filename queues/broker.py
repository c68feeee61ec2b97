"""What the trunk asks of a message broker, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol, TypeAlias


class QueueError(Exception):
    """The broker did not take responsibility; the message is still ours. Always temporary."""

    temporary = True


class SilentError(QueueError):
    """It did not say in time whether it took responsibility."""


class FullError(QueueError):
    """This queue takes no more, or never takes this message; others may well be taken."""


class UnroutableError(QueueError):
    """There is no queue for the message any more: whoever publishes to it next declares it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Opaque octets for one queue.

    ``id`` is the AMQP message-id (ours: ``{delivery}.{version}``); ``queue`` is data (any text), encoded by
    ``queues.names`` before it becomes the name of anything.

    ``urgent`` is a hint to overtake others, which starves nobody: the embedded broker takes one of the others after
    four urgent ones, quorum queues of RabbitMQ 4 one after two; those of RabbitMQ 3 know no priorities and keep the
    order of arrival.
    """

    id: str
    queue: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    urgent: bool = False


class Disposition(Enum):
    """What a handler says of a message."""

    DONE = auto()  #: forget it
    REDELIVER = auto()  #: temporary trouble: bring it again
    SET_ASIDE = auto()  #: never again: to the dead-letter queue, for a person to look at


Handler: TypeAlias = Callable[[Message], Disposition]
Confirmation: TypeAlias = QueueError | None
"""``None``: the broker is responsible now. An error: it is not, and why."""


class Broker(Protocol):
    """Any implementation passes ``tests/contract/test_broker.py``. All methods may be called from any thread."""

    @property
    def durable(self) -> bool:
        """Whether a confirmed message survives a restart of the broker and of this process."""

    def declare(self, queues: Iterable[str], /) -> None:
        """Make the queues exist (idempotent). Raises ``QueueError``."""

    def publish(self, window: Sequence[Message], /) -> Sequence[Confirmation]:
        """Publish the window with all messages in flight at once; one confirmation per message, in order.

        Returns when every message is confirmed, returned as unroutable, refused, or given up on after the
        broker's time-out: never hangs, never raises for a broker that is down (every confirmation is an error).
        A queue that does not exist yet is declared.
        """

    def subscribe(self, queue: str, handle: Handler, /) -> None:
        """Call ``handle`` for every message of ``queue``, one at a time, in order, until ``close``.

        Survives the loss of the connection. A handler that raises is taken as ``REDELIVER`` and logged.
        """

    def dead_letters(self) -> int:
        """How many messages have been set aside and wait for a person. Raises ``QueueError``."""

    def waiting(self, queue: str, /) -> int | None:
        """How many messages stand in ``queue`` and nobody has taken; ``None``: there is no such queue any more.

        Raises ``QueueError``.
        """

    def check(self) -> None:
        """Return if messages can be published now; else raise ``QueueError`` that says why not."""

    def close(self) -> None:
        """Stop the handlers after the message each of them is at, wait for pending confirms, disconnect."""
