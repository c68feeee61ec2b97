"""Where files of the other hub stand until the ledger has them: readable by the trunk alone, gone afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trunk.application.submission import Submission
from trunk.domain.agency import Caller

_SUFFIX: Final = ".part"  # what a crash leaves behind is swept with the other bodies that were cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Basin:
    """``folder``: on the file system of the payload store, which takes large files from there."""

    folder: Path
    new_name: Callable[[], str]
    in_memory_octets: int

    @contextmanager
    def place(self) -> Iterator[Path]:
        """A path for one file; what is left there at the end is removed."""
        path = self.folder / f"{self.new_name()}{_SUFFIX}"
        try:
            yield path
        finally:
            with suppress(FileNotFoundError):
                path.unlink()

    def submission(self, path: Path, caller: Caller, *, only_to: Sequence[str], trace: Sequence[str]) -> Submission:
        """The file as a submission, small ones in memory."""
        size = path.stat().st_size
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        octets = path.read_bytes() if size <= self.in_memory_octets else path
        return Submission(
            caller=caller, octets=octets, size=size, sha256=sha256, only_to=tuple(only_to), trace=tuple(trace)
        )
