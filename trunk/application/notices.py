"""What is read out of a notice that comes back from a broker: anybody with rights there may have written it."""

from __future__ import annotations

from typing import Final

import orjson

from trunk.domain.delivery import DeliveryId

_MOST_OCTETS: Final = 64 * 1024


def delivery_of(message_id: str, body: bytes) -> DeliveryId | None:
    """The delivery that a notice speaks of; None if it is none of ours (``trunk.application.dispatch`` makes them)."""
    if len(body) > _MOST_OCTETS:
        return None
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    delivery = told.get("delivery_id") if isinstance(told, dict) else None
    if not isinstance(delivery, str) or not delivery or message_id.rpartition(".")[0] != delivery:
        return None
    return DeliveryId(delivery)
