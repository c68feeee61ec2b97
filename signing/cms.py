"""One signature in CMS (RFC 5652), read strictly: what PDF signatures and timestamps have in common.

Law: exactly one signer, whose certificate is inside and named by exactly one identifier; signed attributes, each
once; SHA-2 by the policy. What is not signed (other attributes, other certificates) is at most a hint. Nothing here
says whether anybody trusts the certificate: ``signing.judge`` does.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from asn1crypto import cms, parser
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.general import match_issuer_serial
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from signing.errors import SigningCode
from signing.names import short
from signing.policy import Policy
from signing.verdict import Finding

for _name in ("pyhanko", "pyhanko_certvalidator"):  # they log subjects and parts of documents
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

#: asn1crypto reads any tag at runtime; no stub knows its types.
Asn1: TypeAlias = Any

CMS_ERRORS: Final = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
    NotImplementedError,
    OverflowError,
)
_MOST_CERTIFICATES: Final = 32  #: looked at; as many as the policy says are judged
_VERSIONS: Final = frozenset({"v1", "v3", "v4", "v5"})
_SIGNED_ONCE: Final = frozenset({"content_type", "message_digest"})
_FAMILIES: Final = {"rsassa_pkcs1v15": "rsa", "rsassa_pss": "rsa-pss", "ecdsa": "ecdsa"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """One signature of an accepted shape. Nothing of it is verified yet."""

    content: Asn1  #: EncapsulatedContentInfo
    info: Asn1  #: SignerInfo
    certificate: bytes  #: the signer's, DER
    others: tuple[bytes, ...]  #: further certificates in the message, DER
    method: str  #: e.g. ``rsa-sha256``, as in the policy
    digest_algorithm: str  #: hashlib's name
    claimed_time: datetime | None
    attributes: frozenset[str]  #: types of the signed attributes
    stamps: tuple[bytes, ...] = field(default=(), repr=False)  #: signature timestamp tokens, DER

    @property
    def value(self) -> bytes:
        """The signature value: what a signature timestamp stamps."""
        return bytes(self.info["signature"].native)

    @property
    def names_certificate(self) -> bool:
        """Whether the signer signed which certificate is his (ESS)."""
        return not self.attributes.isdisjoint({"signing_certificate", "signing_certificate_v2"})


def read(octets: bytes, *, content_type: str, policy: Policy, path: str) -> Signed | Finding:
    """The one signature in a CMS SignedData that fills ``octets``. Never raises for what is in them."""
    try:
        return _read(octets, content_type, policy, path)
    except CMS_ERRORS:
        return _refused(path, "CMS SignedData of RFC 5652")


def verify(signed: Signed, *, content_type: str, digest: bytes, path: str) -> Finding | None:
    """The cryptography: ``digest`` is what was signed, and the value is the certificate's key's."""
    certificate: Asn1 = cms.Certificate.load(signed.certificate)
    try:
        intact, valid = validate_sig_integrity(signed.info, certificate, content_type, digest)
    except (SignatureValidationError, UnsupportedAlgorithm, *CMS_ERRORS):
        return Finding(code=SigningCode.FORGED, path=path, expected="attributes that belong to this signature")
    if not valid:
        return Finding(code=SigningCode.FORGED, path=path)
    return None if intact else Finding(code=SigningCode.DIGEST_MISMATCH, path=path)


def digest(algorithm: str, octets: bytes) -> bytes:
    """``algorithm`` as hashlib names it."""
    return hashlib.new(algorithm, octets).digest()


def issuing(signed: Signed, *, most: int) -> tuple[bytes, ...]:
    """Those of the other certificates that issued the signer's or one another, at most ``most``; look-alikes not."""
    loaded = [certificate for der in signed.others if (certificate := _load(der)) is not None]
    leaf = _load(signed.certificate)
    found: list[x509.Certificate] = [] if leaf is None else [leaf]
    for subject in found:
        for candidate in loaded:
            if len(found) <= most and candidate not in found and _issued(candidate, subject):
                found.append(candidate)
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found[1:])


def _load(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion):
        return None


def _issued(issuer: x509.Certificate, subject: x509.Certificate) -> bool:
    try:
        subject.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _refused(path: str, expected: str, got: str = "") -> Finding:
    return Finding(code=SigningCode.SHAPE, path=path, expected=expected, got=short(got))


def _read(octets: bytes, content_type: str, policy: Policy, path: str) -> Signed | Finding:
    if parser.peek(octets) != len(octets):
        return _refused(path, "one CMS object and nothing behind it")
    message: Asn1 = cms.ContentInfo.load(octets)
    if message["content_type"].native != "signed_data":
        return _refused(path, "SignedData", message["content_type"].native)
    data: Asn1 = message["content"]
    content: Asn1 = data["encap_content_info"]
    if content["content_type"].native != content_type:
        return _refused(path, content_type, content["content_type"].native)
    if len(data["signer_infos"]) != 1:
        return _refused(path, "one signer", str(len(data["signer_infos"])))
    info: Asn1 = data["signer_infos"][0]
    told = _attributes(info, path)
    if isinstance(told, Finding):
        return told
    algorithm = _algorithm(info, policy, path)
    if isinstance(algorithm, Finding):
        return algorithm
    if not _consistent(data, info, algorithm[1]):
        return _refused(path, "versions and digest algorithms as RFC 5652 prescribes them")
    certificates = _certificates(data, info, path)
    return certificates if isinstance(certificates, Finding) else _signed(content, info, told, algorithm, certificates)


