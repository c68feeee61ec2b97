"""Answers of OCSP responders (RFC 6960) to one question each.

The signer is the certificate's issuer, or a responder whom that very key has appointed (id-kp-OCSPSigning) and of
whom either nothing needs to be asked (id-pkix-ocsp-nocheck) or a list of the same issuer says nothing bad.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier, SignatureAlgorithmOID

from signing.certificate import UNREADABLE, is_weak, key_of
from signing.revocation.facts import Fact, Freshness, covers, covers_since, reason_of
from signing.signed import signed_by, verifies

_ARCHIVE_CUTOFF: Final = ObjectIdentifier("1.3.6.1.5.5.7.48.1.6")
_PKCS1: Final = (
    SignatureAlgorithmOID.RSA_WITH_SHA256,
    SignatureAlgorithmOID.RSA_WITH_SHA384,
    SignatureAlgorithmOID.RSA_WITH_SHA512,
)
_ECDSA: Final = (
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
)

#: What a list says of a responder; None if there is no list.
Listed = Callable[[x509.Certificate], Fact | None]


class Answer:
    """One answer as it was got. Raises ``ValueError`` for what is none, or one to several questions."""

    def __init__(self, der: bytes, *, origin: str, fetched_at: datetime | None = None) -> None:
        self.der = der
        self.origin = origin
        self.fetched_at = fetched_at
        self.sha256 = hashlib.sha256(der).hexdigest()
        try:
            self._answer = ocsp.load_der_ocsp_response(der)
            self.serial = self._answer.serial_number
            self._extensions = self._answer.single_extensions
            critical = any(one.critical for one in (*self._answer.extensions, *self._extensions))
        except UNREADABLE as error:
            raise ValueError("not an answer of an OCSP responder to one question") from error
        if critical:
            raise ValueError("an answer with critical extensions")

    def fact(
        self, certificate: x509.Certificate, issuer: x509.Certificate, rules: Freshness, *, listed: Listed
    ) -> Fact | None:
        """What it says of ``certificate``; None if it does not speak of it or cannot be believed."""
        try:
            return self._fact(certificate, issuer, rules, listed)
        except UNREADABLE:
            return None

    def _fact(
        self, certificate: x509.Certificate, issuer: x509.Certificate, rules: Freshness, listed: Listed
    ) -> Fact | None:
        answer = self._answer
        produced_at, next_update = answer.this_update_utc, answer.next_update_utc
        if answer.certificate_status is ocsp.OCSPCertStatus.UNKNOWN or not self._is_about(certificate, issuer):
            return None
        if next_update is not None and next_update < produced_at:
            return None
        span = self._believed(issuer, rules, listed)
        if span is None:
            return None
        revoked = answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
        return Fact(
            source="ocsp",
            origin=self.origin,
            sha256=self.sha256,
            produced_at=produced_at,
            next_update=next_update,
            fresh_from=max(span[0], produced_at - rules.tolerance),
            fresh_until=min(span[1], rules.until(produced_at, next_update, rules.answer_age)),
            revoked_at=answer.revocation_time_utc if revoked else None,
            reason=reason_of(answer.revocation_reason) if revoked else "",
            covers=covers(certificate, produced_at, covers_since(self._extensions, _ARCHIVE_CUTOFF)),
            fetched_at=self.fetched_at,
        )

    def _is_about(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        told = self._answer
        if told.serial_number != certificate.serial_number or not isinstance(told.hash_algorithm, _NAMING):
            return False
        asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, told.hash_algorithm).build()
        return told.issuer_key_hash == asked.issuer_key_hash and told.issuer_name_hash == asked.issuer_name_hash

    def _believed(self, issuer: x509.Certificate, rules: Freshness, listed: Listed) -> tuple[datetime, datetime] | None:
        """The time within which its signer may speak; None for a signer who may not."""
        if self._signed_by(issuer):
            return issuer.not_valid_before_utc, issuer.not_valid_after_utc
        for responder in self._answer.certificates:
            if not self._signed_by(responder) or not _appointed(responder, issuer):
                continue
            since, until = responder.not_valid_before_utc - rules.tolerance, responder.not_valid_after_utc
            if _needs_no_check(responder):
                return since, until
            cleared = listed(responder)
            if cleared is not None and cleared.revoked_at is None and cleared.covers:
                return max(since, cleared.fresh_from), min(until, cleared.fresh_until)
        return None

    def _signed_by(self, signer: x509.Certificate) -> bool:
        key, how = signer.public_key(), self._answer.signature_algorithm_oid
        if isinstance(key, rsa.RSAPublicKey) and how in _PKCS1:
            scheme = padding.PKCS1v15()
        elif isinstance(key, ec.EllipticCurvePublicKey) and how in _ECDSA:
            scheme = None
        else:
            return False
        answer = self._answer
        digest = answer.signature_hash_algorithm
        return not is_weak(key_of(signer)) and verifies(
            key, answer.signature, answer.tbs_response_bytes, digest, scheme
        )


_NAMING: Final = (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512)  # names an issuer; proves nothing


def _appointed(responder: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        purposes = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    strange = any(one.critical and not isinstance(one.value, _UNDERSTOOD) for one in responder.extensions)
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in purposes
        and not strange
        and _may_sign(responder)
        and signed_by(responder, issuer.public_key())
    )


_UNDERSTOOD: Final = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.OCSPNoCheck)


def _may_sign(responder: x509.Certificate) -> bool:
    try:
        usage = responder.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.digital_signature or usage.content_commitment


def _needs_no_check(responder: x509.Certificate) -> bool:
    try:
        responder.extensions.get_extension_for_class(x509.OCSPNoCheck)
    except x509.ExtensionNotFound:
        return False
    return True
