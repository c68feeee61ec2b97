"""The numbers of the RabbitMQ broker that are seldom changed, each with its unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext

MEBIBYTE = 1024 * 1024


def _always_the_middle() -> float:
    return 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """``chance`` (0 <= x < 1) spreads the reconnections of many processes: pass ``random.random`` in production.

    ``queue_limit``, ``queue_octets`` and the delivery limit are arguments of the queues: another value changes the
    queues made from then on, not those that exist; ``trunk admin rabbitmq apply`` moves those over. ``tls`` is how
    the broker proves who it is, for ``amqps``; None: by the authorities of the system.
    """

    window: int = 500
    window_octets: int = 8 * MEBIBYTE
    confirm_timeout_seconds: float = 15.0
    delivery_limit: int = 10
    queue_limit: int = 100_000
    queue_octets: int = 512 * MEBIBYTE
    prefetch: int = 8  # of each queue; all that is out counts one delivery more when we crash
    handler_threads: int = 16
    newborn_seconds: float = 2.0  # how long nothing is published to a queue that was just made
    heartbeat_seconds: int = 20
    connect_timeout_seconds: float = 10.0
    pause_least_seconds: float = 0.1
    pause_most_seconds: float = 5.0
    tls: SSLContext | None = None
    chance: Callable[[], float] = field(default=_always_the_middle)

    def reconnect_pause(self, attempt: int) -> float:
        """Doubling, bounded, and spread from half to one and a half."""
        pause = min(self.pause_most_seconds, self.pause_least_seconds * 2.0 ** min(attempt, 16))
        return pause * (0.5 + self.chance())
