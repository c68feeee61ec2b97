"""signxml, bent to the house: it verifies on the one parsed tree, against a pinned certificate and plan.

signxml does the arithmetic and the order of it. What is overridden, and why:

* the tree is used as it is: by default signxml serialises and parses the document once for itself, the signature
  once, and the document again per reference, which lets it see another document than the reader does, and costs
  five copies of it;
* each reference is looked up in the plan that ``signing.coverage`` made, never by searching for an Id;
* an attachment's digest is taken over its octets as a stream, the whole document's as ``signing.whole`` streams it;
* nothing writes the holder's name, not even into an exception;
* before inclusive canonicalization an element is made the root of a document of its own: lxml, canonicalizing in
  place, invents namespace declarations for un-prefixed names (exclusive canonicalization it gets right).

Law: one instance verifies one signature. signxml keeps certificate and configuration on the instance, and an
instance shared by threads has accepted forgeries.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from cryptography.x509 import Certificate
from lxml import etree
from lxml.etree import _Element
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidCertificate, InvalidDigest, InvalidInput
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from signing.coverage import Target
from signing.names import ds, ec, qcvn
from signing.policy import DIGEST_ALGORITHMS, INCLUSIVE, SIGNATURE_METHODS, Policy

# It writes the canonical document to the log at DEBUG.
logging.getLogger("signxml").setLevel(logging.CRITICAL + 1)

_LOCATION: Final = f"./{qcvn('edXMLEnvelope')}/{qcvn('edXMLHeader')}/"


class ChangedError(InvalidDigest):
    """What a reference points at is not what was signed."""

    def __init__(self, target: Target) -> None:
        super().__init__("a reference does not match")
        self.target = target


class PinnedVerifier(XMLVerifier):
    """Verifies one signature with one certificate, along one plan. Not to be reused."""

    def __init__(self, *, signature: _Element, targets: Mapping[str, Target]) -> None:
        super().__init__()
        self._pinned = signature
        self._targets = targets
        self.verified: list[str] = []

    def run(self, root: _Element, *, certificate: Certificate, at: datetime, policy: Policy) -> list[str]:
        """The URIs of the references that verified, in order. Raises if the signature is not good."""
        if self.verified:
            raise InvalidInput("a verifier verifies once")
        self.verify(
            root,
            x509_cert=certificate,
            expect_config=SignatureConfiguration(
                require_x509=True,
                location=_LOCATION,
                expect_references=len(self._targets),
                signature_methods=_methods(policy),
                digest_algorithms=_digests(policy),
                verification_time=at,
            ),
        )
        return self.verified

    def get_root(self, data: Any) -> Any:
        return data

    def _tostring(self, xml_node: Any, **_signxml: Any) -> Any:
        """Asked for by signxml only to parse it again: the signature that was examined, as it stands."""
        return xml_node

    def _fromstring(self, xml_string: Any, **signxml: Any) -> Any:
        parse: Any = super()._fromstring
        return xml_string if xml_string is self._pinned else parse(xml_string, **signxml)

    def _get_signature(self, root: Any) -> Any:
        found = root.find(f"{self.config.location}{ds('Signature')}")
        if found is not self._pinned:
            raise InvalidInput("another signature than the one examined")
        return found

    def _check_cert_validity(self, cert: Any, cert_source: Any) -> None:  # noqa: ARG002 - signxml's signature
        """As signxml does, without putting the holder's name into words at each verification."""
        at = self.config.verification_time
        if at is None or not cert.not_valid_before_utc <= at <= cert.not_valid_after_utc:
            raise InvalidCertificate("the certificate is outside its validity")

    def _c14n(self, nodes: Any, algorithm: CanonicalizationMethod, inclusive_ns_prefixes: Any = None) -> bytes:
        return canonical(nodes, algorithm=algorithm, prefixes=inclusive_ns_prefixes, parser=self.parser)

    def _verify_reference(self, reference: Any, *_signxml: Any) -> Any:
        """Compares one digest. ``reference`` is parsed from the canonical, verified SignedInfo."""
        uri = reference.get("URI")
        target = self._targets[uri]
        algorithm = DigestAlgorithm(reference.find(ds("DigestMethod")).get("Algorithm"))
        if algorithm not in self.config.digest_algorithms:
            raise InvalidInput("digest algorithm not accepted")
        expected = b64decode(reference.find(ds("DigestValue")).text)
        if self._digest(reference, target, algorithm) != expected:
            raise ChangedError(target)
        self.verified.append(uri)
        return VerifyResult(b"", None, self._pinned, signature_key=b"")

    def _digest(self, reference: Any, target: Target, algorithm: DigestAlgorithm) -> bytes:
        name = DIGEST_ALGORITHMS[algorithm.value]
        if target.payload is not None:
            return target.payload.digest(name)
        transforms = reference.findall(f"{ds('Transforms')}/{ds('Transform')}")
        method = transforms[-1].get("Algorithm") if transforms else INCLUSIVE
        listed = transforms[-1].find(ec("InclusiveNamespaces")) if transforms else None
        prefixes = None if listed is None else listed.get("PrefixList").split(" ")
        if target.whole is not None:
            return target.whole.digest(name, canonicalization=method, prefixes=prefixes)
        return hashlib.new(name, self._c14n(target.element, CanonicalizationMethod(method), prefixes)).digest()


def canonical(node: _Element, *, algorithm: CanonicalizationMethod, prefixes: Any, parser: Any = None) -> bytes:
    """The canonical octets of an element with the namespaces in scope where it stands."""
    exclusive = algorithm is CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
    alone = node
    if node.getparent() is not None and not (exclusive and prefixes is None):
        octets = etree.tostring(node, encoding="utf-8", with_tail=False)
        alone = etree.fromstring(octets, parser)  # noqa: TID251 - our own serialisation, not a caller's octets
    return etree.tostring(
        alone, method="c14n", exclusive=exclusive, with_comments=False, inclusive_ns_prefixes=prefixes
    )


@cache
def _methods(policy: Policy) -> frozenset[SignatureMethod]:
    allowed = policy.signature_methods
    return frozenset(SignatureMethod(uri) for uri, name in SIGNATURE_METHODS.items() if name in allowed)


@cache
def _digests(policy: Policy) -> frozenset[DigestAlgorithm]:
    allowed = policy.digest_algorithms
    return frozenset(DigestAlgorithm(uri) for uri, name in DIGEST_ALGORITHMS.items() if name in allowed)
