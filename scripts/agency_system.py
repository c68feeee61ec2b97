"""An agency's document-management system, as small as it can be: submits, looks into its inbox, fetches, confirms.

Used by the demonstration and by the tests from outside the trunk's process; an example for integrators too.
Standard library only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

_OPENER = build_opener(ProxyHandler({}))  # loopback never goes through a proxy


@dataclass(frozen=True, slots=True)
class Answer:
    """What the trunk answered."""

    status: int
    headers: Mapping[str, str]
    octets: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.octets)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencySystem:
    """Speaks the native API for one agency. Raises ``OSError`` where the trunk does not answer."""

    base_url: str
    key: str
    timeout_seconds: float = 30

    def submit(self, octets: bytes, *, idempotency_key: str | None = None) -> Answer:
        """POST an edXML message."""
        extra = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.call("POST", "/api/v1/envelopes", octets, {"Content-Type": "application/xml", **extra})

    def inbox(self, **query: str | int) -> Answer:
        """One page of the inbox; ``cursor``, ``limit``, ``wait`` (seconds)."""
        return self.call("GET", "/api/v1/inbox?" + urlencode(query))

    def mail(self, *, kind: str | None = None) -> Iterator[dict[str, Any]]:
        """Everything that waits, following cursors to the end; delivery and envelope in one dictionary."""
        query: dict[str, str | int] = {}
        while (page := self.inbox(**query).json)["items"]:
            found = ({**item["envelope"], **item} for item in page["items"])
            yield from (item for item in found if kind in (None, item["kind"]))
            query = {"cursor": page["cursor"]}

    def fetch(self, delivery_id: str) -> Answer:
        """The envelope, octet for octet."""
        return self.call("GET", f"/api/v1/deliveries/{delivery_id}/envelope")

    def confirm(self, delivery_id: str, octets: bytes) -> Answer:
        """Say that ``octets`` arrived whole."""
        return self.say(delivery_id, {"outcome": "taken", "sha256": hashlib.sha256(octets).hexdigest()})

    def say(self, delivery_id: str, word: Mapping[str, str]) -> Answer:
        """Any confirmation."""
        body = json.dumps(word).encode()
        headers = {"Content-Type": "application/json"}
        return self.call("POST", f"/api/v1/deliveries/{delivery_id}/confirmation", body, headers)

    def track(self, envelope_id: str) -> Answer:
        """Where an envelope is."""
        return self.call("GET", f"/api/v1/envelopes/{envelope_id}")

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request, authenticated."""
        everything = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        request = Request(self.base_url + path, data=body, headers=everything, method=method)  # noqa: S310
        try:
            with _OPENER.open(request, timeout=self.timeout_seconds) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, dict(refusal.headers), refusal.read())
