"""Whom do we trust? Roots of trust domains, and paths from a signer to one of them.

Law: only a root of a domain that is used for the purpose ends a path; certificates from a message or from the
network are at most steps on it. A result is remembered by the exact certificates, and only for times at which every
certificate of the path is valid; revocation is asked elsewhere and never remembered here. A changed folder is a
new ``TrustStore`` (``signing.trust_folder``).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signing.certificate import (
    UNREADABLE,
    Key,
    Purpose,
    describe,
    fingerprint,
    is_authority,
    is_weak,
    issuer_of,
    key_of,
    unfit,
)
from signing.domains import Domain, read_domains, read_intermediates
from signing.errors import SigningCode
from signing.evidence import Evidence, EvidenceKind, Wanted
from signing.paths import MOST_AUTHORITIES, Node, Roads, authorities, is_valid
from signing.revocation.places import issuer_urls
from signing.verdict import Finding, Link, Signer

_REMEMBERED: Final = 4096
_MOST_STEPS: Final = 16
_PLACE: Final = "ds:KeyInfo/ds:X509Data"


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A validated path and what was learned on the way. Remembered, so what every verdict tells of it is made once."""

    leaf: x509.Certificate
    path: tuple[x509.Certificate, ...]  #: signer first, root last
    issuers: tuple[str, ...]  #: of each certificate of the path, RFC 4514
    signer: Signer
    key: Key
    valid_from: datetime  #: latest notBefore on the path
    valid_until: datetime  #: earliest notAfter on the path

    def holds_at(self, at: datetime) -> bool:
        return self.valid_from <= at <= self.valid_until

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The path as a verdict shows it."""
        return tuple(
            Link(
                fingerprint=fingerprint(certificate),
                issuer=issuer,
                serial=format(certificate.serial_number, "x"),
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
            )
            for certificate, issuer in zip(self.path, self.issuers, strict=True)
        )

    @cached_property
    def evidence(self) -> tuple[Evidence, ...]:
        """The certificates themselves."""
        return tuple(
            Evidence.of(EvidenceKind.CERTIFICATE, certificate.public_bytes(Encoding.DER)) for certificate in self.path
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete(Finding):
    """No path *yet*: an authority is missing that the certificate tells where to get."""

    wanted: tuple[Wanted, ...]


class Trust(Protocol):
    """Whoever finds paths."""

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
        ...


class TrustStore:
    """Trust domains and intermediates, and the paths found with them. Safe to share between threads."""

    def __init__(
        self,
        roots: Iterable[x509.Certificate] = (),
        intermediates: Iterable[x509.Certificate] = (),
        *,
        domains: Sequence[Domain] = (),
        most_authorities: int = MOST_AUTHORITIES,
        obtainable: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda _: (),
    ) -> None:
        """Either ``roots`` of one domain or ``domains``. ``obtainable``: those URLs that may bring an issuer."""
        own = tuple(roots)
        self.domains = tuple(domains) or ((Domain(roots=own),) if own else ())
        self.roots = tuple(root for domain in self.domains for root in domain.roots)
        self.intermediates = tuple(intermediates)
        if not self.roots:
            raise ValueError("a trust store needs at least one root certificate")
        self._obtainable = obtainable
        self._domain_of = {Node(root).der: domain for domain in self.domains for root in domain.roots}
        self._steps = list(authorities(self.intermediates))
        self._roads = {
            purpose: Roads(
                [Node(root) for domain in self.domains if purpose in domain.uses for root in domain.roots],
                self._steps,
                most=most_authorities,
            )
            for purpose in Purpose
        }
        self._found: OrderedDict[bytes, Chain] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def from_folder(cls, folder: Path) -> TrustStore:
        """See ``signing.domains``. Raises ``OSError``, ``ValueError`` (no root, a file that cannot be read, …)."""
        return cls(domains=read_domains(folder), intermediates=read_intermediates(folder))

    def chain(
        self,
        certificates: Sequence[bytes],
        *,
        at: datetime,
        purpose: Purpose = Purpose.DOCUMENTS,
        leaf: bytes | None = None,
    ) -> Chain | Finding:
        """See ``Trust.chain``."""
        given = certificates if leaf is None else (leaf, *certificates)
        told = b"".join(hashlib.sha256(der).digest() for der in given)
        key = hashlib.sha256(purpose.encode() + bytes([leaf is not None]) + told).digest()
        with self._lock:
            known = self._found.get(key)
        if known is not None and known.holds_at(at):
            return known
        try:
            found = self._find(given, at=at, purpose=purpose, known=leaf is not None)
        except UNREADABLE:
            found = Finding(code=SigningCode.NO_CERTIFICATE, path=_PLACE, got="a certificate that cannot be read")
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
        steps = list(authorities(others[:_MOST_STEPS]))
        path = self._path(Node(leaf), self._roads[purpose].joined(steps), steps, at)
        return path if isinstance(path, Finding) else self._describe(path, key)

    def _path(self, leaf: Node, roads: Roads, steps: list[Node], at: datetime) -> Sequence[Node] | Finding:
        stale = False
        for path in roads.paths(leaf):
            if is_valid(path, at=at):
                return path
            stale = stale or is_valid(path, at=leaf.certificate.not_valid_before_utc)
        if stale:  # another matter than an authority that nobody here trusts
            got = "a certification authority on the path had expired"
            return Finding(code=SigningCode.EXPIRED, path=_PLACE, expected="a path to a trusted root", got=got)
        wanted = tuple(self._wanted(leaf, roads, steps))
        if wanted:
            code, expected = SigningCode.CHAIN_INCOMPLETE, "the certificate of its authority"
            return Incomplete(code=code, path=_PLACE, expected=expected, wanted=wanted)
        return Finding(code=SigningCode.UNTRUSTED, path=_PLACE, expected="a path to a trusted root")

    def _wanted(self, leaf: Node, roads: Roads, steps: list[Node]) -> Iterator[Wanted]:
        """The issuer of the highest certificate in hand, if it is not in hand and nobody known here."""
        top, steps = leaf, [*steps, *self._steps]
        for _ in range(MOST_AUTHORITIES):
            top = next((step for step in steps if top.says_by(step)), top)
        if top.subject == top.issuer or roads.names(top) or any(map(top.says_by, steps)):
            return
        urls = self._obtainable(issuer_urls(top.certificate))
        if urls:
            yield Wanted(kind=EvidenceKind.CERTIFICATE, urls=urls, subject=top.der, issuer=b"")

    def _describe(self, path: Sequence[Node], key: Key) -> Chain:
        certificates = tuple(node.certificate for node in path)
        domain = self._domain_of[path[-1].der]
        return Chain(
            leaf=certificates[0],
            path=certificates,
            issuers=tuple(map(issuer_of, certificates)),
            signer=describe(certificates[0], roles=domain.roles, domain=domain.name),
            key=key,
            valid_from=max(certificate.not_valid_before_utc for certificate in certificates),
            valid_until=min(certificate.not_valid_after_utc for certificate in certificates),
        )


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
    distinct = list(dict.fromkeys(certificates))
    loaded = [x509.load_der_x509_certificate(der) for der in distinct]
    signers = [certificate for certificate in loaded if not is_authority(certificate)]
    if any(not der.endswith(b"\0" + one.signature) for der, one in zip(distinct, loaded, strict=True)):
        # unused bits in the signature's BIT STRING: other octets, another fingerprint, the same signature
        return Finding(code=SigningCode.NO_CERTIFICATE, path=_PLACE, expected="DER", got="another encoding")
    if not loaded:
        return Finding(code=SigningCode.NO_CERTIFICATE, path=_PLACE, expected="the signer's certificate")
    if known:
        return loaded[0], [certificate for certificate in loaded[1:] if is_authority(certificate)]
    if len(signers) > 1:
        return Finding(code=SigningCode.SHAPE, path=_PLACE, expected="one signer's certificate", got=str(len(signers)))
    leaf = signers[0] if signers else loaded[0]
    return leaf, [certificate for certificate in loaded if certificate is not leaf]
