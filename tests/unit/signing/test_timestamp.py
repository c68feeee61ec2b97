"""Timestamps of RFC 3161: refusals first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from asn1crypto import cms, tsp
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import Certificate

from scripts.make_test_pki import Pki
from scripts.stamping import TokenWish, stamp
from signing import timestamp
from signing.certificate import fingerprint
from signing.errors import SigningCode
from signing.evidence import EvidenceKind, RevocationNote, RevocationState, Wanted
from signing.judge import Judge
from signing.revocation.source import RevocationAnswer
from signing.timestamp import Stamped
from signing.trust import Incomplete, TrustStore
from signing.verdict import Finding, Indication
from tests.unit.signing.conftest import AT

STAMPED = b"a signature value"
GOOD = TokenWish()
EARLIER = AT - timedelta(minutes=9)


def check(token: bytes, trust: TrustStore, *, over: bytes = STAMPED, judge: Judge | None = None) -> Stamped | Finding:
    return timestamp.check(
        token,
        over=lambda name: hashlib.new(name, over).digest(),
        judge=judge or Judge(trust),
        now=AT,
        path="here",
    )


def token(pki: Pki, *, by: str = "tsa", at: datetime = EARLIER, wish: TokenWish = GOOD) -> bytes:
    return stamp(hashlib.new(wish.algorithm, STAMPED).digest(), by=pki[by], at=at, wish=wish)


def refused(found: Stamped | Finding) -> Finding:
    assert isinstance(found, Finding), found
    assert (found.code, found.path) == (SigningCode.TIMESTAMP, "here")
    return found


@pytest.mark.parametrize(
    ("by", "got"),
    [
        ("person", "SIG-205"),
        ("tsa-not-critical", "SIG-205"),
        ("tsa-of-all-trades", "SIG-205"),
        ("ocsp", "SIG-205"),
        ("expired-tsa", "SIG-203"),
        ("government-person", "SIG-205"),
    ],
)
def test_only_an_authority_for_timestamps_alone_is_heard(trust: TrustStore, pki: Pki, by: str, got: str) -> None:
    assert refused(check(token(pki, by=by), trust)).got.startswith(got)


def test_a_token_over_something_else_is_none(trust: TrustStore, pki: Pki) -> None:
    refused(check(token(pki), trust, over=b"another signature value"))


@pytest.mark.parametrize(
    "wish",
    [
        TokenWish(corrupt=True),
        TokenWish(certificates=()),
        TokenWish(algorithm="sha1"),
        TokenWish(algorithm="md5"),
    ],
)
def test_a_bad_token_is_none(trust: TrustStore, pki: Pki, wish: TokenWish) -> None:
    refused(check(token(pki, wish=wish), trust))


def test_a_token_that_names_another_certificate_is_none(trust: TrustStore, pki: Pki) -> None:
    named = pki["stamp-tsa"].certificate
    refused(check(token(pki, wish=TokenWish(named=named)), trust))


def test_a_token_from_the_future_is_none(trust: TrustStore, pki: Pki) -> None:
    refused(check(token(pki, at=AT + timedelta(minutes=6)), trust))
    assert isinstance(check(token(pki, at=AT + timedelta(minutes=4)), trust), Stamped)


@pytest.mark.parametrize("octets", [b"", b"0", b"\x30\x80", b"\x30\x03\x02\x01\x05", b"not ASN.1" * 20, b"\x30" * 5000])
def test_what_is_no_token_is_none(trust: TrustStore, octets: bytes) -> None:
    refused(check(octets, trust))


def test_nothing_may_stand_behind_a_token(trust: TrustStore, pki: Pki) -> None:
    refused(check(token(pki) + b"\0", trust))


def test_a_token_has_a_bound(trust: TrustStore, pki: Pki) -> None:
    assert "at most" in refused(check(b"\x30" * (timestamp.MAX_TOKEN_OCTETS + 1), trust)).expected


@pytest.mark.parametrize("cut", range(10, 1000, 90))
def test_a_cut_token_is_none(trust: TrustStore, pki: Pki, cut: int) -> None:
    refused(check(token(pki)[:-cut], trust))


def _altered(octets: bytes, change: object) -> bytes:
    message = cms.ContentInfo.load(octets)
    change(message["content"])
    return bytes(message.dump(force=True))


def _twice(data: cms.SignedData) -> None:
    data["signer_infos"] = [data["signer_infos"][0], data["signer_infos"][0]]


def _no_signer(data: cms.SignedData) -> None:
    data["signer_infos"] = []


def _without_named(data: cms.SignedData) -> None:
    info = data["signer_infos"][0]
    kept = [one for one in info["signed_attrs"] if one["type"].native != "signing_certificate_v2"]
    info["signed_attrs"] = cms.CMSAttributes(kept)


def _other_content(data: cms.SignedData) -> None:
    data["encap_content_info"] = {"content_type": "data", "content": b"text"}


def _later(data: cms.SignedData) -> None:
    told = tsp.TSTInfo.load(bytes(data["encap_content_info"]["content"]))
    told["gen_time"] = EARLIER - timedelta(days=1)
    data["encap_content_info"]["content"] = cms.ParsableOctetString(told.dump(force=True))


@pytest.mark.parametrize("change", [_twice, _no_signer, _without_named, _other_content, _later])
def test_an_altered_token_is_none(trust: TrustStore, pki: Pki, change: object) -> None:
    refused(check(_altered(token(pki), change), trust))


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("by", ["tsa", "stamp-tsa"])
def test_a_good_token_is_heard(trust: TrustStore, pki: Pki, algorithm: str, by: str) -> None:
    octets = token(pki, by=by, wish=TokenWish(algorithm=algorithm))
    found = check(octets, trust)
    assert isinstance(found, Stamped), found
    assert (found.stamp.at, found.stamp.authority) == (EARLIER, fingerprint(pki[by].certificate))
    assert found.stamp.domain == ("public" if by == "tsa" else "stamps")
    assert found.standing.indication is Indication.TOTAL_PASSED
    kinds = [item.kind for item in found.standing.evidence]
    assert kinds[0] is EvidenceKind.TIMESTAMP
    assert found.standing.evidence[0].octets == octets
    assert EvidenceKind.CERTIFICATE in kinds


def test_certificates_that_belong_to_nobody_do_no_harm(trust: TrustStore, pki: Pki) -> None:
    crowd = [pki[name].certificate for name in ("other-root", "person", "government-ca")]
    wish = TokenWish(certificates=[*crowd, *pki["tsa"].chain])
    assert isinstance(check(token(pki, wish=wish), trust), Stamped)


@dataclass
class _Told:
    """A source that knows when and why one certificate was revoked."""

    certificate: Certificate
    state: RevocationState
    reason: str = ""
    since: datetime = AT
    checks: bool = True
    asked: list[datetime] = field(default_factory=list)

    def check(self, path: Sequence[Certificate], *, at: datetime, now: datetime) -> RevocationAnswer:
        self.asked.append(at)
        return RevocationAnswer(notes=tuple(self._note(one, at) for one in path[:-1]))

    def _note(self, one: Certificate, at: datetime) -> RevocationNote:
        hit = one == self.certificate and (self.state is not RevocationState.REVOKED or at >= self.since)
        named = one.fingerprint(hashes.SHA256()).hex()
        return RevocationNote(
            certificate=named, state=self.state if hit else RevocationState.GOOD, reason=self.reason if hit else ""
        )


@pytest.mark.parametrize(
    ("reason", "since", "good"),
    [
        ("superseded", AT - timedelta(minutes=1), True),
        ("cessationOfOperation", AT - timedelta(minutes=1), True),
        ("unspecified", AT - timedelta(minutes=1), True),
        ("superseded", EARLIER - timedelta(minutes=1), False),
        ("keyCompromise", AT - timedelta(minutes=1), False),
        ("", AT - timedelta(minutes=1), False),
    ],
)
def test_what_a_revoked_authority_stamped_before(
    trust: TrustStore, pki: Pki, reason: str, since: datetime, *, good: bool
) -> None:
    """RFC 3161 4: after a harmless revocation older tokens stay; after any other nobody knows who made them when."""
    told = _Told(pki["tsa"].certificate, RevocationState.REVOKED, reason=reason, since=since)
    found = check(token(pki), trust, judge=Judge(trust, revocation=told))
    assert isinstance(found, Stamped) is good
    if not good:
        assert refused(found).got.startswith("SIG-206")


def test_an_authority_whose_revocation_nobody_can_tell_leaves_it_open(trust: TrustStore, pki: Pki) -> None:
    told = _Told(pki["tsa"].certificate, RevocationState.UNKNOWN)
    found = check(token(pki), trust, judge=Judge(trust, revocation=told))
    assert isinstance(found, Stamped)
    assert found.standing.indication is Indication.INDETERMINATE


def test_an_authority_above_that_is_missing_may_come(trust: TrustStore, pki: Pki) -> None:
    wanted = Wanted(kind=EvidenceKind.CERTIFICATE, urls=("http://ca.example/a.cer",), subject=b"s", issuer=b"")

    class Waiting:
        def chain(self, certificates: object, **_: object) -> Finding:
            return Incomplete(code=SigningCode.CHAIN_INCOMPLETE, wanted=(wanted,))

    found = check(token(pki), trust, judge=Judge(Waiting()))
    assert isinstance(found, Stamped)
    assert found.standing.indication is Indication.INDETERMINATE
    assert found.standing.wanted == (wanted,)
    refused(check(token(pki, wish=TokenWish(corrupt=True)), trust, judge=Judge(Waiting())))
