"""What is remembered as entered: only what this very submission made."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from typing import Any

import pytest

from signing.evidence import Evidence, EvidenceKind
from tests.ledger_kit import acceptance
from trunk.application.enter import Entrance
from trunk.application.evidence import EvidenceShelf
from trunk.application.submission import PreparedDocument
from trunk.domain.agency import Caller, SystemId
from trunk.domain.delivery import EnvelopeId
from trunk.domain.entry import AcceptedEnvelope, AlreadyThere, Entered, EntryResult, KeyTaken
from trunk.errors import LedgerUnavailableError

CALLER = Caller(system=SystemId("h41-qlvb"), agencies=frozenset())
TOKEN = Evidence.of(EvidenceKind.TIMESTAMP, b"token")
MADE = dataclasses.replace(acceptance(), evidence=(TOKEN,))
THERE = AcceptedEnvelope(
    envelope=MADE.entry.envelope, deliveries=(), acknowledgement=MADE.acknowledgement.envelope, sealed=b""
)


@pytest.mark.parametrize(
    ("result", "remembered"),
    [
        (Entered(THERE), True),
        (AlreadyThere(THERE), False),
        (KeyTaken(EnvelopeId("E1")), False),
        (LedgerUnavailableError("away"), False),
    ],
)
def test_evidence_counts_as_entered_only_with_its_envelope(
    result: EntryResult | Exception,
    remembered: bool,  # noqa: FBT001 - a table
) -> None:
    committed: Future[EntryResult] = Future()
    if isinstance(result, Exception):
        committed.set_exception(result)
    else:
        committed.set_result(result)

    class Scribe:
        def accept(self, _: object) -> Future[EntryResult]:
            return committed

    scribe: Any = Scribe()
    nobody: Any = None
    shelf = EvidenceShelf()
    entrance = Entrance(scribe=scribe, receipts=nobody, revisions=nobody, executor=nobody, evidence=shelf)
    entrance.enter(PreparedDocument(acceptance=MADE, caller=CALLER, warnings=())).exception()
    assert (shelf.lacking([TOKEN]) == ()) is remembered
