from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from envelopes import schema, skeleton
from envelopes.reader import Read, read
from envelopes.schema import ValidXml
from envelopes.skeleton import ParsedXml
from scripts import handmade_letter as hand
from scripts import stamping
from scripts.make_test_pki import Pki
from signing import maker, signer
from signing.maker import Maker
from signing.signer import Manner, SigningFailedError, sign
from signing.verdict import Finding
from tests.unit.signing.conftest import AT, Judge

LARGE = b"%PDF-" + bytes(range(256)) * 8_000  # two megabytes
PLACEHOLDER = (
    "<Signature><KeyInfo><X509Data><X509Certificate>MIIFqTCCBJG</X509Certificate></X509Data></KeyInfo></Signature>"
)


def signed(letter: bytes, pki: Pki, who: str = "person-p256", method: str = "", **wish: Any) -> bytes:
    manner = Manner(method=method, **wish)
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


# The whole document, and timestamps


def test_the_whole_document_is_signed_with_one_reference(judge: Judge, pki: Pki) -> None:
    letter = bare(hand.document(attachments=(("tep-1", LARGE), ("tep-2", b"%PDF-x"))))
    broken = letter.write().replace(b64encode(LARGE)[:76], b64encode(LARGE)[:76] + b"\r\n&#13;\n")
    octets = signed(broken, pki, whole=True)
    verdict = judge(octets)
    assert verdict.passed, verdict.findings
    assert (verdict.profile, len(verdict.covered)) == ("XAdES-B", 5)
    assert octets.count(b"<ds:Reference ") == 2
    assert b' Id="MessageHeader"' not in octets, "parts need no Ids"
    start = broken.index(b"<AttachmentEncoded>")
    assert octets.endswith(broken[start:])


@pytest.mark.parametrize("whole", [False, True])
def test_a_timestamp_is_put_on_what_was_signed(judge: Judge, pki: Pki, *, whole: bool) -> None:
    seen = []

    def stamp(imprint: bytes) -> bytes:
        seen.append(len(imprint))
        return stamping.stamp(imprint, by=pki["tsa"], at=AT)

    verdict = judge(signed(hand.document().write(), pki, whole=whole, stamp=stamp))
    assert verdict.passed, verdict.findings
    assert verdict.profile == "XAdES-T"
    assert seen == [32]


@pytest.mark.parametrize(
    "stamp",
    [
        lambda _, pki: b"no token",
        lambda _, pki: stamping.stamp(b"0" * 32, by=pki["tsa"], at=AT),
        lambda imprint, pki: stamping.stamp(imprint, by=pki["person-p256"], at=AT),
        lambda imprint, pki: stamping.stamp(imprint, by=pki["tsa"], at=AT, wish=stamping.TokenWish(corrupt=True)),
        lambda imprint, pki: stamping.stamp(imprint, by=pki["tsa"], at=AT + timedelta(hours=1)),
    ],
)
def test_a_token_that_is_none_is_not_handed_out(pki: Pki, stamp: Callable[[bytes, Pki], bytes]) -> None:
    with pytest.raises(SigningFailedError, match="SIG-104"):
        signed(hand.document().write(), pki, stamp=lambda imprint: stamp(imprint, pki))


# A signer that is broken is found out by our own verifier


def digests_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "canonical", lambda *_, **__: b"")


def digests_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    add = maker._add_digest
    monkeypatch.setattr(maker, "_add_digest", lambda parent, digest: add(parent, digest[::-1]))


def says_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Maker.make

    def later(self: Maker, header: Any) -> None:
        self._at = AT - timedelta(hours=1)
        make(self, header)

    monkeypatch.setattr(Maker, "make", later)


def forgets_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = signer.parts
    monkeypatch.setattr(signer, "parts", lambda *a, **k: (parts(*a, **k)[0], parts(*a, **k)[1][1:]))


def puts_another_certificate_first(monkeypatch: pytest.MonkeyPatch) -> None:
    key_info = Maker._add_key_info

    def other(self: Maker, *arguments: Any, **named: Any) -> None:
        self._credential.texts.reverse()
        key_info(self, *arguments, **named)

    monkeypatch.setattr(Maker, "_add_key_info", other)


def writes_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = signer.write
    monkeypatch.setattr(signer, "write", lambda parsed: whole(parsed).replace(b"H41.01", b"H41.02"))


def writes_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signer, "write", lambda parsed: b"<edXML/>")


def leaves_the_signature_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Maker, "make", lambda *_: None)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    "broken",
    [
        digests_nothing,
        digests_wrongly,
        says_another_time,
        forgets_a_part,
        puts_another_certificate_first,
        writes_something_else,
        writes_no_message,
        leaves_the_signature_out,
    ],
)
def test_a_broken_signer_hands_nothing_out(
    pki: Pki, monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None], *, whole: bool
) -> None:
    broken(monkeypatch)
    with pytest.raises(SigningFailedError):
        signed(hand.document().write(), pki, "person", whole=whole)


def test_findings_are_findings(pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    findings = sign(octets, key=pki["seal"].key, certificates=pki["seal"].chain, at=AT)
    assert all(isinstance(finding, Finding) for finding in findings)
