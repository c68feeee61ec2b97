"""Core verdicts on XML signatures: does the cryptography verify, with every algorithm allowed and the right key given?

signxml as ``signing.engine`` uses it and with the engine's canonicalization, but without our profile: SHA-1, HMAC,
KeyValue and whole documents are allowed here. A transform that signxml would pass over in silence is refused,
since a signature accepted without it proves nothing.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from lxml import etree
from lxml.etree import _Element
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidInput, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from scripts.make_test_pki import Wish, ec_key, issue
from scripts.vectors_check.frame import ACCEPTED, Answer, refused
from scripts.vectors_check.xml_features import TRANSFORMS, tree
from signing.engine import canonical
from signing.names import ds

_METHODS: Final = frozenset(SignatureMethod)
_DIGESTS: Final = frozenset(DigestAlgorithm)
_HMAC: Final = frozenset(method for method in _METHODS if method.name.startswith("HMAC"))
_BARE_KEYS: Final = (
    f"{ds('KeyInfo')}/{ds('KeyValue')}",
    f"{ds('KeyInfo')}/{{http://www.w3.org/2009/xmldsig11#}}DEREncodedKeyValue",
)
#: What signxml says, and what it falls over on what it does not expect.
_REFUSALS: Final = (
    SignXMLException, InvalidSignature, UnsupportedAlgorithm, etree.LxmlError,
    ValueError, AttributeError, TypeError, NotImplementedError, KeyError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What a test is given beside the file."""

    public: tuple[Any, ...] = ()
    shared: tuple[bytes, ...] = ()  #: for HMAC
    external: Mapping[str, bytes] = field(default_factory=dict)  #: what references name outside the document


class _Holder:
    """A bare key where signxml expects a certificate."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def public_key(self) -> Any:
        return self._key


class OpenVerifier(XMLVerifier):
    """Verifies one signature with whichever of the given keys fits. Not to be reused, and never for real mail."""

    def __init__(self, signature: _Element, keys: Sequence[Any]) -> None:
        super().__init__()
        self._pinned = _path(signature)
        self._keys = keys

    def _get_signature(self, root: Any) -> Any:
        return _follow(root, self._pinned)

    def _check_cert_validity(self, cert: Any, cert_source: Any) -> None:
        """The key is given: whose it is, and since when, is not judged here."""

    def _c14n(self, nodes: Any, algorithm: CanonicalizationMethod, inclusive_ns_prefixes: Any = None) -> bytes:
        return canonical(nodes, algorithm=algorithm, prefixes=inclusive_ns_prefixes, parser=self.parser)

    def _apply_transforms(self, payload: Any, *, transforms_node: Any, signature: Any) -> Any:
        for transform in () if transforms_node is None else transforms_node.iter(ds("Transform")):
            if transform.get("Algorithm") not in TRANSFORMS:
                raise InvalidInput("a transform that would be passed over")
        return super()._apply_transforms(payload, transforms_node=transforms_node, signature=signature)

    def _verify_signature_with_pubkey(self, **how: Any) -> Any:
        if how.get("signing_certificate") is None:
            return super()._verify_signature_with_pubkey(**how)
        for key in self._keys:
            try:
                return super()._verify_signature_with_pubkey(**{**how, "signing_certificate": _Holder(key)})
            except (InvalidSignature, SignXMLException):
                continue
        raise InvalidInput("no key fits")


def judge(octets: bytes, keys: Keys) -> Answer:
    """Whether the first signature of a document verifies with one of the keys, its own among them."""
    try:
        root = tree(octets)
        signature = next(root.iter(ds("Signature")), None)
        if signature is None:
            return refused("no signature")
        _verify(root, signature, keys)
    except _REFUSALS as error:
        return refused(error)
    return ACCEPTED


def judge_any(octets: bytes, given: Sequence[Keys]) -> Answer:
    """The best answer: what a reference names may have been given in several editions."""
    answers = [judge(octets, keys) for keys in given]
    return next((answer for answer in answers if answer.accepted), answers[0])


def _verify(root: _Element, signature: _Element, keys: Keys) -> None:
    method = signature.find(f"{ds('SignedInfo')}/{ds('SignatureMethod')}")
    if method is not None and SignatureMethod(method.get("Algorithm")) in _HMAC:
        _try_each(root, signature, keys, ways=[{"hmac_key": secret} for secret in keys.shared], methods=_HMAC)
        return
    own = [certificate.public_key() for certificate in certificates(root)]
    bare = signature.find(f"{ds('KeyInfo')}/{ds('X509Data')}") is None
    ways: list[dict[str, Any]] = [{}] if bare and any(signature.find(path) is not None for path in _BARE_KEYS) else []
    given = replace(keys, public=(*own, *keys.public))
    _try_each(root, signature, given, ways=[*ways, {"x509_cert": _stand_in()}], methods=_METHODS)


def _try_each(
    root: _Element, signature: _Element, keys: Keys, *, ways: list[dict[str, Any]], methods: frozenset[SignatureMethod]
) -> None:
    wanted = SignatureConfiguration(
        require_x509=False,
        expect_references=False,
        signature_methods=methods,
        digest_algorithms=_DIGESTS,
        ignore_ambiguous_key_info=True,
    )
    error: Exception = InvalidInput("no key was given")
    for way in ways:
        verifier = OpenVerifier(signature, keys.public)
        try:
            verifier.verify(root, **way, uri_resolver=keys.external.get, expect_config=wanted)
        except (SignXMLException, InvalidSignature) as failed:
            error = failed
        else:
            return
    raise error


@cache
def _stand_in() -> x509.Certificate:
    """signxml wants a certificate before it asks for its key; the keys are ``OpenVerifier``'s."""
    return issue(None, Wish(name="stand-in", key=ec_key()), at=datetime(2026, 1, 1, tzinfo=UTC)).certificate


def certificates(root: _Element) -> Iterator[x509.Certificate]:
    """Those that the document brings along, wherever they stand; unreadable ones left out."""
    for element in root.iter(ds("X509Certificate")):
        try:
            yield x509.load_der_x509_certificate(b64decode(element.text or ""))
        except (ValueError, UnsupportedAlgorithm):
            continue


def _path(element: _Element) -> tuple[int, ...]:
    """Where an element stands: signxml works on copies of the tree."""
    parent = element.getparent()
    return () if parent is None else (*_path(parent), parent.index(element))


def _follow(root: _Element, path: tuple[int, ...]) -> _Element:
    for place in path:
        root = root[place]
    return root
