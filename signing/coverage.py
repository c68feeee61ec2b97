"""What exactly does the signature cover? Decides, before any digest, what every reference points at.

Law: a reference points at an element only if that *is* the element (identity, not equality) at the one fixed
path that ``envelopes.reader`` reads. Only an attribute spelled ``Id`` makes a target, and no value may appear
twice under any spelling of it. ``SignedXml`` is made here and nowhere else, once everything required passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree
from lxml.etree import _Element

from envelopes.reader import SignedXml
from envelopes.schema import MessageKind, ValidXml
from envelopes.skeleton import PayloadText
from envelopes.values import collapse
from signing import names
from signing.errors import SigningCode
from signing.names import BODY_PATH, ENVELOPED, HEADER_PATH, qcvn
from signing.policy import INCLUSIVE
from signing.shape import Reference, Shape
from signing.verdict import Finding
from signing.whole import Whole

#: Every attribute that some tool takes for an identifier: Id, ID, id, xml:id, wsu:Id, …
_ID_ATTRIBUTES: Final = etree.XPath("//@*[translate(local-name(), 'ID', 'id') = 'id']", smart_strings=False)

_NEW_DOCUMENT: Final = "0"
_WHOLE: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that a reference may name: one element, the octets of one attachment, or the whole document."""

    name: str  #: as the verdict lists it: ``MessageHeader``, ``edXMLManifest``, ``cid:209``, …
    path: str
    element: _Element | None = None
    payload: PayloadText | None = None
    whole: Whole | None = None
    part_of_signature: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What each reference of this signature points at, in the order of the references."""

    targets: Mapping[str, Target]
    covered: tuple[str, ...]  #: names of the parts of the message

    @property
    def whole(self) -> bool:
        return _WHOLE in self.targets


@dataclass(slots=True)
class _Places:
    """The parts of an envelope that can and those that must be covered."""

    targets: dict[str, Target] = field(default_factory=dict)  # by reference URI
    parts: list[Target] = field(default_factory=list)  # of the message, whether or not a reference can name them
    required: list[Target] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)

    def add(self, target: Target, *, uri: str, required: bool) -> None:
        if uri in self.targets:
            self.faults.append(Finding(code=SigningCode.DUPLICATE_ID, path=target.path, got=names.short(uri)))
        elif uri:
            self.targets[uri] = target
        if not target.part_of_signature:
            self.parts.append(target)
        if required:
            self.required.append(target)

    def only(self, parent: _Element | None, name: str, *, path: str) -> _Element | None:
        found = [] if parent is None else parent.findall(qcvn(name))
        if len(found) > 1:
            self.faults.append(Finding(code=SigningCode.NOT_COVERED, path=path, expected="1", got=str(len(found))))
        return found[0] if len(found) == 1 else None


def repeated_ids(root: _Element) -> tuple[Finding, ...]:
    """Values that identify more than one element, under whatever spelling of the attribute."""
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for text in _values(_ID_ATTRIBUTES(root)):
        if text in seen:
            repeated[text] = None
        seen.add(text)
    return tuple(Finding(code=SigningCode.DUPLICATE_ID, got=names.short(text)) for text in repeated)


def _values(found: object) -> list[str]:
    return [str(value).strip() for value in found] if isinstance(found, list) else []


def plan(valid: ValidXml, shape: Shape) -> Plan | tuple[Finding, ...]:
    """What the references point at; or every reference that points astray and every part left uncovered."""
    places = _places(valid, shape)
    faults = list(places.faults)
    astray = [reference for reference in shape.references if reference.uri not in places.targets]
    faults.extend(_astray(valid.parsed.root, astray) if astray else ())
    chosen: dict[str, Target] = {}
    for reference in shape.references:
        target = places.targets.get(reference.uri)
        if target is None:
            continue
        if reference.uri in chosen:
            faults.append(_refused(reference, expected="one reference to each part"))
        chosen[reference.uri] = target
        faults.extend(_transform_faults(reference, target, shape))
    covered = places.parts if _WHOLE in chosen else [t for t in chosen.values() if not t.part_of_signature]
    faults.extend(_beside_the_whole(shape, chosen) if _WHOLE in chosen else ())
    faults.extend(_stamp_faults(shape))
    held = {id(target) for target in (*covered, *chosen.values())}
    for target in places.required:
        if id(target) not in held:
            expected = f"a reference to {target.name}"
            faults.append(Finding(code=SigningCode.NOT_COVERED, path=target.path, expected=expected))
    return tuple(faults) if faults else Plan(targets=chosen, covered=tuple([t.name for t in covered]))


def _beside_the_whole(shape: Shape, chosen: Mapping[str, Target]) -> Iterator[Finding]:
    """The whole document is one reference; only the signer's own properties may be another."""
    for reference in shape.references:
        target = chosen.get(reference.uri)
        own = target is not None and target.element is not None and target.element is shape.properties
        if target is not None and target.whole is None and not own:
            yield _refused(reference, expected="no other part beside the whole document")


