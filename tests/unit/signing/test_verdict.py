from __future__ import annotations

import json

import pytest

from scripts import handmade_letter as hand
from scripts.make_test_pki import Pki
from signing.verdict import mask_uid
from tests.unit.signing.conftest import Judge


def test_the_json_of_a_verdict_names_nobody(judge: Judge, pki: Pki) -> None:
    text = json.dumps(judge(hand.sign(hand.document(), pki["person"])).as_data(), ensure_ascii=False)
    told = json.loads(text)
    assert told["indication"] == "TOTAL-PASSED"
    assert told["covered"] == ["MessageHeader", "Bussiness", "edXMLManifest", "cid:tep-1"]
    assert told["signer"]["subject_uid"] == "CCCD:*********001"
    assert "001085000001" not in text
    assert "Nguyễn" not in text
    assert "document" not in told


def test_the_json_of_a_refusal_lists_the_findings(judge: Judge, pki: Pki) -> None:
    told = json.loads(json.dumps(judge(hand.sign(hand.styled(hand.document(), corrupt=True), pki["person"])).as_data()))
    assert told["indication"] == "TOTAL-FAILED"
    assert [finding["code"] for finding in told["findings"]] == ["SIG-102"]
    assert told["covered"] == []


def test_an_unsigned_letter_has_a_verdict_too(judge: Judge) -> None:
    told = json.loads(json.dumps(judge(hand.document().write()).as_data()))
    assert told["indication"] == "INDETERMINATE"
    assert told["signer"] is None


@pytest.mark.parametrize(
    ("uid", "personal", "shown"),
    [
        ("CCCD:001085000001", True, "CCCD:*********001"),
        ("HC:B1", True, "HC:B1"),
        ("MST:0100000000", False, "MST:0100000000"),
        ("", False, ""),
        ("G-CA 1234567", True, "*********567"),
    ],
)
def test_personal_numbers_are_masked(uid: str, personal: bool, shown: str) -> None:  # noqa: FBT001 - a table
    assert mask_uid(uid, public=not personal) == shown
