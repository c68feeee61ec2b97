"""A timestamp authority as a plain function: tokens of RFC 3161 over any digest, right and wrong ones alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, random_serial_number

from scripts.certificates import Identity

_POLICY = "1.3.6.1.4.1.99999.3161"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    """What a token should be like; the default is a good one."""

    algorithm: str = "sha256"  #: of the digest that is stamped
    nonce: int | None = None
    certificates: Sequence[Certificate] | None = None  #: instead of the authority's chain
    named: Certificate | None = None  #: in the signed attribute, instead of the authority's own
    corrupt: bool = False  #: one bit of the signature turned


def stamp(digest: bytes, *, by: Identity, at: datetime, wish: TokenWish = TokenWish()) -> bytes:
    """DER of a TimeStampToken: ``by`` saw ``digest`` at ``at``."""
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": _POLICY,
            "message_imprint": {"hash_algorithm": {"algorithm": wish.algorithm}, "hashed_message": digest},
            "serial_number": random_serial_number(),
            "gen_time": at,
            "accuracy": {"seconds": 1},
            **({} if wish.nonce is None else {"nonce": wish.nonce}),
        }
    ).dump()
    carried = by.chain if wish.certificates is None else wish.certificates
    signed = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info)},
        "certificates": [_certificate(one) for one in carried],
        "signer_infos": [_signer_info(info, by, wish)],
    }
    token: bytes = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)}).dump()
    return token


def told(token: bytes) -> bytes:
    """What the authority signed: the TSTInfo in the token."""
    content: bytes = cms.ContentInfo.load(token)["content"]["encap_content_info"]["content"].contents
    return content


def answer(request: bytes, *, by: Identity, at: datetime) -> bytes:
    """DER of the TimeStampResp to a TimeStampReq. Raises ValueError if it is none."""
    asked = tsp.TimeStampReq.load(request, strict=True)
    imprint = asked["message_imprint"]
    wish = TokenWish(
        algorithm=imprint["hash_algorithm"]["algorithm"].native,
        nonce=asked["nonce"].native,
        certificates=None if asked["cert_req"].native else (),
    )
    token = stamp(imprint["hashed_message"].native, by=by, at=at, wish=wish)
    response = {"status": {"status": "granted"}, "time_stamp_token": cms.ContentInfo.load(token)}
    octets: bytes = tsp.TimeStampResp(response).dump()
    return octets


def _signer_info(info: bytes, by: Identity, wish: TokenWish) -> dict[str, Any]:
    own = _certificate(by.certificate)
    named = (wish.named or by.certificate).fingerprint(hashes.SHA256())
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
            {
                "type": "signing_certificate_v2",
                "values": [tsp.SigningCertificateV2({"certs": [tsp.ESSCertIDv2({"cert_hash": named})]})],
            },
        ]
    )
    value = bytearray(_sign(by, attributes.dump()))
    value[-1] ^= int(wish.corrupt)
    elliptic = isinstance(by.key, ec.EllipticCurvePrivateKey)
    return {
        "version": "v1",
        "sid": {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}},
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa" if elliptic else "sha256_rsa"}),
        "signature": bytes(value),
    }


def _sign(by: Identity, octets: bytes) -> bytes:
    if isinstance(by.key, ec.EllipticCurvePrivateKey):
        return by.key.sign(octets, ec.ECDSA(hashes.SHA256()))
    return by.key.sign(octets, padding.PKCS1v15(), hashes.SHA256())


def _certificate(certificate: Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
