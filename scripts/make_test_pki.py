"""Makes a public key infrastructure for tests and demonstrations: certificates as real ones look, and bad ones.

Every key is fresh and belongs to nobody. Run as ``python -m scripts.make_test_pki FOLDER``; importable too.
Keys are written with mode 0600; nothing of this is ever committed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.4.1.311.10.3.12")
_DAY = timedelta(days=1)


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
class Wish:
    """What a certificate should be like; the default is a person's, as public authorities issue them."""

    name: str
    uid: str = ""
    key: PrivateKey | None = None
    authority: bool = False
    path_length: int | None = None
    usages: frozenset[str] = frozenset({"digital_signature", "content_commitment"})
    purposes: tuple[ObjectIdentifier, ...] = ()
    locality: str = ""
    starts: timedelta = -30 * _DAY
    lasts: timedelta = 3 * 365 * _DAY
    with_usage: bool = True


@dataclass(frozen=True, slots=True)
class Pki:
    """Everything made, by name."""

    identities: dict[str, Identity] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Identity:
        return self.identities[name]

    def write(self, folder: Path) -> None:
        """``trust/roots``, ``trust/intermediates``, and per identity ``NAME.pem`` (chain) and ``NAME.key``."""
        for identity_name, identity in self.identities.items():
            place = {"root": "trust/roots", "ca": "trust/intermediates"}.get(identity_name, "identities")
            chain = [identity.certificate] if place.startswith("trust") else identity.chain
            _write(folder / place / f"{identity_name}.pem", pem(chain))
            _write(folder / "identities" / f"{identity_name}.key", pem_key(identity.key), mode=0o600)


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def make_pki(*, at: datetime, authority_key: Callable[[], PrivateKey] = rsa_key) -> Pki:
    """Root, authority and the identities that a trunk meets, good and bad, as of ``at``."""
    anchor = Wish(name="Test National Root CA", key=authority_key(), authority=True, lasts=25 * 365 * _DAY)
    root = issue(None, anchor, at=at)
    issuing = Wish(name="Test CA SHA2", key=authority_key(), authority=True, path_length=0, lasts=5 * 365 * _DAY)
    authority = issue(root, issuing, at=at)
    other_root = issue(None, Wish(name="Another Root CA", key=ec_key(), authority=True), at=at)
    made = {"root": root, "ca": authority, "other-root": other_root}
    made["another-root-person"] = issue(other_root, _person("001085000009", key=ec_key()), at=at)
    made |= {name: issue(authority, wish, at=at) for name, wish in _good().items()}
    made |= {name: issue(authority, wish, at=at) for name, wish in _bad().items()}
    return Pki(made)


def issue(issuer: Identity | None, wish: Wish, *, at: datetime) -> Identity:
    """One certificate, signed by ``issuer`` or by itself."""
    key = wish.key if wish.key is not None else rsa_key()
    subject = _subject(wish)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
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


def _person(number: str, *, key: PrivateKey | None = None) -> Wish:
    purposes = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING)
    return Wish(name="Nguyễn Văn Thử", uid=f"CCCD:{number}", key=key, purposes=purposes)


def _good() -> dict[str, Wish]:
    only_commitment = frozenset({"content_commitment"})
    return {
        "person": _person("001085000001"),
        "person-p256": _person("001085000002", key=ec_key()),
        "person-p384": _person("001085000003", key=ec_key(ec.SECP384R1())),
        "person-p521": _person("001085000004", key=ec_key(ec.SECP521R1())),
        "organisation": Wish(
            name="Sở Thử nghiệm",
            uid="MST:0100000000",
            purposes=(ExtendedKeyUsageOID.CLIENT_AUTH, DOCUMENT_SIGNING),
        ),
        # as one real authority issues them: L over the 64 characters of RFC 5280, no SAN, no EKU
        "organisation-plain": Wish(name="Chi nhánh Thử", uid="MST:0100000001", key=ec_key(), locality="L" * 66),
        "commitment-only": Wish(name="Token", uid="CMND:012345678", key=ec_key(), usages=only_commitment),
        "seal": Wish(name="Trục liên thông thử nghiệm", uid="MST:0100000002", key=ec_key()),
    }


def _bad() -> dict[str, Wish]:
    encipher = frozenset({"key_encipherment"})
    server = (ExtendedKeyUsageOID.SERVER_AUTH,)
    return {
        "expired": Wish(name="Hết hạn", key=ec_key(), starts=-400 * _DAY, lasts=365 * _DAY),
        "not-yet-valid": Wish(name="Chưa hiệu lực", key=ec_key(), starts=30 * _DAY),
        "wrong-usage": Wish(name="Mã hóa", key=ec_key(), usages=encipher),
        "no-usage": Wish(name="Không nêu", key=ec_key(), with_usage=False),
        "server": Wish(name="example.vn", key=ec_key(), purposes=server),
        "rsa-1024": Wish(name="Yếu", key=rsa_key(1024)),
        "authority-signs": Wish(name="CA ký văn bản", key=ec_key(), authority=True),
    }


def _subject(wish: Wish) -> x509.Name:
    attributes = [(NameOID.COUNTRY_NAME, "VN"), (NameOID.COMMON_NAME, wish.name), (NameOID.USER_ID, wish.uid)]
    if wish.locality:
        attributes.insert(1, (NameOID.LOCALITY_NAME, wish.locality))
    return x509.Name([x509.NameAttribute(oid, text, _validate=False) for oid, text in attributes if text])


def _extensions(wish: Wish, signing_key: PrivateKey) -> list[tuple[x509.ExtensionType, bool]]:
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    found: list[tuple[x509.ExtensionType, bool]] = [(issuer_key, False)]
    if wish.authority:
        found.append((x509.BasicConstraints(ca=True, path_length=wish.path_length), True))
        found.append((_usage({"key_cert_sign", "crl_sign"} | wish.usages), True))
    elif wish.with_usage:
        found.append((_usage(wish.usages), True))
    if wish.purposes:
        found.append((x509.ExtendedKeyUsage(wish.purposes), False))
    return found


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


def _write(file: Path, octets: bytes, *, mode: int = 0o644) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.touch(mode=mode)
    file.write_bytes(octets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    made = make_pki(at=datetime.fromtimestamp(int(time.time()), tz=UTC))
    made.write(arguments.folder)
    print(f"{len(made.identities)} identities in {arguments.folder}")


if __name__ == "__main__":
    main()
