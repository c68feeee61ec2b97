"""``make vectors-check``: every set that SOURCES.md lists, through our code; 1 if anything is wrong.

    python -m scripts.vectors_check FOLDER [--json FILE] [--only SET]

Law: a set that is listed and that nobody drives, or that is empty, is wrong as well.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from scripts.vectors_check import (
    set_generated,
    set_merkle,
    set_names,
    set_pades,
    set_parser,
    set_rfc3161,
    set_wycheproof,
    set_x509,
    set_xades,
    set_xmldsig,
)
from scripts.vectors_check.frame import Answer, Case, Outcome, Stated, Tally, VectorSet
from scripts.vectors_check.sealed import judge_all
from scripts.vectors_check.table import as_data, show

Driver = Callable[[Path], Iterator[VectorSet]]

#: By the folder at the top; each drives all that lies below it.
DRIVERS: Final[Mapping[str, Driver]] = {
    "xmldsig": set_xmldsig.sets,
    "xades": set_xades.sets,
    "pades": set_pades.sets,
    "x509": set_x509.sets,
    "wycheproof": set_wycheproof.sets,
    "xml-parser": set_parser.sets,
    "merkle": set_merkle.sets,
    "rfc3161": set_rfc3161.sets,
    "names": set_names.sets,
    "generated": set_generated.sets,
}
_ROW: Final = re.compile(r"^\| `.*?\|", re.MULTILINE)
_FOLDER: Final = re.compile(r"`([a-z0-9-]+)/")


def check(vectors: Path, *, drivers: Mapping[str, Driver] = DRIVERS, only: str = "") -> Iterator[Tally]:
    """Every listed set, judged. Raises ``OSError`` if there is no SOURCES.md."""
    for name in _listed((vectors / "SOURCES.md").read_text(encoding="utf-8")):
        if only and name != only:
            continue
        driver = drivers.get(name)
        found = False
        for vector_set in () if driver is None else driver(vectors / name):
            found = found or bool(vector_set.cases)
            yield judge_all(vector_set)
        if not found:
            yield judge_all(_undriven(name, "nobody drives this set" if driver is None else "no vectors found"))


def _listed(sources: str) -> list[str]:
    """The folders at the top that the table of SOURCES.md names, in its order."""
    return list(dict.fromkeys(name for row in _ROW.findall(sources) for name in _FOLDER.findall(row)))


def _undriven(name: str, why: str) -> VectorSet:
    case = Case(name=why, stated=Stated.ACCEPT, run=partial(Answer, accepted=False, code=why))
    return VectorSet(name=name, kind="core", cases=[case], sealed=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.vectors_check", description="Public vectors.")
    parser.add_argument("vectors", type=Path, help="the folder with SOURCES.md")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--only", default="", metavar="SET", help="one folder of the vectors")
    wish = parser.parse_args()
    if not (wish.vectors / "SOURCES.md").is_file():
        sys.stderr.write(
            f"{wish.vectors} holds no SOURCES.md: say where the vectors are (make vectors-check VECTORS=…)\n"
        )
        return 1
    started = time.perf_counter()
    tallies = list(check(wish.vectors, only=wish.only))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    show(tallies, console)
    console.print(f"{time.perf_counter() - started:.0f} s")
    if wish.json is not None:
        wish.json.write_text(json.dumps(as_data(tallies), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any(tally.of(Outcome.WRONG) for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
