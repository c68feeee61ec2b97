"""Makes lists of revoked certificates (RFC 5280) and answers about one (RFC 6960), right and wrong ones alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from scripts.certificates import Identity

FRESH = timedelta(days=7)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """One certificate that was taken back."""

    certificate: x509.Certificate
    since: datetime
    reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise


def revocation_list(
    issuer: Identity,
    *,
    at: datetime,
    revoked: Sequence[Revoked] = (),
    lasts: timedelta = FRESH,
    by: Identity | None = None,
    number: int = 1,
) -> bytes:
    """DER of the list of ``issuer``, an hour old at ``at``. ``by``: signed by another key under the same name."""
    signer = by or issuer
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(at - _HOUR)
        .next_update(at - _HOUR + lasts)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    for one in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(one.certificate.serial_number)
            .revocation_date(one.since)
            .add_extension(x509.CRLReason(one.reason), critical=False)
        )
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a responder says of one certificate."""

    subject: x509.Certificate
    issuer: x509.Certificate
    revoked: Revoked | None = None
    known: bool = True
    lasts: timedelta = FRESH
    nonce: bytes = b""


def revocation_answer(answer: Answer, *, by: Identity, at: datetime) -> bytes:
    """DER of an OCSP response, an hour old at ``at``, signed by ``by`` (whose certificate it carries)."""
    status = ocsp.OCSPCertStatus.GOOD if answer.known else ocsp.OCSPCertStatus.UNKNOWN
    revoked = answer.revoked
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=answer.subject,
            issuer=answer.issuer,
            algorithm=hashes.SHA1(),  # noqa: S303 - names the certificate, as responders do
            cert_status=status if revoked is None else ocsp.OCSPCertStatus.REVOKED,
            this_update=at - _HOUR,
            next_update=at - _HOUR + answer.lasts,
            revocation_time=None if revoked is None else revoked.since,
            revocation_reason=None if revoked is None else revoked.reason,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, by.certificate)
        .certificates([by.certificate])
    )
    if answer.nonce:
        builder = builder.add_extension(x509.OCSPNonce(answer.nonce), critical=False)
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)
