"""What becomes of real signatures under each policy, and what is kept; the whole table is in tests/unit/domain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from scripts import handmade_pdf
from scripts.make_signed_pdf import Workshop
from scripts.province import fingerprint, make_province
from signing.evidence import Evidence
from tests.trunk_room import FIRST, SECOND, SENDER, Room, caller, open_room
from trunk.application.submission import Submission
from trunk.application.tidy import Tidy
from trunk.bootstrap import open_administration
from trunk.domain import signature_record
from trunk.domain.agency import Mandate
from trunk.domain.entry import EnvelopeRecord
from trunk.domain.outcome import Accepted, Rejected
from trunk.domain.rejection import Code
from trunk.domain.signature_record import SignatureRecord
from trunk.storage.engine import open_engine
from trunk.storage.payloads import PayloadStore
from trunk.storage.tables import EVIDENCE

PERSON, ORGANISATION, ANOTHER = "person", "organisation", "person-p256"
UNCERTAIN = "person-of-stale-list-ca"


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with open_room(make_province(tmp_path_factory.mktemp("province"))) as room:
        yield room


@pytest.fixture
def room(shared_room: Room) -> Room:
    for _ in range(2):
        for agency in (SENDER, FIRST, SECOND):
            shared_room.take(agency)
    return shared_room


@pytest.fixture
def number(request: pytest.FixtureRequest) -> str:
    return f"{abs(hash(request.node.name)) % 10**8}"


@contextmanager
def sender(room: Room, *names: str, mandates: tuple[Mandate, ...] = (), **changes: Any) -> Iterator[None]:
    """The sending agency with these mandates (names of the PKI) and this policy, for a while."""
    given = tuple(Mandate(fingerprint=fingerprint(room.province.pki[name].certificate)) for name in names)
    with open_administration(room.province.settings()) as admin:
        before = next(agency for agency in admin.tracking.agencies() if agency.code == SENDER)
        admin.administration.put_agencies([replace(before, mandates=given + mandates or before.mandates, **changes)])
        room.clock.pass_by(timedelta(seconds=5))  # longer than the directory is kept
        yield
        admin.administration.put_agencies([before])
        room.clock.pass_by(timedelta(seconds=5))


def codes(room: Room, octets: bytes) -> list[Code]:
    return [code for code, _ in room.refusal(octets)]


def kept(room: Room, octets: bytes) -> tuple[EnvelopeRecord, SignatureRecord]:
    envelope = room.accepted(octets).accepted.envelope
    record = signature_record.read(envelope)
    assert record is not None
    return envelope, record


def pdf(room: Room, *names: str) -> bytes:
    """A document that these have signed, one after the other."""
    shop = Workshop(pki=room.province.pki, at=room.clock.at)
    octets = handmade_pdf.document()
    for place, name in enumerate(names, start=1):
        octets = shop.signed(octets, by=name) if place == 1 else shop.second(octets, by=name, field=f"Signature{place}")
    return octets


def sealed(room: Room, number: str, content: bytes) -> bytes:
    """With the organisation's signature in the header."""
    at: datetime = room.clock.at
    return room.province.signed(
        number, signer=room.province.pki[ORGANISATION], recipients=(FIRST,), content=content, at=at
    )


def test_the_report_tells_policy_and_outcome_and_names_what_it_rests_on(room: Room, number: str) -> None:
    envelope, record = kept(room, room.province.signed(number, recipients=(FIRST,)))
    assert record.data["policy"] == {"name": "required", "outcome": "accepted", "because": [], "counted": ["envelope"]}
    kinds = {kind for kind, _ in record.evidence}
    assert kinds == {"certificate", "crl"}
    for _, sha256 in record.evidence:
        for agency in (SENDER, FIRST):
            found = room.service.tracking.evidence_for(caller(agency), envelope.id, sha256)
            assert isinstance(found, Evidence)
            assert hashlib.sha256(found.octets or b"").hexdigest() == sha256
        hidden = room.service.tracking.evidence_for(caller(SECOND), envelope.id, sha256)
        assert isinstance(hidden, Rejected)
        assert hidden.code is Code.NOT_FOUND
    unnamed = room.service.tracking.evidence_for(caller(FIRST), envelope.id, "0" * 64)
    assert isinstance(unnamed, Rejected)


