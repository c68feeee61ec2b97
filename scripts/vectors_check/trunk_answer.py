"""The trunk's verdict: what stages 2 to 5 answer to octets, as the service runs them; a code wherever they refuse."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Final

from scripts.make_test_pki import make_pki
from scripts.vectors_check.frame import ACCEPTED, Answer, Case, Stated, VectorSet, refused
from signing.examiner import Examiner
from signing.trust import TrustStore
from signing.verifier import Verifier

AT: Final = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def trunk_set(
    name: str, files: Iterable[Path], *, below: Path, seconds: float = 2.0, mebibytes: int = 500
) -> VectorSet:
    """Third-party files as messages: every one is to be refused."""
    cases = [
        Case(
            name=str(file.relative_to(below)),
            stated=Stated.REFUSE,
            run=partial(answer, file.read_bytes()),
            seconds=seconds,
        )
        for file in files
    ]
    return VectorSet(name=name, kind="trunk", cases=cases, mebibytes=mebibytes, warm=[warm])


def answer(octets: bytes) -> Answer:
    """What becomes of a message of these octets."""
    found = _examiner().examine(octets, at=AT)
    if found.faults:
        return refused(found.faults[0].code)
    if found.report is not None and not found.report.envelope.passed:
        return refused(found.report.envelope.findings[0].code)
    return ACCEPTED


@cache
def _examiner() -> Examiner:
    pki = make_pki(at=AT)
    return Examiner(verifier=Verifier(TrustStore([pki["root"].certificate], [pki["ca"].certificate])))


def warm() -> None:
    """Everything that is imported or read at the first message."""
    vectors = Path(__file__).parents[2] / "tests" / "vectors"
    for file in sorted((vectors / "signed").glob("*.edxml"))[:3]:
        answer(file.read_bytes())
    answer(b"<edXML/>")
    answer(os.urandom(8))
