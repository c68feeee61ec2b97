"""CMS signatures written by hand, as real Vietnamese documents carry them, and as nobody should accept them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from scripts.certificates import Identity

_DIGESTS: dict[str, type[hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CmsWish:
    """What the signature should be like; the default has contentType, signingTime and messageDigest alone."""

    algorithm: str = "sha256"
    certificates: Sequence[Certificate] | None = None  #: instead of the signer's chain
    claimed: datetime | None = None  #: signingTime
    names_certificate: bool = False  #: ESS signing-certificate-v2, as PAdES wants
    named: Certificate | None = None  #: in that attribute, instead of the signer's own
    digest: bytes | None = None  #: in messageDigest, instead of the document's
    with_attributes: bool = True
    with_digest: bool = True
    versions: tuple[str, str] = ("v1", "v1")  #: of SignedData, of SignerInfo
    listed: str = ""  #: in digestAlgorithms, instead of the algorithm
    signers: int = 1
    content: bytes | None = None  #: enclosed, where a detached signature has none
    pss: bool = False
    stamps: tuple[Callable[[bytes], bytes], ...] = ()  #: from the signature value to tokens
    countersigned: bool = False


def signature(digest: bytes, *, by: Identity, wish: CmsWish = CmsWish()) -> bytes:
    """DER of a SignedData over a document with ``digest``."""
    carried = by.chain if wish.certificates is None else wish.certificates
    data = {
        "version": wish.versions[0],
        "digest_algorithms": [{"algorithm": wish.listed or wish.algorithm}],
        "encap_content_info": {"content_type": "data", **({} if wish.content is None else {"content": wish.content})},
        "certificates": [_certificate(one) for one in carried],
        "signer_infos": [_signer_info(digest, by, wish)] * wish.signers,
    }
    octets: bytes = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}).dump()
    return octets


def _signer_info(digest: bytes, by: Identity, wish: CmsWish) -> dict[str, Any]:
    own = _certificate(by.certificate)
    attributes = cms.CMSAttributes(_attributes(digest, by, wish))
    value = _sign(by, attributes.dump() if wish.with_attributes else digest, wish)
    info: dict[str, Any] = {
        "version": wish.versions[1],
        "sid": {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}},
        "digest_algorithm": {"algorithm": wish.algorithm},
        "signature_algorithm": _method(by, wish),
        "signature": value,
    }
    if wish.with_attributes:
        info["signed_attrs"] = attributes
    unsigned: list[dict[str, Any]] = [
        {"type": "signature_time_stamp_token", "values": [cms.ContentInfo.load(stamp(value))]} for stamp in wish.stamps
    ]
    if wish.countersigned:
        other = cms.SignerInfo(_signer_info(hashlib.sha256(value).digest(), by, CmsWish()))
        unsigned.append({"type": "counter_signature", "values": [other]})
    if unsigned:
        info["unsigned_attrs"] = cms.CMSAttributes(unsigned)
    return info


def _attributes(digest: bytes, by: Identity, wish: CmsWish) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"type": "content_type", "values": ["data"]}]
    if wish.claimed is not None:
        found.append({"type": "signing_time", "values": [cms.Time({"utc_time": core.UTCTime(wish.claimed)})]})
    if wish.with_digest:
        found.append({"type": "message_digest", "values": [digest if wish.digest is None else wish.digest]})
    if wish.names_certificate:
        named = (wish.named or by.certificate).fingerprint(hashes.SHA256())
        certificates = tsp.SigningCertificateV2({"certs": [tsp.ESSCertIDv2({"cert_hash": named})]})
        found.append({"type": "signing_certificate_v2", "values": [certificates]})
    return found


def _method(by: Identity, wish: CmsWish) -> algos.SignedDigestAlgorithm:
    if isinstance(by.key, ec.EllipticCurvePrivateKey):
        return algos.SignedDigestAlgorithm({"algorithm": f"{wish.algorithm}_ecdsa"})
    if not wish.pss:
        return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"})
    digest = {"algorithm": wish.algorithm}
    mask = {"algorithm": "mgf1", "parameters": digest}
    parameters = {"hash_algorithm": digest, "mask_gen_algorithm": mask, "salt_length": 32}
    return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})


def _sign(by: Identity, octets: bytes, wish: CmsWish) -> bytes:
    digest = _DIGESTS[wish.algorithm]()
    if isinstance(by.key, ec.EllipticCurvePrivateKey):
        return by.key.sign(octets, ec.ECDSA(digest))
    if wish.pss:
        return by.key.sign(octets, padding.PSS(padding.MGF1(digest), 32), digest)
    return by.key.sign(octets, padding.PKCS1v15(), digest)


def _certificate(certificate: Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
