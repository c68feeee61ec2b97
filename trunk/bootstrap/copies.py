"""Backups, wired; and the way back from one into an empty trunk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from trunk.application import copies as backups
from trunk.application.copies import BackupError, Copies, Manifest, Passed
from trunk.bootstrap import signatures
from trunk.bootstrap.wiring import clock, new_id
from trunk.domain.operator import Operator
from trunk.settings import Settings
from trunk.storage import migrate, snapshot
from trunk.storage.chain import Chain, Head
from trunk.storage.engine import open_engine, settle
from trunk.storage.journal import Fault
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore

_ACTOR: Final = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came back."""

    manifest: Manifest
    offered_again: int  #: deliveries that a broker had taken
    replays_stopped: int  #: that were running when the backup was taken
    operator_keys_ended: int
    older: Sequence[Fault]  #: how it differs from heads that were kept elsewhere


def copies(settings: Settings, ledger: Ledger, operator: Operator) -> Copies:
    return Copies(
        ledger=ledger,
        payloads=PayloadStore(settings.data_folder / "objects"),
        keys=_keys(settings),
        operator=operator,
        version=version("edoc-trunk"),
        new_id=new_id,
    )


def restore(
    settings: Settings,
    folder: Path,
    *,
    by: str,
    against: Path | None,
    former: Sequence[Path] = (),
    end_keys: bool = False,
    passed: Passed,
) -> Restored:
    """Fill an empty trunk from a backup, all digests checked first; with ``end_keys`` no operator's key opens it.

    Raises ``BackupError``, ``ConfigurationError``.
    """
    manifest = backups.verify(folder, passed=passed)
    backups.require_known(manifest.revision, migrate.known())
    url = settings.database_url
    _require_empty(url, manifest)
    for made in (settings.data_folder, settings.data_folder / "objects", settings.data_folder / "spool"):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    backups.put_keys(folder, manifest, _keys(settings))
    kept = signatures.head_seal(settings).read(against, former) if against is not None else ()
    store = PayloadStore(settings.data_folder / "objects")
    backups.put_objects(folder, manifest, store, settings.data_folder / "spool", passed)
    chain, operator = Chain(settings.journal.node), Operator(name=by, now=clock)
    begin = partial(_afresh, chain=chain, operator=operator, manifest=manifest, kept=kept, end_keys=end_keys)
    if manifest.database == "postgresql":
        snapshot.restore(url, folder / backups.LEDGER[manifest.database])
        return begin(url)
    target = _file(url)
    unfinished = target.with_name(f"{target.name}.restoring")
    for left in _beside(unfinished):  # by a restore that was interrupted
        left.unlink(missing_ok=True)
    backups.copy_over(folder / backups.LEDGER[manifest.database], unfinished)
    restored = begin(f"sqlite:///{unfinished}")
    os.replace(unfinished, target)  # noqa: PTH105 - all that came before is for nothing without it
    backups.sync(target.parent)
    return restored


def _afresh(
    url: str, *, chain: Chain, operator: Operator, manifest: Manifest, kept: Sequence[Head], end_keys: bool
) -> Restored:
    engine = open_engine(url)
    try:
        migrate.upgrade(engine)
        ledger = Ledger(engine, chain=chain, operator=operator)
        with ledger.read() as view:
            older = view.check_journal(against=kept, passed=lambda _: None).faults if kept else []
        with ledger.begin() as book:
            stopped = len(book.view.replays.running())
            again = book.start_afresh(at=clock(), actor=_ACTOR)
            ended = [one for one in book.view.operator_keys() if end_keys and book.revoke_operator_key(one, at=clock())]
            book.act("restored", f"from {manifest.id} of {manifest.taken_at}")
        settle(engine)
    finally:
        engine.dispose()
    return Restored(
        manifest=manifest,
        offered_again=again,
        replays_stopped=stopped,
        operator_keys_ended=len(ended),
        older=older,
    )


def _require_empty(url: str, manifest: Manifest) -> None:
    is_file = url.startswith("sqlite")
    if is_file != (manifest.database == "sqlite"):
        raise BackupError(f"a backup of {manifest.database} goes into a trunk on {manifest.database} only")
    if is_file:
        _require_no_file(_file(url))
        return
    engine = open_engine(url)
    try:
        if not snapshot.is_empty(engine):
            raise BackupError("there are tables in the database: a backup is restored into an empty trunk only")
    finally:
        engine.dispose()


def _require_no_file(ledger: Path) -> None:
    """What lies beside a ledger belongs to it: SQLite would replay an old log into the ledger that is restored."""
    there = [file.name for file in (ledger, *_beside(ledger)) if file.exists()]
    if there:
        raise BackupError(
            f"there is {', '.join(there)} in {ledger.parent}: a backup is restored into an empty trunk only; "
            f"move {ledger.name}, {ledger.name}-wal and {ledger.name}-shm together"
        )


def _beside(ledger: Path) -> list[Path]:
    return [ledger.with_name(f"{ledger.name}{ending}") for ending in ("-wal", "-shm", "-journal")]


def _file(url: str) -> Path:
    return Path(url.partition(":///")[2].partition("?")[0])


def _keys(settings: Settings) -> dict[str, Path]:
    files = {
        "seal.key.pem": settings.signatures.seal_key_file,
        "seal.crt.pem": settings.signatures.seal_certificate_file,
        "vxp.key": settings.vxp.key_file,
        "lgsp.key": settings.lgsp.key_file,
        "uplink.secret": settings.uplink.secret_file,
    }
    return {name: settings.path(file) for name, file in files.items()}
