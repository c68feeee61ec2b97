"""Passwords of the broker's users: made here, written into files of mode 0600, or kept to be shown once.

Law of the file: a password is on disk before RabbitMQ knows it, so that no crash leaves one that nobody knows; and a
file that is there already is obeyed, so that a broker that was wiped gets the passwords back that everybody has.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from queues.estate import Applied, Step


class Passwords:
    """``files`` says where the password of some users belongs; those of the others go into ``folder``, if any."""

    def __init__(self, folder: Path | None, files: Mapping[str, Path], *, chance: Callable[[], str]) -> None:
        self._folder = folder
        self._files = files
        self._chance = chance
        self._shown: dict[str, str] = {}

    def of(self, user: str, *, anew: bool = False) -> str:
        """The password of a user that is about to be made. Raises ``OSError``."""
        file = self._files.get(user) or (self._folder / f"{user}.password" if self._folder else None)
        if file is None:
            return self._shown.setdefault(user, self._chance())
        if file.exists() and not anew:
            return file.read_text(encoding="utf-8").strip()
        password = self._chance()
        _write(file, password)
        return password

    def applied(self, steps: list[Step]) -> Applied:
        return Applied(steps=steps, passwords=self._shown)


def _write(file: Path, password: str) -> None:
    """Whole or not at all, and never readable for others, not for a moment."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(password + "\n")
        written.flush()
        os.fsync(written.fileno())
    beside.replace(file)
