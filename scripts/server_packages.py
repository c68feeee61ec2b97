"""Installing RabbitMQ, PostgreSQL and what tests ask beside them so that only their programs are there afterwards.

Law of the file: nothing is started, and nothing that was not enabled before is enabled afterwards. Debian's
packages start their services while they are configured; ``policy-rc.d`` (exit 101) is Debian's own way to
forbid that. One that is there already belongs to somebody else and is left alone. Only the standard library
is imported: this runs before the project is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_MINUTES: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPackage:
    """A server (or a tool), the Debian package that holds it, and the folders where its programs may be."""

    name: str
    package: str
    program: str
    folders: tuple[str, ...]  # glob patterns below /, the best first

    def programs(self) -> Path | None:
        """The folder of the server's programs, or None if it is not installed."""
        for pattern in self.folders:
            for folder in sorted(Path("/").glob(pattern), key=_version, reverse=True):
                if (folder / self.program).exists():
                    return folder
        found = shutil.which(self.program)
        return Path(found).parent if found else None


def _version(folder: Path) -> tuple[int, ...]:
    """Sort ``/usr/lib/postgresql/9/bin`` below ``…/15/bin``."""
    return tuple(int(digits) for part in folder.parts for digits in part.split(".") if digits.isdigit())


# Not Debian's /usr/sbin/rabbitmq-server: that one insists on changing to the user `rabbitmq` by itself.
RABBITMQ: Final = ServerPackage(
    name="RabbitMQ",
    package="rabbitmq-server",
    program="rabbitmq-server",
    folders=("usr/lib/rabbitmq/bin", "opt/rabbitmq/sbin", "opt/homebrew/opt/rabbitmq/sbin"),
)
POSTGRESQL: Final = ServerPackage(
    name="PostgreSQL",
    package="postgresql",
    program="initdb",
    folders=("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin"),
)
#: Not a server: a second opinion on XML signatures, asked by tests alone.
XMLSEC1: Final = ServerPackage(
    name="xmlsec1",
    package="xmlsec1",
    program="xmlsec1",
    folders=("usr/bin", "opt/homebrew/bin"),
)
#: Nor this: the tests compile a client that agencies could have written.
JDK: Final = ServerPackage(
    name="Java",
    package="default-jdk-headless",
    program="javac",
    folders=("usr/lib/jvm/default-java/bin", "usr/lib/jvm/java-*/bin", "opt/homebrew/opt/openjdk/bin"),
)
#: Makes system calls fail, and writes down in which order they were made.
STRACE: Final = ServerPackage(name="strace", package="strace", program="strace", folders=("usr/bin",))
#: Lets a process live in another time than its neighbours.
FAKETIME: Final = ServerPackage(name="faketime", package="faketime", program="faketime", folders=("usr/bin",))
SERVERS: Final = (RABBITMQ, POSTGRESQL)
TOOLS: Final = (XMLSEC1, JDK, STRACE, FAKETIME)


def install_or_say(server: ServerPackage) -> tuple[bool, str]:
    """Whether the server is installed now, and one line for a person that says so, or what to do."""
    if (folder := server.programs()) is not None:
        return True, f"{server.name}: installed already ({folder})"
    by_hand = f"{server.name}: please install it: apt-get install --no-install-recommends {server.package}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False, by_hand
    trouble = _install(server.package)
    if (folder := server.programs()) is not None:
        return True, f"{server.name}: installed ({folder}), no service started or enabled"
    return False, f"{by_hand} (apt-get said: {trouble})"


def _install(package: str) -> str:
    """Install without starting anything; the last line of apt-get's complaint, or nothing."""
    enabled, started_at_boot = _enabled_units(), _boot_scripts()
    with _services_forbidden():
        done = _apt_get("install", package)
        if done.returncode != 0:  # the package lists may be older than the mirror
            _apt_get("update")
            done = _apt_get("install", package)
    for unit in sorted(_enabled_units() - enabled):
        _quietly("systemctl", "disable", unit)
    for script in sorted(_boot_scripts() - started_at_boot):
        _quietly("update-rc.d", script, "disable")
    complaint = (done.stderr or done.stdout).strip().splitlines()
    return complaint[-1] if done.returncode != 0 and complaint else ""


@contextmanager
def _services_forbidden() -> Iterator[None]:
    if _POLICY.exists():  # somebody else's: theirs decides, and stays
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _apt_get(command: str, *packages: str) -> subprocess.CompletedProcess[str]:
    quiet = ("-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Options::=--force-confold")
    minimal = ("--no-install-recommends",) if packages else ()
    return subprocess.run(
        (
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "RUNLEVEL=1",
            "apt-get",
            *quiet,
            command,
            *minimal,
            *packages,
        ),
        capture_output=True,
        text=True,
        timeout=20 * _MINUTES,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def _enabled_units() -> frozenset[str]:
    """What systemd starts by itself, read from its links: in a container systemctl has nobody to ask."""
    return frozenset(link.name for link in Path("/etc/systemd/system").glob("*.wants/*"))


def _boot_scripts() -> frozenset[str]:
    return frozenset(link.name[3:] for link in Path("/etc").glob("rc[2-5].d/S[0-9][0-9]*"))


def _quietly(*command: str) -> None:
    if shutil.which(command[0]) is not None:
        subprocess.run(command, capture_output=True, timeout=_MINUTES, check=False)
