"""A trunk whose system calls are written down, or made to fail, by strace; and disks of a few MiB."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.server_packages import STRACE
from scripts.trunk_process import TrunkProcess

_CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")


@dataclass(frozen=True)
class Call:
    """One system call that has returned, in the order of returning."""

    name: str
    said: str  #: arguments with the files' names, and the result

    @property
    def succeeded(self) -> bool:
        return re.search(r"= -1 E", self.said) is None


def calls(file: Path) -> Iterator[Call]:
    """What strace wrote; calls that other threads interrupted are put together again."""
    begun: dict[tuple[str, str], str] = {}
    for line in file.read_text(errors="replace").splitlines():
        if found := _RESUMED.match(line):
            yield Call(found["name"], begun.pop((found["pid"], found["name"]), "") + found["rest"])
        elif found := _CALL.match(line):
            if found["rest"].endswith("<unfinished ...>"):
                begun[found["pid"], found["name"]] = found["rest"].removesuffix("<unfinished ...>")
            else:
                yield Call(found["name"], found["rest"])


def require_strace(config: pytest.Config) -> None:
    """It is there, and may be used here."""
    trouble = (
        f"{STRACE.name} ({STRACE.package}) is not installed: python scripts/private_servers.py install --for-tests"
    )
    if STRACE.programs() is not None:
        tried = subprocess.run(["strace", "-f", "-qq", "true"], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            return
        trouble = f"strace may not trace here: {tried.stderr.strip()}"
    _give_up(trouble, config)


def _give_up(trouble: str, config: pytest.Config) -> None:
    if config.getoption("--require-servers"):
        pytest.fail(trouble, pytrace=False)
    pytest.skip(trouble)


@contextmanager
def traced(trunk: TrunkProcess, folder: Path, *words: str) -> Iterator[Path]:
    """``strace`` on a running trunk, all its threads; where it writes."""
    output = folder / "strace.txt"
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", "-s", "200", "-o", str(output), *words, "-p", str(trunk.pid)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        assert "attached" in said, said
        yield output
    finally:
        tracer.send_signal(signal.SIGINT)  # it lets go, and the trunk goes on
        tracer.communicate(timeout=30)


@contextmanager
def small_disk(folder: Path, mebibytes: int, config: pytest.Config) -> Iterator[Path]:
    """A file system of its own with so much room."""
    folder.mkdir(parents=True)
    if os.geteuid() != 0 or shutil.which("mount") is None:
        _give_up("a small disk needs root, which mounts it", config)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=700", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        _give_up(f"no small disk can be mounted here: {done.stderr.strip()}", config)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
