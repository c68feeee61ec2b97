"""What an XML signature needs that we leave out on purpose, read off its form before anything is verified."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Final

from lxml import etree
from lxml.etree import _Element
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod

from signing.names import XML, ds

BASE64: Final = "http://www.w3.org/2000/09/xmldsig#base64"
ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
CANONICAL: Final = frozenset(one.value for one in CanonicalizationMethod if not one.value.endswith("WithComments"))
TRANSFORMS: Final = CANONICAL | {BASE64, ENVELOPED}
_METHODS: Final = frozenset(one.value for one in SignatureMethod)
_DIGESTS: Final = frozenset(one.value for one in DigestAlgorithm)
_CURVE_OCTETS: Final = frozenset({48, 56, 64, 96, 132})
_ENCRYPTION: Final = "http://www.w3.org/2001/04/xmlenc#"


def tree(octets: bytes) -> _Element:
    """Vectors are no messages (comments, instructions and the like stay), hence not the house's parser. Raises."""
    options = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)  # noqa: TID251 - as above
    return etree.fromstring(octets, options)  # noqa: TID251 - as above


def unsupported(octets: bytes) -> str:
    """The first reason, or empty."""
    try:
        root = tree(octets)
    except etree.XMLSyntaxError:
        return ""
    if root.getroottree().docinfo.internalDTD is not None:
        return "a DTD"
    signature = next(root.iter(ds("Signature")), None)
    return "" if signature is None else next(_reasons(signature), "")


def _reasons(signature: _Element) -> Iterator[str]:
    info = signature.find(ds("SignedInfo"))
    if info is None:
        return
    yield from _algorithms(info)
    yield from _references(info)
    if info.find(f"{ds('SignatureMethod')}/{ds('HMACOutputLength')}") is not None:
        yield "a truncated HMAC"
    if signature.find(f"{ds('KeyInfo')}/{ds('RetrievalMethod')}") is not None:
        yield "KeyInfo elsewhere (RetrievalMethod)"
    if any(str(one.tag).startswith(f"{{{_ENCRYPTION}") for one in signature.iterfind(f"{ds('KeyInfo')}//*")):
        yield "an encapsulated key"
    if any(str(name).startswith(f"{{{XML}}}") for above in signature.iterancestors() for name in above.attrib):
        yield "xml: attributes that canonicalization inherits"


def _algorithms(info: _Element) -> Iterator[str]:
    for path, known, what in (
        (ds("SignatureMethod"), _METHODS, "signature method"),
        (f"{ds('Reference')}/{ds('DigestMethod')}", _DIGESTS, "digest"),
    ):
        for element in info.iterfind(path):
            algorithm = element.get("Algorithm") or ""
            if algorithm not in known:
                yield f"{what} {_family(algorithm)}"
    method = info.find(ds("SignatureMethod"))
    if method is not None and "ecdsa" in (method.get("Algorithm") or "") and _value_octets(info) not in _CURVE_OCTETS:
        yield "an ECDSA value that is not r‖s in full length"
    canonicalizations = {str(el.get("Algorithm")) for el in info.iter(ds("CanonicalizationMethod"), ds("Transform"))}
    if any(algorithm.endswith("WithComments") for algorithm in canonicalizations):
        yield "canonicalization with comments"


def _references(info: _Element) -> Iterator[str]:
    for element in info.iter(ds("Transform")):
        algorithm = element.get("Algorithm") or ""
        if algorithm not in TRANSFORMS and not algorithm.endswith("WithComments"):
            yield f"transform {_family(algorithm)}"
    for reference in info.iterfind(ds("Reference")):
        uri = reference.get("URI")
        if uri is None or uri.startswith("#xpointer"):
            yield "a reference without URI, or by XPointer"
        elif uri and not uri.startswith("#") and any(el.get("Algorithm") == BASE64 for el in reference.iter()):
            yield "base64 transform of an external file"


def _value_octets(info: _Element) -> int:
    value = info.getnext()
    return 0 if value is None else len(b64decode(value.text or ""))


def _family(algorithm: str) -> str:
    """Short, and one word for all variants of an algorithm."""
    name = algorithm.rpartition("#")[2].rpartition("/")[2].rpartition(":")[2].lower()
    for family in (
        "filter2",
        "xpath",
        "xslt",
        "relationship",
        "slh-dsa",
        "ml-dsa",
        "eddsa",
        "gost",
        "md5",
        "ripemd160",
    ):
        if family in algorithm.lower():
            return family
    return name
