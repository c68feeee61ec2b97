"""What is no fresh letter to one: circulars, the same submission again, a letter that was changed on its way.

All kinds in turn, so that their ratios are of one and the same machine.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from scripts import load
from scripts.bench.accepting import letters, wait_until_queued
from scripts.bench.figures import Mixed
from scripts.bench.stand import Stand
from scripts.province import FIRST, SECOND, SENDER, register_more

_CONNECTIONS: Final = 48
_MORE: Final = tuple(f"H41.{number}" for number in range(500, 561))
_EVERYBODY: Final = (FIRST, SECOND, *_MORE)
_CONTENT: Final = 13_500
_TAKEN, _REFUSED = 201, 422


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    recipients: int
    make: Callable[[Sequence[bytes], Sequence[bytes]], Sequence[bytes]]  #: of fresh ones and those sent just before
    status: int = _TAKEN


_KINDS: Final = (
    _Kind("one recipient", 1, lambda fresh, _: fresh),
    _Kind("again, octet for octet", 1, lambda _, before: before),
    _Kind("one octet changed", 1, lambda fresh, _: [_changed(octets) for octets in fresh], status=_REFUSED),
    _Kind("4 recipients", 4, lambda fresh, _: fresh),
    _Kind("63 recipients", 63, lambda fresh, _: fresh),
)


def measure(stand: Stand, *, envelopes: int, runs: int) -> list[Mixed]:
    """Closed runs of each kind. Raises ``SystemExit`` if anything is answered as it should not be."""
    register_more(stand.province, _MORE)
    content = os.urandom(_CONTENT)
    rates, taken = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for number in range(-1, runs):  # the first is to get warm
        before: Sequence[bytes] = []
        for kind in _KINDS:
            to = _EVERYBODY[: kind.recipients]
            fresh = letters(stand, f"{kind.name}-{number}", envelopes, content, recipients=to)
            rate, milliseconds = _send(stand, kind, kind.make(fresh, before))
            before = fresh
            if number >= 0:
                rates[kind.name].append(rate)
                taken[kind.name].append(milliseconds)
    return [
        Mixed(kind=kind.name, recipients=kind.recipients, per_second=rates[kind.name], cpu_ms=taken[kind.name])
        for kind in _KINDS
    ]


def _send(stand: Stand, kind: _Kind, envelopes: Sequence[bytes]) -> tuple[float, float]:
    """A second, and processor milliseconds of trunk and servers for each, until nothing waits to be queued."""
    prepared = load.requests(stand.url, stand.province.keys[SENDER], envelopes)
    before = _processor(stand)
    result = asyncio.run(load.closed(stand.url, prepared, connections=_CONNECTIONS))
    wait_until_queued(stand.url)
    answered = {_TAKEN: len(result.latencies), **result.refused}
    if {status: times for status, times in answered.items() if times} != {kind.status: len(envelopes)}:
        raise SystemExit(f"{kind.name}: {answered}")
    return len(envelopes) / result.seconds, (_processor(stand) - before) * 1000 / len(envelopes)


def _processor(stand: Stand) -> float:
    return sum(seconds for party, seconds in stand.processor().items() if party != "load client")


def _changed(envelope: bytes) -> bytes:
    """A letter of the base64 in the middle becomes another."""
    place = len(envelope) * 3 // 4
    return envelope[:place] + (b"A" if envelope[place : place + 1] != b"A" else b"B") + envelope[place + 1 :]
