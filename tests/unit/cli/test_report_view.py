"""The report as people read it: what is not known never looks like what passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

from signing.errors import SigningCode
from signing.evidence import RevocationNote, RevocationState
from signing.report import AttachmentReport, Report
from signing.verdict import Finding, Indication, Link, Place, Role, Signer, Stamp, TimeSource, Verdict
from trunk.cli.report_view import INDICATION, REVOCATION, ROLE, TIME_SOURCE, headline, report_view, with_words
from trunk.cli.words import Language

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
PERSON, AUTHORITY = "aa" * 32, "bb" * 32


def signer(role: Role = Role.PERSON, uid: str = "CCCD:001099012345") -> Signer:
    return Signer(
        fingerprint=PERSON,
        subject_uid=uid,
        serial="1f",
        issuer="CN=Test CA",
        not_before=NOW - timedelta(days=300),
        not_after=NOW + timedelta(days=300),
        role=role,
        domain="public",
    )


def link(fingerprint: str) -> Link:
    return Link(
        fingerprint=fingerprint,
        issuer="CN=Test CA",
        serial="1",
        not_before=NOW - timedelta(days=300),
        not_after=NOW + timedelta(days=300),
    )


def note(state: RevocationState, certificate: str = PERSON) -> RevocationNote:
    known = state in {RevocationState.GOOD, RevocationState.REVOKED}
    return RevocationNote(
        certificate=certificate,
        state=state,
        source="crl" if known else "",
        origin="http://crl.test/ca.crl" if known else "",
        produced_at=NOW - timedelta(hours=3) if known else None,
    )


def verdict(
    indication: Indication = Indication.TOTAL_PASSED,
    revocation: Sequence[RevocationNote] = (),
    findings: Sequence[Finding] = (),
) -> Verdict:
    return Verdict(
        indication=indication,
        profile="XAdES-B",
        signer=signer(),
        chain=(link(PERSON), link(AUTHORITY)),
        algorithm="ecdsa-sha256",
        digest_algorithm="sha256",
        covered=("header", "manifest"),
        revocation=tuple(revocation),
        signing_time=NOW - timedelta(minutes=5),
        signing_time_source=TimeSource.CLAIMED,
        findings=tuple(findings),
    )


UNSIGNED = Verdict(
    indication=Indication.INDETERMINATE, signing_time=NOW, findings=(Finding(code=SigningCode.UNSIGNED),)
)


def data(envelope: Verdict, *attachments: AttachmentReport) -> dict[str, Any]:
    return Report(at=NOW, envelope=envelope, attachments=attachments).as_data()


def drawn(*parts: RenderableType) -> str:
    console = Console(width=120, color_system="truecolor", force_terminal=True, highlight=False)
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    return captured.get()


def read(envelope: Verdict, *attachments: AttachmentReport, language: Language = Language.EN) -> str:
    console = Console(width=120, no_color=True, highlight=False)
    found = data(envelope, *attachments)
    with console.capture() as captured:
        console.print(headline(found, language))
        console.print(report_view(found, language))
    return captured.get()


def test_every_word_has_both_languages() -> None:
    tables: tuple[tuple[Any, Any], ...] = (
        (Indication, INDICATION),
        (Role, ROLE),
        (TimeSource, TIME_SOURCE),
        (RevocationState, REVOCATION),
    )
    for kinds, words in tables:
        assert set(words) == set(kinds)
        assert all(text.vi and text.en for text in words.values())


def test_a_passed_signature_tells_signer_time_chain_and_the_age_of_revocation() -> None:
    text = read(verdict(revocation=(note(RevocationState.GOOD),)))
    assert "TOTAL-PASSED: valid (1 signature)" in text
    assert "person · CCCD:*********345 · trust domain public" in text
    assert "22/11/2026 09:55 (claimed by the signer)" in text
    assert "CN=Test CA (bbbbbbbbbbbbbbbb…) · trusted root" in text
    assert "signer: not revoked · CRL http://crl.test/ca.crl · made 22/11/2026 07:00, age 3 h" in text


@pytest.mark.parametrize("state", [RevocationState.UNKNOWN, RevocationState.NOT_CHECKED])
def test_what_is_not_known_of_revocation_is_shouted_and_never_green(state: RevocationState) -> None:
    (row,) = [
        line
        for line in drawn(report_view(data(verdict(revocation=(note(state),))), Language.EN)).splitlines()
        if "signer: " in line
    ]
    assert "NOT" in row
    assert "\x1b[33m" in row
    assert "\x1b[32m" not in row


def test_where_nobody_was_asked_about_revocation_it_is_said() -> None:
    (row,) = [line for line in drawn(report_view(data(verdict()), Language.EN)).splitlines() if "nobody" in line]
    assert "\x1b[33m" in row


def test_an_indeterminate_one_is_yellow_with_code_and_remedy() -> None:
    unknown = verdict(
        Indication.INDETERMINATE,
        (note(RevocationState.UNKNOWN),),
        (Finding(code=SigningCode.REVOCATION_UNKNOWN, path="/x"),),
    )
    text = read(unknown)
    assert "INDETERMINATE: cannot be told" in text
    assert "TRY_LATER" in text
    assert "SIG-301" in text
    assert "→ " in text
    assert "\x1b[1;33m" in drawn(headline(data(unknown), Language.EN))


def test_a_message_without_signature_is_no_green_one() -> None:
    found = data(UNSIGNED, AttachmentReport(content_id="1", main=True, file="pdf"))
    assert "no digital signature" in headline(found, Language.EN).plain
    assert "SIG-001" in read(UNSIGNED)
    assert "\x1b[32m" not in drawn(headline(found, Language.EN), report_view(found, Language.EN))


def test_signatures_inside_attachments_stand_under_their_file_and_in_order() -> None:
    inside = replace(
        verdict(), place=Place.ATTACHMENT, path="Signature1", order=2, later_changes=("signature",), profile="PAdES-B"
    )
    text = read(UNSIGNED, AttachmentReport(content_id="1", main=True, file="pdf", verdicts=(inside,)))
    assert "Attachment 1 (main document), signature 2: valid" in text
    assert "Added later" in text


def test_a_file_alone_has_no_envelope() -> None:
    found = data(UNSIGNED, AttachmentReport(content_id="a.pdf", main=True, file="pdf", verdicts=(verdict(),)))
    found |= {"envelope": None, "indication": Indication.TOTAL_PASSED.value}  # as report_data does
    assert "Signature of the message" not in drawn(report_view(found, Language.EN))
    assert headline(found, Language.EN).plain.startswith("✓")


def test_a_name_of_an_attachment_paints_no_screen() -> None:
    evil = AttachmentReport(content_id="\x1b[2Ja\u202e[red]b", main=False, file="pdf", verdicts=(verdict(),))
    text = drawn(report_view(data(UNSIGNED, evil), Language.EN))
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert "[red]" in text


def test_a_timestamp_and_its_authoritys_revocation_are_told_apart() -> None:
    stamped = replace(
        verdict(revocation=(note(RevocationState.GOOD, "cc" * 32),)),
        signing_time_source=TimeSource.TIMESTAMP,
        claimed_time=NOW - timedelta(minutes=9),
        stamp=Stamp(at=NOW - timedelta(minutes=8), authority="cc" * 32, domain="public", evidence="dd" * 32),
    )
    text = read(stamped)
    assert "trusted timestamp" in text
    assert "Claimed" in text
    assert "timestamp authority: not revoked" in text


def test_programs_get_title_and_remedy_in_both_languages() -> None:
    broken = verdict(Indication.TOTAL_FAILED, (), (Finding(code=SigningCode.FORGED),))
    (finding,) = with_words(data(broken))["envelope"]["findings"]
    assert finding["title"]["vi"]
    assert finding["title"]["en"]
    assert finding["remedy"]["vi"]
    assert finding["remedy"]["en"]
