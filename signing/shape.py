"""Is the Signature element built as we accept it? Decided on the tree alone, before any cryptography.

Law: a whitelist. What ``_RULES`` does not name (an element, an attribute, a text between elements, a namespace
declaration) is refused; so nothing unsigned can hide in a signature, nothing is executed that was not
foreseen, and the number of digests is known before the first is computed.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

import pybase64
from lxml import etree
from lxml.etree import _Element

from signing import names
from signing.errors import SigningCode
from signing.names import DER_ENCODING, ENVELOPED, ds, ec, shown, xades
from signing.policy import CANONICALIZATIONS, DIGEST_ALGORITHMS, EXCLUSIVE, INCLUSIVE, SIGNATURE_METHODS, Policy
from signing.verdict import Finding

_MANY: Final = 10_000
_MAX_FINDINGS: Final = 20
_MAX_PROPERTIES: Final = 100
_MAX_STAMPS: Final = 2
_MAX_PREFIXES: Final = 16
_PREFIX: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")

_NAMESPACES: Final = frozenset({names.DS, names.EC, names.XADES, names.XADES_141})
_PROPERTY_NAMESPACES: Final = (f"{{{names.DS}}}", f"{{{names.XADES}}}", f"{{{names.XADES_141}}}")


@dataclass(frozen=True, slots=True)
class _Rule:
    """What an element may hold: attributes, children with (least, most), in this order or any, and text."""

    attributes: frozenset[str] = frozenset()
    children: tuple[tuple[str, int, int], ...] = ()
    ordered: bool = True
    text: bool = False


_ALGORITHM: Final = frozenset({"Algorithm"})
_ID: Final = frozenset({"Id"})
_INCLUSIVE_PREFIXES: Final = ((ec("InclusiveNamespaces"), 0, 1),)

_RULES: Final[dict[str, _Rule]] = {
    ds("Signature"): _Rule(
        attributes=_ID,
        children=(
            (ds("SignedInfo"), 1, 1),
            (ds("SignatureValue"), 1, 1),
            (ds("KeyInfo"), 0, 1),
            (ds("Object"), 0, 1),
        ),
    ),
    ds("SignedInfo"): _Rule(
        attributes=_ID,
        children=(
            (ds("CanonicalizationMethod"), 1, 1),
            (ds("SignatureMethod"), 1, 1),
            (ds("Reference"), 1, _MANY),
        ),
    ),
    ds("CanonicalizationMethod"): _Rule(attributes=_ALGORITHM, children=_INCLUSIVE_PREFIXES),
    ds("SignatureMethod"): _Rule(attributes=_ALGORITHM),
    ds("Reference"): _Rule(
        attributes=frozenset({"Id", "URI", "Type"}),
        children=((ds("Transforms"), 0, 1), (ds("DigestMethod"), 1, 1), (ds("DigestValue"), 1, 1)),
    ),
    ds("Transforms"): _Rule(children=((ds("Transform"), 1, 2),)),
    ds("Transform"): _Rule(attributes=_ALGORITHM, children=_INCLUSIVE_PREFIXES),
    ec("InclusiveNamespaces"): _Rule(attributes=frozenset({"PrefixList"})),
    ds("DigestMethod"): _Rule(attributes=_ALGORITHM),
    ds("DigestValue"): _Rule(text=True),
    ds("SignatureValue"): _Rule(attributes=_ID, text=True),
    ds("KeyInfo"): _Rule(attributes=_ID, children=((ds("X509Data"), 1, 1),)),
    ds("X509Data"): _Rule(
        children=(
            (ds("X509Certificate"), 0, _MANY),
            (ds("X509SubjectName"), 0, 1),
            (ds("X509IssuerSerial"), 0, 1),
            (ds("X509SKI"), 0, 1),
        ),
        ordered=False,
    ),
    ds("X509Certificate"): _Rule(text=True),
    ds("X509SubjectName"): _Rule(text=True),
    ds("X509SKI"): _Rule(text=True),
    ds("X509IssuerSerial"): _Rule(
        children=((ds("X509IssuerName"), 1, 1), (ds("X509SerialNumber"), 1, 1)),
    ),
    ds("X509IssuerName"): _Rule(text=True),
    ds("X509SerialNumber"): _Rule(text=True),
    ds("Object"): _Rule(attributes=_ID, children=((xades("QualifyingProperties"), 1, 1),)),
    xades("QualifyingProperties"): _Rule(
        attributes=frozenset({"Id", "Target"}),
        children=((xades("SignedProperties"), 1, 1), (xades("UnsignedProperties"), 0, 1)),
    ),
    xades("UnsignedProperties"): _Rule(attributes=_ID, children=((xades("UnsignedSignatureProperties"), 1, 1),)),
    xades("UnsignedSignatureProperties"): _Rule(
        attributes=_ID, children=((xades("SignatureTimeStamp"), 1, _MAX_STAMPS),)
    ),
    xades("SignatureTimeStamp"): _Rule(
        attributes=_ID,
        children=((ds("CanonicalizationMethod"), 0, 1), (xades("EncapsulatedTimeStamp"), 1, 1)),
    ),
    xades("EncapsulatedTimeStamp"): _Rule(attributes=frozenset({"Id", "Encoding"}), text=True),
}

#: From Signature; the only place where a token is looked for.
_STAMPS: Final = "/".join(
    [
        ds("Object"),
        *map(xades, ("QualifyingProperties", "UnsignedProperties", "UnsignedSignatureProperties")),
        xades("SignatureTimeStamp"),
    ]
)


_STRAY_TEXT: Final = etree.XPath(
    "descendant-or-self::*[text()[normalize-space()]][not(ancestor-or-self::xades:SignedProperties)]"
    + "".join(f"[not(self::{shown(tag)})]" for tag, rule in _RULES.items() if rule.text),
    namespaces={"ds": names.DS, "xades": names.XADES},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One reference as it stands. Where there is no URI it reads NUL: the empty one means the whole document."""

    uri: str
    type: str
    transforms: tuple[str, ...]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStamp:
    """A timestamp among the unsigned properties, and how SignatureValue was canonicalized for it."""

    token: bytes
    canonicalization: str
    prefixes: tuple[str, ...] | None
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A Signature of the accepted shape, taken apart."""

    signature: _Element
    method: str  #: identifier on the wire
    canonicalization: str
    digest_methods: frozenset[str]  #: identifiers on the wire
    references: tuple[Reference, ...]
    certificates: tuple[bytes, ...]  #: DER, in the order of the message
    key_info: _Element | None
    properties: _Element | None  #: xades:SignedProperties
    stamps: tuple[TimeStamp, ...] = ()


def examine(signature: _Element, *, policy: Policy) -> Shape | tuple[Finding, ...]:
    """The signature taken apart, or everything about its shape that we do not accept."""
    faults = list(islice(_structure(signature), _MAX_FINDINGS))
    if not faults:
        faults = [*_algorithms(signature, policy), *_texts(signature), *_key_info(signature, policy)]
    if faults:
        return tuple(faults[:_MAX_FINDINGS])
    info = signature[0]
    return Shape(
        signature=signature,
        method=str(info[1].get("Algorithm")),
        canonicalization=str(info[0].get("Algorithm")),
        digest_methods=frozenset(str(el.get("Algorithm")) for el in info.iter(ds("DigestMethod"))),
        references=tuple(_references(info)),
        certificates=tuple(_certificate_octets(signature)),
        key_info=signature.find(ds("KeyInfo")),
        properties=signature.find(f"{ds('Object')}/{xades('QualifyingProperties')}/{xades('SignedProperties')}"),
        stamps=tuple(_stamps(signature)),
    )


def strict_base64(text: str | None) -> bytes | None:
    """The octets, or ``None`` unless ``text`` is the one canonical base64 of them (XML white space aside)."""
    compact = "".join((text or "").split(None)) if text and text.isascii() else ""
    try:
        octets = pybase64.b64decode(compact, validate=True)
    except (Base64Error, ValueError):
        return None
    return octets if octets and pybase64.b64encode_as_string(octets) == compact else None


def _fault(element: _Element, *, expected: str = "", got: str = "") -> Finding:
    path = f"{names.SIGNATURE_PATH}{_below(element)}"
    return Finding(code=SigningCode.SHAPE, path=path, expected=expected, got=names.short(got))


def _below(element: _Element) -> str:
    """The path of an element below its Signature."""
    steps: list[str] = []
    while element.tag != ds("Signature"):
        steps.append(shown(str(element.tag)))
        parent = element.getparent()
        if parent is None:
            break
        element = parent
    return "".join(f"/{step}" for step in reversed(steps))


def _structure(signature: _Element) -> Iterator[Finding]:
    """Walks the whole subtree against the rules."""
    for element in signature.iter():
        rule = _RULES.get(element.tag)
        if rule is not None:  # else its parent's rule says whether it may be there
            yield from _against(rule, element)
    stray = _STRAY_TEXT(signature)
    for found in stray if isinstance(stray, list) else []:
        if isinstance(found, _Element):
            yield _fault(found, expected="no text", got="text")
    # inside a signature they cost (declarations in scope x nodes) in canonicalization
    for _event, (prefix, uri) in etree.iterwalk(signature, events=("start-ns",)):
        if uri not in _NAMESPACES:
            yield _fault(signature, got=f"a declaration of the prefix {prefix or '(none)'}")
    for element in signature.iter(xades("SignedProperties")):
        yield from _properties(element)


def _against(rule: _Rule, element: _Element) -> Iterator[Finding]:
    for name in element.attrib:
        if name not in rule.attributes:
            yield _fault(element, got=f"@{shown(str(name))}")
    for expected, got in _complaints(element.tag, tuple([child.tag for child in element])):
        yield _fault(element, expected=expected, got=got)


@lru_cache(maxsize=1024)
def _complaints(tag: str, tags: tuple[object, ...]) -> tuple[tuple[str, str], ...]:
    """What is wrong with the children of an element: (expected, got), in words."""
    rule = _RULES[tag]
    order = [child for child, _, _ in rule.children]
    found = [("", _name(child)) for child in tags if child not in order]
    for child, least, most in rule.children:
        if not least <= tags.count(child) <= most:
            found.append((f"{least} to {most} {shown(child)}", str(tags.count(child))))
    places = [place for child in tags for place, name in enumerate(order) if name == child]
    if rule.ordered and places != sorted(places):
        found.append(("children in the order of the standard", ""))
    return tuple(found)


def _name(tag: object) -> str:
    """The tag of a comment, an instruction or an entity is a function."""
    return shown(tag) if isinstance(tag, str) else "a comment or an instruction"


def _properties(properties: _Element) -> Iterator[Finding]:
    """XAdES signed properties are signed, so their content is free; their size and namespaces are not."""
    for count, element in enumerate(properties.iter()):
        if count > _MAX_PROPERTIES:
            yield _fault(properties, expected=f"at most {_MAX_PROPERTIES} elements")
            return
        if not str(element.tag).startswith(_PROPERTY_NAMESPACES):
            yield _fault(properties, got="an element of a foreign namespace")
            return
        if any(str(name).startswith("{") for name in element.attrib):
            yield _fault(element, got="an attribute of a foreign namespace")


def _algorithms(signature: _Element, policy: Policy) -> Iterator[Finding]:
    info = signature[0]
    method = str(info[1].get("Algorithm"))
    if SIGNATURE_METHODS.get(method) not in policy.signature_methods:
        yield _weak(info[1], method)
    for element in info.iter(ds("DigestMethod")):
        digest = str(element.get("Algorithm"))
        if DIGEST_ALGORITHMS.get(digest) not in policy.digest_algorithms:
            yield _weak(element, digest)
    for element in (info[0], *info.iter(ds("Transform"))):
        canonicalization = str(element.get("Algorithm"))
        enveloped = canonicalization == ENVELOPED and element is not info[0]  # on what: ``signing.coverage``
        if not enveloped and canonicalization not in CANONICALIZATIONS:
            yield _fault(element, expected="exclusive or inclusive c14n 1.0", got=canonicalization)
        yield from _prefix_list(element, canonicalization)
    for element in signature.iterfind(f"{_STAMPS}/{ds('CanonicalizationMethod')}"):
        canonicalization = str(element.get("Algorithm"))
        if canonicalization not in CANONICALIZATIONS:
            yield _fault(element, expected="exclusive or inclusive c14n 1.0", got=canonicalization)
        yield from _prefix_list(element, canonicalization)


def _weak(element: _Element, algorithm: str) -> Finding:
    path = f"{names.SIGNATURE_PATH}{_below(element)}"
    return Finding(code=SigningCode.WEAK_ALGORITHM, path=path, got=names.short(algorithm))


def _prefix_list(element: _Element, canonicalization: str) -> Iterator[Finding]:
    for child in element:
        prefixes = (child.get("PrefixList") or "").split(" ")
        fine = all(prefix == "#default" or _PREFIX.match(prefix) for prefix in prefixes)
        if canonicalization != EXCLUSIVE or not fine or len(prefixes) > _MAX_PREFIXES:
            yield _fault(child, expected="prefixes, with exclusive canonicalization only")


def _texts(signature: _Element) -> Iterator[Finding]:
    tokens = signature.findall(f"{_STAMPS}/{xades('EncapsulatedTimeStamp')}")
    for element in (signature[1], *signature[0].iter(ds("DigestValue")), *tokens):
        if strict_base64(element.text) is None:
            yield _fault(element, expected="strict base64")
    for element in tokens:
        if element.get("Encoding", DER_ENCODING) != DER_ENCODING:
            yield _fault(element, expected="DER", got=str(element.get("Encoding")))


def _key_info(signature: _Element, policy: Policy) -> Iterator[Finding]:
    certificates = list(signature.iterfind(f"{ds('KeyInfo')}/{ds('X509Data')}/{ds('X509Certificate')}"))
    path = f"{names.SIGNATURE_PATH}/ds:KeyInfo/ds:X509Data/ds:X509Certificate"
    if not certificates:
        yield Finding(code=SigningCode.NO_CERTIFICATE, path=path, expected="the signer's certificate")
    if len(certificates) > policy.max_certificates:
        expected = f"at most {policy.max_certificates}"
        yield Finding(code=SigningCode.SHAPE, path=path, expected=expected, got=str(len(certificates)))
    for element in certificates[: policy.max_certificates]:
        if strict_base64(element.text) is None:
            yield Finding(code=SigningCode.NO_CERTIFICATE, path=path, expected="strict base64")


def _certificate_octets(signature: _Element) -> Iterator[bytes]:
    for element in signature.iterfind(f"{ds('KeyInfo')}/{ds('X509Data')}/{ds('X509Certificate')}"):
        octets = strict_base64(element.text)
        if octets is not None:
            yield octets


def _references(info: _Element) -> Iterator[Reference]:
    for place, element in enumerate(info.iterfind(ds("Reference")), start=1):
        transforms = element.iterfind(f"{ds('Transforms')}/{ds('Transform')}")
        yield Reference(
            uri=str(element.get("URI")) if element.get("URI") is not None else "\0",
            type=element.get("Type") or "",
            transforms=tuple([str(transform.get("Algorithm")) for transform in transforms]),
            path=f"{names.SIGNATURE_PATH}/ds:SignedInfo/ds:Reference[{place}]",
        )


def _stamps(signature: _Element) -> Iterator[TimeStamp]:
    for element in signature.iterfind(_STAMPS):
        method = element.find(ds("CanonicalizationMethod"))
        listed = None if method is None else method.find(ec("InclusiveNamespaces"))
        token = element[-1]
        yield TimeStamp(
            token=strict_base64(token.text) or b"",
            canonicalization=INCLUSIVE if method is None else str(method.get("Algorithm")),
            prefixes=None if listed is None else tuple(str(listed.get("PrefixList")).split(" ")),
            path=f"{names.SIGNATURE_PATH}{_below(token)}",
        )
