from __future__ import annotations

import warnings
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from scripts import handmade_letter as hand
from scripts.make_test_pki import Identity, Pki, Wish, ec_key, issue, rsa_key
from signing.errors import SigningCode
from signing.policy import Policy
from signing.trust import Chain, TrustStore
from signing.verdict import Finding
from signing.verifier import Verifier
from tests.unit.signing.conftest import AT, Judge, codes

YEAR = timedelta(days=365)


def der(*identities: Identity) -> list[bytes]:
    return [identity.certificate.public_bytes(Encoding.DER) for identity in identities]


def found(store: TrustStore, *identities: Identity, years: float = 0) -> Chain:
    chain = store.chain(der(*identities), at=AT + years * YEAR)
    assert isinstance(chain, Chain), chain
    return chain


def refused(store: TrustStore, *identities: Identity, years: float = 0) -> str:
    finding = store.chain(der(*identities), at=AT + years * YEAR)
    assert isinstance(finding, Finding), finding
    return finding.code.value


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("expired", "SIG-203"),
        ("not-yet-valid", "SIG-204"),
        ("another-root-person", "SIG-202"),
        ("wrong-usage", "SIG-205"),
        ("no-usage", "SIG-205"),
        ("server", "SIG-205"),
        ("authority-signs", "SIG-205"),
        ("rsa-1024", "SIG-103"),
    ],
)
def test_each_bad_certificate_has_its_own_code(judge: Judge, pki: Pki, who: str, code: str) -> None:
    assert codes(judge(hand.sign(hand.document(), pki[who]))) == {code}


@pytest.mark.parametrize(
    "who", ["person", "person-p384", "organisation", "organisation-plain", "commitment-only", "seal"]
)
def test_certificates_as_real_authorities_issue_them_are_accepted(judge: Judge, pki: Pki, who: str) -> None:
    """Among them: no SAN, no EKU, nonRepudiation alone, an L of 66 characters. Without a warning, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert judge(hand.sign(hand.document(), pki[who])).passed


def test_a_person_is_told_from_an_organisation_by_the_uid(trust: TrustStore, pki: Pki) -> None:
    told = {who: found(trust, pki[who]).signer for who in ("person", "commitment-only", "organisation")}
    assert {who: signer.personal for who, signer in told.items()} == {
        "person": True,
        "commitment-only": True,
        "organisation": False,
    }
    assert told["organisation"].subject_uid == "MST:0100000000"


def test_the_path_runs_from_the_signer_to_the_root(trust: TrustStore, pki: Pki) -> None:
    chain = found(trust, pki["person"])
    assert list(chain.path) == [pki[name].certificate for name in ("person", "ca", "root")]


def test_an_intermediate_from_the_message_is_a_step_and_not_an_anchor(pki: Pki) -> None:
    roots_only = TrustStore([pki["root"].certificate])
    assert refused(roots_only, pki["person"]) == SigningCode.UNTRUSTED
    assert found(roots_only, pki["person"], pki["ca"]).leaf == pki["person"].certificate
    elsewhere = TrustStore([pki["other-root"].certificate])
    assert refused(elsewhere, pki["person"], pki["ca"], pki["root"]) == SigningCode.UNTRUSTED


def test_an_expired_authority_is_told_from_an_unknown_one(pki: Pki) -> None:
    old = issue(pki["root"], Wish(name="Old CA", key=ec_key(), authority=True, lasts=YEAR), at=AT)
    person = issue(old, Wish(name="x", key=ec_key(), lasts=3 * YEAR), at=AT)
    store = TrustStore([pki["root"].certificate])
    assert found(store, person, old)
    assert refused(store, person, old, years=1.5) == SigningCode.EXPIRED


def test_a_remembered_path_does_not_outlive_its_certificates(trust: TrustStore, pki: Pki) -> None:
    assert found(trust, pki["person"]) is found(trust, pki["person"])
    assert refused(trust, pki["person"], years=4) == SigningCode.EXPIRED
    assert refused(trust, pki["person"], years=-1) == SigningCode.NOT_YET_VALID
    assert found(trust, pki["person"])


def test_a_refusal_is_not_remembered(trust: TrustStore, pki: Pki) -> None:
    assert refused(trust, pki["not-yet-valid"]) == SigningCode.NOT_YET_VALID
    assert found(trust, pki["not-yet-valid"], years=0.5)


def test_no_policy_goes_below_the_floor(trust: TrustStore, judge: Judge, pki: Pki) -> None:
    lax = Verifier(trust, Policy(min_rsa_bits=512))
    assert codes(judge(hand.sign(hand.document(), pki["rsa-1024"]), by=lax)) == {"SIG-103"}


def test_a_weak_authority_vouches_for_nobody(pki: Pki) -> None:
    weak = issue(pki["root"], Wish(name="Weak CA", key=rsa_key(1024), authority=True), at=AT)
    person = issue(weak, Wish(name="x", key=ec_key()), at=AT)
    assert refused(TrustStore([pki["root"].certificate]), person, weak) == SigningCode.UNTRUSTED


def test_a_path_longer_than_its_authority_allows_is_refused(trust: TrustStore, pki: Pki) -> None:
    below = issue(pki["ca"], Wish(name="Sub sub CA", key=ec_key(), authority=True), at=AT)
    person = issue(below, Wish(name="x", key=ec_key()), at=AT)
    assert refused(trust, person, below) == SigningCode.UNTRUSTED


def test_a_path_of_more_than_three_authorities_is_refused(pki: Pki) -> None:
    store, steps = TrustStore([pki["root"].certificate]), [pki["root"]]
    for number in range(4):
        steps.append(issue(steps[-1], Wish(name=f"CA {number}", key=ec_key(), authority=True), at=AT))
    person = [issue(step, Wish(name="x", key=ec_key()), at=AT) for step in steps]
    assert found(store, person[3], *steps[1:4])
    assert refused(store, person[4], *steps[1:]) == SigningCode.UNTRUSTED


def test_a_signer_is_no_authority(trust: TrustStore, pki: Pki) -> None:
    """A certificate issued by a person's certificate, however well that one is vouched for."""
    person = issue(pki["person-p256"], Wish(name="x", key=ec_key()), at=AT)
    assert refused(trust, person) == SigningCode.UNTRUSTED
    assert refused(trust, person, pki["person-p256"]) == SigningCode.SHAPE


