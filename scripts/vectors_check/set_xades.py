"""xades: test files of the European reference implementation, each with the certificate that it brings along."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from scripts.vectors_check import core_xml
from scripts.vectors_check.core_xml import Keys
from scripts.vectors_check.frame import Case, Stated, VectorSet
from scripts.vectors_check.trunk_answer import trunk_set
from scripts.vectors_check.xml_features import unsupported


def sets(folder: Path) -> Iterator[VectorSet]:
    files = sorted(folder.rglob("*.xml"))
    cases = [_case(file, folder) for file in files]
    yield VectorSet(name="xades", kind="core", cases=cases, warm=[case.run for case in cases[:3]])
    yield trunk_set("xades", files, below=folder)


def _case(file: Path, folder: Path) -> Case:
    octets = file.read_bytes()
    return Case(
        name=str(file.relative_to(folder)),
        stated=Stated.ACCEPT,
        run=partial(core_xml.judge, octets, Keys()),
        unsupported=unsupported(octets),
    )
