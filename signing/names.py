"""Names and places on the wire that signatures speak of."""

from __future__ import annotations

from typing import Final

QCVN: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
EC: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
XADES_141: Final = "http://uri.etsi.org/01903/v1.4.1#"
XML: Final = "http://www.w3.org/XML/1998/namespace"

SIGNED_PROPERTIES_TYPE: Final = "http://uri.etsi.org/01903#SignedProperties"
ENVELOPED: Final = f"{DS}enveloped-signature"
DER_ENCODING: Final = "http://uri.etsi.org/01903/v1.2.2#DER"

HEADER_PATH: Final = "/edXML/edXML:edXMLEnvelope/edXML:edXMLHeader"
BODY_PATH: Final = "/edXML/edXML:edXMLEnvelope/edXML:edXMLBody"
SIGNATURE_PATH: Final = f"{HEADER_PATH}/ds:Signature"

_PREFIXES: Final = {QCVN: "edXML", DS: "ds", EC: "ec", XADES: "xades", XADES_141: "xades141"}
_LONGEST_SHOWN = 120


def qcvn(name: str) -> str:
    return f"{{{QCVN}}}{name}"


def ds(name: str) -> str:
    return f"{{{DS}}}{name}"


def ec(name: str) -> str:
    return f"{{{EC}}}{name}"


def xades(name: str) -> str:
    return f"{{{XADES}}}{name}"


def shown(tag: str) -> str:
    """A tag as people write it: ``ds:Reference``. Names of a foreign namespace are shown without it."""
    namespace, _, name = tag.rpartition("}")
    prefix = _PREFIXES.get(namespace[1:], "")
    return short(f"{prefix}:{name}" if prefix else name)


def short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