def test_what_another_envelope_rests_on_is_not_there(room: Room, number: str) -> None:
    _, record = kept(room, room.province.signed(number, recipients=(FIRST,)))
    (signer, *_) = record.data["envelope"]["chain"]
    other = room.province.signed(f"{number}-2", sender=FIRST, recipients=(SECOND,))
    envelope = room.accepted(other, by=FIRST).accepted.envelope
    assert signer["fingerprint"] in stored(room)
    hidden = room.service.tracking.evidence_for(caller(SECOND), envelope.id, signer["fingerprint"])
    assert isinstance(hidden, Rejected)
    assert hidden.code is Code.NOT_FOUND


def test_evidence_is_stored_once_and_tidying_leaves_it(room: Room, number: str) -> None:
    _, record = kept(room, room.province.signed(f"{number}-1", recipients=(FIRST,)))
    before = stored(room)
    _, again = kept(room, room.province.signed(f"{number}-2", recipients=(FIRST,)))
    assert {*record.evidence} == {*again.evidence}
    room.clock.pass_by(timedelta(days=2))
    payloads = PayloadStore(room.province.settings().data_folder / "objects")
    Tidy(ledger=room.service.ledger, payloads=payloads, spool=lambda _: 0, now=room.clock).run_once()
    room.clock.pass_by(-timedelta(days=2))
    assert stored(room) == before
    assert {sha256 for _, sha256 in record.evidence} <= set(before)


def stored(room: Room) -> list[str]:
    engine = open_engine(room.province.settings().database_url)
    with engine.connect() as connection:
        found = sorted(connection.execute(sa.select(EVIDENCE.c.sha256)).scalars())
    engine.dispose()
    return found


@pytest.mark.parametrize(
    ("domain", "expected"), [("", []), ("public", []), ("government", [Code.SIGNER_WITHOUT_MANDATE])]
)
def test_a_mandate_by_uid_holds_in_its_trust_domain(room: Room, number: str, domain: str, expected: list[Code]) -> None:
    octets = room.province.signed(f"{number}-{domain}", recipients=(FIRST,))
    with sender(room, mandates=(Mandate(uid="CCCD:001085000001", domain=domain),)):
        if expected:
            assert codes(room, octets) == expected
        else:
            room.accepted(octets)


def test_come_again_is_no_rejection(room: Room, number: str) -> None:
    octets = room.province.signed(number, signer=room.province.pki[UNCERTAIN], recipients=(FIRST,))
    with sender(room, UNCERTAIN):
        outcome = room.submit(octets)
        assert isinstance(outcome, Rejected)
        assert [flaw.code for flaw in outcome.flaws] == [Code.REVOCATION_UNKNOWN]
        assert outcome.sealed is None
        assert room.facts() == []
        assert not room.service.tracking.rejections(f"{number}/STN-VP")
    with sender(room, UNCERTAIN, signature_policy="deliver-marked"):
        envelope, record = kept(room, octets)
        assert envelope.marked
        assert record.data["policy"]["because"] == ["SIG-301"]
    with sender(room, UNCERTAIN):
        assert room.accepted(octets).repeated, "what was accepted once stays accepted"


