"""Timestamps over a signature: the time they prove, and every token that spoils the signature instead."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from cryptography.x509 import Certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

from scripts import handmade_letter as hand
from scripts import stamping
from scripts.make_test_pki import Identity, Pki, Wish, ec_key, issue
from signing.evidence import EvidenceKind, RevocationNote, RevocationState
from signing.revocation import RevocationAnswer
from signing.trust import TrustStore
from signing.verdict import Indication
from signing.verifier import Verifier
from tests.unit.signing.conftest import AT, Judge, codes

STAMPED = AT - timedelta(hours=2)
Token = Callable[[bytes], bytes]


def token(by: Identity, *, at: datetime = STAMPED, algorithm: str = "sha256", corrupt: bool = False) -> Token:
    wish = stamping.TokenWish(algorithm=algorithm, corrupt=corrupt)
    return lambda octets: stamping.stamp(hashlib.new(algorithm, octets).digest(), by=by, at=at, wish=wish)


def stamped(
    signer: Identity,
    *tokens: Token,
    letter: hand.Letter | None = None,
    claimed: datetime = STAMPED,
    whole: bool = False,
    c14n: str | None = None,
) -> bytes:
    """A letter with timestamps over its signature, canonicalized as ``c14n`` or as the signature itself is."""
    letter = letter or hand.document()
    tail, ref = hand.properties(signer, time=claimed.isoformat())
    said = letter.style.c14n if c14n is None else c14n

    def stamp(octets: bytes) -> str:
        return hand.unsigned(*(hand.timestamp(one(octets), c14n=said) for one in tokens))

    letter = hand.styled(letter, tail=tail, stamps=(stamp,) if tokens else ())
    content = [letter.whole()] if whole else letter.refs()
    if not whole and letter.style.c14n == hand.INCLUSIVE:
        content = [hand.replace(one, transforms=one.transforms and (hand.INCLUSIVE,)) for one in content]
    return hand.sign(letter, signer, refs=[*content, ref])


@pytest.mark.parametrize("whole", [False, True])
def test_a_timestamp_proves_the_time(judge: Judge, pki: Pki, *, whole: bool) -> None:
    octets = stamped(pki["person-p256"], token(pki["tsa"]), claimed=STAMPED - timedelta(hours=1), whole=whole)
    verdict = judge(octets)
    assert verdict.passed, verdict.findings
    assert verdict.profile == "XAdES-T"
    assert (verdict.signing_time, verdict.signing_time_source) == (STAMPED, "timestamp")
    assert verdict.claimed_time == STAMPED - timedelta(hours=1)
    assert verdict.covered[0] == "MessageHeader"
    assert verdict.stamp is not None
    assert verdict.stamp.at == STAMPED
    kept = {item.sha256: item for item in verdict.evidence}
    assert kept[verdict.stamp.evidence].kind is EvidenceKind.TIMESTAMP
    assert [item.kind for item in verdict.evidence].count(EvidenceKind.CERTIFICATE) == 4, "two paths, each once"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_every_accepted_digest_may_be_stamped(judge: Judge, pki: Pki, algorithm: str) -> None:
    assert judge(stamped(pki["person-p256"], token(pki["tsa"], algorithm=algorithm))).profile == "XAdES-T"


def test_an_authority_that_only_stamps_may(judge: Judge, pki: Pki) -> None:
    verdict = judge(stamped(pki["person-p256"], token(pki["stamp-tsa"])))
    assert verdict.passed, verdict.findings
    assert verdict.stamp is not None
    assert verdict.stamp.domain == "stamps"


@pytest.mark.parametrize("prefix", ["ds", ""])
@pytest.mark.parametrize("said", [hand.INCLUSIVE, ""])
def test_inclusive_canonicalization_is_what_is_meant_where_none_is_named(
    judge: Judge, pki: Pki, prefix: str, said: str
) -> None:
    letter = hand.styled(hand.status(), c14n=hand.INCLUSIVE)
    verdict = judge(stamped(pki["person-p256"], token(pki["tsa"]), letter=letter, c14n=said))
    assert verdict.profile == "XAdES-T", verdict.findings
    other = judge(stamped(pki["person-p256"], token(pki["tsa"]), letter=letter, c14n=hand.EXCLUSIVE))
    assert codes(other) == {"SIG-104"}, "another canonical form is not what was stamped"


def test_what_had_expired_since_was_valid_when_it_was_stamped(judge: Judge, pki: Pki) -> None:
    then, day = AT - timedelta(days=15), timedelta(days=1)
    wish = Wish(name="Hết hạn", key=ec_key(), starts=-20 * day, lasts=10 * day)
    signer = issue(pki["ca"], wish, at=AT)
    verdict = judge(stamped(signer, token(pki["tsa"], at=then), claimed=then))
    assert verdict.passed, verdict.findings
    assert verdict.signing_time == then
    assert codes(judge(stamped(signer, claimed=then))) == {"SIG-203"}, "the signer's word alone"
    late = stamped(signer, token(pki["tsa"]), claimed=then)
    assert codes(judge(late)) == {"SIG-203"}, "stamped when it had expired"


def test_the_first_of_two_timestamps_counts(judge: Judge, pki: Pki) -> None:
    later = token(pki["stamp-tsa"], at=STAMPED + timedelta(hours=1))
    verdict = judge(stamped(pki["person-p256"], later, token(pki["tsa"])))
    assert verdict.passed, verdict.findings
    assert verdict.signing_time == STAMPED
    assert [item.kind for item in verdict.evidence].count(EvidenceKind.TIMESTAMP) == 2
    spoilt = stamped(pki["person-p256"], token(pki["tsa"]), token(pki["tsa"], corrupt=True))
    assert codes(judge(spoilt)) == {"SIG-104"}


def test_a_claim_from_the_future_is_refused_all_the_same(judge: Judge, pki: Pki) -> None:
    octets = stamped(pki["person-p256"], token(pki["tsa"]), claimed=AT + timedelta(minutes=6))
    assert codes(judge(octets)) == {"SIG-207"}


STRANGER = Wish(
    name="TSA",
    key=ec_key(),
    usages=frozenset({"digital_signature"}),
    purposes=(ExtendedKeyUsageOID.TIME_STAMPING,),
    purposes_critical=True,
)
BAD: list[tuple[str, Callable[[Pki], Token]]] = [
    ("garbage", lambda pki: lambda _: b"no token"),
    ("cut off", lambda pki: lambda octets: token(pki["tsa"])(octets)[:-9]),
    ("over something else", lambda pki: lambda _: token(pki["tsa"])(b"another signature")),
    ("over the bare value", lambda pki: lambda octets: token(pki["tsa"])(octets[octets.index(b">") + 1 : -20])),
    ("forged", lambda pki: token(pki["tsa"], corrupt=True)),
    ("from the future", lambda pki: token(pki["tsa"], at=AT + timedelta(minutes=6))),
    ("of an expired authority", lambda pki: token(pki["expired-tsa"])),
    ("of a person", lambda pki: token(pki["person-p256"])),
    ("not critically for stamping", lambda pki: token(pki["tsa-not-critical"])),
    ("not only for stamping", lambda pki: token(pki["tsa-of-all-trades"])),
    ("of nobody we know", lambda pki: token(issue(pki["other-root"], STRANGER, at=AT))),
    ("weak digest", lambda pki: token(pki["tsa"], algorithm="sha1")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bad"), BAD, ids=[name for name, _ in BAD])
def test_a_bad_token_spoils_the_signature(judge: Judge, pki: Pki, name: str, bad: Callable[[Pki], Token]) -> None:
    octets = stamped(pki["person-p256"], bad(pki))
    verdict = judge(octets)
    assert codes(verdict) == {"SIG-104"}
    assert verdict.findings[0].path.endswith("xades:SignatureTimeStamp/xades:EncapsulatedTimeStamp")


def test_a_token_too_large_is_none(judge: Judge, pki: Pki) -> None:
    assert codes(judge(stamped(pki["person-p256"], lambda _: b"0" * 70_000))) == {"SIG-104"}


def changed(octets: bytes, before: str, after: str) -> bytes:
    assert before.encode() in octets, before
    return octets.replace(before.encode(), after.encode(), 1)


END = "</xades:UnsignedSignatureProperties>"
STAMP = "<xades:SignatureTimeStamp>"
TOKEN = "<xades:EncapsulatedTimeStamp>"
C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
EXCLUSIVE_BEFORE = f'<ds:CanonicalizationMethod Algorithm="{hand.EXCLUSIVE}"></ds:CanonicalizationMethod>'
INTRUSIONS = [
    (END, f"<xades:CounterSignature></xades:CounterSignature>{END}"),
    (END, f"<xades:CertificateValues></xades:CertificateValues>{END}"),
    (END, f"<xades:RevocationValues></xades:RevocationValues>{END}"),
    (END, f'<a xmlns="urn:a">x</a>{END}'),
    ("</xades:UnsignedProperties>", "<xades:UnsignedDataObjectProperties/></xades:UnsignedProperties>"),
    ("</xades:QualifyingProperties>", "<xades:UnsignedProperties/></xades:QualifyingProperties>"),
    ("<xades:UnsignedProperties>", "text<xades:UnsignedProperties>"),
    (STAMP, f"{STAMP}text"),
    (STAMP, '<xades:SignatureTimeStamp a="b">'),
    (STAMP, f'{STAMP}<xades:Include URI="#MessageHeader"></xades:Include>'),
    (STAMP, f"{STAMP}<xades:XMLTimeStamp></xades:XMLTimeStamp>"),
    (TOKEN, f"<xades:EncapsulatedTimeStamp>AAAA</xades:EncapsulatedTimeStamp>{TOKEN}"),
    (TOKEN, f"{TOKEN}*"),
    (TOKEN, f"{TOKEN}="),
    (TOKEN, '<xades:EncapsulatedTimeStamp Encoding="http://uri.etsi.org/01903/v1.2.2#PER">'),
    (f"{EXCLUSIVE_BEFORE}{TOKEN}", f"{EXCLUSIVE_BEFORE.replace(hand.EXCLUSIVE, C14N_11)}{TOKEN}"),
]


@pytest.mark.parametrize(("before", "after"), INTRUSIONS)
def test_nothing_else_stands_unsigned_in_a_signature(
    judge: Judge, pki: Pki, caplog: pytest.LogCaptureFixture, before: str, after: str
) -> None:
    octets = stamped(pki["person-p256"], token(pki["tsa"]))
    assert codes(judge(changed(octets, before, after))) == {"SIG-006"}
    assert caplog.text == "", "refused by what a library raised, not by our own rule"


def test_unsigned_properties_without_a_timestamp_are_refused(judge: Judge, pki: Pki) -> None:
    octets = stamped(pki["person-p256"], token(pki["tsa"]))
    start, end = octets.index(STAMP.encode()), octets.index(END.encode())
    assert codes(judge(octets[:start] + octets[end:])) == {"SIG-006"}


def test_three_timestamps_are_too_many(judge: Judge, pki: Pki) -> None:
    assert codes(judge(stamped(pki["person-p256"], *[token(pki["tsa"])] * 3))) == {"SIG-006"}


def test_what_other_tools_write_around_a_token_is_read(judge: Judge, pki: Pki) -> None:
    octets = stamped(pki["person-p256"], token(pki["tsa"]))
    named = '<xades:EncapsulatedTimeStamp Id="E" Encoding="http://uri.etsi.org/01903/v1.2.2#DER">\n'
    octets = changed(changed(octets, STAMP, '\n<xades:SignatureTimeStamp Id="T">\n'), TOKEN, named)
    assert judge(octets).profile == "XAdES-T"
    assert codes(judge(changed(octets, 'Id="T"', 'Id="MessageHeader"'))) == {"SIG-007"}


def test_inherited_attributes_are_refused_where_the_stamp_would_inherit_them(judge: Judge, pki: Pki) -> None:
    def at_home(c14n: str) -> bytes:
        octets = stamped(pki["person-p256"], token(pki["tsa"]), c14n=c14n)
        return changed(octets, "<edXML:edXMLHeader>", '<edXML:edXMLHeader xml:lang="vi">')

    assert judge(at_home(hand.EXCLUSIVE)).passed
    assert codes(judge(at_home(hand.INCLUSIVE))) == {"SIG-006"}
    assert codes(judge(at_home(""))) == {"SIG-006"}


# Revocation


class Source:
    """Knows of one certificate; notes for which time it was asked about each."""

    checks = True

    def __init__(self, about: Certificate, state: RevocationState) -> None:
        self.about, self.state = about, state
        self.asked: dict[Certificate, datetime] = {}

    def check(self, path: Sequence[Certificate], *, at: datetime, now: datetime) -> RevocationAnswer:
        self.asked[path[0]] = at
        state = self.state if path[0] == self.about else RevocationState.GOOD
        return RevocationAnswer(notes=(RevocationNote(certificate="00", state=state, reason="keyCompromise"),))


@pytest.mark.parametrize(
    ("state", "indication", "code"),
    [
        (RevocationState.UNKNOWN, Indication.INDETERMINATE, "SIG-301"),
        (RevocationState.REVOKED, Indication.TOTAL_FAILED, "SIG-104"),
    ],
)
def test_the_authoritys_revocation_counts(
    trust: TrustStore, judge: Judge, pki: Pki, state: RevocationState, indication: Indication, code: str
) -> None:
    source = Source(pki["tsa"].certificate, state)
    octets = stamped(pki["person-p256"], token(pki["tsa"]))
    verdict = judge(octets, by=Verifier(trust, revocation=source))
    assert verdict.indication is indication
    assert [finding.code for finding in verdict.findings] == [code]
    assert verdict.document is None
    assert verdict.covered == ()


def test_the_signers_revocation_is_asked_for_the_time_that_is_proved(trust: TrustStore, judge: Judge, pki: Pki) -> None:
    signer = pki["person-p256"]
    source = Source(signer.certificate, RevocationState.GOOD)
    assert judge(stamped(signer, token(pki["tsa"])), by=Verifier(trust, revocation=source)).passed
    assert source.asked[signer.certificate] == STAMPED
    assert judge(stamped(signer), by=Verifier(trust, revocation=source)).passed
    assert source.asked[signer.certificate] == AT


def test_failed_beats_what_cannot_be_told(trust: TrustStore, judge: Judge, pki: Pki) -> None:
    source = Source(pki["tsa"].certificate, RevocationState.UNKNOWN)
    octets = stamped(pki["person-p256"], token(pki["tsa"]))
    forged = changed(octets, "H41.01</edXML:OrganId></edXML:To>", "H41.02</edXML:OrganId></edXML:To>")
    verdict = judge(forged, by=Verifier(trust, revocation=source))
    assert verdict.indication is Indication.TOTAL_FAILED
    assert [finding.code for finding in verdict.findings] == ["SIG-101", "SIG-301"]
    assert verdict.sub_indication == "HASH_FAILURE"
