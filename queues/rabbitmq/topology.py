"""What we make in RabbitMQ, and with which arguments: for the running trunk and for ``trunk admin rabbitmq`` alike.

Names, arguments and rights only: no connection in here. Law of the file: no argument is left to a default. The
defaults changed from 3.10 to 4.3, and several of them lose messages in silence (a delivery limit without a dead-letter
exchange, at-most-once dead-lettering).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from queues import names
from queues.rabbitmq.tuning import Tuning

DELIVERIES: Final = "trunk.deliveries"  # topic exchange: routing key = queue name
DEAD_LETTERS: Final = "trunk.dead-letters"  # fanout exchange and quorum queue
EXCHANGES: Final[Mapping[str, str]] = MappingProxyType({DELIVERIES: "topic", DEAD_LETTERS: "fanout"})
MOVING: Final = "trunk.moving."  # where mail waits while its queue is made anew
AGENCY_USER: Final = "trunk.agency."
MONITORING_USER: Final = "trunk.monitoring"
_AS_GOOD_AS_NEVER: Final = 1_000_000_000  # -1 is refused by older brokers
_NOTHING: Final = "^$"
_OURS: Final = r"^trunk\."
_PRIORITY: Final = 10


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


moving_queue = dead_letter_queue
"""A queue that mail is moved through has no limits either."""


def moving_name(queue: str) -> str:
    """Where the mail of ``queue`` waits meanwhile; both names are encoded already, and of bounded length."""
    return MOVING + queue.removeprefix(names.PREFIX)[: 255 - len(MOVING)]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who may do what: regular expressions over names, as RabbitMQ reads them."""

    name: str
    tags: tuple[str, ...] = ()
    configure: str = _NOTHING
    write: str = _NOTHING
    read: str = _NOTHING
    topic_write: str = _NOTHING  # routing keys of the exchange of deliveries
    topic_read: str = _NOTHING
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def permissions(self) -> dict[str, str]:
        return {"configure": self.configure, "write": self.write, "read": self.read}

    @property
    def topic_permissions(self) -> dict[str, str]:
        return {"exchange": DELIVERIES, "write": self.topic_write, "read": self.topic_read}


def trunk_user(name: str) -> User:
    """The service: whatever is ours, and nothing else that may live in the virtual host."""
    key = f"^{re.escape(names.PREFIX)}"
    return User(name=name, configure=_OURS, write=_OURS, read=_OURS, topic_write=key, topic_read=key)


def agency_user(code: str) -> User:
    """An agency that consumes its own queue: it reads that one, and can do nothing else."""
    queue = names.encode(code)
    return User(
        name=AGENCY_USER + queue.removeprefix(names.PREFIX),
        read=f"^{re.escape(queue)}$",
        limits={"max-connections": 10, "max-channels": 50},
    )


def monitoring_user() -> User:
    """Numbers by HTTP, no message."""
    return User(name=MONITORING_USER, tags=("monitoring",), limits={"max-connections": 5, "max-channels": 5})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Everything that should be in one virtual host."""

    vhost: str
    queues: Mapping[str, Mapping[str, Any]]  # of the agencies, by name
    users: tuple[User, ...]
    policies: Mapping[str, Mapping[str, Any]]
    operator_policies: Mapping[str, Mapping[str, Any]]


def wanted(tuning: Tuning, *, vhost: str, user: str, agencies: Iterable[str], consumers: Iterable[str]) -> Wanted:
    """``agencies``: all codes; ``consumers``: those of agencies that consume their own queue."""
    arguments = delivery_queue(tuning)
    told = {name.removeprefix("x-"): value for name, value in arguments.items()}
    pattern = f"^{re.escape(names.PREFIX)}"

    def policy(*keys: str) -> dict[str, Any]:
        definition = {key: told[key] for key in keys}
        return {"pattern": pattern, "apply-to": "queues", "priority": _PRIORITY, "definition": definition}

    return Wanted(
        vhost=vhost,
        queues={names.encode(code): arguments for code in agencies},
        users=(trunk_user(user), *(agency_user(code) for code in consumers), monitoring_user()),
        # For queues of ours that somebody made by hand; where both speak, RabbitMQ takes the argument or the less.
        policies={"trunk.deliveries": policy("dead-letter-exchange", "dead-letter-strategy", "overflow")},
        operator_policies={"trunk.limits": policy("max-length", "max-length-bytes")},
    )
