"""Signs a message for its sender: our profile, XAdES-BES or -T, checked before it is handed back.

The attachments are copied octet for octet from the source; only the markup around them is written anew. What
comes in may be unsigned or carry a placeholder, which is replaced; a real signature is never replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate
from lxml import etree
from lxml.etree import _Element

from envelopes import schema, skeleton
from envelopes.errors import EnvelopeCode, Fault
from envelopes.schema import MessageKind, ValidXml
from envelopes.skeleton import ParsedXml
from signing import coverage, names, presence, sound, xades
from signing.certificate import Purpose, describe, issuer_of, key_of, unfit
from signing.errors import SigningCode
from signing.judge import Judge
from signing.maker import Covered, Credential, Maker, SigningKey, mark, method_for
from signing.names import HEADER_PATH, qcvn
from signing.policy import Policy
from signing.sound import Examined
from signing.trust import Chain
from signing.verdict import Finding


class SigningFailedError(Exception):
    """What we signed does not verify: a fault of ours, permanent; nothing was handed out."""

    temporary = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to sign. The default is what a trunk on the way can add its hop to."""

    method: str = ""  #: a name of ``signing.policy.SIGNATURE_METHODS``; by default what the key is usually used with
    whole: bool = False  #: one reference to the whole document: no hop may be added any more
    stamp: Callable[[bytes], bytes] | None = None  #: SHA-256 of what is to be stamped -> TimeStampToken, DER


def sign(
    xml: bytes,
    *,
    key: SigningKey,
    certificates: Sequence[Certificate],
    at: datetime,
    manner: Manner = Manner(),
) -> bytes | tuple[Fault | Finding, ...]:
    """The message with a signature, or what is wrong with the message.

    ``certificates``: the signer's first, then the authorities below the root. Raises
    :class:`SigningFailedError` if key, certificate and manner do not fit together.
    """
    valid = _open(xml)
    if not isinstance(valid, ValidXml):
        return valid
    refused = _unsignable(valid)
    if refused is not None:
        return (refused,)
    method = _method(key, manner.method)
    if not certificates[0].not_valid_before_utc <= at <= certificates[0].not_valid_after_utc:
        raise SigningFailedError("the certificate is not valid now")
    header, covered = parts(valid.parsed, kind=valid.kind, whole=manner.whole)
    maker = Maker(Credential(key, certificates), covered=covered, method=method, at=at)
    maker.make(header)
    if manner.stamp is not None:
        maker.add_timestamp(manner.stamp)
    octets = write(valid.parsed)
    confirm(octets, certificate=certificates[0], at=at)
    return octets


def confirm(octets: bytes, *, certificate: Certificate, at: datetime) -> None:
    """Raises :class:`SigningFailedError` unless ``octets`` carry a good signature by ``certificate``.

    The verifier's own way, but for the path to a root: whether others trust the certificate, and the authority of
    a timestamp, is theirs to say.
    """
    valid = _open(octets)
    found = presence.find(valid.parsed.root) if isinstance(valid, ValidXml) else None
    if not isinstance(valid, ValidXml) or not isinstance(found, _Element):
        raise SigningFailedError("what was written is not a signed message")
    try:
        wrong = _unsound(valid, found, certificate, at)
    except Exception as error:
        raise SigningFailedError("the signature does not verify") from error
    if wrong:
        raise SigningFailedError(f"the signature does not verify: {', '.join(wrong)}")


def _unsound(valid: ValidXml, signature: _Element, certificate: Certificate, at: datetime) -> tuple[str, ...]:
    """The codes of everything that is wrong."""
    examined = sound.examine(valid, signature, policy=_POLICY)
    if not isinstance(examined, Examined):
        return tuple([finding.code.value for finding in examined])
    if examined.shape.certificates[0] != certificate.public_bytes(Encoding.DER):
        return (SigningCode.NO_CERTIFICATE.value,)
    if examined.properties.claimed_time != at.replace(microsecond=0):
        return (SigningCode.SIGNING_TIME.value,)
    faults = sound.compute(valid, examined, certificate, at=_within(certificate, at), policy=_POLICY)
    stamps = xades.stamps(examined.shape, judge=_STAMPS, now=at)
    return tuple([finding.code.value for finding in (*faults, stamps) if isinstance(finding, Finding)])


def _within(certificate: Certificate, at: datetime) -> datetime:
    """Whether the certificate was valid at the time is the recipients' question, not arithmetic's."""
    return min(max(at, certificate.not_valid_before_utc), certificate.not_valid_after_utc)


class _AnyAuthority:
    """Vouches for whichever timestamp authority was asked: whoever signs has chosen it."""

    def chain(
        self,
        certificates: Sequence[bytes],
        *,
        at: datetime,  # noqa: ARG002 - of ``Trust``
        purpose: Purpose = Purpose.DOCUMENTS,
        leaf: bytes | None = None,
    ) -> Chain | Finding:
        authority = load_der_x509_certificate(leaf if leaf is not None else certificates[0])
        reason = unfit(authority, purpose)
        if reason:
            return Finding(code=SigningCode.KEY_USAGE, got=reason)
        return Chain(
            leaf=authority,
            path=(authority,),
            issuers=(issuer_of(authority),),
            signer=describe(authority),
            key=key_of(authority),
            valid_from=authority.not_valid_before_utc,
            valid_until=authority.not_valid_after_utc,
        )


_POLICY: Final = Policy()
_STAMPS: Final = Judge(_AnyAuthority(), _POLICY)


def parts(parsed: ParsedXml, *, kind: MessageKind, whole: bool = False) -> tuple[_Element, list[Covered]]:
    """The header that takes the signature, and everything that is to be signed, with Ids where missing."""
    envelope = _child(parsed.root, "edXMLEnvelope")
    header = _child(envelope, "edXMLHeader")
    if whole:
        return header, [Covered(uri="", whole=parsed)]
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
