from __future__ import annotations

from typing import Any

import pytest

from scripts import handmade_letter as hand
from scripts.make_test_pki import Pki
from tests.unit.signing.conftest import Judge, codes

TIME = "2026-11-22T09:00:00+07:00"


def signed(pki: Pki, *, before: str = "", after: str = "", named: str = "person-p256", **options: str) -> bytes:
    """A XAdES letter whose properties were changed before they were signed."""
    tail, ref = hand.properties(pki[named], time=options.get("time", TIME), target=options.get("target", "Signature"))
    canonical = ref.octets.replace(before.encode(), after.encode()) if before else ref.octets
    assert not before or before in tail
    tail = tail.replace(before, after) if before else tail
    letter = hand.styled(hand.document(), tail=tail)
    ref = hand.replace(ref, octets=canonical, type=options.get("type", ref.type))
    return hand.sign(letter, pki["person-p256"], refs=[*letter.refs(), ref])


def test_properties_of_the_signer_pass(judge: Judge, pki: Pki) -> None:
    verdict = judge(signed(pki))
    assert verdict.passed
    assert verdict.signing_time_source == "claimed"


def test_properties_that_name_another_certificate_are_forged(judge: Judge, pki: Pki) -> None:
    assert codes(judge(signed(pki, named="seal"))) == {"SIG-102"}


@pytest.mark.parametrize(
    "change",
    [
        {"target": "Other"},
        {"type": ""},
        {"type": "http://uri.etsi.org/01903/v1.1.1#SignedProperties"},
        {"time": "yesterday"},
        {"time": "2026-13-01T00:00:00Z"},
        {"time": "2026-W47-1T00:00:00Z"},
        {"before": "xades:SigningTime>", "after": "xades:SigningTimes>"},
        {"before": "xades:SigningCertificateV2>", "after": "xades:SigningCertificateV3>"},
        {"before": "xmlenc#sha256", "after": "xmlenc#sha1"},
    ],
)
def test_incomplete_or_misdirected_properties_are_refused(judge: Judge, pki: Pki, change: dict[str, Any]) -> None:
    octets = signed(pki, **change)
    assert codes(judge(octets)) <= {"SIG-006", "SIG-103"}


def test_unsigned_properties_are_refused(judge: Judge, pki: Pki) -> None:
    """Beside the signed ones (only timestamps may), and without any reference to them."""
    octets = signed(pki)
    beside = b"</xades:SignedProperties><xades:UnsignedProperties></xades:UnsignedProperties>"
    assert codes(judge(octets.replace(b"</xades:SignedProperties>", beside))) == {"SIG-006"}
    tail, _ = hand.properties(pki["person-p256"], time=TIME)
    letter = hand.styled(hand.document(), tail=tail)
    assert codes(judge(hand.sign(letter, pki["person-p256"]))) == {"SIG-005", "SIG-006"}


def test_foreign_elements_inside_the_properties_are_refused(judge: Judge, pki: Pki) -> None:
    foreign = '<x xmlns="urn:x"></x></xades:SignedSignatureProperties>'
    octets = signed(pki, before="</xades:SignedSignatureProperties>", after=foreign)
    assert codes(judge(octets)) == {"SIG-006"}


def test_changed_properties_are_found(judge: Judge, pki: Pki) -> None:
    assert codes(judge(signed(pki).replace(b"09:00:00+07:00", b"09:00:01+07:00"))) == {"SIG-101"}


def test_a_signed_key_info_is_accepted(judge: Judge, pki: Pki) -> None:
    """Some tools sign KeyInfo as well; it covers nothing of the document."""
    signer = pki["person-p256"]
    letter = hand.document()
    plain = hand.sign(letter, signer).decode()
    inner = plain[plain.index("<ds:X509Data>") : plain.index("</ds:KeyInfo>")]
    key_info = f'<ds:KeyInfo Id="Key">{inner}</ds:KeyInfo>'
    canonical = key_info.replace("<ds:KeyInfo", f'<ds:KeyInfo xmlns:ds="{hand.DS}"')
    letter = hand.styled(letter, key_info=key_info)
    refs = [*letter.refs(), hand.Ref(uri="#Key", octets=canonical.encode())]
    verdict = judge(hand.sign(letter, signer, refs=refs))
    assert verdict.passed
    assert "KeyInfo" not in verdict.covered