def test_look_alike_authorities_cost_nothing(trust: TrustStore, pki: Pki) -> None:
    look_alikes = [issue(None, Wish(name="Test CA SHA2", key=ec_key(), authority=True), at=AT) for _ in range(8)]
    assert found(trust, pki["person"], *look_alikes)
    stranger = issue(look_alikes[0], Wish(name="x", key=ec_key()), at=AT)
    assert refused(trust, stranger, *look_alikes) == SigningCode.UNTRUSTED


@pytest.mark.parametrize("octets", [b"", b"\x30", b"0" * 400])
def test_what_is_no_certificate_is_refused(trust: TrustStore, octets: bytes) -> None:
    finding = trust.chain([octets], at=AT)
    assert isinstance(finding, Finding)
    assert finding.code is SigningCode.NO_CERTIFICATE


def test_no_certificate_at_all_is_refused(trust: TrustStore) -> None:
    finding = trust.chain([], at=AT)
    assert isinstance(finding, Finding)
    assert finding.code is SigningCode.NO_CERTIFICATE


def test_a_folder_without_a_root_is_no_trust_store(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="root"):
        TrustStore.from_folder(tmp_path)


def test_a_folder_holds_roots_and_intermediates(trust_folder: Path, pki: Pki) -> None:
    store = TrustStore.from_folder(trust_folder)
    assert [domain.name for domain in store.domains] == ["government", "public", "stamps"]
    assert store.roots == tuple(pki[name].certificate for name in ("government-root", "root", "stamp-root"))
    assert store.intermediates == (pki["government-ca"].certificate, pki["ca"].certificate)
