"""Named places at which a test may kill the process, to prove that nothing acknowledged is lost.

``reach("intake.committed")`` does nothing unless ``arm`` was called for that name (settings:
``[testing] crash_at = "name"`` or ``"name:3"`` for the third time). A killed process exits with 137 as under
``kill -9``: no ``finally``, no flush.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

NAMES: Final = (
    "intake.spooled",
    "intake.verified",
    "intake.payload_stored",
    "intake.before_commit",
    "intake.committed",
    "dispatch.leased",
    "dispatch.published",
    "dispatch.settled",
    "handover.before_commit",
    "handover.committed",
    "recalls.before_commit",
    "recalls.committed",
    "receipts.before_commit",
    "receipts.committed",
    "push.sent",
    "push.settled",
    "uplink.taken",
    "uplink.sent",
    "uplink.settled",
    "reconcile.found",
    "reconcile.mended",
)

_armed: dict[str, int] = {}
_witnesses: list[Callable[[str], object]] = []


def arm(spec: str) -> None:
    """Arm ``name`` or ``name:n``; raises ``ValueError`` for a name that is not in ``NAMES``."""
    name, _, count = spec.partition(":")
    if name not in NAMES:
        raise ValueError(f"no such fail point: {name!r}; there are {', '.join(NAMES)}")
    _armed[name] = int(count or 1)


def witness(tell: Callable[[str], object]) -> None:
    """Have ``tell`` called with the name of the fail point at which the process is about to die."""
    _witnesses.append(tell)


def reach(name: str) -> None:
    """Pass by, or die here if armed."""
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] <= 0:
            for tell in _witnesses:
                tell(name)
            os._exit(137)
