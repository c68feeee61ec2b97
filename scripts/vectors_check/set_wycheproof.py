"""wycheproof: the verification primitives that stand below every signature here.

RSA PKCS#1 v1.5, RSA-PSS and ECDSA as r‖s go through signxml's own verification, as ``signing.engine`` inherits it;
ECDSA in DER, as certificates and lists carry it, through ``cryptography``.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from lxml import etree
from lxml.etree import _Element
from signxml.algorithms import SignatureMethod
from signxml.exceptions import SignXMLException

from scripts.vectors_check.frame import ACCEPTED, Answer, Case, Stated, VectorSet, refused
from signing.engine import PinnedVerifier

_STATED: Final = {"valid": Stated.ACCEPT, "invalid": Stated.REFUSE, "acceptable": Stated.POLICY}
_METHODS: Final = {
    "RsassaPkcs1Verify": "RSA_SHA{bits}",
    "RsassaPssVerify": "SHA{bits}_RSA_MGF1",
    "EcdsaP1363Verify": "ECDSA_SHA{bits}",
}
_HASHES: Final = {"SHA-256": hashes.SHA256(), "SHA-384": hashes.SHA384(), "SHA-512": hashes.SHA512()}


class _Bare(PinnedVerifier):
    """The one step in which a signature value is checked with a key."""

    def __init__(self, signature: _Element) -> None:
        super().__init__(signature=signature, targets={})

    def check(self, *, key: bytes, method: SignatureMethod, message: bytes, value: bytes) -> None:
        element = etree.Element("DEREncodedKeyValue")
        element.text = b64encode(key).decode()
        self._verify_signature_with_pubkey(
            signed_info_c14n=message, raw_signature=value, signature_alg=method, der_encoded_key_value=element
        )


def sets(folder: Path) -> Iterator[VectorSet]:
    cases = [case for file in sorted(folder.glob("*.json")) for case in _cases(file)]
    yield VectorSet(name="wycheproof", kind="core", cases=cases, warm=[case.run for case in cases[::400]])


def _cases(file: Path) -> Iterator[Case]:
    for group in json.loads(file.read_text(encoding="utf-8"))["testGroups"]:
        check = _check(group)
        for test in group["tests"]:
            message, value = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            yield Case(
                name=f"{file.stem}#{test['tcId']}",
                stated=_STATED[test["result"]],
                run=partial(_run, check, message, value),
                unsupported="DigestInfo without NULL" if test["result"] == "acceptable" else "",
            )


def _check(group: dict[str, Any]) -> Callable[[bytes, bytes], None]:
    key = bytes.fromhex(group["publicKeyDer"])
    method = _METHODS.get(group["type"])
    if method is None:
        return partial(_check_der, key, _HASHES[group["sha"]])
    return partial(_check_raw, key, SignatureMethod[method.format(bits=group["sha"].removeprefix("SHA-"))])


def _check_raw(key: bytes, method: SignatureMethod, message: bytes, value: bytes) -> None:
    _Bare(etree.Element("Signature")).check(key=key, method=method, message=message, value=value)


def _check_der(key: bytes, digest: hashes.HashAlgorithm, message: bytes, value: bytes) -> None:
    loaded = load_der_public_key(key)
    if not isinstance(loaded, ec.EllipticCurvePublicKey):
        raise TypeError("not a key for ECDSA")
    loaded.verify(value, message, ec.ECDSA(digest))


def _run(check: Callable[[bytes, bytes], None], message: bytes, value: bytes) -> Answer:
    try:
        check(message, value)
    except (InvalidSignature, SignXMLException) as error:
        return refused(error)
    return ACCEPTED
