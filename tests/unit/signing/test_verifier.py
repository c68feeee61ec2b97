from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from cryptography.x509 import Certificate

from envelopes import schema, skeleton
from envelopes.schema import ValidXml
from envelopes.skeleton import ParsedXml
from scripts import handmade_letter as hand
from scripts.make_test_pki import Identity, Pki
from signing import verifier as verifier_module
from signing.evidence import RevocationNote, RevocationState
from signing.policy import Policy
from signing.revocation import RevocationAnswer
from signing.trust import TrustStore
from signing.verdict import Indication
from signing.verifier import Verifier
from tests.unit.signing.conftest import AT, Judge, codes

EVERYTHING = ("MessageHeader", "Bussiness", "edXMLManifest", "cid:tep-1")

METHODS = [
    ("person", "rsa-sha256"),
    ("person", "rsa-sha384"),
    ("person", "rsa-sha512"),
    ("person", "rsa-pss-sha256"),
    ("person", "rsa-pss-sha384"),
    ("person", "rsa-pss-sha512"),
    ("person-p256", "ecdsa-sha256"),
    ("person-p256", "ecdsa-sha512"),
    ("person-p384", "ecdsa-sha384"),
    ("person-p521", "ecdsa-sha512"),
]


@pytest.mark.parametrize(("who", "method"), METHODS)
def test_a_signature_by_every_accepted_method_passes(judge: Judge, pki: Pki, who: str, method: str) -> None:
    verdict = judge(hand.sign(hand.styled(hand.document(), method=method), pki[who]))
    assert verdict.findings == ()
    assert verdict.indication is Indication.TOTAL_PASSED
    assert verdict.algorithm == method
    assert verdict.covered == EVERYTHING


@pytest.mark.parametrize("prefix", ["ds", "", "dsig"])
@pytest.mark.parametrize("c14n", [hand.EXCLUSIVE, hand.INCLUSIVE])
def test_any_prefix_with_either_canonicalization_passes(judge: Judge, pki: Pki, prefix: str, c14n: str) -> None:
    letter = hand.styled(hand.document(), prefix=prefix, c14n=c14n)
    assert judge(hand.sign(letter, pki["person"])).passed


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_every_accepted_digest_passes_over_attachments_small_and_large(judge: Judge, pki: Pki, digest: str) -> None:
    letter = hand.document(attachments=(("nho", b"%PDF-x"), ("lon", b"%PDF-" + bytes(range(256)) * 3000)))
    refs = [hand.replace(ref, digest=digest) for ref in letter.refs()]
    verdict = judge(hand.sign(letter, pki["person-p256"], refs=refs))
    assert verdict.passed
    assert verdict.digest_algorithm == digest
    assert verdict.covered == ("MessageHeader", "Bussiness", "edXMLManifest", "cid:nho", "cid:lon")


def test_a_passed_verdict_releases_the_document_with_what_is_covered(verifier: Verifier, pki: Pki) -> None:
    parsed = skeleton.parse(hand.sign(hand.document(), pki["person"]))
    assert isinstance(parsed, ParsedXml)
    valid = schema.validate(parsed)
    assert isinstance(valid, ValidXml), valid
    verdict = verifier.verify(valid, at=AT)
    assert verdict.document is not None
    assert verdict.document.valid is valid
    assert verdict.document.covered == frozenset(EVERYTHING)
    assert verdict.signer is not None
    assert verdict.signer.subject_uid == "CCCD:001085000001"
    assert verdict.signer.personal


def test_a_status_message_needs_only_its_header_signed(judge: Judge, pki: Pki) -> None:
    verdict = judge(hand.sign(hand.status(), pki["person-p256"]))
    assert verdict.passed
    assert verdict.covered == ("MessageHeader",)


def test_the_authorities_may_come_from_the_trust_folder(judge: Judge, pki: Pki) -> None:
    alone = Identity(certificate=pki["person"].certificate, key=pki["person"].key)
    assert judge(hand.sign(hand.document(), alone)).passed


def test_the_certificates_may_stand_in_any_order(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person"])
    start, middle, end = octets.partition(b"</ds:X509Certificate>")
    head, tag, first = start.partition(b"<ds:X509Certificate>")
    second, close, rest = end.partition(b"</ds:X509Data>")
    swapped = head + second + tag + first + middle + close + rest
    assert swapped != octets
    assert judge(swapped).passed


def test_a_flipped_signature_value_is_forged(judge: Judge, pki: Pki) -> None:
    assert codes(judge(hand.sign(hand.styled(hand.document(), corrupt=True), pki["person"]))) == {"SIG-102"}


def test_a_signature_by_another_key_than_the_certificates_is_forged(judge: Judge, pki: Pki) -> None:
    mixed = Identity(certificate=pki["person-p256"].certificate, key=pki["seal"].key, issuers=pki["person"].issuers)
    assert codes(judge(hand.sign(hand.document(), mixed))) == {"SIG-102"}


def test_a_method_for_another_kind_of_key_is_forged(judge: Judge, pki: Pki) -> None:
    mixed = Identity(certificate=pki["person-p256"].certificate, key=pki["person"].key, issuers=pki["person"].issuers)
    assert codes(judge(hand.sign(hand.document(), mixed))) == {"SIG-102"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<edXML:OrganId>H41.01</edXML:OrganId></edXML:To>", b"<edXML:OrganId>H41.02</edXML:OrganId></edXML:To>"),
        (b"Ban h", b"Ban H"),
        (b"tep-1.pdf</edXML:AttachmentName>", b"tep-2.pdf</edXML:AttachmentName>"),
    ],
)
def test_a_change_in_any_signed_part_is_found(judge: Judge, pki: Pki, before: bytes, after: bytes) -> None:
    octets = hand.sign(hand.document(kind="1"), pki["person-p256"])
    assert before in octets
    assert codes(judge(octets.replace(before, after))) == {"SIG-101"}


