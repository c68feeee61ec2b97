"""A real trunk in a process of its own: started, listened to, killed. For the demo, the tests and the bench."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self


class TrunkProcess:
    """``trunk serve`` with a settings file; its log is kept and its port read from it."""

    def __init__(
        self,
        config: Path,
        *,
        workers: int = 1,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """``environment``: beside ours; ``folder``: where it is started, so that another tree is imported."""
        self.log: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self._listening = threading.Event()
        self._port = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "trunk", "--config", str(config), "serve", "--workers", str(workers)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(environment or {})},  # noqa: TID251  the child's environment is ours plus settings
            start_new_session=True,
            cwd=folder,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.kill()
        self._close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def url(self, *, timeout: float = 60) -> str:
        """Where it listens. Raises ``RuntimeError`` with its last words if it does not come up."""
        if not self._listening.wait(timeout) or not self._port:
            raise RuntimeError("the trunk did not come up:\n" + "".join(self.raw[-20:]))
        return f"http://127.0.0.1:{self._port}"

    def kill(self) -> None:
        """kill -9, it and its workers; nothing else."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self, *, timeout: float = 60) -> int:
        """SIGTERM; returns the exit code."""
        self._process.terminate()
        code = self._process.wait(timeout)
        self._close()
        return code

    def wait(self, *, timeout: float = 60) -> int:
        """Until it dies by itself; returns the exit code."""
        return self._process.wait(timeout)

    def _close(self) -> None:
        self._reader.join(timeout=10)
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _read(self) -> None:
        for line in self._process.stderr or ():
            self.raw.append(line)
            try:
                event = json.loads(line)
            except ValueError:
                continue
            self.log.append(event)
            if event.get("event") == "trunk_listening":
                self._port = event["port"]
                self._listening.set()
        self._listening.set()  # it has died: do not wait for it
