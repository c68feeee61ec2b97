"""A process whose wall clock somebody else sets: libfaketime reads a file once a second. Intervals stay true."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_LIBRARIES: Final = ("usr/lib/*/faketime/libfaketimeMT.so.1", "usr/lib/faketime/libfaketimeMT.so.1")


def library() -> Path | None:
    """Where libfaketime is; None where it is not installed (Debian: ``faketime``)."""
    return next((found for pattern in _LIBRARIES for found in Path("/").glob(pattern)), None)


def wrong_clock(folder: Path) -> Path | None:
    """A file that sets a clock, which is right to begin with; None without libfaketime."""
    if library() is None:
        return None
    file = folder / "clock"
    set_clock(file, 0)
    return file


def set_clock(file: Path, seconds: int) -> None:
    """So far off the clock is from now on, a second later at most."""
    whole = file.with_suffix(".next")
    whole.write_text(f"{seconds:+d}\n")
    whole.replace(file)


def by_clock(file: Path) -> Mapping[str, str]:
    """The environment of a process that lives by the clock of ``file``."""
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else waits of the interpreter for its lock return at once, for ever
    }