def release(valid: ValidXml, planned: Plan) -> SignedXml:
    """The document as signed. For ``signing.verifier`` alone, after every planned reference verified."""
    return SignedXml(valid=valid, covered=frozenset(planned.covered))


def content_id(payload: PayloadText) -> str:
    """The attachment's ContentId without ``cid:``; empty if there is not exactly one."""
    attachment = payload.element.getparent()
    found = [] if attachment is None else attachment.findall(qcvn("ContentId"))
    return collapse(found[0].text or "").removeprefix("cid:") if len(found) == 1 else ""


def _places(valid: ValidXml, shape: Shape) -> _Places:
    root = valid.parsed.root
    places = _Places()
    envelope = places.only(root, "edXMLEnvelope", path="/edXML/edXML:edXMLEnvelope")
    header = places.only(envelope, "edXMLHeader", path=HEADER_PATH)
    message = places.only(header, "MessageHeader", path=f"{HEADER_PATH}/edXML:MessageHeader")
    if message is None:
        places.faults.append(Finding(code=SigningCode.NOT_COVERED, path=HEADER_PATH, expected="MessageHeader"))
    _element(places, message, name="MessageHeader", path=HEADER_PATH, required=True)
    document = valid.kind is MessageKind.DOCUMENT
    body = places.only(envelope, "edXMLBody", path=BODY_PATH)
    manifest = places.only(body, "edXMLManifest", path=f"{BODY_PATH}/edXML:edXMLManifest")
    _element(places, manifest, name="edXMLManifest", path=BODY_PATH, required=document)
    trace_path = f"{HEADER_PATH}/edXML:TraceHeaderList"
    trace = places.only(header, "TraceHeaderList", path=trace_path)
    business = places.only(trace, "Bussiness", path=f"{trace_path}/edXML:Bussiness")
    required = document and business is not None and not _changes_nothing(business)
    _element(places, business, name="Bussiness", path=trace_path, required=required)
    for payload in valid.parsed.payloads:
        _attachment(places, payload)
    _attachments_all_known(places, root, valid.parsed.payloads)
    _own_parts(places, shape)
    whole = Whole(parsed=valid.parsed, signature=shape.signature)
    places.targets[_WHOLE] = Target(name="edXML", path="/edXML", whole=whole)
    return places


def _element(places: _Places, element: _Element | None, *, name: str, path: str, required: bool) -> None:
    if element is None:
        return
    identifier = element.get("Id")
    target = Target(name=name, path=f"{path}/edXML:{name}", element=element)
    places.add(target, uri=f"#{identifier}" if identifier else "", required=required)


def _changes_nothing(business: _Element) -> bool:
    """Whether ``Bussiness`` says *new document* and nothing else; only then may it go unsigned: people read it."""
    return all(
        part.tag == qcvn("BussinessDocType") and len(part) == 0 and (part.text or "").strip() == _NEW_DOCUMENT
        for part in business
    )


def _attachment(places: _Places, payload: PayloadText) -> None:
    identifier = content_id(payload)
    uri = f"cid:{identifier}" if identifier else ""
    places.add(Target(name=uri, path=_ATTACHMENT_PATH, payload=payload), uri=uri, required=True)


def unsigned_words(valid: ValidXml, planned: Plan) -> Iterator[Finding]:
    """What stands beside an attachment's octets is unsigned: it may repeat the manifest's word, not add its own."""
    if planned.whole:
        return
    references = list(valid.parsed.root.iterfind(_SIGNED_REFERENCES))
    for payload in valid.parsed.payloads:
        identifier, attachment = content_id(payload), payload.element.getparent()
        signed = [reference for reference in references if _names(reference, identifier)]
        for label in _LABELS:
            said = {collapse(el.text or "") for reference in signed for el in reference.findall(qcvn(label))}
            beside = [] if attachment is None else attachment.findall(qcvn(label))
            if not {collapse(element.text or "") for element in beside} <= said | {""}:
                path = f"{_ATTACHMENT_PATH}/{label}"
                yield Finding(code=SigningCode.NOT_COVERED, path=path, expected="the manifest's word")


