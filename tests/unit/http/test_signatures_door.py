"""The report on signatures: whole and in both languages for those concerned, not there for anybody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.signed_report import ANSWER, CERTIFICATE, KEPT, NUMBER, REPORT
from tests.unit.http.fakes import House
from tests.unit.http.serving import Client
from trunk.http import signatures
from trunk.http.signatures import SignatureReport
from trunk.http.wire import Shape

PATH = "/api/v1/envelopes/E1/signatures"


@pytest.fixture(autouse=True)
def signed(house: House) -> None:
    house.tracking.verdict = KEPT
    house.tracking.evidence = {item.sha256: item for item in (CERTIFICATE, ANSWER)}


@pytest.mark.parametrize("key", ["edoc_s_1", "edoc_r_1"])
def test_sender_and_recipient_see_the_report_with_words_and_remedies(client: Client, key: str) -> None:
    told = client.using(key).get(PATH)
    assert told.status == 200
    report = told.json
    assert (report["indication"], report["marked"], report["version"]) == ("TOTAL-FAILED", True, 1)
    assert report["at"] == "2026-11-22T08:30:00.000+07:00"
    assert report["envelope"]["signer"]["subject_uid"] == "CCCD:*********001"
    assert report["envelope"]["signing_time_source"] == "timestamp"
    assert report["envelope"]["timestamp"]["at"] == "2026-11-22T08:28:00.000+07:00"
    (note,) = report["envelope"]["revocation"]
    assert (note["state"], note["source"], note["age_seconds"]) == ("good", "ocsp", 3 * 3600)
    (inside,) = report["attachments"][0]["signatures"]
    (finding,) = inside["findings"]
    assert finding["code"] == "SIG-402"
    assert "đã bị sửa" in finding["title"]["vi"]
    assert "changed" in finding["title"]["en"]
    assert finding["remedy"]["vi"]
    assert finding["remedy"]["en"]
    assert len(finding["got"]) <= 120
    assert report["policy"] == {
        "name": "deliver-marked",
        "outcome": "marked",
        "because": [{"code": "SIG-402", "title": finding["title"]}],
        "counted": ["envelope"],
        "named": "",
    }
    assert NUMBER not in told.octets.decode()


def test_a_third_agency_sees_neither_report_nor_evidence(client: Client) -> None:
    stranger = client.using("edoc_x_1")
    for path in (PATH, f"{PATH}/evidence/{CERTIFICATE.sha256}"):
        answer = stranger.get(path)
        assert (answer.status, answer.codes) == (404, ["TRK-103"])
        assert client.using("").get(path).status == 401


@pytest.mark.parametrize(
    ("evidence", "kind"), [(CERTIFICATE, "application/pkix-cert"), (ANSWER, "application/ocsp-response")]
)
def test_evidence_is_fetched_where_the_report_says(client: Client, evidence: Any, kind: str) -> None:
    named = {item["sha256"]: item["content"] for item in client.get(PATH).json["evidence"]}
    answer = client.get(named[evidence.sha256])
    assert (answer.status, answer.octets) == (200, evidence.octets)
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["ETag"] == f'"{evidence.sha256}"'


@pytest.mark.parametrize("sha256", ["0" * 64, "A" * 64, "..", "x", CERTIFICATE.sha256[:-1]])
def test_what_the_report_does_not_name_is_not_there(client: Client, sha256: str) -> None:
    assert client.get(f"{PATH}/evidence/{sha256}").status == 404


def test_the_trunks_own_messages_have_no_report(house: House, client: Client) -> None:
    house.tracking.verdict = "{}"
    assert client.get(PATH).status == 404
    shown = client.get("/api/v1/envelopes/E1").json["envelope"]
    assert (shown["indication"], shown["signatures"]) == (None, None)


def test_an_envelope_says_how_it_was_judged_and_where_to_read_more(client: Client) -> None:
    shown = client.get("/api/v1/envelopes/E1").json["envelope"]
    assert (shown["indication"], shown["signatures"]) == ("TOTAL-FAILED", PATH)


def test_everything_in_a_report_is_described() -> None:
    """A new field of the report must be shown here, or left out on purpose."""
    data = REPORT.as_data()
    signature = data["envelope"]
    pairs: list[tuple[Mapping[str, Any], type[Shape]]] = [
        (data, SignatureReport),
        (signature, signatures.Signature),
        (signature["signer"], signatures.SignerShown),
        (signature["chain"][0], signatures.ChainLink),
        (signature["revocation"][0], signatures.RevocationShown),
        (signature["timestamp"], signatures.TimestampShown),
        (data["attachments"][0], signatures.AttachmentSignatures),
    ]
    for told, shape in pairs:
        assert set(told) <= set(shape.model_fields)


def test_a_report_of_a_newer_trunk_is_shown_as_far_as_it_is_known(house: House, client: Client) -> None:
    house.tracking.verdict = KEPT.replace('"profile":', '"mood":"good","profile":')
    assert client.get(PATH).status == 200


FIRST = (
    '{"indication":"TOTAL-PASSED","signer":{"fingerprint":"aa","subject_uid":"CCCD:*1","serial":"1","issuer":"CN=CA",'
    '"not_before":"2026-01-01T00:00:00+00:00","not_after":"2027-01-01T00:00:00+00:00","personal":true},'
    '"algorithm":"rsa-sha256","digest_algorithm":"sha256","covered":["MessageHeader"],'
    '"signing_time":"2026-11-22T01:00:00+00:00","signing_time_source":"claimed","findings":[]}'
)


def test_a_verdict_of_the_first_ledgers_is_a_report_without_evidence(house: House, client: Client) -> None:
    house.tracking.verdict = FIRST
    report = client.get(PATH).json
    assert (report["indication"], report["policy"], report["evidence"]) == ("TOTAL-PASSED", None, [])
    assert report["envelope"]["signer"]["role"] == "person"
    unsigned = FIRST.replace(FIRST[FIRST.index('{"fingerprint"') : FIRST.index(',"algorithm"')], "null")
    house.tracking.verdict = unsigned
    assert client.get(PATH).json["envelope"]["signer"] is None
