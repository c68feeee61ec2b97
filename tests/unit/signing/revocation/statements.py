"""Lists and answers as a test wishes them, and the shelf they lie on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from scripts.certificates import Identity, Sources, Wish, ec_key, issue
from signing.certificate import fingerprint
from signing.evidence import EvidenceKind, RevocationState
from signing.revocation.shelf import Entry, Shelf, key_of
from signing.revocation.source import RevocationAnswer
from signing.revocation.stored import StoredRevocation
from tests.unit.signing.conftest import AT

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LIST_URL = "http://crl.example.vn/ca.crl"
ROOT_LIST_URL = "http://crl.example.vn/root.crl"
RESPONDER_URL = "http://ocsp.example.vn/ca"
SOURCES = Sources(lists=(LIST_URL,), answers=(RESPONDER_URL,))
RESPONDER = Wish(
    name="OCSP",
    usages=frozenset({"digital_signature"}),
    purposes=(ExtendedKeyUsageOID.OCSP_SIGNING,),
    no_check=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """One entry of a list."""

    serial: int
    since: datetime = AT - DAY
    reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()


def crl(
    issuer: Identity,
    *entries: Entered,
    by: Identity | None = None,
    at: datetime = AT - HOUR,
    until: datetime | None = AT + DAY,
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> bytes:
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject).last_update(at)
    builder = builder.next_update(at + timedelta(seconds=1) if until is None else until)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical)
    for entry in entries:
        one = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.since)
        if entry.reason is not None:
            one = one.add_extension(x509.CRLReason(entry.reason), critical=False)
        for extension, critical in entry.more:
            one = one.add_extension(extension, critical)
        builder = builder.add_revoked_certificate(one.build())
    return builder.sign((by or issuer).key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a responder says."""

    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
    since: datetime | None = None
    reason: x509.ReasonFlags | None = None
    at: datetime = AT - HOUR
    until: datetime | None = AT + DAY
    digest: hashes.HashAlgorithm = field(default_factory=hashes.SHA1)  # names a certificate
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()


def answer(
    subject: Identity,
    issuer: Identity,
    said: Said = Said(),
    *,
    by: Identity | None = None,
    carry: bool = True,
) -> bytes:
    signer = by or issuer
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=subject.certificate,
            issuer=issuer.certificate,
            algorithm=said.digest,
            cert_status=said.status,
            this_update=said.at,
            next_update=said.until,
            revocation_time=said.since,
            revocation_reason=said.reason,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    )
    if carry:
        builder = builder.certificates([signer.certificate])
    for extension, critical in said.more:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def scope(
    url: str = "",
    *,
    only: str = "",
    reasons: frozenset[x509.ReasonFlags] | None = None,
    indirect: bool = False,
) -> tuple[x509.ExtensionType, bool]:
    """The extension that says what a list is about; ``only``: users, authorities or attributes."""
    point = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(url)] if url else None,
        relative_name=None,
        only_contains_user_certs=only == "users",
        only_contains_ca_certs=only == "authorities",
        only_some_reasons=reasons,
        indirect_crl=indirect,
        only_contains_attribute_certs=only == "attributes",
    )
    return point, True


def lay_list(shelf: Shelf, octets: bytes, *, url: str = LIST_URL, fetched_at: datetime = AT) -> Entry:
    entry = Entry.of(EvidenceKind.CRL, octets, url=url, fetched_at=fetched_at)
    shelf.put(key_of(EvidenceKind.CRL, url), entry, octets)
    return entry


def lay_answer(shelf: Shelf, subject: Identity, octets: bytes, *, fetched_at: datetime = AT) -> Entry:
    entry = Entry.of(EvidenceKind.OCSP, octets, url=RESPONDER_URL, fetched_at=fetched_at)
    shelf.put(key_of(EvidenceKind.OCSP, fingerprint(subject.certificate)), entry, octets)
    return entry


@dataclass(frozen=True, slots=True)
class Room:
    """A shelf and a source that reads it."""

    shelf: Shelf
    source: StoredRevocation

    @classmethod
    def at(cls, folder: Path) -> Room:
        shelf = Shelf(folder)
        return cls(shelf, StoredRevocation(shelf=shelf))

    def ask(self, *path: Identity, at: datetime = AT, now: datetime = AT) -> RevocationAnswer:
        return self.source.check([one.certificate for one in path], at=at, now=now)

    def state(self, *path: Identity, at: datetime = AT, now: datetime = AT) -> RevocationState:
        return self.ask(*path, at=at, now=now).state


def serial(identity: Identity) -> int:
    return identity.certificate.serial_number


def appointed(ca: Identity, **changes: Any) -> Identity:
    return issue(ca, replace(RESPONDER, key=ec_key(), **changes), at=AT)
