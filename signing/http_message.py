"""HTTP message signatures (RFC 9421) over requests that the trunk makes: ECDSA P-256, with the seal's key.

Every field that is signed must be there; what is not named in ``covered`` is not signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

LABEL: Final = "trunk"
TAG: Final = "edoc-push"


@dataclass(slots=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str]


@dataclass(slots=True)
class _Key(HTTPSignatureKeyResolver):
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def resolve_private_key(self, key_id: str) -> ec.EllipticCurvePrivateKey:
        del key_id  # there is one
        return self.key


class RequestSigner:
    """Signs with one key. Safe to share between threads."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, *, key_id: str) -> None:
        """``key_id``: what the key is called where nobody calls it otherwise."""
        self._signer = HTTPMessageSigner(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=_Key(key))
        self.key_id = key_id

    def sign(
        self, url: str, headers: Mapping[str, str], *, covered: Sequence[str], at: datetime, key_id: str = ""
    ) -> dict[str, str]:
        """The headers of a POST with ``Signature-Input`` and ``Signature``."""
        request = _Request("POST", url, dict(headers))
        self._signer.sign(
            request,
            key_id=key_id or self.key_id,
            created=at,
            label=LABEL,
            tag=TAG,
            covered_component_ids=("@method", "@target-uri", *covered),
            use_existing_digest=True,
        )
        return request.headers