@pytest.mark.parametrize(
    ("signer", "so", "otherwise"),
    [
        (UNCERTAIN, {}, {"signature_policy": "deliver-marked"}),  # come again
        (ANOTHER, {"names": (PERSON,)}, {"names": (ANOTHER,)}),  # a rejection
    ],
)
def test_what_was_accepted_while_its_twin_was_being_refused_stays_accepted(
    room: Room, number: str, signer: str, so: dict[str, Any], otherwise: dict[str, Any]
) -> None:
    """Two copies of one submission at a time; between the looks at them the sender's settings change."""
    octets = room.province.signed(number, signer=room.province.pki[signer], recipients=(FIRST,))
    submission = Submission(
        caller=room.caller(SENDER), octets=octets, size=len(octets), sha256=hashlib.sha256(octets).hexdigest()
    )
    with sender(room, *so.pop("names", (signer,)), **so):
        without_ledger: Any = replace(room.service.intake, ledger=None)  # this stage runs where nobody may wait
        refused = without_ledger.examine(submission)
    with sender(room, *otherwise.pop("names", (signer,)), **otherwise):
        first = room.accepted(octets)
    outcome = room.service.intake.enter(refused).result()
    assert isinstance(outcome, Accepted)
    assert outcome.repeated
    assert outcome.accepted.envelope.id == first.accepted.envelope.id
    assert room.facts() == ["accepted"]


def test_an_organisations_seal_needs_a_person_beside_it_unless_the_policy_says_otherwise(
    room: Room, number: str
) -> None:
    unsigned, signed = sealed(room, f"{number}-1", pdf(room)), sealed(room, f"{number}-2", pdf(room, PERSON))
    with sender(room, ORGANISATION, PERSON):
        assert codes(room, unsigned) == [Code.NO_PERSONAL_SIGNATURE]
        _, record = kept(room, signed)
        assert record.data["policy"]["counted"] == ["cid:1"]
    with sender(room, ORGANISATION, signature_policy="seal-suffices"):
        envelope, _ = kept(room, unsigned)
        assert not envelope.marked


def test_a_signature_of_somebody_elses_in_the_document_is_reported_and_counts_for_nothing(
    room: Room, number: str
) -> None:
    octets = sealed(room, number, pdf(room, ANOTHER))
    with sender(room, ORGANISATION, PERSON):
        assert codes(room, octets) == [Code.NO_PERSONAL_SIGNATURE]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), [Code.MAIN_DOCUMENT_UNSIGNED]),
        ((ORGANISATION,), [Code.MAIN_DOCUMENT_UNSIGNED]),
        ((ANOTHER,), [Code.MAIN_DOCUMENT_UNSIGNED]),
        ((PERSON,), []),
        ((PERSON, ORGANISATION), []),
    ],
)
def test_the_main_document_may_carry_the_signature_alone(
    room: Room, number: str, names: tuple[str, ...], expected: list[Code]
) -> None:
    octets = room.province.document(f"{number}-{len(names)}", recipients=(FIRST,), content=pdf(room, *names))
    with sender(room, PERSON, ORGANISATION, signature_policy="required-on-main-document"):
        if expected:
            assert codes(room, octets) == expected
        else:
            assert not kept(room, octets)[0].marked


def test_a_broken_signature_in_an_attachment_refuses_or_marks(room: Room, number: str) -> None:
    whole = pdf(room, PERSON)
    broken = whole.replace(b"%PDF-1.7", b"%PDF-1.6", 1)
    assert broken != whole
    octets = room.province.signed(number, recipients=(FIRST,), content=broken)
    assert codes(room, octets) == [Code.DIGEST_MISMATCH]
    with sender(room, signature_policy="deliver-marked"):
        envelope, record = kept(room, octets)
        assert envelope.marked
        assert record.data["policy"]["because"] == ["SIG-101"]
        (item,) = room.inbox(FIRST)
        assert item.envelope.marked


def test_a_policy_that_nobody_knows_is_the_strictest(room: Room, number: str) -> None:
    unsigned = room.province.document(f"{number}-1", recipients=(FIRST,))
    with structlog.testing.capture_logs() as logged, sender(room, signature_policy="our-own"):
        assert codes(room, unsigned) == [Code.UNSIGNED]
        _, record = kept(room, room.province.signed(f"{number}-2", recipients=(FIRST,)))
        assert (record.data["policy"]["name"], record.data["policy"]["named"]) == ("required", "our-own")
    (warned,) = [line for line in logged if line["event"] == "signature_policy_unknown"]
    assert (warned["agency"], warned["named"]) == (SENDER, "our-own"), "once is enough"
