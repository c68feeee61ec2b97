from __future__ import annotations

import time

import pytest

from scripts import handmade_letter as hand
from scripts.make_test_pki import Pki
from signing.shape import strict_base64
from tests.unit.signing.conftest import Judge, codes


def changed(octets: bytes, before: str, after: str) -> bytes:
    assert before.encode() in octets, before
    return octets.replace(before.encode(), after.encode(), 1)


INTRUSIONS = [
    ("text", "<ds:KeyInfo>", "chữ ký<ds:KeyInfo>", "SIG-006"),
    ("tail", "</ds:KeyInfo>", "</ds:KeyInfo>x", "SIG-006"),
    ("element", "<ds:KeyInfo>", '<x xmlns=""/><ds:KeyInfo>', "SIG-006"),
    ("object", "</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>", "SIG-006"),
    ("manifest", "</ds:Signature>", "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>", "SIG-006"),
    ("two-key-infos", "<ds:KeyInfo>", "<ds:KeyInfo></ds:KeyInfo><ds:KeyInfo>", "SIG-006"),
    ("key-value", "<ds:X509Data>", "<ds:KeyValue></ds:KeyValue><ds:X509Data>", "SIG-006"),
    ("key-name", "<ds:X509Data>", "<ds:KeyName>a</ds:KeyName><ds:X509Data>", "SIG-006"),
    ("retrieval", "<ds:X509Data>", '<ds:RetrievalMethod URI="http://a"/><ds:X509Data>', "SIG-006"),
    ("two-x509-data", "<ds:X509Data>", "<ds:X509Data></ds:X509Data><ds:X509Data>", "SIG-006"),
    ("crl", "<ds:X509Certificate>", "<ds:X509CRL>AAAA</ds:X509CRL><ds:X509Certificate>", "SIG-006"),
    ("attribute", "<ds:SignedInfo>", '<ds:SignedInfo a="b">', "SIG-006"),
    ("foreign-attribute", "<ds:SignedInfo>", '<ds:SignedInfo xml:base="http://a/">', "SIG-006"),
    ("declaration", "<ds:SignedInfo>", '<ds:SignedInfo xmlns:q="urn:q">', "SIG-006"),
    ("undeclaration", "<ds:SignedInfo>", '<ds:SignedInfo xmlns="">', "SIG-006"),
    (
        "hmac-length",
        "</ds:SignatureMethod>",
        "<ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>",
        "SIG-006",
    ),
    ("garbage-in-value", "<ds:SignatureValue>", "<ds:SignatureValue>*", "SIG-006"),
    ("padding-in-value", "<ds:SignatureValue>", "<ds:SignatureValue>=", "SIG-006"),
    ("garbage-in-digest", "<ds:DigestValue>", "<ds:DigestValue>!", "SIG-006"),
    ("order", "<ds:SignedInfo>", "<ds:SignatureValue>AAAA</ds:SignatureValue><ds:SignedInfo>", "SIG-006"),
    ("nested", "<ds:X509Data>", "<ds:X509Data><ds:Object></ds:Object>", "SIG-006"),
    ("garbage-in-certificate", "<ds:X509Certificate>", "<ds:X509Certificate>*", "SIG-201"),
    ("broken-certificate", "<ds:X509Certificate>", "<ds:X509Certificate>AAAA", "SIG-201"),
]


@pytest.mark.parametrize(("name", "before", "after", "code"), INTRUSIONS)
def test_whatever_does_not_belong_into_a_signature_is_refused(
    judge: Judge, pki: Pki, caplog: pytest.LogCaptureFixture, name: str, before: str, after: str, code: str
) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    verdict = judge(changed(octets, before, after))
    assert codes(verdict) == {code}
    assert all(finding.expected or finding.got for finding in verdict.findings)
    assert caplog.text == "", "refused by what signxml raised, not by our own rule"


@pytest.mark.parametrize(
    ("key_info", "code"),
    [
        ("", "SIG-201"),
        ("{<}KeyInfo>{/}KeyInfo>", "SIG-006"),
        ("{<}KeyInfo>{<}X509Data>{<}X509SubjectName>CN=x{/}X509SubjectName>{/}X509Data>{/}KeyInfo>", "SIG-201"),
        ("{<}KeyInfo>{<}KeyValue>{<}RSAKeyValue>{/}RSAKeyValue>{/}KeyValue>{/}KeyInfo>", "SIG-006"),
    ],
)
def test_a_signature_needs_its_certificate(judge: Judge, pki: Pki, key_info: str, code: str) -> None:
    letter = hand.styled(hand.document(), key_info=key_info)
    assert codes(judge(hand.sign(letter, pki["person-p256"]))) == {code}


def test_names_beside_the_certificates_do_no_harm(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    named = "<ds:X509Data><ds:X509SubjectName>CN=ai</ds:X509SubjectName>"
    assert judge(changed(octets, "<ds:X509Data>", named)).passed


def test_six_certificates_are_too_many(judge: Judge, pki: Pki) -> None:
    signer = pki["person-p256"]
    crowd = hand.Identity(certificate=signer.certificate, key=signer.key, issuers=signer.issuers * 5)
    assert codes(judge(hand.sign(hand.document(), crowd))) == {"SIG-006"}


def test_white_space_between_elements_and_in_base64_is_fine(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    roomy = octets.replace(b"</ds:SignedInfo>", b"</ds:SignedInfo>\n  ").replace(
        b"<ds:X509Certificate>", b"\n<ds:X509Certificate>\n"
    )
    assert judge(roomy).passed


def test_a_prefix_list_is_honoured_with_exclusive_canonicalization_only(judge: Judge, pki: Pki) -> None:
    listed = f'<ec:InclusiveNamespaces xmlns:ec="{hand.EXCLUSIVE}" PrefixList="edXML"></ec:InclusiveNamespaces>'
    letter = hand.document()
    refs = [hand.replace(ref, extra=listed) if ref.transforms else ref for ref in letter.refs()]
    assert judge(hand.sign(letter, pki["person-p256"], refs=refs)).passed
    inclusive = hand.styled(letter, c14n=hand.INCLUSIVE)
    refs = [hand.replace(ref, transforms=(hand.INCLUSIVE,), extra=listed) for ref in inclusive.refs()[:3]]
    assert "SIG-006" in codes(judge(hand.sign(inclusive, pki["person-p256"], refs=refs)))


@pytest.mark.parametrize("count", [1, 400])
def test_a_crowd_of_references_costs_nothing(judge: Judge, pki: Pki, count: int) -> None:
    letter = hand.document()
    refs = [*letter.refs(), *(hand.Ref(uri=f"#x{n}", octets=b"") for n in range(count))]
    octets = hand.sign(letter, pki["person-p256"], refs=refs)
    start = time.process_time()
    assert codes(judge(octets)) == {"SIG-006"}
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("AAEC", b"\0\1\2"),
        (" A AE\nC\t", b"\0\1\2"),
        ("AAE=", b"\0\1"),
        ("AAF=", None),
        ("AAE", None),
        ("AAE==", None),
        ("A-_C", None),
        ("AAE=AAE=", None),
        ("ＡAEC", None),
        ("", None),
        (None, None),
    ],
)
def test_base64_has_one_spelling(text: str | None, octets: bytes | None) -> None:
    assert strict_base64(text) == octets
