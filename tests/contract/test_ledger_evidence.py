"""What verdicts rest on enters with the acceptance that rests on it, and is stored once."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from signing.evidence import Evidence, EvidenceKind
from tests.ledger_kit import accept, acceptance, entered
from trunk.domain.entry import Acceptance, AlreadyThere
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe
from trunk.storage.tables import EVIDENCE

CERTIFICATE = Evidence.of(EvidenceKind.CERTIFICATE, b"\x30\x00certificate")
LIST = Evidence.of(EvidenceKind.CRL, bytes(range(256)) * 6_000)  # lists can be megabytes
ANSWER = Evidence.of(EvidenceKind.OCSP, b"\x30\x01\x00")
TOKEN = Evidence.of(EvidenceKind.TIMESTAMP, b"\x00\xff" * 9)


def resting_on(*evidence: Evidence, number: str = "VB-1") -> Acceptance:
    return dataclasses.replace(acceptance(number, number.encode()), evidence=evidence)


def digests(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.execute(sa.select(EVIDENCE.c.sha256)).scalars())


def test_evidence_comes_back_octet_for_octet(ledger: Ledger) -> None:
    everything = (CERTIFICATE, LIST, ANSWER, TOKEN)
    entered(ledger, resting_on(*everything))
    with ledger.read() as view:
        assert [view.evidence(item.sha256) for item in everything] == list(everything)
        assert view.evidence(hashlib.sha256(b"another").hexdigest()) is None


def test_it_is_stored_once_whoever_rests_on_it(ledger: Ledger, engine: Engine) -> None:
    entered(ledger, resting_on(CERTIFICATE, LIST), resting_on(LIST, ANSWER, number="VB-2"))
    entered(ledger, resting_on(ANSWER, TOKEN, LIST, number="VB-3"))
    assert digests(engine) == sorted(item.sha256 for item in (CERTIFICATE, LIST, ANSWER, TOKEN))


def test_what_is_not_entered_leaves_no_evidence(ledger: Ledger, engine: Engine) -> None:
    entered(ledger, resting_on(CERTIFICATE))
    (again,) = accept(ledger, resting_on(ANSWER))
    assert isinstance(again, AlreadyThere)
    with pytest.raises(RuntimeError), ledger.begin() as book:
        book.accept([resting_on(TOKEN, number="VB-2")])
        raise RuntimeError
    assert digests(engine) == [CERTIFICATE.sha256]


def test_acceptances_of_one_moment_share_a_commit_and_their_evidence(scribe: Scribe, engine: Engine) -> None:
    line = [scribe.accept(resting_on(CERTIFICATE, LIST, number=f"VB-{n}")) for n in range(20)]
    assert all(future.result(20) for future in line)
    assert digests(engine) == sorted(item.sha256 for item in (CERTIFICATE, LIST))
