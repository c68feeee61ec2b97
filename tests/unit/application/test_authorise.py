"""Who may send what to whom: an agency's own system, and the other hubs, above and below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.model import Document, DocumentCode, Message, Organization, ResponseFor, StatusMessage, TraceHop
from signing.errors import SigningCode
from signing.report import Report
from signing.verdict import Finding, Indication, Role, Signer, Verdict
from trunk.application.authorise import Authority
from trunk.application.submission import Authorised, Readable, Submission, trace_of
from trunk.domain.agency import Agency, Caller, DeliveryMode, Directory, HubSide, SystemId
from trunk.domain.delivery import AgencyCode
from trunk.domain.rejection import Code
from trunk.domain.signature_policy import EnvelopeSignature, Personal, Policies, SignaturePolicy

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
US = "TRUC"
LAX = SignaturePolicy(name="lax", envelope_signature=EnvelopeSignature.OPTIONAL, personal=Personal.NOT_NEEDED)
AUTHORITY = Authority(Policies({"lax": LAX}), trunk_id=US)
SIGNER = Signer(
    fingerprint="aa" * 32,
    subject_uid="",
    serial="1",
    issuer="CN=CA",
    not_before=AT,
    not_after=AT,
    role=Role.PERSON,
    key_bits=2048,
)
SIGNED = Report(
    at=AT,
    envelope=Verdict(
        indication=Indication.TOTAL_PASSED, signer=SIGNER, algorithm="", digest_algorithm="", signing_time=AT
    ),
)
UNSIGNED = replace(
    SIGNED,
    envelope=replace(
        SIGNED.envelope,
        indication=Indication.INDETERMINATE,
        signer=None,
        findings=(Finding(code=SigningCode.UNSIGNED),),
    ),
)


def _agency(code: str, *, beyond: bool = False, active: bool = True, old_code: str = "") -> Agency:
    mode = DeliveryMode.UPLINK if beyond else DeliveryMode.PULL
    return Agency(code=AgencyCode(code), name=code, mode=mode, active=active, old_code=old_code, signature_policy="lax")


OURS = [_agency("A1"), _agency("A2", old_code="OLD2"), _agency("A3")]
THEIRS = [_agency("B1", beyond=True), _agency("B2", beyond=True)]
CLOSED = _agency("A9", active=False)
DIRECTORY = Directory([*OURS, *THEIRS, CLOSED])

ABOVE = Caller(system=SystemId("up"), agencies=frozenset(a.code for a in THEIRS), hub=HubSide.ABOVE)
BELOW = Caller(system=SystemId("down"), agencies=frozenset({AgencyCode("A1"), AgencyCode("A2")}), hub=HubSide.BELOW)
OWN = Caller(system=SystemId("qlvb"), agencies=frozenset({AgencyCode("A1")}))


def _document(sender: str, *to: str, trace: Sequence[str] = ()) -> Document:
    return Document(
        sender=Organization(organ_id=sender, name=""),
        recipients=tuple(Organization(organ_id=code, name="") for code in to),
        document_id=f"{sender},2026/11/22,1/X",
        code=DocumentCode(number="1", notation="X"),
        subject="",
        promulgation_date=date(2026, 11, 22),
        trace=tuple(TraceHop(organ_id=code) for code in trace),
    )


def _status(reporter: str, addressee: str) -> StatusMessage:
    return StatusMessage(
        sender=Organization(organ_id=reporter, name=""),
        response_for=ResponseFor(organ_id=addressee, code="1/X", document_id="d"),
        code="03",
        timestamp=AT,
    )


def _decide(
    caller: Caller, message: Message, *, only_to: Sequence[str] = (), trace: Sequence[str] = ()
) -> Authorised | list[Code]:
    submission = Submission(caller=caller, octets=b"x", size=1, sha256="00", only_to=tuple(only_to), trace=tuple(trace))
    readable = Readable(message=message, report=UNSIGNED, warnings=())
    authorised, flaws = AUTHORITY.decide(submission, readable, DIRECTORY, at=AT)
    assert (authorised is None) is bool(flaws)
    return authorised or [flaw.code for flaw in flaws]


def _recipients(decided: Authorised | list[Code]) -> list[str]:
    assert isinstance(decided, Authorised), decided
    return [agency.code for agency in decided.recipients]


# an agency's own system


def test_an_agency_writes_to_both_sides_of_the_hub() -> None:
    assert _recipients(_decide(OWN, _document("A1", "A2", "B1"))) == ["A2", "B1"]


def test_what_an_agency_says_of_hubs_is_not_heard() -> None:
    sent = _document("A1", "A2", "A3", trace=[US])
    assert _recipients(_decide(OWN, sent, only_to=["A3"], trace=[US])) == ["A2", "A3"]


# the hub above


def test_the_hub_above_brings_mail_for_ours_and_keeps_the_others() -> None:
    assert _recipients(_decide(ABOVE, _document("B1", "A1", "B2", "nobody", "A2"))) == ["A1", "A2"]


@pytest.mark.parametrize("sender", ["A1", "A9"])
def test_it_does_not_speak_for_ours(sender: str) -> None:
    codes = _decide(ABOVE, _document(sender, "A2"))
    assert codes == [Code.SENDER_NOT_CALLER]


def test_a_sender_that_nobody_knows_is_refused() -> None:
    assert _decide(ABOVE, _document("nobody", "A1")) == [Code.SENDER_UNKNOWN]


@pytest.mark.parametrize("to", [["B2"], ["nobody"], ["B2", "nobody"]])
def test_mail_for_nobody_of_ours_is_refused(to: list[str]) -> None:
    assert _decide(ABOVE, _document("B1", *to)) == [Code.ADDRESSEE_UNKNOWN]


def test_a_closed_agency_of_ours_is_named_and_not_dropped() -> None:
    assert _decide(ABOVE, _document("B1", "A1", "A9")) == [Code.ADDRESSEE_INACTIVE]


def test_statuses_come_the_same_way() -> None:
    assert _recipients(_decide(ABOVE, _status("B1", "A1"))) == ["A1"]
    assert _decide(ABOVE, _status("A1", "A2")) == [Code.SENDER_NOT_CALLER]
    assert _decide(ABOVE, _status("B1", "B2")) == [Code.ADDRESSEE_UNKNOWN]


# a hub below


def test_a_hub_below_writes_for_its_own_and_delivers_to_them_itself() -> None:
    assert _recipients(_decide(BELOW, _document("A1", "A2", "A3", "B1"))) == ["A3", "B1"]
    assert _decide(BELOW, _document("A3", "A1")) == [Code.SENDER_NOT_CALLER, Code.ADDRESSEE_UNKNOWN]
    assert _decide(BELOW, _document("A1", "A2")) == [Code.ADDRESSEE_UNKNOWN]


def test_an_addressee_of_a_hub_below_that_nobody_knows_is_named() -> None:
    assert _decide(BELOW, _document("A1", "A3", "nobody")) == [Code.ADDRESSEE_UNKNOWN]


# some of the addressees


@pytest.mark.parametrize("caller", [ABOVE, BELOW])
def test_a_hub_may_ask_for_some_of_the_addressees(caller: Caller) -> None:
    sender = "B1" if caller is ABOVE else "A1"
    named = _document(sender, "A3", "nobody", "B2")
    assert _recipients(_decide(caller, named, only_to=["A3"])) == ["A3"]
    assert _decide(caller, named, only_to=["A2"]) == [Code.ADDRESSEE_UNKNOWN]


def test_an_addressee_is_asked_for_by_any_of_its_codes() -> None:
    assert _recipients(_decide(ABOVE, _document("B1", "A1", "A2"), only_to=["OLD2"])) == ["A2"]
    assert _recipients(_decide(ABOVE, _document("B1", "A1", "OLD2"), only_to=["A2"])) == ["A2"]


def test_whom_the_document_does_not_name_gets_nothing() -> None:
    assert _recipients(_decide(ABOVE, _document("B1", "A1"), only_to=["A1", "A3"])) == ["A1"]


# loops


@pytest.mark.parametrize("caller", [ABOVE, BELOW])
@pytest.mark.parametrize("where", ["in the file", "beside it"])
def test_what_was_here_before_does_not_come_in_again(caller: Caller, where: str) -> None:
    sender = "B1" if caller is ABOVE else "A1"
    inside, beside = ([US], []) if where == "in the file" else ([], ["X", US])
    assert _decide(caller, _document(sender, "A3", trace=inside), trace=beside) == [Code.LOOP]
    assert _recipients(_decide(caller, _document(sender, "A3", trace=["X"]), trace=["Y"])) == ["A3"]


def test_a_loop_is_told_beside_whatever_else_is_wrong() -> None:
    assert _decide(ABOVE, _document("nobody", "A1"), trace=[US]) == [Code.SENDER_UNKNOWN, Code.LOOP]


def test_a_trace_is_kept_of_what_hubs_bring_only_and_never_empty() -> None:
    def trace(caller: Caller, message: Message, *told: str) -> tuple[str, ...]:
        return trace_of(Submission(caller=caller, octets=b"", size=0, sha256="", trace=told), message)

    written = _document("B1", "A1", trace=["H1", "", "a b", "H1"])
    assert trace(ABOVE, written, "H1", "H2") == ("H1", "a_b", "H2")
    assert trace(BELOW, _status("A1", "A3"), "H2") == ("H2",)
    assert trace(BELOW, _status("A1", "A3")) == ("down",)
    assert trace(OWN, written, "H2") == ()


# for all

CODES = ["A1", "A2", "OLD2", "A3", "B1", "B2", "nobody"]


@given(to=st.lists(st.sampled_from(CODES), min_size=1, max_size=6), only=st.lists(st.sampled_from(CODES), max_size=4))
def test_nobody_of_ours_is_forgotten_and_nobody_of_theirs_is_written_to(to: list[str], only: list[str]) -> None:
    canonical = {"OLD2": "A2"}
    named = {canonical.get(code, code) for code in to}
    asked = {canonical.get(code, code) for code in only} or named
    decided = _decide(ABOVE, _document("B1", *to), only_to=only)
    wanted = named & asked & {"A1", "A2", "A3"}
    if wanted:
        assert set(_recipients(decided)) == wanted
        assert len(_recipients(decided)) == len(wanted)
    else:
        assert decided == [Code.ADDRESSEE_UNKNOWN]


# signatures


def test_only_for_what_a_hub_brings_may_mandates_be_unknown() -> None:
    readable = Readable(message=_document("A1", "A3"), report=SIGNED, warnings=())
    told: dict[SystemId, tuple[list[Code], list[Code]]] = {}
    for caller in (OWN, BELOW):
        submission = Submission(caller=caller, octets=b"x", size=1, sha256="00")
        authorised, flaws = AUTHORITY.decide(submission, readable, DIRECTORY, at=AT)
        marks = list(authorised.weighed.because) if authorised else []
        told[caller.system] = ([flaw.code for flaw in flaws], marks)
    assert told == {
        OWN.system: ([Code.SIGNER_WITHOUT_MANDATE], []),
        BELOW.system: ([], [Code.SIGNER_WITHOUT_MANDATE]),
    }
