from __future__ import annotations

import pytest

from scripts import handmade_letter as hand
from scripts.make_test_pki import Pki
from signing.verdict import Indication, Verdict
from tests.unit.signing.conftest import Judge, codes

CONSTANT = (
    "<{p}Signature{x}><{p}SignedInfo></{p}SignedInfo><{p}KeyInfo><{p}X509Data><{p}X509Certificate>MIIFqTCCBJG"
    "</{p}X509Certificate></{p}X509Data></{p}KeyInfo></{p}Signature>"
)
LIBRARY = CONSTANT.replace("{p}", "").replace("{x}", "")
TEMPLATE = CONSTANT.replace("{p}", "").replace("{x}", f' xmlns="{hand.DS}"')
PREFIXED = CONSTANT.replace("{p}", "ds:").replace("{x}", f' xmlns:ds="{hand.DS}"')


def no_signature(verdict: Verdict, code: str) -> bool:
    assert verdict.indication is Indication.INDETERMINATE
    assert not verdict.signed
    assert verdict.document is None
    return [finding.code for finding in verdict.findings] == [code]


@pytest.mark.parametrize("empty", ["", "<edXML:DigitalSignature/>", "<Signature></Signature>"])
def test_a_letter_without_a_signature_is_unsigned(judge: Judge, empty: str) -> None:
    assert no_signature(judge(hand.document().write(empty)), "SIG-001")


@pytest.mark.parametrize("placeholder", [LIBRARY, TEMPLATE, PREFIXED])
def test_the_vendors_constant_counts_as_no_signature(judge: Judge, placeholder: str) -> None:
    assert no_signature(judge(hand.document().write(placeholder)), "SIG-002")


def test_a_real_signature_with_another_certificate_that_cannot_be_read_is_no_placeholder(judge: Judge) -> None:
    octets = hand.document().write(PREFIXED.replace("MIIFqTCCBJG", "MIIFqTCCBJGA"))
    assert "SIG-006" in codes(judge(octets))


def test_two_signatures_are_refused(judge: Judge, pki: Pki) -> None:
    letter = hand.document()
    twice = 2 * hand.signature(letter.style, pki["person-p256"], letter.refs())
    assert codes(judge(letter.write(twice))) == {"SIG-003"}


@pytest.mark.parametrize("placeholder", [LIBRARY, PREFIXED, "<edXML:DigitalSignature>x</edXML:DigitalSignature>"])
def test_a_placeholder_beside_a_real_signature_is_refused(judge: Judge, pki: Pki, placeholder: str) -> None:
    letter = hand.replace(hand.document(), after_header=placeholder)
    assert codes(judge(hand.sign(letter, pki["person-p256"]))) == {"SIG-003"}


def test_an_empty_element_that_a_serializer_left_is_no_second_signature(judge: Judge, pki: Pki) -> None:
    letter = hand.replace(hand.document(), after_header="<edXML:DigitalSignature/>")
    assert judge(hand.sign(letter, pki["person-p256"])).passed


MOVES = [
    ("before-header", "<edXML:MessageHeader", "{s}<edXML:MessageHeader"),
    ("in-header", "</edXML:MessageHeader>", "{s}</edXML:MessageHeader>"),
    ("in-trace", "</edXML:TraceHeaderList>", "{s}</edXML:TraceHeaderList>"),
    ("in-envelope", "<edXML:edXMLBody>", "{s}<edXML:edXMLBody>"),
    ("in-body", "</edXML:edXMLBody>", "{s}</edXML:edXMLBody>"),
    ("in-root", "</edXML>", "{s}</edXML>"),
    ("in-attachment", "</Attachment>", "{s}</Attachment>"),
]


@pytest.mark.parametrize(("name", "before", "after"), MOVES)
def test_a_signature_anywhere_else_is_misplaced(judge: Judge, pki: Pki, name: str, before: str, after: str) -> None:
    letter = hand.document()
    signature = hand.signature(letter.style, pki["person-p256"], letter.refs())
    octets = letter.write().replace(before.encode(), after.replace("{s}", signature).encode())
    assert codes(judge(octets)) == {"SIG-004"}


def test_something_behind_the_signature_misplaces_it(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    behind = octets.replace(b"</ds:Signature>", b"</ds:Signature><edXML:DigitalSignature/>")
    assert codes(judge(behind)) == {"SIG-004"}


def test_an_envelope_that_is_not_the_roots_child_is_not_read(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    deeper = octets.replace(b"<edXML:edXMLEnvelope ", b"<Hull><edXML:edXMLEnvelope ")
    assert codes(judge(deeper.replace(b"</edXML:edXMLEnvelope>", b"</edXML:edXMLEnvelope></Hull>"))) == {"SIG-004"}


def test_a_header_of_another_namespace_is_no_header(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    foreign = octets.replace(b"<edXML:edXMLHeader>", b'<x:edXMLHeader xmlns:x="urn:x">')
    assert "SIG-004" in codes(judge(foreign.replace(b"</edXML:edXMLHeader>", b"</x:edXMLHeader>")))
