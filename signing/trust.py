"""Whom do we trust? Roots and intermediates from a folder, and paths from a signer to a root.

Law: only a root in the folder ends a path; certificates from a message are at most steps on it. A result is
remembered by the exact certificates, and only for times at which every certificate of the path is valid;
revocation is asked elsewhere and never remembered here. A changed folder is a new ``TrustStore``.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from signing.certificate import Key, Purpose, describe, is_authority, is_weak, issuer_of, key_of, unfit
from signing.errors import SigningCode
from signing.verdict import Finding, Signer

_MAX_INTERMEDIATES = 3  # signer, at most three authorities, root
_REMEMBERED = 4096
_PLACE = "ds:KeyInfo/ds:X509Data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A validated path and what was learned on the way."""

    leaf: x509.Certificate
    path: tuple[x509.Certificate, ...]  #: signer first, root last
    issuers: tuple[str, ...]  #: of each certificate of the path, RFC 4514
    signer: Signer
    key: Key
    valid_from: datetime  #: latest notBefore on the path
    valid_until: datetime  #: earliest notAfter on the path

    def holds_at(self, at: datetime) -> bool:
        return self.valid_from <= at <= self.valid_until


class TrustStore:
    """Roots and intermediates, and the paths found with them. Safe to share between threads."""

    def __init__(self, roots: Iterable[x509.Certificate], intermediates: Iterable[x509.Certificate] = ()) -> None:
        self.roots = tuple(roots)
        self.intermediates = tuple(intermediates)
        if not self.roots:
            raise ValueError("a trust store needs at least one root certificate")
        self._store = Store(list(self.roots))
        self._found: OrderedDict[bytes, Chain] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def from_folder(cls, folder: Path) -> TrustStore:
        """Reads ``roots/*.pem`` and ``intermediates/*.pem``. Raises ValueError if there is no root."""
        return cls(_read(folder / "roots"), _read(folder / "intermediates"))

    def chain(
        self,
        certificates: Sequence[bytes],
        *,
        at: datetime,
        purpose: Purpose = Purpose.DOCUMENTS,
        leaf: bytes | None = None,
    ) -> Chain | Finding:
        """The path from the signer's certificate to a root, valid at ``at``; or why there is none.

        The signer's is ``leaf`` where the caller knows (PDF and CMS name it), else the one among ``certificates``
        (DER, any order) that is no authority's; the others are at most steps.
        """
        given = certificates if leaf is None else (leaf, *certificates)
        told = b"".join(hashlib.sha256(der).digest() for der in given)
        key = hashlib.sha256(purpose.encode() + bytes([leaf is not None]) + told).digest()
        with self._lock:
            known = self._found.get(key)
        if known is not None and known.holds_at(at):
            return known
        found = self._find(given, at=at, purpose=purpose, known=leaf is not None)
        if isinstance(found, Chain):
            with self._lock:
                self._found[key] = found
                while len(self._found) > _REMEMBERED:
                    self._found.popitem(last=False)
        return found

    def _find(self, certificates: Sequence[bytes], *, at: datetime, purpose: Purpose, known: bool) -> Chain | Finding:
        loaded = _load(certificates, known=known)
        if isinstance(loaded, Finding):
            return loaded
        leaf, others = loaded
        reason = unfit(leaf, purpose)
        if reason:
            return Finding(code=SigningCode.KEY_USAGE, path=_PLACE, got=reason)
        key = key_of(leaf)
        if is_weak(key):
            got = f"{key.family} {key.curve or key.bits}"
            return Finding(code=SigningCode.WEAK_ALGORITHM, path=_PLACE, got=got)
        stale = _outside_validity(leaf, at)
        if stale is not None:
            return stale
        steps = [*others, *self.intermediates]
        path = self._path(leaf, steps, at=at)
        if path is None:
            return self._why_no_path(leaf, steps)
        return Chain(
            leaf=leaf,
            path=path,
            issuers=tuple(map(issuer_of, path)),
            signer=describe(leaf),
            key=key,
            valid_from=max(certificate.not_valid_before_utc for certificate in path),
            valid_until=min(certificate.not_valid_after_utc for certificate in path),
        )

    def _path(
        self, leaf: x509.Certificate, steps: list[x509.Certificate], *, at: datetime
    ) -> tuple[x509.Certificate, ...] | None:
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(at)
            .max_chain_depth(_MAX_INTERMEDIATES)
            .extension_policies(ca_policy=_AUTHORITY, ee_policy=_SIGNER)
            .build_client_verifier()
        )
        try:
            return tuple(verifier.verify(leaf, steps).chain)
        except VerificationError:
            return None

    def _why_no_path(self, leaf: x509.Certificate, steps: list[x509.Certificate]) -> Finding:
        """An authority that had expired is another matter than one that nobody here trusts."""
        once = self._path(leaf, steps, at=leaf.not_valid_before_utc)
        code = SigningCode.UNTRUSTED if once is None else SigningCode.EXPIRED
        got = "" if once is None else "a certification authority on the path had expired"
        return Finding(code=code, path=_PLACE, expected="a path to a trusted root", got=got)


