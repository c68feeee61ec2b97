"""The trust folder, read again when it changes: no restart to add, replace or remove an authority.

Law: a folder that cannot be used as it stands changes nothing: the store before it goes on serving, and the fault is
told (``fault``, the log). Each process looks by itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509

from signing.certificate import Purpose
from signing.domains import read_domains, read_intermediates
from signing.trust import Chain, TrustStore
from signing.verdict import Finding
from signing.watching import Watched

_log = logging.getLogger(__name__)


class Steps(Protocol):
    """Authorities that were fetched: never more than steps."""

    def edition(self) -> object:
        """Another value whenever ``certificates`` may give others. Costs next to nothing."""
        ...

    def certificates(self) -> tuple[x509.Certificate, ...]: ...

    def obtainable(self, urls: tuple[str, ...]) -> tuple[str, ...]:
        """Those that may be fetched."""
        ...


class TrustFolder:
    """A ``Trust`` that follows its folder. Safe to share between threads."""

    def __init__(
        self, folder: Path, *, steps: Steps | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises ``OSError``, ``ValueError`` if the folder cannot be used to begin with."""
        self.fault = ""  #: why the folder is not used as it stands now; empty while it is
        self._folder = folder
        self._steps = steps
        self._watched = Watched(folder, clock=clock)
        self._lock = threading.Lock()
        self._watched.changed()
        self._edition = None if steps is None else steps.edition()
        self._store = self._read()

    @property
    def store(self) -> TrustStore:
        """The one that holds now."""
        edition = None if self._steps is None else self._steps.edition()
        if self._watched.changed() or edition != self._edition:
            with self._lock:
                self._renew(edition)
        return self._store

    def chain(
        self,
        certificates: Sequence[bytes],
        *,
        at: datetime,
        purpose: Purpose = Purpose.DOCUMENTS,
        leaf: bytes | None = None,
    ) -> Chain | Finding:
        """See ``Trust.chain``."""
        return self.store.chain(certificates, at=at, purpose=purpose, leaf=leaf)

    def _renew(self, edition: object) -> None:
        try:
            self._store = self._read()
        except (OSError, ValueError) as error:
            self.fault = str(error)
            _log.error("trust_folder_not_usable %s %s", self._folder, error)
        else:
            if self.fault:
                _log.info("trust_folder_usable_again %s", self._folder)
            self.fault = ""
        self._edition = edition

    def _read(self) -> TrustStore:
        if self._steps is None:
            return TrustStore.from_folder(self._folder)
        return TrustStore(
            domains=read_domains(self._folder),
            intermediates=(*read_intermediates(self._folder), *self._steps.certificates()),
            obtainable=self._steps.obtainable,
        )