@pytest.mark.parametrize("size", [40, 60_000])
def test_a_changed_octet_of_an_attachment_is_found(judge: Judge, pki: Pki, size: int) -> None:
    file = b"%PDF-" + b"a" * size
    octets = hand.sign(hand.document(attachments=(("tep-1", file),)), pki["person-p256"])
    encoded = hand.b64encode(file)
    forged = hand.b64encode(file[:-1] + b"b")
    assert encoded in octets
    assert codes(judge(octets.replace(encoded, forged))) == {"SIG-101"}


def test_line_breaks_in_base64_change_nothing_that_is_signed(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    encoded = hand.b64encode(b"%PDF-1.7 noi dung\n")
    assert judge(octets.replace(encoded, encoded[:8] + b"\r\n" + encoded[8:])).passed


@pytest.mark.parametrize("method", ["rsa-sha1", "hmac-sha1", "hmac-sha256"])
def test_weak_and_symmetric_methods_are_refused(judge: Judge, pki: Pki, method: str) -> None:
    octets = hand.sign(hand.document(), pki["person"])
    replaced = octets.replace(hand.method_uri("rsa-sha256").encode(), hand.method_uri(method).encode())
    assert codes(judge(replaced)) == {"SIG-103"}


def test_a_weak_digest_is_refused(judge: Judge, pki: Pki) -> None:
    letter = hand.document()
    refs = [hand.replace(ref, digest="sha1") for ref in letter.refs()]
    assert codes(judge(hand.sign(letter, pki["person"], refs=refs))) == {"SIG-103"}


def test_a_policy_can_only_narrow(trust: TrustStore, judge: Judge, pki: Pki) -> None:
    narrow = Verifier(trust, Policy(signature_methods=frozenset({"ecdsa-sha256"})))
    assert codes(judge(hand.sign(hand.document(), pki["person"]), by=narrow)) == {"SIG-103"}
    assert judge(hand.sign(hand.document(), pki["person-p256"]), by=narrow).passed


def test_comments_beside_a_signature_are_refused(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    assert codes(judge(octets.replace(b"</edXML:From>", b"</edXML:From><!-- 102 -->"))) == {"ENV-011"}
    assert codes(judge(octets + b"<!-- after -->")) == {"ENV-011"}


# Signing time


def claimed(pki: Pki, time: str) -> bytes:
    tail, ref = hand.properties(pki["person"], time=time)
    letter = hand.styled(hand.document(), tail=tail)
    return hand.sign(letter, pki["person"], refs=[*letter.refs(), ref])


def test_a_claimed_time_inside_the_window_counts(judge: Judge, pki: Pki) -> None:
    verdict = judge(claimed(pki, "2026-11-20T10:00:00+07:00"))
    assert verdict.passed
    assert verdict.signing_time == AT - timedelta(days=2)
    assert verdict.signing_time_source == "claimed"
    assert verdict.covered == EVERYTHING


def test_a_time_without_a_zone_is_vietnamese(judge: Judge, pki: Pki) -> None:
    assert judge(claimed(pki, "2026-11-20T10:00:00")).signing_time == AT - timedelta(days=2)


def test_an_older_claim_does_not_count(judge: Judge, pki: Pki) -> None:
    verdict = judge(claimed(pki, "2026-11-14T10:00:00Z"))
    assert verdict.passed
    assert (verdict.signing_time, verdict.signing_time_source) == (AT, "acceptance")


def test_a_claim_from_the_future_is_refused(judge: Judge, pki: Pki) -> None:
    assert codes(judge(claimed(pki, "2026-11-22T10:06:00+07:00"))) == {"SIG-207"}
    assert judge(claimed(pki, "2026-11-22T10:04:00+07:00")).passed


# Revocation


class Source:
    checks = True

    def __init__(self, state: RevocationState) -> None:
        self.state = state
        self.asked: list[int] = []

    def check(self, path: Sequence[Certificate], *, at: datetime, now: datetime) -> RevocationAnswer:
        self.asked.append(len(path))
        return RevocationAnswer(notes=(RevocationNote(certificate="00", state=self.state, origin="list 7"),))


@pytest.mark.parametrize(
    ("state", "indication", "code"),
    [
        (RevocationState.REVOKED, Indication.TOTAL_FAILED, "SIG-206"),
        (RevocationState.UNKNOWN, Indication.INDETERMINATE, "SIG-301"),
    ],
)
def test_what_the_revocation_source_says_is_heeded(
    trust: TrustStore, judge: Judge, pki: Pki, state: RevocationState, indication: Indication, code: str
) -> None:
    source = Source(state)
    verdict = judge(hand.sign(hand.document(), pki["person"]), by=Verifier(trust, revocation=source))
    assert verdict.indication is indication
    assert [finding.code for finding in verdict.findings] == [code]
    assert verdict.document is None
    assert source.asked == [3]


# The law of the file


def test_no_exception_leaves_and_nothing_of_the_document_is_logged(
    judge: Judge, pki: Pki, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("Báo cáo")

    monkeypatch.setattr(verifier_module.xades, "read", broken)
    caplog.set_level(logging.DEBUG)
    assert codes(judge(hand.sign(hand.document(), pki["person"]))) == {"SIG-006"}
    assert "RuntimeError" in caplog.text
    assert "Báo cáo" not in caplog.text


def test_signxml_logs_nothing_of_the_document(judge: Judge, pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert judge(hand.sign(hand.document(), pki["person"])).passed
    assert caplog.text == ""
