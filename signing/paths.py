"""Paths from a certificate to a root: found by us within bounds, validated by pyhanko-certvalidator one at a time.

Roads are built from the roots downward: an authority counts only once a key that we trust already has signed it,
so that what a caller sends costs one signature check for each of our own authorities of the same name, however
many look-alikes he adds. RFC 5280 6.1 (lengths, name constraints, policies, unknown critical extensions) is the
library's matter; it never builds paths itself (look-alikes cost it minutes).
"""

from __future__ import annotations

import threading
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto.x509 import Certificate as Asn1Certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator.authority import AuthorityWithCert, TrustAnchor, TrustQualifiers, derive_quals_from_cert
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, CertRevTrustPolicy
from pyhanko_certvalidator.validate import async_validate_path

from signing.certificate import UNREADABLE, is_authority, is_weak, key_of, may_be_by
from signing.signed import signed_by

MOST_AUTHORITIES: Final = 3  # signer, at most three authorities, root
_MOST_PATHS: Final = 8
_MOST_LOOKS: Final = 256
_UNCHECKED: Final = CertRevTrustPolicy(NO_REVOCATION)
_ANY_POLICY: Final = frozenset({"any_policy"})
_READING: Final = threading.Lock()  # asn1crypto reads lazily and not thread-safely


class Node:
    """A certificate on the way, read by both libraries. Raises ``ValueError`` for what either cannot read."""

    __slots__ = ("asn1", "certificate", "der", "issuer", "subject")

    def __init__(self, certificate: x509.Certificate) -> None:
        self.certificate = certificate
        self.der = certificate.public_bytes(Encoding.DER)
        try:
            self.asn1 = Asn1Certificate.load(self.der, strict=True)
            self.subject: str = self.asn1.subject.hashable  # compared as RFC 5280 7.1 has it, not octet by octet
            self.issuer: str = self.asn1.issuer.hashable
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError("a certificate that cannot be read") from error

    def says_by(self, authority: Node) -> bool:
        """Whether it names ``authority`` as its issuer. One that renewed its key under its name is another."""
        return self.issuer == authority.subject and may_be_by(self.certificate, authority.certificate)


def authorities(certificates: Iterable[x509.Certificate]) -> Iterator[Node]:
    """Those that may be steps on a path."""
    for certificate in certificates:
        try:
            if is_authority(certificate) and not is_weak(key_of(certificate)):
                yield Node(certificate)
        except UNREADABLE:
            continue


class Roads:
    """All authorities that certain roots vouch for."""

    def __init__(self, roots: Sequence[Node], steps: Iterable[Node], *, most: int = MOST_AUTHORITIES) -> None:
        self._most = most
        self._roots = {node.der: node for node in roots}
        self._trusted: dict[str, list[Node]] = {}
        for root in self._roots.values():
            self._trusted.setdefault(root.subject, []).append(root)
        self._spread({node.der: node for node in steps})

    def joined(self, steps: Iterable[Node]) -> Roads:
        """The same with further steps, such as a message brings."""
        roads = object.__new__(Roads)
        roads._most, roads._roots = self._most, self._roots
        roads._trusted = {name: list(nodes) for name, nodes in self._trusted.items()}
        known = {node.der for nodes in self._trusted.values() for node in nodes}
        roads._spread({node.der: node for node in steps if node.der not in known})
        return roads

    def _spread(self, waiting: dict[bytes, Node]) -> None:
        for _ in range(self._most):
            reached = [node for node in waiting.values() if node.der not in self._roots and any(self.above(node))]
            for node in reached:
                del waiting[node.der]
                self._trusted.setdefault(node.subject, []).append(node)
            if not reached:
                return

    def names(self, node: Node) -> bool:
        """Whether an authority is trusted that ``node`` says to be its issuer, by name and key identifier."""
        return any(node.says_by(authority) for authority in self._trusted.get(node.issuer, ()))

    def above(self, node: Node) -> Iterator[Node]:
        """The trusted authorities that signed it."""
        for authority in self._trusted.get(node.issuer, ()):
            if authority.der != node.der and signed_by(node.certificate, authority.certificate.public_key()):
                yield authority

    def paths(self, leaf: Node) -> Iterator[tuple[Node, ...]]:
        """From ``leaf`` to a root, the shortest first. No path has been validated yet."""
        if leaf.der in self._roots:
            yield (self._roots[leaf.der],)
            return
        found = 0
        begun: list[tuple[Node, ...]] = [(leaf,)]
        for _ in range(_MOST_LOOKS):
            if not begun or found == _MOST_PATHS:
                return
            path = begun.pop(0)
            for authority in self.above(path[-1]):
                if authority.der in self._roots:
                    found += 1
                    yield (*path, authority)
                elif len(path) <= self._most and authority not in path:
                    begun.append((*path, authority))


def is_valid(path: Sequence[Node], *, at: datetime) -> bool:
    """Whether RFC 5280 6.1 holds for the path (signer first, root last) at ``at``. Revocation is asked elsewhere."""
    *below, root = path
    if any(not _in_time(node, at) for node in path):
        return False
    if not below:
        return True
    with _READING:
        try:
            anchor = TrustAnchor(AuthorityWithCert(root.asn1), _limits(root))
            context = ValidationContext(
                trust_roots=[anchor], moment=at, revinfo_policy=_UNCHECKED, time_tolerance=timedelta(0)
            )
            whole = ValidationPath(anchor, interm=[node.asn1 for node in reversed(below[1:])], leaf=below[0].asn1)
            _finish(async_validate_path(context, whole))
        except (PathError, ValidationError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError):
            return False
    return True


def _in_time(node: Node, at: datetime) -> bool:
    return node.certificate.not_valid_before_utc <= at <= node.certificate.not_valid_after_utc


def _limits(root: Node) -> TrustQualifiers:
    """The root's own length and name constraints hold; the policies that it names bind nobody."""
    told = derive_quals_from_cert(root.asn1)
    parameters = told.standard_parameters
    if parameters is not None:
        parameters = replace(parameters, user_initial_policy_set=_ANY_POLICY, initial_explicit_policy=False)
    return TrustQualifiers(
        max_path_length=told.max_path_length,
        max_aa_path_length=told.max_path_length,
        standard_parameters=parameters,
    )


def _finish(work: Coroutine[Any, Any, Any]) -> None:
    """Runs what is asynchronous in form only: nothing is fetched, so it never waits."""
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise ValidationError("validation waited for something")
