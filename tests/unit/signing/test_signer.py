from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from envelopes import schema, skeleton
from envelopes.reader import Read, read
from envelopes.schema import ValidXml
from envelopes.skeleton import ParsedXml
from scripts import handmade_letter as hand
from scripts.make_test_pki import Pki
from signing import signer
from signing.signer import Manner, SigningFailedError, sign
from signing.verdict import Finding
from tests.unit.signing.conftest import AT, Judge

LARGE = b"%PDF-" + bytes(range(256)) * 8_000  # two megabytes
PLACEHOLDER = (
    "<Signature><KeyInfo><X509Data><X509Certificate>MIIFqTCCBJG</X509Certificate></X509Data></KeyInfo></Signature>"
)


def signed(letter: bytes, pki: Pki, who: str = "person-p256", method: str = "") -> bytes:
    manner = Manner(method=method)
    octets = sign(letter, key=pki[who].key, certificates=pki[who].chain, at=AT, manner=manner)
    assert isinstance(octets, bytes), octets
    return octets


def bare(letter: hand.Letter) -> hand.Letter:
    """Without Ids, as other programs write it."""
    parts = {name: getattr(letter, name) for name in ("message_header", "business", "manifest")}
    ids = (' Id="MessageHeader"', ' Id="Bussiness"', ' Id="Manifest"')
    return hand.replace(letter, **{k: v.replace(i, "") for (k, v), i in zip(parts.items(), ids, strict=True)})


@pytest.mark.parametrize(
    ("who", "method"),
    [("person", ""), ("person", "rsa-pss-sha256"), ("person-p256", ""), ("person-p384", ""), ("person-p521", "")],
)
def test_what_we_sign_passes_as_it_is_read(judge: Judge, pki: Pki, who: str, method: str) -> None:
    octets = signed(bare(hand.document(kind="1")).write(), pki, who, method)
    verdict = judge(octets)
    assert verdict.passed, verdict.findings
    assert verdict.covered == ("MessageHeader", "Bussiness", "edXMLManifest", "cid:tep-1")
    assert verdict.signing_time_source == "claimed"
    parsed = skeleton.parse(octets)
    assert isinstance(parsed, ParsedXml)
    assert isinstance(schema.validate(parsed), ValidXml)
    assert verdict.document is not None
    assert isinstance(read(verdict.document), Read)


def test_attachments_are_copied_octet_for_octet(judge: Judge, pki: Pki) -> None:
    letter = hand.document(attachments=(("tep-1", LARGE), ("tep-2", b"%PDF-x"), ("tep-3", LARGE[:9_000])))
    broken = letter.write().replace(b64encode(LARGE)[:76], b64encode(LARGE)[:76] + b"\n")
    octets = signed(broken, pki)
    start = broken.index(b"<AttachmentEncoded>")
    assert octets.endswith(broken[start:])
    assert judge(octets).passed


def test_ids_that_are_there_are_kept_and_new_ones_are_free(judge: Judge, pki: Pki) -> None:
    letter = hand.replace(bare(hand.document()), trace_attributes=' id="MessageHeader"')
    octets = signed(letter.write(), pki)
    assert b'<edXML:MessageHeader Id="MessageHeader-2">' in octets
    assert judge(octets).passed
    assert b'Id="Manifest"' in signed(hand.document().write(), pki)


@pytest.mark.parametrize("there", [PLACEHOLDER, "<edXML:DigitalSignature/>"])
def test_a_placeholder_is_replaced(judge: Judge, pki: Pki, there: str) -> None:
    octets = signed(hand.document().write(there), pki)
    assert b"MIIFqTCCBJG<" not in octets
    assert b"DigitalSignature" not in octets
    assert judge(octets).passed


def test_a_real_signature_is_not_replaced(pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    findings = sign(octets, key=pki["seal"].key, certificates=pki["seal"].chain, at=AT)
    assert isinstance(findings, tuple)
    assert [finding.code for finding in findings] == ["SIG-003"]


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (b"<edXML:From>", b"<!-- x --><edXML:From>", "ENV-011"),
        (b'Id="Manifest"', b'Id="MessageHeader"', "SIG-007"),
        (b"</edXML>", b"", "ENV-003"),
        (b"<edXML:CodeNumber>15</edXML:CodeNumber>", b"", "ENV-101"),
    ],
)
def test_what_cannot_be_signed_is_told(pki: Pki, before: bytes, after: bytes, code: str) -> None:
    octets = hand.document().write()
    assert before in octets
    faults = sign(octets.replace(before, after), key=pki["seal"].key, certificates=pki["seal"].chain, at=AT)
    assert isinstance(faults, tuple)
    assert code in {fault.code for fault in faults}


def test_a_key_that_is_not_the_certificates_signs_nothing(pki: Pki) -> None:
    with pytest.raises(SigningFailedError):
        sign(hand.document().write(), key=pki["seal"].key, certificates=pki["person-p256"].chain, at=AT)


@pytest.mark.parametrize(
    ("who", "method", "why"),
    [
        ("person", "ecdsa-sha256", "rsa-sha256 is"),
        ("person-p256", "rsa-pss-sha256", "ecdsa-sha256 is"),
        ("expired", "", "not valid now"),
        ("not-yet-valid", "", "not valid now"),
    ],
)
def test_what_does_not_fit_together_is_told(pki: Pki, who: str, method: str, why: str) -> None:
    with pytest.raises(SigningFailedError, match=why):
        signed(hand.document().write(), pki, who, method)


def test_a_key_of_another_curve_is_told(pki: Pki) -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(SigningFailedError, match="not accepted"):
        sign(hand.document().write(), key=key, certificates=pki["person"].chain, at=AT)


def test_what_does_not_verify_is_not_handed_out(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = signer.write
    monkeypatch.setattr(signer, "write", lambda parsed: whole(parsed).replace(b"H41.01", b"H41.02"))
    with pytest.raises(SigningFailedError):
        sign(hand.document().write(), key=pki["seal"].key, certificates=pki["seal"].chain, at=AT)


def test_findings_are_findings(pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    findings = sign(octets, key=pki["seal"].key, certificates=pki["seal"].chain, at=AT)
    assert all(isinstance(finding, Finding) for finding in findings)
