"""A PostgreSQL cluster of our own: own folder, own port, loopback only, no socket elsewhere.

Law of the file: ``fsync`` stays on. The crash tests run here; a cluster that does not sync proves nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final

from scripts.private_process import (
    LOOPBACK,
    Account,
    PrivateServerError,
    Supervised,
    await_end,
    free_port,
    home,
    kept_secret,
)
from scripts.server_packages import POSTGRESQL

_USER: Final = "trunk"


class PostgresServer:
    """A running cluster. ``url`` is its first database, ``new_database()`` the URL of an empty one."""

    def __init__(self, folder: Path, programs: Path, account: Account) -> None:
        self.port = free_port()
        self._folder = folder
        self._data = folder / "data"
        self._programs = programs
        self._account = account
        self._password = self._make_cluster()
        self._server = Supervised(
            # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for the clients, which may never leave.
            account.command(
                str(programs / "postgres"), "-D", str(self._data), "-p", str(self.port), on_our_death="INT"
            ),
            environment=dict(os.environ),  # noqa: TID251 - the PATH and locale of whoever started us
            log=folder / "server.log",
            cwd=folder,
        )

    @property
    def url(self) -> str:
        return self.database_url("postgres")

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def running(self) -> bool:
        return self._server.running

    def database_url(self, database: str) -> str:
        return f"postgresql://{_USER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Return when the cluster takes connections, recovery after a crash included."""
        self._server.start()
        self._server.wait_until(self._ready)

    def stop(self) -> None:
        """Orderly and fast: sessions are cut off, everything is written."""
        self._server.end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the server and all its sessions: a crash of the machine without the power cut."""
        if not self.running:
            return
        self._server.signal(signal.SIGSTOP)  # so that it starts no more children while we count them
        sessions = _children(self._server.pid)
        self._server.kill()
        for session in sessions:
            try:
                os.kill(session, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it saw the server go, and went
        await_end(sessions)  # they hold the shared memory, and a new server would refuse to start

    def close(self) -> None:
        self.stop()

    def new_database(self, *, template: str = "template1") -> str:
        """The URL of a fresh database, a copy of ``template`` (which must have no sessions)."""
        name = f"d{token_hex(6)}"  # not a number: the folder may hold those of an earlier run
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.database_url(name)

    def sql(self, statement: str, *, database: str = "postgres", seconds: float = 60) -> str:
        """What ``psql`` answers: for tests, demonstrations and measurements, which may have no driver at hand."""
        done = subprocess.run(
            (
                str(self._programs / "psql"),
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                self.database_url(database),
            ),
            input=statement,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode != 0:
            raise PrivateServerError(f"psql: {done.stderr.strip()}")
        return done.stdout

    def _ready(self) -> bool:
        """Its pid file says so in the eighth line; one that was killed leaves its file behind."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.pid)] and lines[7:8] == ["ready   "]

    def _make_cluster(self) -> str:
        """Make the cluster if this folder has none; the password of its only user."""
        secret = self._folder / "password"
        password = kept_secret(secret, self._account)
        if self._data.exists():
            return password
        initdb = (
            str(self._programs / "initdb"),
            "-D",
            str(self._data),
            "-U",
            _USER,
            "--no-sync",
            "-E",
            "UTF8",
        )
        rules = ("--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={secret}")
        done = subprocess.run(
            self._account.command(*initdb, *rules),
            capture_output=True,
            text=True,
            cwd=self._folder,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise PrivateServerError(f"initdb: {done.stderr.strip()}")
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)
        return password


_CONFIGURATION: Final = f"""
listen_addresses = '{LOOPBACK}'
unix_socket_directories = ''
shared_buffers = 64MB
max_connections = 100
logging_collector = off
"""


def _children(pid: int) -> list[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in listed.split()]


@contextmanager
def private_postgresql(folder: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL cluster that lives in ``folder`` as long as the block."""
    programs = POSTGRESQL.programs()
    if programs is None:
        raise PrivateServerError("PostgreSQL is not installed: python scripts/private_servers.py install")
    account = Account.best_of("postgres")
    with ExitStack() as stack:
        place = stack.enter_context(home(folder, "postgresql", account))
        server = PostgresServer(place, programs, account)
        stack.callback(server.close)
        server.start()
        yield server
