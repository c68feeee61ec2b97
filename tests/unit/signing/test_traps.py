"""The traps of signxml 5.2, one after the other, each sprung on purpose.

Where it is cheap, the library itself is shown falling in first: the day it no longer does, a test here says so.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml.algorithms import CanonicalizationMethod
from signxml.exceptions import InvalidDigest, InvalidSignature
from signxml.verifier import SignatureConfiguration, XMLVerifier
from signxml.xades import XAdESSigner

from envelopes import skeleton
from scripts import handmade_letter as hand
from scripts.make_test_pki import Identity, Pki
from signing.certificate import Purpose
from signing.seal import Seal
from signing.signer import Manner, sign
from signing.trust import Chain, TrustStore
from signing.verdict import Finding
from signing.verifier import Verifier
from tests.unit.signing.conftest import AT, Judge, codes, opened

TIME = "2026-11-22T09:00:00+07:00"


def changed(octets: bytes, before: str, after: str, *, count: int = 1) -> bytes:
    assert octets.count(before.encode()) == count, before
    return octets.replace(before.encode(), after.encode())


def crossed(pki: Pki, shown: str, used: str) -> Identity:
    """The certificate of one with the key of another."""
    return Identity(certificate=pki[shown].certificate, key=pki[used].key, issuers=pki[shown].issuers)


# 1. A verifier keeps certificate and configuration on itself: shared by threads, it has accepted forgeries.


def test_trap_1_one_verifier_hammered_from_threads_accepts_no_forgery(verifier: Verifier, pki: Pki) -> None:
    letter = hand.document()
    signers = ("person", "person-p256", "person-p384", "organisation-plain")
    good = [hand.sign(letter, pki[who], refs=[letter.whole()] if n % 2 else None) for n, who in enumerate(signers)]
    forged = [
        # each would verify against the certificate of another message in flight
        *(hand.sign(letter, crossed(pki, a, b)) for a, b in (("person-p256", "seal"), ("seal", "person-p256"))),
        *(hand.sign(letter, crossed(pki, a, b)) for a, b in (("person", "organisation"), ("organisation", "person"))),
        *(changed(one, "H41.01</edXML:OrganId></edXML:To>", "H41.02</edXML:OrganId></edXML:To>") for one in good),
    ]

    def judged(number: int) -> bool:
        genuine = number % 2 == 0
        letters = good if genuine else forged
        verdict = verifier.verify(opened(letters[number // 2 % len(letters)]), at=AT)
        return verdict.passed is genuine and (verdict.document is not None) is genuine

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert all(pool.map(judged, range(1_600)))


# 2. An un-prefixed Signature with inclusive canonicalization (the default of .NET) is refused by the library.


@pytest.mark.parametrize("whole", [False, True])
def test_trap_2_an_unprefixed_signature_with_inclusive_c14n_verifies(judge: Judge, pki: Pki, *, whole: bool) -> None:
    letter = hand.styled(hand.document(), prefix="", c14n=hand.INCLUSIVE)
    octets = hand.sign(letter, pki["person"], refs=[letter.whole()] if whole else None)
    verdict = judge(octets)
    assert verdict.passed, verdict.findings
    assert codes(judge(changed(octets, "Hà Nội", "Ha Noi"))) == {"SIG-101"}
    if whole:
        loosely = SignatureConfiguration(verification_time=AT)
        with pytest.raises(InvalidSignature):
            XMLVerifier().verify(octets, x509_cert=pki["person"].certificate, expect_config=loosely)


# 3. Its XAdES signer writes a wrong digest with exclusive canonicalization.


def test_trap_3_what_we_sign_with_exclusive_c14n_verifies_and_the_library_s_own_does_not(
    judge: Judge, pki: Pki
) -> None:
    who = pki["person-p256"]
    ours = sign(hand.document().write(), key=who.key, certificates=who.chain, at=AT, manner=Manner(whole=True))
    assert isinstance(ours, bytes)
    assert judge(ours).profile == "XAdES-B"
    assert isinstance(pki["seal"].key, hand.ec.EllipticCurvePrivateKey)
    sealed = Seal(pki["seal"].key, pki["seal"].certificate).seal(hand.status().write(), at=AT)
    assert judge(sealed).profile == "XAdES-B"
    theirs = XAdESSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    signer = pki["person"]
    signed = theirs.sign(etree.fromstring("<a/>"), key=signer.key, cert=signer.chain)  # noqa: TID251
    loosely = SignatureConfiguration(expect_references=3, verification_time=AT)
    with pytest.raises(InvalidDigest):
        XMLVerifier().verify(signed, x509_cert=signer.certificate, expect_config=loosely)


# 4. Unknown transforms are ignored, and so is their order.

XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"


@pytest.mark.parametrize("intruder", [XPATH, XSLT, "http://www.w3.org/2002/06/xmldsig-filter2", "urn:x"])
@pytest.mark.parametrize("where", [0, 1, 2])
def test_trap_4_a_transform_that_would_be_ignored_is_refused(judge: Judge, pki: Pki, intruder: str, where: int) -> None:
    letter = hand.document()
    steps = [hand.ENVELOPED, hand.EXCLUSIVE]
    steps.insert(where, intruder)
    ref = hand.replace(letter.whole(), transforms=tuple(steps))
    assert codes(judge(hand.sign(letter, pki["person-p256"], refs=[ref]))) == {"SIG-006"}
    refs = letter.refs()
    refs[0] = hand.replace(refs[0], transforms=tuple(dict.fromkeys((hand.EXCLUSIVE, intruder)))[:: 1 if where else -1])
    assert codes(judge(hand.sign(letter, pki["person-p256"], refs=refs))) == {"SIG-006"}


def test_trap_4_the_order_of_transforms_matters(judge: Judge, pki: Pki) -> None:
    letter = hand.document()
    ref = hand.replace(letter.whole(), transforms=(hand.EXCLUSIVE, hand.ENVELOPED))
    assert codes(judge(hand.sign(letter, pki["person-p256"], refs=[ref]))) == {"SIG-006"}


# 5. The first Signature in document order wins; the root may itself be one; the others are never looked at.


def test_trap_5_a_second_signature_anywhere_is_refused(judge: Judge, pki: Pki) -> None:
    letter, signer = hand.document(), pki["person-p256"]
    octets = hand.sign(letter, signer)
    another = hand.signature(letter.style, pki["seal"], letter.refs()).replace('Id="Signature"', 'Id="Other"')
    for before in ("<edXML:MessageHeader ", "</edXML:edXMLHeader>", "<AttachmentEncoded>", "</edXML:edXMLBody>"):
        place = octets.index(before.encode())
        assert codes(judge(octets[:place] + another.encode() + octets[place:])) == {"SIG-003"}


def test_trap_5_a_signature_first_or_nested_is_not_taken_for_ours(judge: Judge, pki: Pki) -> None:
    letter = hand.document()
    one = hand.signature(letter.style, pki["person-p256"], letter.refs())
    assert codes(judge(hand.replace(letter, before_header=one).write())) == {"SIG-004"}
    nested = one.replace("</ds:Signature>", f"<ds:Object>{one}</ds:Object></ds:Signature>")
    assert codes(judge(letter.write(nested))) == {"SIG-003"}


def test_trap_5_a_message_whose_root_is_a_signature_is_no_message(pki: Pki) -> None:
    letter = hand.document()
    one = hand.signature(letter.style, pki["person-p256"], letter.refs())
    inside = letter.write().decode().partition("\n")[2]
    enveloping = one.replace("</ds:Signature>", f'<ds:Object Id="o">{inside}</ds:Object></ds:Signature>')
    faults = skeleton.parse(enveloping.encode())
    assert isinstance(faults, tuple)
    assert [fault.code for fault in faults] == ["ENV-009"]


# 6. Any attribute called Id, ID or id is an identifier; ambiguity is noticed within one spelling alone.


@pytest.mark.parametrize("spelling", ["Id", "ID", "id", "iD", "xml:id", "wsu:Id", "wsu:ID"])
@pytest.mark.parametrize("whole", [False, True])
def test_trap_6_an_identifier_twice_in_whatever_spelling_is_refused(
    judge: Judge, pki: Pki, spelling: str, *, whole: bool
) -> None:
    declared = ' xmlns:wsu="urn:wsu"' if spelling.startswith("wsu") else ""
    letter = hand.replace(hand.document(), trace_attributes=f'{declared} {spelling}="Manifest"')
    octets = hand.sign(letter, pki["person-p256"], refs=[letter.whole()] if whole else None)
    assert codes(judge(octets)) == {"SIG-007"}


# 7. Base64 is decoded leniently, so that one signature has many spellings.


@pytest.mark.parametrize("element", ["SignatureValue", "DigestValue"])
@pytest.mark.parametrize("junk", ["*", "====", "\u00a0", "-_", "AAAA=", "ＡＡ"])
def test_trap_7_a_value_has_one_spelling(judge: Judge, pki: Pki, element: str, junk: str) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    assert codes(judge(octets.replace(f"<ds:{element}>".encode(), f"<ds:{element}>{junk}".encode()))) == {"SIG-006"}


def test_trap_7_bits_that_nobody_reads_are_refused(judge: Judge, pki: Pki) -> None:
    """64 octets end in ``==``: four bits of the last letter mean nothing."""
    octets = hand.sign(hand.document(), pki["person-p256"])
    value = octets[octets.index(b"<ds:SignatureValue>") + 19 : octets.index(b"</ds:SignatureValue>")]
    other = value[:-3] + bytes([value[-3] + 1]) + value[-2:]
    assert value != other
    assert b64decode(value) == b64decode(other)
    assert codes(judge(octets.replace(value, other))) == {"SIG-006"}


# 8. Certificates: an authority as signer, RSA-1024, no purposes, a name instead of a key.


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("authority-signs", "SIG-205"),
        ("ca", "SIG-205"),
        ("rsa-1024", "SIG-103"),
        ("server", "SIG-205"),
        ("wrong-usage", "SIG-205"),
        ("another-root-person", "SIG-202"),
        ("expired", "SIG-203"),
        ("not-yet-valid", "SIG-204"),
    ],
)
def test_trap_8_a_certificate_that_may_not_sign_documents_is_refused(
    judge: Judge, pki: Pki, who: str, code: str
) -> None:
    alone = Identity(certificate=pki[who].certificate, key=pki[who].key)
    assert codes(judge(hand.sign(hand.document(), alone))) == {code}


def test_trap_8_non_repudiation_alone_is_enough(judge: Judge, pki: Pki) -> None:
    assert judge(hand.sign(hand.document(), pki["commitment-only"])).passed


def test_trap_8_another_certificate_of_the_same_name_is_another_signer(judge: Judge, pki: Pki) -> None:
    assert codes(judge(hand.sign(hand.document(), crossed(pki, "person", "organisation")))) == {"SIG-102"}


# 9. Its XAdES verifier checks neither time, Target, Type nor position of the signed properties.


def dated(pki: Pki, *, edit: Callable[[str], str] = str, **options: Any) -> bytes:
    tail, ref = hand.properties(pki["person-p256"], time=options.pop("time", TIME), **options)
    letter = hand.styled(hand.document(), tail=edit(tail))
    return hand.sign(letter, pki["person-p256"], refs=[*letter.refs(), ref])


def test_trap_9_properties_of_another_signature_are_refused(judge: Judge, pki: Pki) -> None:
    assert codes(judge(dated(pki, target="Another"))) == {"SIG-006"}
    assert codes(judge(changed(dated(pki), ' Target="#Signature"', ""))) == {"SIG-006"}


def test_trap_9_properties_in_another_position_are_refused(judge: Judge, pki: Pki) -> None:
    deeper = dated(pki, edit=lambda tail: tail.replace("{<}Object>", "{<}Object>{<}Object>") + "{/}Object>")
    assert codes(judge(deeper)) == {"SIG-006"}
    tail, ref = hand.properties(pki["person-p256"], time=TIME)
    outside = hand.replace(hand.document(), after_header=hand._tagged(hand.Style(), tail).replace("{stamps}", ""))
    elsewhere = hand.sign(
        hand.styled(outside), pki["person-p256"], refs=[*outside.refs(), hand.replace(ref, type=hand.PROPERTIES_TYPE)]
    )
    assert "SIG-005" in codes(judge(elsewhere.replace(b"<ds:Object>", f'<ds:Object xmlns:ds="{hand.DS}">'.encode(), 1)))


@pytest.mark.parametrize("kind", ["", "http://uri.etsi.org/01903/v1.1.1#SignedProperties", "urn:x"])
def test_trap_9_a_reference_of_another_type_does_not_sign_properties(judge: Judge, pki: Pki, kind: str) -> None:
    tail, ref = hand.properties(pki["person-p256"], time=TIME)
    letter = hand.styled(hand.document(), tail=tail)
    octets = hand.sign(letter, pki["person-p256"], refs=[*letter.refs(), hand.replace(ref, type=kind)])
    assert codes(judge(octets)) == {"SIG-006"}


def test_trap_9_a_time_in_the_future_is_refused(judge: Judge, pki: Pki) -> None:
    assert codes(judge(dated(pki, time="2026-11-22T10:05:01+07:00"))) == {"SIG-207"}


def test_trap_9_counter_signatures_are_refused(judge: Judge, pki: Pki) -> None:
    counter = hand.unsigned("<xades:CounterSignature></xades:CounterSignature>")
    assert codes(judge(dated(pki, edit=lambda tail: tail.replace("{stamps}", counter)))) == {"SIG-006"}


# 10. Canonicalization 1.1 is executed as 1.0, and xml: attributes are not inherited.

C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"


@pytest.mark.parametrize("identifier", [C14N_11, f"{C14N_11}#WithComments"])
def test_trap_10_canonicalization_1_1_is_refused(judge: Judge, pki: Pki, identifier: str) -> None:
    letter, signer = hand.document(), pki["person-p256"]
    octets = hand.sign(letter, signer)
    method = f'<ds:CanonicalizationMethod Algorithm="{hand.EXCLUSIVE}">'
    assert codes(judge(changed(octets, method, method.replace(hand.EXCLUSIVE, identifier)))) == {"SIG-006"}
    whole = hand.replace(letter.whole(), transforms=(hand.ENVELOPED, identifier))
    assert codes(judge(hand.sign(letter, signer, refs=[whole]))) == {"SIG-006"}
    refs = letter.refs()
    refs[0] = hand.replace(refs[0], transforms=(identifier,))
    assert codes(judge(hand.sign(letter, signer, refs=refs))) == {"SIG-006"}


@pytest.mark.parametrize("attribute", ['xml:lang="vi"', 'xml:space="preserve"', 'xml:base="http://a/"'])
def test_trap_10_what_inclusive_c14n_would_inherit_is_refused(judge: Judge, pki: Pki, attribute: str) -> None:
    letter = hand.styled(hand.document(), c14n=hand.INCLUSIVE)
    for refs in (None, [letter.whole()]):
        octets = hand.sign(letter, pki["person-p256"], refs=refs)
        inherited = changed(octets, "<edXML:edXMLHeader>", f"<edXML:edXMLHeader {attribute}>")
        assert codes(judge(inherited)) == {"SIG-006"}


# 11. A KeyValue is compared carelessly.


@pytest.mark.parametrize("instead", [True, False])
@pytest.mark.parametrize("kind", ["RSAKeyValue", "DSAKeyValue", "ECKeyValue"])
def test_trap_11_a_key_value_is_refused_beside_the_certificate_and_instead(
    judge: Judge, pki: Pki, kind: str, *, instead: bool
) -> None:
    numbers = pki["person"].key.public_key()
    assert isinstance(numbers, rsa.RSAPublicKey)
    modulus = b64encode(numbers.public_numbers().n.to_bytes(256, "big")).decode()
    value = (
        f"{{<}}KeyValue>{{<}}{kind}>{{<}}Modulus>{modulus}{{/}}Modulus>{{<}}Exponent>AQAB{{/}}Exponent>"
        f"{{/}}{kind}>{{/}}KeyValue>"
    )
    plain = hand.sign(hand.document(), pki["person"]).decode()
    data = "" if instead else plain[plain.index("<ds:X509Data>") : plain.index("</ds:KeyInfo>")]
    for method in ("rsa-sha256", "rsa-pss-sha256"):
        letter = hand.styled(hand.document(), method=method, key_info=f"{{<}}KeyInfo>{value}{data}{{/}}KeyInfo>")
        assert codes(judge(hand.sign(letter, pki["person"]))) == {"SIG-006"}


# And: SignedInfo is canonicalized before anybody looks at the certificate.


class Watched(TrustStore):
    """A trust store that notes whether anybody asked."""

    def __init__(self, inner: TrustStore) -> None:
        self.inner, self.asked = inner, 0

    def chain(
        self,
        certificates: Sequence[bytes],
        *,
        at: datetime,
        purpose: Purpose = Purpose.DOCUMENTS,
        leaf: bytes | None = None,
    ) -> Chain | Finding:
        self.asked += 1
        return self.inner.chain(certificates, at=at, purpose=purpose, leaf=leaf)


def _flooded_with_namespaces(octets: bytes, count: int) -> bytes:
    flood = "".join(f' xmlns:n{n}="urn:n{n}"' for n in range(count))
    return octets.replace(b"<ds:SignedInfo>", f"<ds:SignedInfo{flood}>".encode())


def _many_references(octets: bytes, count: int) -> bytes:
    start, end = octets.index(b"<ds:Reference "), octets.index(b"</ds:Reference>") + 15
    return octets[:start] + octets[start:end] * count + octets[start:]


def _many_transforms(octets: bytes, count: int) -> bytes:
    one = f'<ds:Transform Algorithm="{hand.EXCLUSIVE}"></ds:Transform>'.encode()
    return octets.replace(one, one * count, 1)


def _many_certificates(octets: bytes, count: int) -> bytes:
    start, end = octets.index(b"<ds:X509Certificate>"), octets.index(b"</ds:X509Certificate>") + 21
    return octets[:start] + octets[start:end] * count + octets[start:]


FLOODS: list[Callable[[bytes], bytes]] = [
    partial(_flooded_with_namespaces, count=12),
    partial(_many_references, count=2_000),
    partial(_many_transforms, count=500),
    partial(_many_certificates, count=60),
]


@pytest.mark.parametrize("flood", FLOODS, ids=["namespaces", "references", "transforms", "certificates"])
def test_trap_floods_are_refused_by_their_shape_before_anything_is_canonicalized(
    trust: TrustStore, pki: Pki, monkeypatch: pytest.MonkeyPatch, flood: Callable[[bytes], bytes]
) -> None:
    watched = Watched(trust)
    canonicalized: list[int] = []
    monkeypatch.setattr("signing.engine.canonical", lambda *_, **__: canonicalized.append(1))
    octets = flood(hand.sign(hand.document(), pki["person-p256"]))
    assert codes(Verifier(watched).verify(opened(octets), at=AT)) == {"SIG-006"}
    assert (watched.asked, canonicalized) == (0, [])


def test_trap_nothing_is_canonicalized_for_a_signer_whom_nobody_trusts(
    trust: TrustStore, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    canonicalized: list[int] = []
    monkeypatch.setattr("signing.engine.canonical", lambda *_, **__: canonicalized.append(1))
    monkeypatch.setattr("signing.whole.Whole.canonical", lambda *_, **__: canonicalized.append(1))
    letter = hand.document()
    for refs in (None, [letter.whole()]):
        octets = hand.sign(letter, pki["another-root-person"], refs=refs)
        assert codes(Verifier(trust).verify(opened(octets), at=AT)) == {"SIG-202"}
    assert canonicalized == []


def test_trap_a_namespace_flood_elsewhere_never_becomes_a_tree_to_canonicalize(pki: Pki) -> None:
    """142 kB that cost 22 seconds of inclusive canonicalization in the library."""
    flood = "".join(f' xmlns:n{n}="urn:n{n}"' for n in range(4_000))
    letter = hand.styled(hand.document(), c14n=hand.INCLUSIVE)
    octets = hand.sign(letter, pki["another-root-person"], refs=[letter.whole()])
    faults = skeleton.parse(octets.replace(b"<edXML:edXMLHeader>", f"<edXML:edXMLHeader{flood}>".encode()))
    assert isinstance(faults, tuple)
    assert [fault.code for fault in faults] == ["ENV-007"]
