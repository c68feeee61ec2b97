from __future__ import annotations

import hashlib

import pytest
import xmlschema
from lxml import etree

from edxml_schemas import CATALOGUE, FOLDER, MessageKind


def _manifest() -> dict[str, str]:
    lines = (FOLDER / "MANIFEST.sha256").read_text(encoding="ascii").splitlines()
    return {name.strip(): digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def test_every_schema_file_is_the_one_that_the_manifest_names() -> None:
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in FOLDER.glob("*.xsd")}
    assert found == _manifest()


@pytest.mark.parametrize("kind", MessageKind)
def test_both_libraries_load_every_schema_of_the_catalogue_as_xsd_1_0(kind: MessageKind) -> None:
    path = str(CATALOGUE[kind].path)
    assert etree.XMLSchema(file=path) is not None
    assert xmlschema.XMLSchema10(path, allow="local").is_valid


def test_leniencies_are_named_where_they_stand() -> None:
    named = {file.name: file.read_text(encoding="utf-8").count("Lenient:") for file in FOLDER.glob("*.xsd")}
    assert named["common.xsd"] >= 10
    assert named["document.xsd"] >= 8
    assert named["status.xsd"] >= 3
