"""Makes one certificate as real ones look, or as bad ones do: keys, wishes, issuing. Every key belongs to nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID, ObjectIdentifier

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.4.1.311.10.3.12")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate, its key, and the authorities between it and the root (its own first)."""

    certificate: x509.Certificate
    key: PrivateKey
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> list[x509.Certificate]:
        """What a message carries: the signer and the authorities below the root."""
        return [self.certificate, *self.issuers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a certificate says that its revocation and its issuer can be had."""

    lists: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()

    @classmethod
    def at(cls, base_url: str, issuer: str) -> Sources:
        """The paths of ``scripts.authorities`` for what ``issuer`` signs; none without a base."""
        if not base_url:
            return cls()
        return cls(
            lists=(f"{base_url}/crl/{issuer}.crl",),
            answers=(f"{base_url}/ocsp/{issuer}",),
            issuers=(f"{base_url}/aia/{issuer}.cer",),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a certificate should be like; the default is a person's, as public authorities issue them."""

    name: str
    uid: str = ""
    key: PrivateKey | None = None
    authority: bool = False
    path_length: int | None = None
    usages: frozenset[str] = frozenset({"digital_signature", "content_commitment"})
    purposes: tuple[ObjectIdentifier, ...] = ()
    purposes_critical: bool = False
    organisation: str = ""
    locality: str = ""
    starts: timedelta = -30 * DAY
    lasts: timedelta = 3 * 365 * DAY
    with_usage: bool = True
    serial: int | None = None
    constraints: x509.NameConstraints | None = None
    no_check: bool = False  #: id-pkix-ocsp-nocheck
    sources: Sources = Sources()


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def issue(issuer: Identity | None, wish: Wish, *, at: datetime) -> Identity:
    """One certificate, signed by ``issuer`` or by itself."""
    key = wish.key if wish.key is not None else rsa_key()
    subject = _subject(wish)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number() if wish.serial is None else wish.serial)
        .not_valid_before(at + wish.starts)
        .not_valid_after(at + wish.starts + wish.lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signing_key = key if issuer is None else issuer.key
    for extension, critical in _extensions(wish, signing_key):
        builder = builder.add_extension(extension, critical=critical)
    certificate = builder.sign(signing_key, hashes.SHA256())
    above = () if issuer is None or issuer.certificate.issuer == issuer.certificate.subject else issuer.chain
    return Identity(certificate=certificate, key=key, issuers=tuple(above))


def pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def pem_key(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def directory(*, organisation: str) -> x509.DirectoryName:
    """The subtree of names below an organisation, as name constraints write it."""
    return x509.DirectoryName(_name([(NameOID.COUNTRY_NAME, "VN"), (NameOID.ORGANIZATION_NAME, organisation)]))


def _subject(wish: Wish) -> x509.Name:
    return _name(
        [
            (NameOID.COUNTRY_NAME, "VN"),
            (NameOID.ORGANIZATION_NAME, wish.organisation),
            (NameOID.LOCALITY_NAME, wish.locality),
            (NameOID.COMMON_NAME, wish.name),
            (NameOID.USER_ID, wish.uid),
        ]
    )


def _name(attributes: Sequence[tuple[ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, text, _validate=False) for oid, text in attributes if text])


def _extensions(wish: Wish, signing_key: PrivateKey) -> Iterator[tuple[x509.ExtensionType, bool]]:
    yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), False
    if wish.authority:
        yield x509.BasicConstraints(ca=True, path_length=wish.path_length), True
        yield _usage({"key_cert_sign", "crl_sign"} | wish.usages), True
    elif wish.with_usage:
        yield _usage(wish.usages), True
    if wish.constraints is not None:
        yield wish.constraints, True
    if wish.purposes:
        yield x509.ExtendedKeyUsage(wish.purposes), wish.purposes_critical
    if wish.no_check:
        yield x509.OCSPNoCheck(), False
    yield from _sources(wish.sources)


def _sources(sources: Sources) -> Iterator[tuple[x509.ExtensionType, bool]]:
    if sources.lists:
        points = [
            x509.DistributionPoint(
                full_name=[x509.UniformResourceIdentifier(url)], relative_name=None, reasons=None, crl_issuer=None
            )
            for url in sources.lists
        ]
        yield x509.CRLDistributionPoints(points), False
    places = [(AuthorityInformationAccessOID.OCSP, url) for url in sources.answers]
    places += [(AuthorityInformationAccessOID.CA_ISSUERS, url) for url in sources.issuers]
    if places:
        access = [x509.AccessDescription(oid, x509.UniformResourceIdentifier(url)) for oid, url in places]
        yield x509.AuthorityInformationAccess(access), False


def _usage(usages: frozenset[str] | set[str]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital_signature" in usages,
        content_commitment="content_commitment" in usages,
        key_encipherment="key_encipherment" in usages,
        data_encipherment="data_encipherment" in usages,
        key_agreement=False,
        key_cert_sign="key_cert_sign" in usages,
        crl_sign="crl_sign" in usages,
        encipher_only=False,
        decipher_only=False,
    )
