"""Large envelopes as files: whole, private, on the disk, and swept only when nobody needs them."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trunk.errors import LedgerUnavailableError
from trunk.storage.payloads import PayloadStore

OCTETS = b"<edXML/>" * 10_000
SHA256 = hashlib.sha256(OCTETS).hexdigest()
LATER = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - files have the clock of the disk


@pytest.fixture
def store(tmp_path: Path) -> PayloadStore:
    folder = tmp_path / "objects"
    folder.mkdir()
    return PayloadStore(folder)


@pytest.fixture
def spool(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(octets: bytes) -> Path:
        path = tmp_path / "spooled"
        path.write_bytes(octets)
        return path

    return write


def place(store: PayloadStore, source: Path, octets: bytes = OCTETS) -> str:
    sha256 = hashlib.sha256(octets).hexdigest()
    store.place(source, sha256, len(octets))
    return sha256


def test_what_was_placed_is_there_under_its_digest_for_its_owner_alone(
    store: PayloadStore, spool: Callable[[bytes], Path]
) -> None:
    source = spool(OCTETS)
    place(store, source)
    path = store.open(SHA256)
    assert path == store.folder / SHA256[:2] / SHA256[2:4] / SHA256
    assert path.read_bytes() == OCTETS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not source.exists()


def test_file_and_folders_are_synced_in_this_order(
    store: PayloadStore, spool: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        sync(handle)

    def replaced(source: Path, target: Path) -> Path:
        done.append("rename")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    place(store, spool(OCTETS))
    assert done == ["sync spooled", "rename", f"sync {SHA256[2:4]}", f"sync {SHA256[:2]}", "sync objects"]


def test_placing_it_again_mends_what_was_damaged(store: PayloadStore, spool: Callable[[bytes], Path]) -> None:
    place(store, spool(OCTETS))
    path = store.open(SHA256)
    assert path is not None
    path.write_bytes(b"damaged")
    assert not store.verify(SHA256)
    place(store, spool(OCTETS))
    assert store.verify(SHA256)


def test_a_spool_on_another_disk_is_carried_over(
    store: PayloadStore, spool: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, replace = spool(OCTETS), Path.replace

    def crossing(path: Path, target: Path) -> Path:
        if path == source:
            raise OSError(18, "Invalid cross-device link")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", crossing)
    place(store, source)
    assert store.verify(SHA256)
    assert not source.exists()
    assert list((store.folder / "incoming").iterdir()) == []


def test_what_is_not_there_is_not_opened_and_not_verified(store: PayloadStore) -> None:
    assert store.open(SHA256) is None
    assert not store.verify(SHA256)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 62 + "/x", "é" * 64])
def test_only_digests_name_objects(store: PayloadStore, digest: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        store.open(digest)


def test_a_file_that_was_cut_off_is_not_placed(store: PayloadStore, spool: Callable[[bytes], Path]) -> None:
    with pytest.raises(ValueError, match="size"):
        store.place(spool(OCTETS[:-1]), SHA256, len(OCTETS))
    assert store.open(SHA256) is None


@pytest.mark.parametrize("failing", ["fsync", "fchmod"])
def test_a_disk_that_does_not_take_it_is_a_temporary_fault(
    store: PayloadStore, spool: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(LedgerUnavailableError, match="No space left") as caught:
        place(store, spool(OCTETS))
    assert isinstance(caught.value.__cause__, OSError)
    assert store.open(SHA256) is None


def test_a_spool_file_that_is_gone_is_a_temporary_fault(store: PayloadStore, tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError):
        store.place(tmp_path / "gone", SHA256, 1)


def test_orphans_are_swept_and_nothing_else(store: PayloadStore, spool: Callable[[bytes], Path]) -> None:
    known, orphan = place(store, spool(b"known"), b"known"), place(store, spool(b"orphan"), b"orphan")
    (store.folder / "incoming").mkdir()
    (store.folder / "incoming" / "left by a crash").write_bytes(b"x")
    assert store.sweep(is_known=known.__eq__, before=LATER) == [orphan]
    assert store.verify(known)
    assert store.open(orphan) is None
    assert list((store.folder / "incoming").iterdir()) == []


def test_what_may_still_be_on_its_way_into_the_ledger_is_not_swept(
    store: PayloadStore, spool: Callable[[bytes], Path]
) -> None:
    source = spool(OCTETS)
    os.utime(source, (0, 0))  # received long ago, placed now
    place(store, source)
    assert store.sweep(is_known=lambda _: False, before=LATER - timedelta(hours=2)) == []
    assert store.verify(SHA256)


def test_what_is_placed_anew_while_it_is_swept_stays(store: PayloadStore, spool: Callable[[bytes], Path]) -> None:
    place(store, spool(OCTETS))
    path = store.open(SHA256)
    assert path is not None
    os.utime(path, (0, 0))

    def is_known(_: str) -> bool:
        place(store, spool(OCTETS))  # between the question and the removal
        return False

    assert store.sweep(is_known=is_known, before=LATER - timedelta(hours=2)) == []
    assert store.verify(SHA256)


def test_a_folder_on_nfs_is_locked_by_files_that_are_written_to(
    store: PayloadStore, spool: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[int] = []

    def as_nfs_does(handle: int, operation: int) -> None:
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        locked.append(operation)

    monkeypatch.setattr(fcntl, "flock", as_nfs_does)
    place(store, spool(OCTETS))
    assert store.sweep(is_known=lambda _: False, before=LATER) == [SHA256]
    assert locked == [fcntl.LOCK_EX] * 2


def test_what_is_placed_waits_for_what_is_removed_elsewhere(
    store: PayloadStore, spool: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place(store, spool(OCTETS))
    done: list[str] = []
    unlink, lock = Path.unlink, fcntl.flock
    placing = threading.Thread(target=lambda: (place(store, spool(OCTETS)), done.append("placed")))
    waiting = threading.Event()

    def locking(handle: int, operation: int) -> None:
        if threading.current_thread() is placing:
            waiting.set()
        lock(handle, operation)

    def removing(path: Path, *, missing_ok: bool = False) -> None:
        placing.start()
        assert waiting.wait(60)
        done.append("removed")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(fcntl, "flock", locking)
    with monkeypatch.context() as watched:
        watched.setattr(Path, "unlink", removing)
        store.sweep(is_known=lambda _: False, before=LATER)
    placing.join(60)
    assert done == ["removed", "placed"]
    assert store.verify(SHA256)
