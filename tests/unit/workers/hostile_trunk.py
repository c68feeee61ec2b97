"""A trunk's real examiners that obey an order first: the one at the message's end, or the environment's for all."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from tests.unit.workers.hostile import obey
from trunk.settings import Settings
from trunk.workers import examining

ORDER: Final = "TEST_ORDER_FOR_EXAMINERS"


def work(settings: Settings) -> Callable[[bytes | mmap.mmap, datetime], Any]:
    examine = examining.in_house(settings)

    def look(octets: bytes | mmap.mmap, at: datetime) -> Any:
        _, _, order = bytes(octets[-200:]).partition(b"<!--hostile ")
        obey(order.removesuffix(b"-->") or os.environ.get(ORDER, "").encode(), at)  # noqa: TID251
        return examine(octets, at)

    return look
