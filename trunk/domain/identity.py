"""What makes two submissions the same one.

``DocumentId`` alone is not unique in real mail (fixed sample ids; an update may reuse it), so the key of a
message is the sender, its ``DocumentId`` and the digest of its octets; what another hub brings may come for some of the
addressees at a time, so they belong to its key. An acknowledgement's key is its fact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from trunk.domain.delivery import AckKind, AgencyCode, DeliveryId


def of_submission(*, sender: AgencyCode, document_id: str, sha256: str, brought_for: Iterable[AgencyCode] = ()) -> str:
    """The key of a document or status message (64 hex digits, whatever the length of the id)."""
    key = f"{sender}\n{sha256}\n{document_id}"
    whom = "".join(f"\n\n{code}" for code in sorted(brought_for))
    return hashlib.sha256(f"{key}{whom}".encode()).hexdigest()


def of_acknowledgement(kind: AckKind, about: DeliveryId | str) -> str:
    """The key of an acknowledgement: one of a kind for one delivery, or for one submission's identity."""
    return f"{kind}:{about}"
