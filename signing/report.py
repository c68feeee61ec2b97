"""Every signature of one message: the one in its header and those inside its attachments.

What travels beside the envelope and is stored with it; how it is weighed is the sending agency's policy
(``trunk.domain``), never this module's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from signing.evidence import Evidence, Wanted
from signing.verdict import Indication, Verdict

VERSION = 1
"""Of the JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentReport:
    """The signatures inside one attachment, in the order in which they were made. None: it carries none."""

    content_id: str  #: without ``cid:``
    main: bool  #: the document itself: the first attachment that the manifest names
    file: str = ""  #: type of the file inside: ``pdf``, or empty for one that is never looked into
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All verdicts on one message, made at ``at``."""

    at: datetime
    envelope: Verdict
    attachments: tuple[AttachmentReport, ...] = ()

    @property
    def verdicts(self) -> Iterator[Verdict]:
        """Every signature there is, good or bad; a message without one yields its verdict of absence."""
        yield self.envelope
        for attachment in self.attachments:
            yield from attachment.verdicts

    @property
    def signatures(self) -> Sequence[Verdict]:
        """The real signatures."""
        return tuple(verdict for verdict in self.verdicts if verdict.signed)

    @property
    def indication(self) -> Indication:
        """The worst of all; INDETERMINATE at best where nobody signed the message itself, whatever is inside it."""
        return worst((self.envelope, *self.signatures))

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What all verdicts rest on, each once."""
        return tuple({item.sha256: item for verdict in self.verdicts for item in verdict.evidence}.values())

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        return tuple(dict.fromkeys(item for verdict in self.verdicts for item in verdict.wanted))

    def without_document(self) -> Report:
        """The same as plain data, fit to leave the process that made it."""
        return replace(self, envelope=replace(self.envelope, document=None))

    def as_data(self) -> dict[str, Any]:
        """For JSON: see ``Verdict.as_data``."""
        return {
            "version": VERSION,
            "at": self.at.isoformat(),
            "indication": self.indication.value,
            "envelope": self.envelope.as_data(),
            "attachments": [
                {
                    "content_id": one.content_id,
                    "main": one.main,
                    "file": one.file,
                    "signatures": [verdict.as_data() for verdict in one.verdicts],
                }
                for one in self.attachments
            ],
            "evidence": [{"kind": item.kind.value, "sha256": item.sha256} for item in self.evidence],
        }

    def as_json(self) -> str:
        """For the ledger: compact, stable key order."""
        return json.dumps(self.as_data(), ensure_ascii=False, separators=(",", ":"))


def worst(verdicts: Iterable[Verdict]) -> Indication:
    """The worst indication; INDETERMINATE where there is none."""
    found = {verdict.indication for verdict in verdicts}
    worst_first = (Indication.TOTAL_FAILED, Indication.INDETERMINATE, Indication.TOTAL_PASSED)
    return next((indication for indication in worst_first if indication in found), Indication.INDETERMINATE)
