"""Backups: a folder with the ledger, the payload objects, and a manifest of digests that is written last.

The objects are copied after the ledger's snapshot, while purging waits: every object that it names is there. A folder
without a manifest is no backup.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from trunk.domain.operator import Operator
from trunk.errors import ConfigurationError
from trunk.storage.chain import Head
from trunk.storage.leases import HOUSEKEEPING, LONGER
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
LEDGER: Final = {"sqlite": "ledger.db", "postgresql": "ledger.dump"}
Passed = Callable[[str, int, int], None]
"""What is being done, how much of how much."""


class BackupError(ValueError):
    """Not a backup, or not whole; the message says what. Permanent."""

    temporary = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in a backup."""

    format: int
    id: str
    taken_at: str
    trunk: str  #: the version of the program
    database: str
    revision: str
    with_keys: bool
    heads: list[list[Any]]
    files: dict[str, list[Any]]  #: size and SHA-256 by name

    @property
    def ends(self) -> list[Head]:
        return [Head(node, sequence, digest) for node, sequence, digest in self.heads]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Takes backups of a running trunk."""

    ledger: Ledger
    payloads: PayloadStore
    keys: Mapping[str, Path]  #: files that hold secrets
    operator: Operator
    version: str
    new_id: Callable[[], str]

    def take(self, folder: Path, *, with_keys: bool, passed: Passed) -> Manifest:
        """A backup in ``folder``, which must not be there or be empty, and becomes its owner's alone.

        Raises ``BackupError``.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BackupError(f"{folder} is not empty; a backup never overwrites")
        _make_private(folder)
        backup, at = self.new_id(), self.operator.now()
        with self.ledger.begin() as book:
            if not book.take_work(HOUSEKEEPING, owner=backup, now=at, until=at + LONGER[HOUSEKEEPING]):
                raise BackupError("a purge or another backup is under way; come again when it is done")
        try:
            manifest = self._copied(folder, backup, at, with_keys=with_keys, passed=passed)
        finally:
            with self.ledger.begin() as book:
                book.release_work(HOUSEKEEPING, owner=backup)
        with self.ledger.begin() as book:
            book.act("backup_taken", f"{backup} {'with keys' if with_keys else 'without keys'}")
        return manifest

    def _copied(self, folder: Path, backup: str, at: datetime, *, with_keys: bool, passed: Passed) -> Manifest:
        partial = folder / "ledger.partial"
        held = self.ledger.snapshot(partial, lambda done, total: passed("ledger", done, total))
        name = LEDGER[held.database]
        partial.replace(folder / name)
        for number, (sha256, _) in enumerate(held.objects, 1):
            source = self.payloads.open(sha256)
            if source is None:
                raise BackupError(f"the payload store has no {sha256}, which the ledger names; restore it first")
            copy_over(source, folder / "objects" / sha256[:2] / sha256)
            passed("objects", number, len(held.objects))
        for key, source in self.keys.items() if with_keys else ():
            if source.is_file():
                copy_over(source, folder / "keys" / key)
        manifest = Manifest(
            format=FORMAT,
            id=backup,
            taken_at=at.isoformat(),
            trunk=self.version,
            database=held.database,
            revision=held.revision,
            with_keys=with_keys,
            heads=[[head.node, head.sequence, head.hash] for head in held.heads],
            files=dict(_described(folder)),
        )
        wrong = [sha256 for sha256, _ in held.objects if manifest.files[_object(sha256)][1] != sha256]
        if wrong:
            raise BackupError(f"damaged in the payload store: {', '.join(wrong[:5])}; nothing was finished")
        _write(folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        return manifest


def verify(folder: Path, *, passed: Passed) -> Manifest:
    """The manifest of a backup whose every file is as it was written. Raises ``BackupError``."""
    try:
        manifest = Manifest(**orjson.loads((folder / MANIFEST).read_bytes()))
    except (OSError, TypeError, ValueError) as error:
        raise BackupError(f"{folder}: no backup, or one that was not finished: no usable {MANIFEST}") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{folder}: a backup of another format ({manifest.format})")
    wrong = []
    for number, (name, (size, digest)) in enumerate(manifest.files.items(), 1):
        file = folder / name
        if not file.is_file() or file.stat().st_size != size or _digest(file) != digest:
            wrong.append(name)
        passed("files", number, len(manifest.files))
    if wrong or LEDGER.get(manifest.database) not in manifest.files:
        raise BackupError(f"{folder}: missing or altered: {', '.join(wrong[:5]) or 'the ledger'} ({len(wrong)} in all)")
    return manifest


def put_objects(folder: Path, manifest: Manifest, payloads: PayloadStore, spool: Path, passed: Passed) -> None:
    """The backup's objects into a payload store, durably."""
    names = [name for name in manifest.files if name.startswith("objects/")]
    for number, name in enumerate(names, 1):
        size, sha256 = manifest.files[name]
        spooled = spool / f"{sha256}.restoring"
        shutil.copyfile(folder / name, spooled)
        payloads.place(spooled, sha256, size)
        passed("objects", number, len(names))


def put_keys(folder: Path, manifest: Manifest, keys: Mapping[str, Path]) -> None:
    """The backup's keys where the settings want them; one that is there already stays."""
    for key, target in keys.items():
        if f"keys/{key}" in manifest.files and not target.exists():
            copy_over(folder / "keys" / key, target)


def _make_private(folder: Path) -> None:
    if not folder.stat().st_mode & 0o077:
        return
    try:
        folder.chmod(0o700)
    except OSError as error:
        raise BackupError(f"{folder} is open to others, and not ours to close: make it mode 700 first") from error


def _object(sha256: str) -> str:
    return f"objects/{sha256[:2]}/{sha256}"


def _described(folder: Path) -> Iterator[tuple[str, list[Any]]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            sync(file)
            yield file.relative_to(folder).as_posix(), [file.stat().st_size, _digest(file)]
    for inner in (*(one for one in folder.rglob("*") if one.is_dir()), folder):
        sync(inner)


def _digest(file: Path) -> str:
    with file.open("rb") as octets:
        return hashlib.file_digest(octets, "sha256").hexdigest()


def copy_over(source: Path, target: Path) -> None:
    """Durably, for the owner alone; over what an interrupted copy left."""
    for folder in (target.parent.parent, target.parent):  # ``parents`` would make the upper one as the umask says
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    shutil.copyfile(source, target)
    sync(target)


def _write(target: Path, octets: bytes) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    sync(target.parent)


def sync(path: Path) -> None:
    """To the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_known(revision: str, known: Collection[str]) -> None:
    """Raises ``ConfigurationError`` for a backup of a newer program."""
    if revision not in known:
        raise ConfigurationError(f"the backup's tables are of revision {revision}: a newer trunk is needed to read it")
