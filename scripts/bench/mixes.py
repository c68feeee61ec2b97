"""What submissions of other kinds cost beside a plain one: circulars, duplicates, bad ones, other APIs.

Every kind in every round, one after the other, so that what changes on the machine meanwhile changes all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from scripts.agency_system import AgencySystem
from scripts.bench import accepting
from scripts.bench.accepting import Wish
from scripts.bench.agencies import CIRCULAR
from scripts.bench.doors import Door, open_doors
from scripts.bench.figures import FRESH, Mixed, Turn
from scripts.bench.stand import Stand
from scripts.load import Result
from scripts.province import SENDER

DUPLICATE: Final = "duplicate"
BAD: Final = "bad"
_RECIPIENTS: Final = (1, 4, 63)
_CIRCULARS_LESS: Final = 5
_TEXT: Final = re.compile(rb"ContentTransferEncoded[^>]*>([^<]{64,})")


def measure(stand: Stand, *, envelopes: int, runs: int) -> list[Mixed]:
    """``runs`` rounds of so many envelopes of each kind (fewer of those to 63), after one that does not count."""
    mixed = [Mixed(kind=FRESH, recipients=count, turns=[]) for count in _RECIPIENTS]
    doors = open_doors(stand)
    by_doors = (door.name for door in doors)
    mixed += [Mixed(kind=kind, recipients=1, turns=[]) for kind in (DUPLICATE, BAD, *by_doors)]
    _round(stand, "warm", max(envelopes // 5, 10), doors)
    for number in range(runs):
        for one, turn in zip(mixed, _round(stand, str(number), envelopes, doors), strict=True):
            one.turns.append(turn)
    return mixed


def _round(stand: Stand, name: str, envelopes: int, doors: Sequence[Door]) -> list[Turn]:
    """In the order of ``measure``'s rows."""
    turns: list[Turn] = []
    singles: list[bytes] = []
    for recipients in _RECIPIENTS:
        count = envelopes if recipients < max(_RECIPIENTS) else max(envelopes // _CIRCULARS_LESS, 2)
        batch = _signed(stand, name, count, recipients)
        singles = singles or batch
        turns.append(accepting.once(stand, batch))
    _insist_on_replay(stand, singles[0])
    turns.append(accepting.once(stand, singles))
    turns.append(accepting.once(stand, [_spoilt(octets) for octets in singles], judge=_insist_on_refusals))
    return turns + [
        accepting.once(stand, _signed(stand, f"{name}-{door.name}", envelopes, 1), door=door) for door in doors
    ]


def _signed(stand: Stand, name: str, count: int, recipients: int) -> list[bytes]:
    wish = Wish(size="25k", envelopes=count, runs=1, recipients=CIRCULAR[:recipients])
    return accepting.signed(stand, wish, f"mix-{name}", count, accepting.content(wish.size))


def _insist_on_replay(stand: Stand, octets: bytes) -> None:
    """The same octets again are the same submission, and the answer says so."""
    answer = AgencySystem(base_url=stand.url, key=stand.province.keys[SENDER]).submit(octets)
    if answer.status != 201 or answer.headers.get("Idempotent-Replayed") != "true":
        raise SystemExit(f"a duplicate was answered with {answer.status}, {answer.headers}")


def _spoilt(envelope: bytes) -> bytes:
    """One octet of its attachment is another."""
    found = _TEXT.search(envelope)
    if found is None:
        raise SystemExit("the envelope has no attachment")
    place = (found.start(1) + found.end(1)) // 2
    other = b"A" if envelope[place : place + 1] != b"A" else b"B"
    return envelope[:place] + other + envelope[place + 1 :]


def _insist_on_refusals(result: Result) -> None:
    if result.latencies or set(result.refused) != {422}:
        raise SystemExit(f"bad ones were answered with {result.refused}, and {len(result.latencies)} were accepted")
