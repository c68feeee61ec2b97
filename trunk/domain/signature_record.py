"""What is kept of an envelope's signatures: the report, and what the sender's policy made of it.

JSON in the ledger, with a version. The first ledgers held one verdict alone: it is read as a report of today.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from signing.report import VERSION, Report
from trunk.domain.entry import EnvelopeRecord
from trunk.domain.signature_policy import Weighed

Data = dict[str, Any]


def written(report: Report, weighed: Weighed) -> str:
    """For the ledger: compact, stable key order."""
    return orjson.dumps({**report.as_data(), "policy": weighed.as_data()}).decode()


@dataclass(frozen=True, slots=True)
class SignatureRecord:
    """The kept record, read."""

    data: Data

    @property
    def indication(self) -> str:
        """The worst of all signatures, in words of EN 319 102-1."""
        return str(self.data["indication"])

    @property
    def evidence(self) -> Iterator[tuple[str, str]]:
        """Kind and SHA-256 of everything that it rests on."""
        return ((item["kind"], item["sha256"]) for item in self.data["evidence"])

    def rests_on(self, sha256: str) -> bool:
        return any(digest == sha256 for _, digest in self.evidence)

    @property
    def signatures(self) -> Iterator[Data]:
        """Every verdict: of the header, then of each attachment."""
        if self.data["envelope"] is not None:
            yield self.data["envelope"]
        for attachment in self.data["attachments"]:
            yield from attachment["signatures"]


def read(envelope: EnvelopeRecord) -> SignatureRecord | None:
    """What is kept of ``envelope``; None of what the trunk seals itself."""
    kept: Data = orjson.loads(envelope.verdict)
    if "version" in kept:
        return SignatureRecord({"policy": None, **kept})
    return SignatureRecord(_of_first_ledgers(kept, envelope)) if kept else None


def _of_first_ledgers(verdict: Data, envelope: EnvelopeRecord) -> Data:
    """Before there were reports: one verdict on the header, without evidence."""
    unknown: Data = {"sub_indication": "", "place": "envelope", "path": "", "order": 1, "profile": "", "chain": []}
    nothing: Data = {"later_changes": [], "revocation": [], "claimed_time": None, "timestamp": None}
    signer = verdict["signer"]
    if signer is not None:
        role = "person" if signer["personal"] else "unknown"
        kept = {name: value for name, value in signer.items() if name != "personal"}
        signer = {**kept, "role": role, "domain": "", "key_bits": 0}
    return {
        "version": VERSION,
        "at": envelope.accepted_at.isoformat(),
        "indication": verdict["indication"],
        "envelope": {**unknown, **nothing, **verdict, "signer": signer},
        "attachments": [],
        "evidence": [],
        "policy": None,
    }
