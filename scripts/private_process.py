"""What the private servers share: a folder they can reach, ports of their own, a process that dies with us.

Law of the file: only processes that were started here are stopped, each by its own id. Standard library only.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import randbelow, token_hex
from signal import Signals

_PORTS = range(20_000, 32_000)  # below the ports that the kernel gives to outgoing connections
LOOPBACK = "127.0.0.1"


class PrivateServerError(Exception):
    """A private server is not installed, does not start or does not stop."""


def free_port() -> int:
    """A port that nobody listens on, and that no outgoing connection takes while the server is down."""
    for _ in range(500):
        port = _PORTS.start + randbelow(len(_PORTS))
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise PrivateServerError("no free port between 20000 and 32000")


@dataclass(frozen=True, slots=True)
class Account:
    """Who a server runs as: ourselves, or a powerless user if we are root."""

    name: str
    user: int
    group: int

    @staticmethod
    def best_of(*names: str) -> Account:
        if os.geteuid() != 0:
            return Account("", os.geteuid(), os.getegid())
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        for name in (*names, "nobody"):
            if (entry := known.get(name)) is not None:
                return Account(name, entry.pw_uid, entry.pw_gid)
        raise PrivateServerError(f"there is no user {' or '.join(names)} to run the server as")

    def command(self, *words: str, on_our_death: str = "") -> list[str]:
        """The command line that runs ``words`` as this account, told with a signal when we die."""
        change = [f"--reuid={self.user}", f"--regid={self.group}", "--clear-groups"] if self.name else []
        # The kernel sends it when the *thread* that started the server ends: start them in the main one.
        death = ["--pdeathsig", on_our_death] if on_our_death else []
        if not (change or death) or (not change and shutil.which("setpriv") is None):
            return list(words)
        return ["setpriv", *change, *death, "--", *words]

    def own(self, path: Path) -> None:
        if self.name:
            os.chown(path, self.user, self.group)

    def reaches(self, folder: Path) -> bool:
        """Whether a server that runs as this account can enter ``folder``."""
        probe = self.command("test", "-x", str(folder))
        return subprocess.run(probe, check=False, capture_output=True).returncode == 0


@contextmanager
def home(folder: Path, name: str, account: Account) -> Iterator[Path]:
    """``folder/name``, owned by the account. It stays afterwards, as the folder is the caller's.

    Where the account cannot enter ``folder`` (a clone below ``/root``) it is a link to a folder in the
    temporary directory, which goes again when the server does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = folder.resolve() / name
    if account.reaches(folder.resolve()):
        place.mkdir(mode=0o700, exist_ok=True)
        account.own(place)
        yield place
        return
    elsewhere = Path(tempfile.mkdtemp(prefix=f"private-{name}-"))
    account.own(elsewhere)
    place.unlink(missing_ok=True)
    place.symlink_to(elsewhere)
    try:
        yield elsewhere
    finally:
        place.unlink(missing_ok=True)
        shutil.rmtree(elsewhere, ignore_errors=True)


class Supervised:
    """One server process of ours: start, stop, kill, by its own id."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path, cwd: Path) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._log = log
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise PrivateServerError(f"{self._command[-1]} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        if self.running:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._cwd,
                start_new_session=True,  # a Ctrl-C at our terminal is for us
            )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 60) -> None:
        """Return as soon as ``ready()``; raise if the process ends before, or the time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running or time.monotonic() > deadline:
                state = "does not get ready" if self.running else "ended at once"
                raise PrivateServerError(f"{self._command[-1]} {state}; its last words:\n{self.last_words()}")
            time.sleep(0.02)

    def signal(self, number: Signals) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def end(self, politely: Signals, *, seconds: float = 20) -> None:
        """Ask, wait, and insist if the asking does not help."""
        if self._process is None:
            return
        self.signal(politely)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(seconds)

    def kill(self) -> None:
        self.end(Signals.SIGKILL)

    def last_words(self, lines: int = 15) -> str:
        if not self._log.exists():
            return "(nothing)"
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])


def await_end(pids: Sequence[int], *, seconds: float = 20) -> None:
    """Return when none of these processes exists any more; they need not be our children."""
    deadline = time.monotonic() + seconds
    while any(_lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.005)


def _lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"  # dead, and only its parent has not looked yet


def kept_secret(file: Path, account: Account) -> str:
    """The password in ``file``, made at the first call and the same ever after."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(token_hex(8))
        account.own(file)
    return file.read_text()
