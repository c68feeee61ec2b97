"""Lists of revoked certificates (RFC 5280 5 and 6.3), of the plain kind: complete, and signed by the issuer itself.

Deltas, lists that have deltas, indirect lists, lists of some reasons only and lists under another key than the
certificate's say nothing here, which means UNKNOWN: never *good*. Read by the Rust parser: the library for paths
takes three seconds and hundreds of megabytes for a list of 100,000 entries, and this one a twentieth of a second.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ExtensionOID

from signing.certificate import is_authority, is_weak, issuer_of, key_of, subject_of
from signing.revocation.facts import Fact, Freshness, covers, covers_since, reason_of
from signing.revocation.places import list_urls
from signing.signed import verifies

_EXPIRED_ON_LIST: Final = x509.ObjectIdentifier("2.5.29.60")
_PARTIAL: Final = (ExtensionOID.DELTA_CRL_INDICATOR, ExtensionOID.FRESHEST_CRL)
_REMEMBERED: Final = 8192
_SEQUENCE: Final = 0x30


class RevocationList:
    """One list as it was got. Raises ``ValueError`` for what is none."""

    def __init__(self, der: bytes, *, origin: str, fetched_at: datetime | None = None) -> None:
        self.der = der
        self.origin = origin
        self.fetched_at = fetched_at
        self.sha256 = hashlib.sha256(der).hexdigest()
        try:
            self._list = x509.load_der_x509_crl(der)
            self.issuer = issuer_of(self._list)
            self._extensions = self._list.extensions
        except (TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise ValueError("not a list of revoked certificates") from error
        self._signers: dict[bytes, bool] = {}
        self._told: dict[tuple[x509.Certificate, x509.Certificate], Fact | None] = {}

    def fact(self, certificate: x509.Certificate, issuer: x509.Certificate, rules: Freshness) -> Fact | None:
        """What it says of ``certificate``; None if it does not speak of it or cannot be believed."""
        key = (certificate, issuer)
        if key not in self._told:  # a look into a long list takes 15 ms
            if len(self._told) >= _REMEMBERED:
                self._told.clear()
            try:
                self._told[key] = self._fact(certificate, issuer, rules)
            except ValueError:  # an entry or an extension that cannot be read
                self._told[key] = None
        fact = self._told[key]
        return None if fact is None else replace(fact, fetched_at=self.fetched_at)

    def _fact(self, certificate: x509.Certificate, issuer: x509.Certificate, rules: Freshness) -> Fact | None:
        produced_at, next_update = self._list.last_update_utc, self._list.next_update_utc
        if produced_at > min(next_update or produced_at, issuer.not_valid_after_utc):
            return None
        if self.issuer != subject_of(issuer) or not self._in_scope(certificate) or not self._signed_by(issuer):
            return None
        revoked_at, reason = None, ""
        entry = self._list.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is not None:
            told = _read(entry)
            if told is None:
                return None
            revoked_at, reason = told
        return Fact(
            source="crl",
            origin=self.origin,
            sha256=self.sha256,
            produced_at=produced_at,
            next_update=next_update,
            fresh_from=produced_at - rules.tolerance,
            fresh_until=rules.until(produced_at, next_update, rules.list_age),
            revoked_at=revoked_at,
            reason=reason,
            covers=covers(certificate, produced_at, covers_since(self._extensions, _EXPIRED_ON_LIST)),
        )

    def _in_scope(self, certificate: x509.Certificate) -> bool:
        for extension in self._extensions:
            if extension.oid in _PARTIAL:
                return False
            if isinstance(extension.value, x509.IssuingDistributionPoint):
                if not _speaks_of(extension.value, certificate):
                    return False
            elif extension.critical:
                return False
        return True

    def _signed_by(self, issuer: x509.Certificate) -> bool:
        key = issuer.public_key()
        name = issuer.tbs_certificate_bytes
        if name not in self._signers:
            scheme = self._list.signature_algorithm_parameters
            self._signers[name] = (
                _may_sign_lists(issuer)
                and not is_weak(key_of(issuer))
                and verifies(
                    key,
                    self._list.signature,
                    _first_part(self.der),
                    self._list.signature_hash_algorithm,
                    scheme if isinstance(scheme, padding.PKCS1v15 | padding.PSS) else None,
                )
            )
        return self._signers[name]


def _speaks_of(point: x509.IssuingDistributionPoint, certificate: x509.Certificate) -> bool:
    authority = is_authority(certificate)
    narrowed = (
        point.indirect_crl
        or point.only_contains_attribute_certs
        or point.only_some_reasons is not None
        or point.relative_name is not None
        or (point.only_contains_user_certs and authority)
        or (point.only_contains_ca_certs and not authority)
    )
    if narrowed:
        return False
    if point.full_name is None:
        return True
    return any(_names(point.full_name, url) for url in list_urls(certificate))


def _names(names: list[x509.GeneralName], url: str) -> bool:
    return any(isinstance(name, x509.UniformResourceIdentifier) and name.value == url for name in names)


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _read(entry: x509.RevokedCertificate) -> tuple[datetime, str] | None:
    """Since when and why; None for an entry that we do not understand."""
    since, reason = entry.revocation_date_utc, ""
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CRLReason):
            reason = reason_of(extension.value.reason)
        elif isinstance(extension.value, x509.InvalidityDate):
            since = min(since, extension.value.invalidity_date_utc)
        elif extension.critical:
            return None
    if reason == x509.ReasonFlags.remove_from_crl.value:  # has no place in a complete list
        return None
    return since, reason


def _first_part(der: bytes) -> bytes:
    """The octets that were signed: the first element of the outer sequence, as it stands (X.690)."""
    start, _ = _content(der, 0)
    inner, length = _content(der, start)
    return der[start : inner + length]


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the sequence at ``at`` begins, and its length."""
    if der[at] != _SEQUENCE:
        raise ValueError("not a sequence")
    length = der[at + 1]
    if length < 0x80:
        return at + 2, length
    octets = length & 0x7F
    return at + 2 + octets, int.from_bytes(der[at + 2 : at + 2 + octets])
