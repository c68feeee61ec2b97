"""New files: never over another one; ``-`` is standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from trunk.cli.exits import RefusedError
from trunk.cli.output import note
from trunk.cli.world import World


def write_new(file: Path, octets: bytes, world: World) -> None:
    """Write ``octets`` to a file that is not there yet. Raises ``RefusedError``, ``OSError``."""
    if str(file) == "-":
        sys.stdout.buffer.write(octets)
        return
    try:
        with file.open("xb") as target:
            target.write(octets)
    except FileExistsError as error:
        raise RefusedError(
            f"{file} is there already", remedy="name a new file with -o; nothing was overwritten"
        ) from error
    note(world.language.say(f"Đã ghi {file} ({len(octets)} B)", f"written: {file} ({len(octets)} B)"))
