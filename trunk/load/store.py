"""Where documents wait until they are due: one file that has no name, so that no mix is too large for memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Final, Self

_PIECE: Final = 2**18


class NoRoomError(Exception):
    """There is less room than the documents take."""

    def __init__(self, *, folder: str, needed: int, free: int) -> None:
        super().__init__(f"{folder}: the documents take {needed // 10**6:,} MB, and {free // 10**6:,} MB are free")


class Store:
    """Octets by number, in the order in which they were put."""

    def __init__(self, *, needed: int) -> None:
        """Raises ``NoRoomError`` where ``needed`` octets have no room in the folder for temporary files."""
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise NoRoomError(folder=folder, needed=needed, free=free)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the store is
        self._ends = [0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, octets: bytes) -> None:
        self._file.write(octets)
        self._ends.append(self._ends[-1] + len(octets))

    def whole(self) -> None:
        """All that was put can be read from now on."""
        self._file.flush()

    def size(self, number: int) -> int:
        return self._ends[number + 1] - self._ends[number]

    def pieces(self, number: int) -> Iterator[bytes]:
        """Read when they are asked for, a quarter of a mebibyte at a time."""
        at, end = self._ends[number], self._ends[number + 1]
        while at < end:
            piece = os.pread(self._file.fileno(), min(_PIECE, end - at), at)
            yield piece
            at += len(piece)
