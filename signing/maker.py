"""Makes signatures of our profile: signxml's signer, building where we want and covering what we plan.

signxml canonicalizes SignedInfo, signs it and writes KeyInfo. What is overridden: where the signature stands,
which references it holds (an attachment's digest over its octets; ``cid:`` is unknown to signxml), and the
XAdES properties, whose time comes in by the door and whose reference names its canonicalization (signxml's own
XAdESSigner leaves it out, and with exclusive canonicalization its signatures verify nowhere).
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from lxml import etree
from lxml.etree import SubElement, _Element
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from envelopes.skeleton import ParsedXml, PayloadText
from signing.engine import canonical
from signing.names import DS, ENVELOPED, SIGNED_PROPERTIES_TYPE, XADES, ds, qcvn, xades
from signing.policy import EXCLUSIVE, SIGNATURE_METHODS
from signing.whole import Whole
from signing.xades import value_octets

SigningKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
_CURVE_METHODS: Final = {"secp256r1": "ecdsa-sha256", "secp384r1": "ecdsa-sha384", "secp521r1": "ecdsa-sha512"}
_METHOD_URIS: Final = {name: uri for uri, name in SIGNATURE_METHODS.items()}
_PLACEHOLDERS: Final = (qcvn("Signature"), qcvn("DigitalSignature"), ds("Signature"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Something to be signed: an element that has an ``Id``, the octets of an attachment, or the whole document."""

    uri: str
    element: _Element | None = None
    payload: PayloadText | None = None
    whole: ParsedXml | None = None


class Credential:
    """A key with its certificates, put into words once."""

    __slots__ = ("certificates", "key", "leaf_digest", "texts")

    def __init__(self, key: SigningKey, certificates: Sequence[Certificate]) -> None:
        octets = [certificate.public_bytes(Encoding.DER) for certificate in certificates]
        self.key = key
        self.certificates = list(certificates)  #: the signer's first
        self.texts = [b64encode(der).decode() for der in octets]
        self.leaf_digest = hashlib.sha256(octets[0]).digest()


