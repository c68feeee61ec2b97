"""Writes the test vectors: ``tests/vectors/{accepted,signed,trust}`` and ``tests/vectors/rejected/<CODE>/*.edxml``.

Run as ``python -m scripts.make_vectors`` (``make vectors``). Those of the form family come out the same every time:
nothing in them asks the clock or chance. The signed ones are made with fresh keys, as one set with their trust folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts import form_refusals, form_vectors, make_vectors_signed

FOLDER = Path("tests/vectors")


def write(folder: Path) -> int:
    """Writes every vector of the form family below ``folder``; the number of files written."""
    files = {folder / "accepted" / f"{name}.edxml": octets for name, octets in form_vectors.accepted().items()}
    for code, family in form_refusals.rejected().items():
        files.update({folder / "rejected" / code / f"{name}.edxml": octets for name, octets in family.items()})
    for file, octets in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)
    return len(files)


if __name__ == "__main__":
    sys.stdout.write(f"{write(FOLDER) + make_vectors_signed.write(FOLDER)} vectors written to {FOLDER}\n")