def _names(reference: _Element, identifier: str) -> bool:
    said = {collapse(el.text or "").removeprefix("cid:") for el in reference.findall(qcvn("ContentId"))}
    linked = collapse(reference.get(_HREF) or "").removeprefix("cid:")
    return bool(identifier) and identifier in said | {linked}


# the manifest that was signed, not any element of that name elsewhere
_SIGNED_REFERENCES: Final = "/".join(map(qcvn, ("edXMLEnvelope", "edXMLBody", "edXMLManifest", "Reference")))
_LABELS: Final = ("AttachmentName", "ContentType", "Description")
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_ATTACHMENT_PATH: Final = "/edXML/AttachmentEncoded/Attachment"


def _attachments_all_known(places: _Places, root: _Element, payloads: tuple[PayloadText, ...]) -> None:
    """Every content element of the file must be one whose octets were digested."""
    known = {id(payload.element) for payload in payloads}
    for element in root.iter(qcvn("ContentTransferEncoded")):
        if id(element) not in known:
            places.faults.append(Finding(code=SigningCode.NOT_COVERED, path=_ATTACHMENT_PATH))


def _own_parts(places: _Places, shape: Shape) -> None:
    """Parts of the signature itself that XAdES signs with the rest."""
    parts = (
        (shape.properties, "SignedProperties", "ds:Object/xades:QualifyingProperties/xades:SignedProperties"),
        (shape.key_info, "KeyInfo", "ds:KeyInfo"),
    )
    for element, name, below in parts:
        identifier = None if element is None else element.get("Id")
        if element is not None and identifier:
            target = Target(name=name, path=f"{names.SIGNATURE_PATH}/{below}", element=element, part_of_signature=True)
            places.add(target, uri=f"#{identifier}", required=element is shape.properties)
        elif element is not None and element is shape.properties:
            places.faults.append(
                Finding(code=SigningCode.SHAPE, path=names.SIGNATURE_PATH, expected="SignedProperties with an Id")
            )


def _astray(root: _Element, references: list[Reference]) -> Iterator[Finding]:
    """References to something that nobody reads: the mark of signature wrapping, or simply unknown."""
    ids = frozenset(_values(_ID_ATTRIBUTES(root)))
    for reference in references:
        got = names.short(reference.uri)
        if reference.uri.startswith("#") and reference.uri[1:] in ids:
            expected = "MessageHeader, edXMLManifest or Bussiness in its place"
            yield Finding(code=SigningCode.NOT_COVERED, path=reference.path, expected=expected, got=got)
        elif reference.uri.startswith("cid:"):
            expected = "the attachment that was signed"
            yield Finding(code=SigningCode.DIGEST_MISMATCH, path=reference.path, expected=expected, got=got)
        else:
            yield _refused(
                reference, expected="#Id of a signed part, cid: of an attachment, or nothing for the whole document"
            )


def _refused(reference: Reference, *, expected: str) -> Finding:
    got = names.short(reference.uri.replace("\0", "no URI"))
    return Finding(code=SigningCode.SHAPE, path=reference.path, expected=expected, got=got)


def _transform_faults(reference: Reference, target: Target, shape: Shape) -> Iterator[Finding]:
    """One canonicalization on elements, behind the enveloped transform on the whole document, none on octets.

    Own parts may leave the default unsaid.
    """
    steps = reference.transforms
    if target.payload is not None:
        if steps:
            yield _refused(reference, expected="no transform on an attachment's octets")
        return
    if target.whole is not None:
        if len(steps) != 2 or steps[0] != ENVELOPED or steps[1] == ENVELOPED:
            yield _refused(reference, expected="enveloped-signature and one canonicalization as transforms")
    elif len(steps) > 1 or ENVELOPED in steps or not (steps or target.part_of_signature):
        yield _refused(reference, expected="one canonicalization as transform")
    inclusive = INCLUSIVE in {*(steps or (INCLUSIVE,)), shape.canonicalization}
    if inclusive and _inherits(shape.signature if target.element is None else target.element):
        yield _refused(reference, expected="no xml: attribute on an ancestor, with inclusive canonicalization")


def _stamp_faults(shape: Shape) -> Iterator[Finding]:
    for stamp in shape.stamps:
        if stamp.canonicalization == INCLUSIVE and _inherits(shape.signature):
            expected = "no xml: attribute on an ancestor, with inclusive canonicalization"
            yield Finding(code=SigningCode.SHAPE, path=stamp.path, expected=expected)


def _inherits(element: _Element) -> bool:
    """Inclusive canonicalization inherits xml:lang and the like, which signxml does not: refuse, not guess."""
    prefix = f"{{{names.XML}}}"
    return any(str(name).startswith(prefix) for above in element.iterancestors() for name in above.attrib)