def method_for(key: SigningKey) -> str:
    """The usual method for a key, by our name of it. Raises ValueError for a key we would not accept."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "rsa-sha256"
    method = _CURVE_METHODS.get(key.curve.name)
    if method is None:
        raise ValueError("the curve of the key is not accepted")
    return method


class Maker(XMLSigner):
    """Puts one signature into one header. Not to be reused."""

    def __init__(self, credential: Credential, *, covered: Sequence[Covered], method: str, at: datetime) -> None:
        super().__init__(
            signature_algorithm=SignatureMethod(_METHOD_URIS[method]),
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        self._credential = credential
        self._covered = covered
        self._at = at
        self._taken: set[str] = set()
        self.signature_annotators.append(self._add_properties)

    def make(self, header: _Element) -> None:
        self._taken = _ids(header.getroottree().getroot())
        for element in [child for child in header if child.tag in _PLACEHOLDERS]:
            header.remove(element)
        self.sign(header, key=self._credential.key, cert=self._credential.certificates)

    def add_timestamp(self, stamp: Callable[[bytes], bytes]) -> None:
        """Makes it XAdES-T. ``stamp`` is given the SHA-256 of SignatureValue and returns the token (DER)."""
        token = stamp(hashlib.sha256(value_octets(self._signature, EXCLUSIVE)).digest())
        qualifying = self._signature[-1][0]
        unsigned = SubElement(qualifying, xades("UnsignedProperties"))
        held = SubElement(SubElement(unsigned, xades("UnsignedSignatureProperties")), xades("SignatureTimeStamp"))
        SubElement(held, ds("CanonicalizationMethod"), Algorithm=EXCLUSIVE)
        SubElement(held, xades("EncapsulatedTimeStamp")).text = b64encode(token).decode()

    def _unpack(self, data: Any, references: Any) -> Any:  # noqa: ARG002 - signxml's signature
        self._signature = SubElement(data, ds("Signature"), nsmap={"ds": DS}, Id=free_id("Signature", self._taken))
        return self._signature, data, [], []

    def _build_sig(self, sig_root: Any, *_signxml: Any, **_options: Any) -> Any:
        info = SubElement(sig_root, ds("SignedInfo"))
        SubElement(info, ds("CanonicalizationMethod"), Algorithm=EXCLUSIVE)
        SubElement(info, ds("SignatureMethod"), Algorithm=self.sign_alg.value)
        for part in self._covered:
            self._add_reference(info, part)
        return info, SubElement(sig_root, ds("SignatureValue"))

    def _add_reference(self, info: _Element, part: Covered, **attributes: str) -> None:
        reference = SubElement(info, ds("Reference"), {"URI": part.uri, **attributes})
        if part.payload is not None:
            _add_digest(reference, part.payload.digest("sha256"))
            return
        transforms = SubElement(reference, ds("Transforms"))
        for algorithm in (EXCLUSIVE,) if part.whole is None else (ENVELOPED, EXCLUSIVE):
            SubElement(transforms, ds("Transform"), Algorithm=algorithm)
        if part.whole is not None:
            whole = Whole(parsed=part.whole, signature=self._signature)
            _add_digest(reference, whole.digest("sha256", canonicalization=EXCLUSIVE))
        else:
            _add_digest(reference, hashlib.sha256(self._c14n(part.element, self.c14n_alg)).digest())

    def _c14n(self, nodes: Any, algorithm: CanonicalizationMethod, inclusive_ns_prefixes: Any = None) -> bytes:
        return canonical(nodes, algorithm=algorithm, prefixes=inclusive_ns_prefixes, parser=self.parser)

    def _add_key_info(self, sig_root: Any, signing_settings: Any) -> None:  # noqa: ARG002 - signxml's signature
        data = SubElement(SubElement(sig_root, ds("KeyInfo")), ds("X509Data"))
        for text in self._credential.texts:
            SubElement(data, ds("X509Certificate")).text = text

    def _add_properties(self, sig_root: Any, signing_settings: Any) -> None:  # noqa: ARG002 - signxml's signature
        qualifying = SubElement(
            SubElement(sig_root, ds("Object")),
            xades("QualifyingProperties"),
            {"Target": f"#{sig_root.get('Id')}"},
            nsmap={"xades": XADES},
        )
        identifier = free_id("SignedProperties", self._taken)
        properties = SubElement(qualifying, xades("SignedProperties"), Id=identifier)
        signed = SubElement(properties, xades("SignedSignatureProperties"))
        claimed = self._at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        SubElement(signed, xades("SigningTime")).text = claimed
        named = SubElement(SubElement(signed, xades("SigningCertificateV2")), xades("Cert"))
        _add_digest(SubElement(named, xades("CertDigest")), self._credential.leaf_digest)
        part = Covered(uri=f"#{identifier}", element=properties)
        self._add_reference(sig_root[0], part, Type=SIGNED_PROPERTIES_TYPE)


def mark(element: _Element, *, name: str) -> str:
    """The reference URI of an element, which gets an ``Id`` if it has none."""
    identifier = element.get("Id")
    if not identifier:
        identifier = free_id(name, _ids(element.getroottree().getroot()))
        element.set("Id", identifier)
    return f"#{identifier}"


def free_id(name: str, taken: set[str]) -> str:
    """``name``, or the first ``name-2``, ``name-3``, … that nothing in the document is called."""
    candidates: Iterator[str] = (name if n == 1 else f"{name}-{n}" for n in range(1, len(taken) + 2))
    found = next(candidate for candidate in candidates if candidate not in taken)
    taken.add(found)
    return found


def _ids(root: _Element) -> set[str]:
    return {
        str(value)
        for element in root.iter(etree.Element)
        for attribute, value in element.attrib.items()
        if str(attribute).rpartition("}")[2].lower() == "id"
    }


def _add_digest(parent: _Element, digest: bytes) -> None:
    SubElement(parent, ds("DigestMethod"), Algorithm=_SHA256)
    SubElement(parent, ds("DigestValue")).text = b64encode(digest).decode()
