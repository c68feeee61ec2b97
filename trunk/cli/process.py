"""What ``trunk serve`` runs: one process here, or a supervisor with several on one port."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from trunk.bootstrap import open_service, prepare
from trunk.http.open_files import raise_limit
from trunk.settings import FILE_VARIABLE, Settings
from trunk.workers.service import listen
from trunk.workers.supervisor import Supervisor, end_with_parent


def serve(settings: Settings, *, workers: int = 1, config: Path | None = None) -> int:
    """Serve until SIGTERM; returns the exit code. Raises ``ConfigurationError``, ``LedgerUnavailableError``."""
    prepare(settings)
    if workers == 1:
        with listen(settings.http.host, settings.http.port) as listening:
            return work(settings, listening)
    with listen(settings.http.host, settings.http.port, shared=True) as reserved:
        return _supervise(settings, workers, reserved.getsockname()[1], config)


def work(settings: Settings, listening: socket.socket) -> int:
    """One process of a trunk on ``listening``."""
    raise_limit()
    with open_service(settings) as service:
        service.process.run(listening)
    return 0


def work_on_shared_port(settings: Settings) -> int:
    """A supervisor's child: its port is shared with its siblings, and it does not outlive its parent."""
    end_with_parent()
    with listen(settings.http.host, settings.http.port, shared=True) as listening:
        return work(settings, listening)


def _supervise(settings: Settings, workers: int, port: int, config: Path | None) -> int:
    """The parent holds the port (bound, not listening), so that 0 means one free port for all."""
    if config is not None:
        os.environ[FILE_VARIABLE] = str(config.resolve())  # noqa: TID251  how a child learns what its parent was told
    command = [
        sys.executable,
        "-m",
        "trunk",
        "serve",
        "--host",
        settings.http.host,
        "--port",
        str(port),
        "--shared-port",
    ]
    return Supervisor(command=command, workers=workers, grace_seconds=settings.http.drain_seconds + 15).run()