def _outside_validity(leaf: x509.Certificate, at: datetime) -> Finding | None:
    if at > leaf.not_valid_after_utc:
        code, bound, expected = SigningCode.EXPIRED, leaf.not_valid_after_utc, "valid until"
    elif at < leaf.not_valid_before_utc:
        code, bound, expected = SigningCode.NOT_YET_VALID, leaf.not_valid_before_utc, "valid from"
    else:
        return None
    return Finding(code=code, path=_PLACE, expected=f"{expected} {bound.isoformat()}", got=at.isoformat())


def _load(certificates: Sequence[bytes], *, known: bool) -> tuple[x509.Certificate, list[x509.Certificate]] | Finding:
    """The signer's certificate and the authorities', whatever their order in the message."""
    try:
        distinct = list(dict.fromkeys(certificates))
        loaded = [x509.load_der_x509_certificate(der) for der in distinct]
        signers = [certificate for certificate in loaded if not is_authority(certificate)]
        malleable = any(not der.endswith(b"\0" + one.signature) for der, one in zip(distinct, loaded, strict=True))
    except (ValueError, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType):
        return Finding(code=SigningCode.NO_CERTIFICATE, path=_PLACE, got="a certificate that cannot be read")
    if malleable:  # unused bits in the signature's BIT STRING: other octets, another fingerprint, the same signature
        return Finding(code=SigningCode.NO_CERTIFICATE, path=_PLACE, expected="DER", got="another encoding")
    if not loaded:
        return Finding(code=SigningCode.NO_CERTIFICATE, path=_PLACE, expected="the signer's certificate")
    if known:
        return loaded[0], [certificate for certificate in loaded[1:] if is_authority(certificate)]
    if len(signers) > 1:
        return Finding(code=SigningCode.SHAPE, path=_PLACE, expected="one signer's certificate", got=str(len(signers)))
    leaf = signers[0] if signers else loaded[0]
    return leaf, [certificate for certificate in loaded if certificate is not leaf]


def _read(folder: Path) -> list[x509.Certificate]:
    found: dict[bytes, x509.Certificate] = {}
    for file in sorted(folder.glob("*.pem")):
        for certificate in x509.load_pem_x509_certificates(file.read_bytes()):
            found[certificate.public_bytes(Encoding.DER)] = certificate
    return list(found.values())


def _must_be_authority(_policy: Policy, _certificate: x509.Certificate, value: x509.BasicConstraints) -> None:
    if not value.ca:
        raise ValueError("not a certification authority")


def _must_issue(_policy: Policy, _certificate: x509.Certificate, value: x509.KeyUsage | None) -> None:
    if value is not None and not value.key_cert_sign:
        raise ValueError("keyUsage without keyCertSign")


#: The signer was judged by ``certificate.unfit`` beforehand, for the sake of a code of its own.
_SIGNER = ExtensionPolicy.permit_all()
_AUTHORITY = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _must_be_authority)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _must_issue)
)
