"""trunk signatures: who signed, how it was judged, on what that rests; and no person's number anywhere."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from tests.signed_report import ANSWER, CERTIFICATE, KEPT, NUMBER
from tests.unit.cli.town import FIRST, Town
from trunk.cli.exits import Exit
from trunk.domain.delivery import DeliveryEvent as E


def accept(town: Town, number: str = "7816", *, evidence: Any = (CERTIFICATE, ANSWER), **more: Any) -> str:
    """A document with a full report, marked by its sender's policy."""
    values = {"verdict": KEPT, "marked": True, **more}
    acceptance = dataclasses.replace(town.acceptance(number, to=(FIRST,), **values), evidence=evidence)
    with town.ledger.begin() as book:
        book.accept([acceptance])
    return acceptance.entry.envelope.id


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_tells_signer_policy_and_what_to_do(town: Town, width: int) -> None:
    accept(town)
    result = town.run("signatures", "7816/STN-VP", width=width)
    assert result.exit_code == Exit.REFUSED
    assert max(map(len, result.stdout.splitlines())) <= width
    flat = " ".join(result.stdout.split())
    for expected in (
        "TOTAL-FAILED",
        "FOR REFERENCE ONLY",
        "deliver-marked",
        "SIG-402 The PDF was changed after it was signed",
        "CCCD:*********001",
        "trusted timestamp",
        "age 3 h",
    ):
        assert expected in flat
    assert NUMBER not in result.output


def test_a_clerk_may_read_vietnamese(town: Town) -> None:
    accept(town)
    told = town.run("--language", "vi", "signatures", "7816/STN-VP").stdout
    assert "CHỈ ĐỂ THAM KHẢO" in told
    assert "Chính sách" in told


def test_the_json_has_envelope_report_policy_and_words(town: Town) -> None:
    envelope_id = accept(town)
    told = town.json("signatures", envelope_id, "--json", exit_code=Exit.REFUSED)
    assert told["envelope"]["envelope_id"] == envelope_id
    assert told["report"]["policy"]["because"] == ["SIG-402"]
    (finding,) = told["report"]["attachments"][0]["signatures"][0]["findings"]
    assert finding["remedy"]["vi"]
    assert NUMBER not in str(told)


def test_what_is_not_marked_is_no_failure(town: Town) -> None:
    assert town.run("signatures", accept(town, marked=False)).exit_code == Exit.OK


def test_evidence_is_written_by_kind_and_digest_and_may_be_written_again(town: Town) -> None:
    envelope_id = accept(town, marked=False)
    for _ in range(2):
        result = town.run("signatures", envelope_id, "--evidence", "chung-cu/muoi")
        assert result.exit_code == Exit.OK, result.output
    written = sorted((town.folder / "chung-cu" / "muoi").iterdir())
    assert [file.name for file in written] == [
        f"certificate-{CERTIFICATE.sha256}.cer",
        f"ocsp-{ANSWER.sha256}.ors",
    ]
    assert all(hashlib.sha256(file.read_bytes()).hexdigest() in file.name for file in written)


def test_evidence_that_is_gone_is_said_after_what_is_there(town: Town) -> None:
    result = town.run("signatures", accept(town, marked=False, evidence=[ANSWER]), "--evidence", "x")
    assert result.exit_code == Exit.REFUSED
    assert CERTIFICATE.sha256 in result.stderr
    assert "TOTAL-FAILED" in result.stdout
    assert [file.name for file in (town.folder / "x").iterdir()] == [f"ocsp-{ANSWER.sha256}.ors"]


def test_what_is_not_there_or_the_trunks_own_has_no_report(town: Town) -> None:
    assert town.run("signatures", "9999/STN-VP").exit_code == Exit.NOT_FOUND
    (delivery,) = town.accept(to=(FIRST,))
    town.happens(delivery, E.PUBLISHED, E.HANDED_OVER)
    with town.ledger.read() as view:
        track = view.track(delivery.envelope_id)
    assert track is not None
    own = track.acknowledgements[0].envelope.id
    result = town.run("signatures", own)
    assert result.exit_code == Exit.NOT_FOUND
    assert "the trunk's own" in result.stderr


def test_a_code_that_several_have_is_asked_back(town: Town) -> None:
    accept(town)
    accept(town)
    assert town.run("signatures", "7816/STN-VP").exit_code == Exit.USAGE
    told = town.json("signatures", "7816/STN-VP", "--json", exit_code=Exit.USAGE)
    assert len(told["matches"]) == 2
