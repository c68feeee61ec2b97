"""Large envelopes as files named by their SHA-256, whole and on the disk before the ledger speaks of them.

``place`` returns when file and folders are synced, so the transaction that follows promises nothing that a power cut
could take. A file without a transaction (the crash came between) is an orphan and is swept when it is old enough to
belong to nobody who is still at work.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from trunk.errors import LedgerUnavailableError

_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
_DIGEST_LENGTH: Final = 64
_INCOMING: Final = "incoming"
_LOCKS: Final = "locks"


@dataclass(frozen=True, slots=True)
class PayloadStore:
    """A folder of objects: ``ab/cd/abcd…``, readable by its owner alone."""

    folder: Path

    def place(self, source: Path, sha256: str, size: int) -> None:
        """Take the file at ``source`` into the store for good; it is not at ``source`` afterwards.

        Raises ``LedgerUnavailableError`` where the disk does not take it, ``ValueError`` for a file of another size.
        """
        try:
            self._place(source, self._path(sha256), size)
        except OSError as error:
            raise LedgerUnavailableError(f"the payload store could not take a file: {error.strerror}") from error

    def open(self, sha256: str) -> Path | None:
        """Where the octets with this digest are, if they are here."""
        path = self._path(sha256)
        return path if path.is_file() else None

    def verify(self, sha256: str) -> bool:
        """Whether they are here and still have their digest: reads them all."""
        path = self.open(sha256)
        if path is None:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def remove(self, sha256: str, *, before: datetime) -> None:
        """Remove what no envelope needs any more, unless it was placed anew since ``before``."""
        path = self._path(sha256)
        if path.parent.is_dir():
            self._remove(path, before)

    def sweep(self, *, is_known: Callable[[str], bool], before: datetime) -> list[str]:
        """Remove what was placed before ``before`` and is not known to the ledger; the digests removed."""
        removed = [path.name for path in self._objects() if not is_known(path.name) and self._remove(path, before)]
        for leftover in (self.folder / _INCOMING).glob("*"):
            _remove_old(leftover, before)
        return removed

    def _remove(self, path: Path, before: datetime) -> bool:
        """Remove an old file. Under its lock, or one that is placed anew at this moment might be hit."""
        with self._locked(path):
            return _remove_old(path, before)

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Against other processes and machines: by a file that is written to, for NFS locks no folders."""
        locks = self.folder / _LOCKS
        locks.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        handle = os.open(locks / path.name[:2], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
        try:
            _give_to_owner(self.folder, locks, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _path(self, sha256: str) -> Path:
        if len(sha256) != _DIGEST_LENGTH or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError("not a SHA-256 in lower-case hex")
        return self.folder / sha256[:2] / sha256[2:4] / sha256

    def _objects(self) -> Iterator[Path]:
        return (path for path in self.folder.glob("??/??/*") if len(path.name) == _DIGEST_LENGTH)

    def _place(self, source: Path, target: Path, size: int) -> None:
        _make_durable(source, size)
        for folder in (target.parent.parent, target.parent):
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        with self._locked(target):
            try:
                source.replace(target)  # also over an equal one: what was damaged is whole again
            except OSError as error:
                if error.errno != errno.EXDEV:  # the spool is on another disk
                    raise
                self._carry(source, target, size)
            _sync_folder(target.parent)
        for folder in (target.parent.parent, self.folder):
            _sync_folder(folder)

    def _carry(self, source: Path, target: Path, size: int) -> None:
        incoming = self.folder / _INCOMING
        incoming.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=incoming)
        with os.fdopen(handle, "wb") as copy, source.open("rb") as original:
            shutil.copyfileobj(original, copy, 1024 * 1024)
        _make_durable(Path(name), size)
        Path(name).replace(target)
        source.unlink()


def _make_durable(path: Path, size: int) -> None:
    with path.open("rb+") as file:
        if os.fstat(file.fileno()).st_size != size:
            raise ValueError("the file does not have the size it was said to have")
        os.fchmod(file.fileno(), _PRIVATE_FILE)
        os.utime(file.fileno())  # its age counts from now: see sweep
        os.fsync(file.fileno())


def _remove_old(path: Path, before: datetime) -> bool:
    with suppress(FileNotFoundError):
        if path.stat().st_mtime < before.timestamp():
            path.unlink()
            return True
    return False


def _give_to_owner(store: Path, locks: Path, handle: int) -> None:
    """What an administrator made as root is the trunk's all the same."""
    if os.geteuid() == 0:
        owner = store.stat()
        os.chown(locks, owner.st_uid, owner.st_gid)
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
