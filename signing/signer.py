"""Signs a message for its sender: our profile, XAdES-BES, checked before it is handed back.

The attachments are copied octet for octet from the source; only the markup around them is written anew. What
comes in may be unsigned or carry a placeholder, which is replaced; a real signature is never replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography.x509 import Certificate
from lxml import etree
from lxml.etree import _Element

from envelopes import schema, skeleton
from envelopes.errors import EnvelopeCode, Fault
from envelopes.schema import MessageKind, ValidXml
from envelopes.skeleton import ParsedXml
from signing import coverage, names, presence, shape
from signing.engine import PinnedVerifier
from signing.errors import SigningCode
from signing.maker import Covered, Credential, Maker, SigningKey, mark, method_for
from signing.names import HEADER_PATH, qcvn
from signing.policy import Policy
from signing.verdict import Finding


class SigningFailedError(Exception):
    """What we signed does not verify: a fault of ours, permanent; nothing was handed out."""

    temporary = False


def sign(
    xml: bytes, *, key: SigningKey, certificates: Sequence[Certificate], at: datetime, method: str = ""
) -> bytes | tuple[Fault | Finding, ...]:
    """The message with a signature, or what is wrong with the message.

    ``certificates``: the signer's first, then the authorities below the root. ``method``: one of
    ``signing.policy.SIGNATURE_METHODS``' names; by default what the key is usually used with. Raises
    :class:`SigningFailedError` if key, certificate and method do not fit together.
    """
    valid = _open(xml)
    if not isinstance(valid, ValidXml):
        return valid
    refused = _unsignable(valid)
    if refused is not None:
        return (refused,)
    chosen = _method(key, method)
    if not certificates[0].not_valid_before_utc <= at <= certificates[0].not_valid_after_utc:
        raise SigningFailedError("the certificate is not valid now")
    header, covered = parts(valid.parsed, kind=valid.kind)
    Maker(Credential(key, certificates), covered=covered, method=chosen, at=at).make(header)
    octets = write(valid.parsed)
    confirm(octets, certificate=certificates[0], at=at)
    return octets


def confirm(octets: bytes, *, certificate: Certificate, at: datetime) -> None:
    """Raises :class:`SigningFailedError` unless ``octets`` carry a good signature by ``certificate``.

    The whole of the verifier but the path to a root: whether others trust the certificate is theirs to say.
    """
    valid = _open(octets)
    found = presence.find(valid.parsed.root) if isinstance(valid, ValidXml) else None
    if not isinstance(valid, ValidXml) or not isinstance(found, _Element):
        raise SigningFailedError("what was written is not a signed message")
    policy = Policy()
    taken = shape.examine(found, policy=policy)
    planned = coverage.plan(valid, taken) if isinstance(taken, shape.Shape) else taken
    if isinstance(planned, tuple) or coverage.repeated_ids(valid.parsed.root):
        raise SigningFailedError("the signature is not of our profile")
    engine = PinnedVerifier(signature=found, targets=planned.targets)
    try:
        engine.run(valid.parsed.root, certificate=certificate, at=at, policy=policy)
    except Exception as error:
        raise SigningFailedError("the signature does not verify") from error


def parts(parsed: ParsedXml, *, kind: MessageKind) -> tuple[_Element, list[Covered]]:
    """The header that takes the signature, and everything that is to be signed, with Ids where missing."""
    envelope = _child(parsed.root, "edXMLEnvelope")
    header = _child(envelope, "edXMLHeader")
    elements = [_child(header, "MessageHeader")]
    if kind is MessageKind.DOCUMENT:
        for path in ((header, "TraceHeaderList", "Bussiness"), (envelope, "edXMLBody", "edXMLManifest")):
            found = path[0].find(f"{qcvn(path[1])}/{qcvn(path[2])}")
            elements.extend([] if found is None else [found])
    covered = [Covered(uri=mark(el, name=str(el.tag).rpartition("}")[2]), element=el) for el in elements]
    octets = [Covered(uri=f"cid:{coverage.content_id(payload)}", payload=payload) for payload in parsed.payloads]
    return header, covered + octets


def write(parsed: ParsedXml) -> bytes:
    """The tree as octets, each payload's text as it stood in the source."""
    markup: bytes = etree.tostring(parsed.root, encoding="UTF-8", xml_declaration=True)
    written, done = [], 0
    for payload in parsed.payloads:
        if payload.stretch is None:
            continue
        stand_in = (payload.element.text or "").encode()
        start = markup.index(stand_in, done)
        written += [markup[done:start], parsed.source[slice(*payload.stretch)]]
        done = start + len(stand_in)
    return b"".join([*written, markup[done:]])


def _open(xml: bytes) -> ValidXml | tuple[Fault, ...]:
    parsed = skeleton.parse(xml)
    return schema.validate(parsed) if isinstance(parsed, ParsedXml) else parsed


def _method(key: SigningKey, method: str) -> str:
    try:
        usual = method_for(key)
    except ValueError as error:
        raise SigningFailedError("keys of that kind are not accepted") from error
    chosen = method or usual
    if chosen.partition("-")[0] != usual.partition("-")[0]:
        raise SigningFailedError(f"{chosen} is not a method for this key; {usual} is")
    return chosen


def _unsignable(valid: ValidXml) -> Finding | None:
    if not isinstance(presence.find(valid.parsed.root), presence.Absent):
        return Finding(code=SigningCode.SEVERAL, path=names.SIGNATURE_PATH, expected="no signature yet")
    if valid.parsed.has_comments:
        return Finding(code=EnvelopeCode.COMMENT, expected="no comment beside a signature")
    repeated = coverage.repeated_ids(valid.parsed.root)
    return repeated[0] if repeated else None


def _child(parent: _Element, name: str) -> _Element:
    found = parent.find(qcvn(name))
    if found is None:
        raise SigningFailedError(f"a valid message has {HEADER_PATH}")
    return found
