"""Waiting for what cannot ring a bell: another process, a count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

_LOOK_SECONDS: Final = 0.05


async def until(true: Callable[[], object], *, look_seconds: float = _LOOK_SECONDS) -> None:
    """Return when it is true; whoever cannot wait for ever sets a time-out around it."""
    while not true():  # noqa: ASYNC110  nobody could set an event
        await asyncio.sleep(look_seconds)
