"""Trunk processes, the roads to them, and a supervisor that starts again what died, as an operator's would."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.private_process import LOOPBACK, free_port
from scripts.soak.mortal import NEVER
from scripts.soak.patience import until
from scripts.soak.roads import FarRoad

_LOOK_SECONDS: Final = 0.1
_TRY_AGAIN_SECONDS: Final = 0.5
_START_SECONDS: Final = 90
_MORTAL: Final = (sys.executable, "-m", "scripts.soak.mortal")


@dataclass(eq=False)
class Node:
    """A trunk process and the road to it, which stays when the process goes."""

    name: str
    config: Path
    road: FarRoad
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)  #: set while it listens
    starts: int = 0
    fell_at: Counter[str] = field(default_factory=Counter)  #: fail points at which it died
    busy: bool = False  #: with a fault that excludes others

    def __post_init__(self) -> None:
        self.road.lead_to(self.port)

    @property
    def pid(self) -> int:
        """Of the process. Only where ``up`` is set."""
        assert self.process is not None  # noqa: S101  it was started
        return self.process.pid

    @property
    def _last_words(self) -> Path:
        return self.log.with_suffix(".deaths")

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    async def live(self) -> None:
        """Start it, and start it again whenever it ends; for ever."""
        while True:
            await self._start()
            await until(lambda: not self.running, look_seconds=_LOOK_SECONDS)
            self.up.clear()
            if self._last_words.exists():
                self.fell_at = Counter(self._last_words.read_text().split())

    async def _start(self) -> None:
        """Until it listens: what it needs may be away."""
        while not await self._came_up():
            if self.running:
                self.kill()
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
        self.up.set()

    async def _came_up(self) -> bool:
        self._spawn()
        loop = asyncio.get_running_loop()
        until_then = loop.time() + _START_SECONDS
        while self.running and loop.time() < until_then:
            if await _listens(self.port):
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    def _spawn(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*_MORTAL, str(self._last_words), "--config", str(self.config), "serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, **self.environment, "TRUNK_HTTP__PORT": str(self.port), "TRUNK_HTTP__THREADS": "16"},  # noqa: TID251  and ours
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9, it and what it has started."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM: to the trunk itself, as a supervisor sends it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def arm(self, point: str, count: int) -> None:
        """Let it die at the ``count``-th pass of a fail point from now on."""
        self._tell(f"{point}:{count}\n")

    def disarm(self, point: str) -> None:
        self.arm(point, NEVER)

    def end(self) -> None:
        """For good."""
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(30)

    def _tell(self, line: str) -> None:
        assert self.process is not None  # noqa: S101  it was started
        assert self.process.stdin is not None  # noqa: S101  a pipe was asked for
        with suppress(OSError):
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True