def _consistent(data: Asn1, info: Asn1, digest: str) -> bool:
    """What nobody signed says what it must. Of SignedData's versions tools choose any that RFC 5652 knows."""
    version = "v1" if info["sid"].name == "issuer_and_serial_number" else "v3"
    listed = {str(one["algorithm"].native) for one in data["digest_algorithms"]}
    return info["version"].native == version and data["version"].native in _VERSIONS and digest in listed


def _signed(
    content: Asn1, info: Asn1, told: frozenset[str], algorithm: tuple[str, str], certificates: Sequence[bytes]
) -> Signed:
    method, digest_algorithm = algorithm
    return Signed(
        content=content,
        info=info,
        certificate=certificates[0],
        others=tuple(certificates[1:]),
        method=method,
        digest_algorithm=digest_algorithm,
        claimed_time=_claimed(info),
        attributes=told,
        stamps=tuple(token.dump() for token in _values(info["unsigned_attrs"], "signature_time_stamp_token")),
    )


def _values(attributes: Asn1, name: str) -> list[Asn1]:
    return [value for one in attributes if one["type"].native == name for value in one["values"]]


def _claimed(info: Asn1) -> datetime | None:
    times = [value.native for value in _values(info["signed_attrs"], "signing_time")]
    return times[0] if times and times[0].tzinfo is not None else None


def _attributes(info: Asn1, path: str) -> frozenset[str] | Finding:
    """The signed attributes, each type once and with one value; a countersignature would be nobody's business."""
    names = [str(one["type"].native) for one in info["signed_attrs"]]
    singles = all(len(one["values"]) == 1 for one in info["signed_attrs"])
    if not singles or len(set(names)) != len(names) or not _SIGNED_ONCE.issubset(names):
        return _refused(path, "signed attributes with contentType and messageDigest, each once")
    if _values(info["unsigned_attrs"], "counter_signature"):
        return _refused(path, "no countersignature")
    return frozenset(names)


def _algorithm(info: Asn1, policy: Policy, path: str) -> tuple[str, str] | Finding:
    """Method and digest by their names in the policy; both of the same SHA-2."""
    digest = str(info["digest_algorithm"]["algorithm"].native)
    signature: Asn1 = info["signature_algorithm"]
    family = _family(signature)
    hashed = digest if signature["algorithm"].native == "rsassa_pkcs1v15" else str(signature.hash_algo)
    method = f"{family}-{hashed}"
    if digest not in policy.digest_algorithms or method not in policy.signature_methods:
        return Finding(code=SigningCode.WEAK_ALGORITHM, path=path, got=short(f"{method} over {digest}"))
    if hashed != digest or (family == "rsa-pss" and not _plain_pss(signature["parameters"], digest)):
        return _refused(path, f"one digest algorithm throughout: {digest}", hashed)
    return method, digest


def _family(signature: Asn1) -> str:
    try:
        return _FAMILIES.get(str(signature.signature_algo), "other")
    except ValueError:
        return "other"


def _plain_pss(parameters: Asn1, digest: str) -> bool:
    mask: Asn1 = parameters["mask_gen_algorithm"]
    return (
        str(parameters["hash_algorithm"]["algorithm"].native) == digest
        and mask["algorithm"].native == "mgf1"
        and mask["parameters"]["algorithm"].native == digest
        and int(parameters["salt_length"].native) >= _octets_of(digest)
    )


def _octets_of(digest: str) -> int:
    return int(digest.removeprefix("sha")) // 8


def _certificates(data: Asn1, info: Asn1, path: str) -> tuple[bytes, ...] | Finding:
    """The signer's certificate first, then the others."""
    given = [choice.chosen for choice in data["certificates"] if choice.name == "certificate"]
    if len(given) > _MOST_CERTIFICATES:
        return _refused(path, f"at most {_MOST_CERTIFICATES} certificates", str(len(given)))
    distinct = {one.untag().dump(): one for one in given}
    signers = [der for der, one in distinct.items() if _is_signer(info["sid"], one)]
    if len(signers) != 1:
        code = SigningCode.NO_CERTIFICATE
        return Finding(code=code, path=path, expected="the signer's certificate", got=str(len(signers)))
    return (signers[0], *(der for der in distinct if der != signers[0]))


def _is_signer(identifier: Asn1, certificate: Asn1) -> bool:
    try:
        if identifier.name == "issuer_and_serial_number":
            return bool(match_issuer_serial(identifier.chosen, certificate))
        return bool(certificate.key_identifier == identifier.chosen.native)
    except CMS_ERRORS:
        return False
