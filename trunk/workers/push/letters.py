"""What is posted: headers, digests, signature. One form for mail and for challenges."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from signing.http_message import RequestSigner
from trunk.application.handover import Content
from trunk.domain.endpoint import Endpoint, EndpointRules
from trunk.workers.push.wire import Letter, NotSentError

COVERED: Final = (
    "content-digest",
    "content-type",
    "trunk-delivery-id",
    "trunk-envelope-id",
    "trunk-delivery-version",
    "trunk-kind",
)
REPLAYED: Final = "Trunk-Replayed-At"
"""Not signed: receivers of docs/push.md take the one list of covered components, and no other."""
CHALLENGE: Final = "challenge"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterWriter:
    """Writes letters to endpoints that keep the rules as they are now."""

    rules: EndpointRules
    signer: RequestSigner
    folder: Path  #: from which files of authorities are seen
    now: Callable[[], datetime]

    def mail(self, endpoint: Endpoint, content: Content) -> Letter:
        """Raises ``NotSentError``."""
        delivery, envelope = content.delivery, content.envelope
        said = {
            "Content-Type": "application/xml",
            "Trunk-Delivery-Id": delivery.id,
            "Trunk-Envelope-Id": envelope.id,
            "Trunk-Delivery-Version": str(delivery.version),
            "Trunk-Kind": envelope.kind.value,
            "Trunk-Urgency": str(delivery.urgency),
        }
        if delivery.replayed_at is not None:
            said[REPLAYED] = delivery.replayed_at.isoformat(timespec="milliseconds")
        return self._letter(endpoint, said, content.octets, size=envelope.size, sha256=envelope.sha256)

    def challenge(self, endpoint: Endpoint, nonce: str) -> Letter:
        """A question that only who has the endpoint can answer. Raises ``NotSentError``."""
        octets = orjson.dumps({CHALLENGE: nonce})
        said = {
            "Content-Type": "application/json",
            "Trunk-Delivery-Id": nonce,
            "Trunk-Envelope-Id": nonce,
            "Trunk-Delivery-Version": "0",
            "Trunk-Kind": CHALLENGE,
        }
        return self._letter(endpoint, said, octets, size=len(octets), sha256=hashlib.sha256(octets).hexdigest())

    def _letter(
        self, endpoint: Endpoint, said: Mapping[str, str], source: bytes | Path, *, size: int, sha256: str
    ) -> Letter:
        if self.rules.read(endpoint.url) != endpoint.url:
            raise NotSentError("not_allowed")
        digest = f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
        headers = {
            **said,
            "Idempotency-Key": said["Trunk-Delivery-Id"],
            "Content-Digest": digest,
            "Repr-Digest": digest,
        }
        return Letter(
            url=endpoint.url,
            headers=self.signer.sign(endpoint.url, headers, covered=COVERED, at=self.now(), key_id=endpoint.key_id),
            source=source,
            size=size,
            sha256=sha256,
            private=self.rules.private(endpoint.url),
            ca_file=self.folder / endpoint.ca_file if endpoint.ca_file else None,
        )
