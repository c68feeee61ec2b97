"""Lists and answers that an operator laid into the trust folder: for networks from which no responder is seen."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signing.domains import LISTS, places
from signing.revocation.answers import Answer
from signing.revocation.lists import RevocationList
from signing.watching import Watched

_log = logging.getLogger(__name__)
_PEM: Final = b"-----BEGIN"


class OfflineLists:
    """``lists/*.crl`` (DER or PEM) and ``lists/*.ocsp`` (DER) of every domain; read again when the folder changes."""

    def __init__(self, trust_folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.edition = 0  #: grows when anything changed
        self.lists: tuple[RevocationList, ...] = ()
        self.answers: tuple[Answer, ...] = ()
        self.faults: tuple[str, ...] = ()  #: files that are neither
        self._folder = trust_folder
        self._watched = Watched(trust_folder, clock=clock)
        self._lock = threading.Lock()

    def refresh(self) -> int:
        """Look for changes (at most once a second); tells the edition."""
        if self._watched.changed():
            with self._lock:
                self._read()
                self.edition += 1
        return self.edition

    def read(self, sha256: str) -> bytes | None:
        statements: tuple[RevocationList | Answer, ...] = (*self.lists, *self.answers)
        return next((one.der for one in statements if one.sha256 == sha256), None)

    def _read(self) -> None:
        lists, answers, faults = list[RevocationList](), list[Answer](), list[str]()
        for file in self._files():
            try:
                if file.suffix == ".crl":
                    lists.append(RevocationList(_der(file.read_bytes()), origin=file.name))
                else:
                    answers.append(Answer(file.read_bytes(), origin=file.name))
            except (OSError, ValueError) as error:
                faults.append(f"{file}: {error}")
                _log.warning("offline_list_not_usable %s %s", file, type(error).__name__)
        self.lists, self.answers, self.faults = tuple(lists), tuple(answers), tuple(faults)

    def _files(self) -> Iterator[Path]:
        try:
            for place, _ in places(self._folder):
                yield from sorted(one for one in (place / LISTS).glob("*") if one.suffix in {".crl", ".ocsp"})
        except OSError as error:
            _log.warning("offline_lists_not_readable %s", error.strerror)


def _der(octets: bytes) -> bytes:
    if not octets.startswith(_PEM):
        return octets
    return x509.load_pem_x509_crl(octets).public_bytes(Encoding.DER)
