"""The cache folder: what was fetched, named by its digest, and an index by what was asked.

Shared by all processes of a trunk without a lock: files appear whole (rename) and are never altered; a reader
believes an object only if its digest is its name, and nothing in it but what a trusted key signed. A folder that is
lost, cut short or garbled is an empty one.

``objects/DIGEST``: octets, DER. ``crl``, ``ocsp``, ``certificate``: ``KEY.json`` each, which names an object.
``crl.changes`` and so on: grow by one octet with each change, so that a look at their size tells of news.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from signing.evidence import EvidenceKind

_MOST_OCTETS: Final = 512 * 2**20
_KINDS: Final = (EvidenceKind.CRL, EvidenceKind.OCSP, EvidenceKind.CERTIFICATE)
_KEPT: Final = timedelta(hours=1)  # of objects that nothing names: somebody may be about to store them as evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was got for a question, and when."""

    kind: EvidenceKind
    url: str
    sha256: str
    fetched_at: datetime  #: last time that the source was asked and answered
    etag: str = ""
    modified: str = ""  #: Last-Modified, as told

    @classmethod
    def of(
        cls, kind: EvidenceKind, octets: bytes, *, url: str, fetched_at: datetime, etag: str = "", modified: str = ""
    ) -> Entry:
        digest = hashlib.sha256(octets).hexdigest()
        return cls(kind=kind, url=url, sha256=digest, fetched_at=fetched_at, etag=etag, modified=modified)


def key_of(kind: EvidenceKind, subject: str) -> str:
    """``subject``: the URL of a list or of an issuer's certificate; the fingerprint of a certificate for OCSP."""
    return hashlib.sha256(f"{kind.value}\n{subject}".encode()).hexdigest()


class Shelf:
    """The folder. Every method may be called from any thread and process; a fault of the disk reads as absence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._objects = folder / "objects"
        self._changes = {kind: str(folder / f"{kind.value}.changes") for kind in _KINDS}

    def edition(self, kind: EvidenceKind) -> tuple[int, int]:
        """Another value after each change of what lies here of this kind."""
        try:
            told = os.stat(self._changes[kind])  # noqa: PTH116 - asked for each certificate of each message
        except OSError:
            return (0, 0)
        return (told.st_size, told.st_mtime_ns)

    def find(self, kind: EvidenceKind, key: str) -> Entry | None:
        try:
            told = json.loads((self.folder / kind.value / f"{key}.json").read_bytes())
            return Entry(
                kind=EvidenceKind(told["kind"]),
                url=str(told["url"]),
                sha256=str(told["sha256"]),
                fetched_at=datetime.fromisoformat(told["fetched_at"]).astimezone(UTC),
                etag=str(told["etag"]),
                modified=str(told["modified"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def entries(self, kind: EvidenceKind) -> Iterator[tuple[str, Entry]]:
        """All of one kind, by key."""
        for file in sorted((self.folder / kind.value).glob("*.json")):
            entry = self.find(kind, file.stem)
            if entry is not None:
                yield file.stem, entry

    def read(self, sha256: str) -> bytes | None:
        """The octets of that digest, if they lie here unharmed."""
        if len(sha256) != hashlib.sha256().digest_size * 2 or not sha256.isalnum():
            return None
        try:
            octets = (self._objects / sha256).read_bytes()
        except OSError:
            return None
        return octets if hashlib.sha256(octets).hexdigest() == sha256 else None

    def put(self, key: str, entry: Entry, octets: bytes) -> None:
        """Replace what was got for ``key``. ``entry.sha256`` must be of ``octets``. Raises ``OSError``."""
        for place in (self.folder, self._objects, self.folder / entry.kind.value):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.read(entry.sha256) is None:
            _replace(self._objects / entry.sha256, octets)
        told = asdict(entry) | {"kind": entry.kind.value, "fetched_at": entry.fetched_at.isoformat()}
        _replace(self.folder / entry.kind.value / f"{key}.json", json.dumps(told).encode())
        self._tell(entry.kind)

    def prune(self, *, now: datetime, most_octets: int = _MOST_OCTETS) -> int:
        """Drop what was fetched longest ago until the rest fits; then objects that nothing names. Tells how many."""
        entries = [(entry, key) for kind in _KINDS for key, entry in self.entries(kind)]
        entries.sort(key=lambda one: one[0].fetched_at, reverse=True)
        kept, octets, dropped = set[str](), 0, 0
        for entry, key in entries:
            with contextlib.suppress(OSError):
                octets += 0 if entry.sha256 in kept else (self._objects / entry.sha256).stat().st_size
            if octets <= most_octets:
                kept.add(entry.sha256)
                continue
            (self.folder / entry.kind.value / f"{key}.json").unlink(missing_ok=True)
            self._tell(entry.kind)
            dropped += 1
        for file in self._objects.glob("*"):
            with contextlib.suppress(OSError):
                aged = file.stat().st_mtime < (now - _KEPT).timestamp()
                if file.name not in kept and aged:
                    file.unlink()
                    dropped += 1
        return dropped

    def _tell(self, kind: EvidenceKind) -> None:
        with open(self._changes[kind], "ab", buffering=0) as file:  # noqa: PTH123 - appended to, whoever else does
            file.write(b".")


def _replace(file: Path, octets: bytes) -> None:
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            target.write(octets)
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
