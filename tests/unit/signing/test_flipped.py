"""Every octet of a small signed message turned, one after the other, through every stage.

What passes nevertheless says the same as before: in every signed part its canonical form is what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from lxml import etree

from envelopes import schema, skeleton
from envelopes.reader import Read, read
from envelopes.schema import ValidXml
from envelopes.skeleton import ParsedXml
from scripts import handmade_letter as hand
from scripts import stamping
from scripts.make_test_pki import Identity, Pki
from signing.names import ds, qcvn
from signing.verifier import Verifier
from tests.unit.signing.conftest import AT

Maker = Callable[[Pki], bytes]


def signer(pki: Pki) -> Identity:
    """Without the authorities: certificates would be most of the message."""
    return Identity(certificate=pki["person-p256"].certificate, key=pki["person-p256"].key)


def by_parts(pki: Pki) -> bytes:
    return hand.sign(hand.document(kind="1"), signer(pki))


def wholly(pki: Pki) -> bytes:
    letter = hand.document(kind="1")
    return hand.sign(letter, signer(pki), refs=[letter.whole()])


def stamped(pki: Pki) -> bytes:
    def stamp(octets: bytes) -> str:
        wish = stamping.TokenWish(certificates=(pki["tsa"].certificate,))
        token = stamping.stamp(hand.hashlib.sha256(octets).digest(), by=pki["tsa"], at=AT, wish=wish)
        return hand.unsigned(hand.timestamp(token, c14n=hand.EXCLUSIVE))

    tail, ref = hand.properties(signer(pki), time=(AT - timedelta(hours=1)).isoformat())
    letter = hand.styled(hand.status(), tail=tail, stamps=(stamp,))
    return hand.sign(letter, signer(pki), refs=[*letter.refs(), ref])


def judged(octets: bytes, verifier: Verifier) -> bool:
    """Whether it passes. Nothing raises, and whatever passes can be read."""
    parsed = skeleton.parse(octets)
    if not isinstance(parsed, ParsedXml):
        return False
    valid = schema.validate(parsed)
    if not isinstance(valid, ValidXml):
        return False
    verdict = verifier.verify(valid, at=AT)
    assert verdict.passed == (verdict.document is not None) == bool(verdict.covered)
    if verdict.document is not None:
        assert isinstance(read(verdict.document), Read)
    return verdict.passed


def parts(octets: bytes, *, whole: bool) -> list[bytes]:
    """What is signed, in canonical form; of attachments their text without white space."""
    root = etree.fromstring(octets)  # noqa: TID251
    for signature in list(root.iter(ds("Signature"))):
        parent = signature.getparent()
        assert parent is not None
        parent.remove(signature)
    signed: Iterable[str] = (qcvn(name) for name in ("MessageHeader", "Bussiness", "edXMLManifest"))
    elements = [root] if whole else [element for tag in signed for element in root.iter(tag)]
    texts = [] if whole else [element.text or "" for element in root.iter(qcvn("ContentTransferEncoded"))]
    canonical = [etree.tostring(element, method="c14n", exclusive=True, with_tail=False) for element in elements]
    return canonical + ["".join(text.split()).encode() for text in texts]


@pytest.mark.parametrize("make", [by_parts, wholly, stamped])
def test_no_turned_octet_passes_that_says_something_else(verifier: Verifier, pki: Pki, make: Maker) -> None:
    octets = make(pki)
    assert judged(octets, verifier)
    whole = make is wholly
    before = parts(octets, whole=whole)
    passed = []
    for place in range(len(octets)):
        flipped = bytearray(octets)
        flipped[place] ^= 1 << (place * 5 % 8)
        if judged(bytes(flipped), verifier):
            passed.append(place)
            assert parts(bytes(flipped), whole=whole) == before, f"octet {place} says something else"
    inside = range(octets.index(b"<ds:SignedInfo"), octets.index(b"</ds:SignatureValue>"))
    assert not set(passed) & set(inside)


@pytest.mark.parametrize("make", [by_parts, wholly, stamped])
@pytest.mark.parametrize("length", [1, 7])
def test_nothing_passes_with_octets_cut_out(verifier: Verifier, pki: Pki, make: Maker, length: int) -> None:
    octets = make(pki)
    before = parts(octets, whole=make is wholly)
    for place in range(0, len(octets), 3 * length):
        shortened = octets[:place] + octets[place + length :]
        if judged(shortened, verifier):
            assert parts(shortened, whole=make is wholly) == before
