"""The door for signatures inside PDF attachments: only the Protocol; the verifier behind it comes later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from envelopes.skeleton import PayloadText
from signing.verdict import Verdict


class PdfVerifier(Protocol):
    """Verifies every signature of one PDF attachment, in the order in which they were made."""

    def verify(self, payload: PayloadText, *, at: datetime) -> Sequence[Verdict]:
        """One verdict a signature; empty if the attachment is no PDF or carries no signature. Never raises."""
        ...
