"""The house's XSD files and their catalogue: data, almost no code.

``MANIFEST.sha256`` names the digest of every file (``sha256sum -c`` reads it), so that a change of a schema is
always a change on purpose. Schemas are loaded from this folder and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

#: Namespace of every edXML element of QCVN 102:2016/BTTTT.
QCVN: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
#: Namespace of XML signatures.
XMLDSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
#: Namespace of what a trunk attests in its own acknowledgements.
ACKNOWLEDGEMENT: Final = "urn:edoc-trunk:acknowledgement:1"
#: ``source`` of the notes in which a schema says how often a child may stand.
COUNT_NOTE: Final = "urn:edoc-trunk:count"
#: ``source`` of the notes in which a simple type says, in a few words, what it expects.
EXPECTED_NOTE: Final = "urn:edoc-trunk:expected"

FOLDER: Final = Path(__file__).resolve().parent


class MessageKind(StrEnum):
    """The two kinds of message; which one it is, is decided by content, never by a label."""

    DOCUMENT = "document"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaFile:
    """One schema that messages are checked against."""

    kind: MessageKind
    path: Path
    edition: str


CATALOGUE: Final = MappingProxyType(
    {
        kind: SchemaFile(kind=kind, path=FOLDER / f"{kind}.xsd", edition="QCVN 102:2016/BTTTT, SĐ1:2022")
        for kind in MessageKind
    }
)
