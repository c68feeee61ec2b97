"""What we make in RabbitMQ, and with which arguments. Names and arguments only: no connection in here.

Law of the file: no argument is left to a default. The defaults changed from 3.10 to 4.3, and several of them lose
messages in silence (a delivery limit without a dead-letter exchange, at-most-once dead-lettering).
"""

from __future__ import annotations

from typing import Any, Final

from queues.rabbitmq.tuning import Tuning

DELIVERIES: Final = "trunk.deliveries"  # topic exchange: routing key = queue name
DEAD_LETTERS: Final = "trunk.dead-letters"  # fanout exchange and quorum queue
_AS_GOOD_AS_NEVER: Final = 1_000_000_000  # -1 is refused by older brokers


def delivery_queue(tuning: Tuning) -> dict[str, Any]:
    """Arguments of the queue of one agency."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": tuning.delivery_limit,
        "x-dead-letter-exchange": DEAD_LETTERS,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",  # at-least-once needs it, and so do we: a full queue answers with a nack
        "x-max-length": tuning.queue_limit,
        "x-max-length-bytes": tuning.queue_octets,
    }


def dead_letter_queue() -> dict[str, Any]:
    """Arguments of the queue where messages wait for a person: looking at them must never remove them."""
    return {"x-queue-type": "quorum", "x-delivery-limit": _AS_GOOD_AS_NEVER}
