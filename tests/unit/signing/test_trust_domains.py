"""Domains side by side, what a path must be by RFC 5280, and how little a crowd of authorities costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from scripts.certificates import Identity, Wish, directory, ec_key, issue, pem
from scripts.make_test_pki import Pki, look_alikes
from signing import paths
from signing.certificate import Purpose
from signing.domains import read_domains
from signing.errors import SigningCode
from signing.evidence import EvidenceKind
from signing.judge import Judge
from signing.trust import Chain, Incomplete, TrustStore
from signing.verdict import Finding, Indication, Role
from tests.unit.signing.conftest import AT


def der(*identities: Identity) -> list[bytes]:
    return [identity.certificate.public_bytes(Encoding.DER) for identity in identities]


def told(store: TrustStore, *identities: Identity, purpose: Purpose = Purpose.DOCUMENTS) -> Chain | SigningCode:
    found = store.chain(der(*identities), at=AT, purpose=purpose)
    if isinstance(found, Finding):
        assert isinstance(found.code, SigningCode)
        return found.code
    return found


def chain(store: TrustStore, *identities: Identity, purpose: Purpose = Purpose.DOCUMENTS) -> Chain:
    found = told(store, *identities, purpose=purpose)
    assert isinstance(found, Chain), found
    return found


@pytest.mark.parametrize(
    ("who", "domain", "role"),
    [
        ("person", "public", Role.PERSON),
        ("organisation", "public", Role.ORGANISATION),
        ("government-person", "government", Role.PERSON),
        ("government-person-uid", "government", Role.PERSON),
        ("government-organisation", "government", Role.ORGANISATION),
    ],
)
def test_a_signer_belongs_to_the_domain_of_his_root(
    pki: Pki, trust: TrustStore, who: str, domain: str, role: Role
) -> None:
    """A government certificate without UID is a person's by that domain's rule alone."""
    signer = chain(trust, pki[who]).signer
    assert (signer.domain, signer.role) == (domain, role)


def test_a_domain_vouches_for_nothing_but_its_uses(pki: Pki, trust: TrustStore) -> None:
    assert told(trust, pki["stamp-person"]) is SigningCode.UNTRUSTED
    assert chain(trust, pki["stamp-tsa"], purpose=Purpose.TIMESTAMPS).signer.domain == "stamps"


@pytest.mark.parametrize("who", ["tsa-not-critical", "tsa-of-all-trades", "person", "server", "ocsp"])
def test_only_a_certificate_for_stamps_alone_makes_stamps(pki: Pki, trust: TrustStore, who: str) -> None:
    assert told(trust, pki[who], purpose=Purpose.TIMESTAMPS) is SigningCode.KEY_USAGE
    assert told(trust, pki["tsa"]) is SigningCode.KEY_USAGE
    assert chain(trust, pki["tsa"], purpose=Purpose.TIMESTAMPS)


def test_the_caller_may_say_which_certificate_signed(pki: Pki, trust: TrustStore) -> None:
    both = der(pki["person"], pki["organisation"], pki["ca"])
    assert isinstance(trust.chain(both, at=AT), Finding)
    for who in ("person", "organisation"):
        found = trust.chain(both, leaf=der(pki[who])[0], at=AT)
        assert isinstance(found, Chain)
        assert found.leaf == pki[who].certificate
    authority = trust.chain(both, leaf=der(pki["ca"])[0], at=AT)
    assert isinstance(authority, Finding)
    assert authority.code is SigningCode.KEY_USAGE


def test_an_authority_vouched_for_by_two_is_believed_for_the_one_we_trust(pki: Pki) -> None:
    """Cross-signed: whichever road the message brings, in whatever order."""
    roads = pki["ca"], pki["cross-ca"], pki["stray-cross-ca"]
    for root, step in (("root", "ca"), ("government-root", "cross-ca")):
        store = TrustStore([pki[root].certificate])
        for brought in (roads, roads[::-1]):
            path = chain(store, pki["person"], *brought).path
            assert path == (pki["person"].certificate, pki[step].certificate, pki[root].certificate)


def test_critical_name_constraints_are_honoured(pki: Pki, trust: TrustStore) -> None:
    assert chain(trust, pki["constrained-inside"], pki["constrained-ca"])
    assert told(trust, pki["constrained-outside"], pki["constrained-ca"]) is SigningCode.UNTRUSTED


def test_a_road_that_constraints_close_does_not_close_the_other(pki: Pki) -> None:
    """Two certificates for one authority, one of them constrained: the open road counts, whichever is seen first."""
    key = ec_key()
    only = x509.NameConstraints(permitted_subtrees=[directory(organisation="Tỉnh Mẫu")], excluded_subtrees=None)
    wish = Wish(name="Two roads CA", key=key, authority=True)
    closed, opened = issue(pki["root"], replace(wish, constraints=only), at=AT), issue(pki["root"], wish, at=AT)
    person = issue(opened, Wish(name="x", key=ec_key(), organisation="Tỉnh Khác"), at=AT)
    store = TrustStore([pki["root"].certificate])
    for steps in ((closed, opened), (opened, closed)):
        assert chain(store, person, *steps).path[1] == opened.certificate
    assert told(store, person, closed) is SigningCode.UNTRUSTED


def test_the_constraints_of_a_root_bind_it_too(pki: Pki) -> None:
    only = x509.NameConstraints(permitted_subtrees=[directory(organisation="Tỉnh Mẫu")], excluded_subtrees=None)
    root = issue(None, Wish(name="Narrow", key=ec_key(), authority=True, constraints=only, path_length=0), at=AT)
    step = issue(root, Wish(name="Below", key=ec_key(), authority=True, organisation="Tỉnh Mẫu"), at=AT)
    store = TrustStore([root.certificate])
    inside, outside = (issue(root, Wish(name="x", key=ec_key(), organisation=o), at=AT) for o in ("Tỉnh Mẫu", "Khác"))
    assert chain(store, inside)
    assert told(store, outside) is SigningCode.UNTRUSTED
    assert told(store, issue(step, Wish(name="y", key=ec_key(), organisation="Tỉnh Mẫu"), at=AT), step) is (
        SigningCode.UNTRUSTED
    )


def test_a_crowd_of_look_alikes_costs_no_signature_of_theirs(
    pki: Pki, trust: TrustStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty authorities of our authority's name that issued each other: only keys that we trust are tried."""
    tried: list[object] = []
    real = paths.signed_by

    def counted(signed: x509.Certificate, key: Any) -> bool:
        tried.append(key)
        return real(signed, key)

    monkeypatch.setattr(paths, "signed_by", counted)
    crowd = look_alikes(30, at=AT)
    ders = [one.public_bytes(Encoding.DER) for one in crowd.chain]
    finding = trust.chain(ders, at=AT)
    assert isinstance(finding, Finding)
    assert finding.code is SigningCode.UNTRUSTED
    ours = pki["ca"].certificate.public_key()
    assert len(tried) <= 64
    assert all(key == ours for key in tried)


def test_a_missing_authority_may_come_if_it_can_be_had(pki: Pki, trust: TrustStore) -> None:
    url = "http://pub.example.vn/ca.cer"
    source = replace(Wish(name="x", key=ec_key()).sources, issuers=(url,))
    person = issue(pki["distant-ca"], Wish(name="x", key=ec_key(), sources=source), at=AT)
    hopeful = TrustStore(trust.roots, obtainable=lambda urls: urls)
    finding = hopeful.chain(der(person), at=AT)
    assert isinstance(finding, Incomplete)
    assert finding.code is SigningCode.CHAIN_INCOMPLETE
    (wanted,) = finding.wanted
    assert (wanted.kind, wanted.urls, wanted.subject) == (EvidenceKind.CERTIFICATE, (url,), der(person)[0])
    standing = Judge.without(finding)
    assert (standing.indication, standing.wanted) == (Indication.INDETERMINATE, finding.wanted)
    assert told(TrustStore(trust.roots), person) is SigningCode.UNTRUSTED  # nobody may fetch
    assert chain(hopeful, person, pki["distant-ca"])


def meaning(certificate: x509.Certificate, key: x509.ExtensionType | None) -> x509.Certificate:
    """The same signed by somebody else, with another authority key identifier or none."""
    builder = x509.CertificateBuilder(certificate.issuer, certificate.subject, certificate.public_key())
    builder = builder.serial_number(1).not_valid_before(certificate.not_valid_before_utc)
    builder = builder.not_valid_after(certificate.not_valid_after_utc)
    for extension in certificate.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    return (builder if key is None else builder.add_extension(key, critical=False)).sign(ec_key(), hashes.SHA256())


@pytest.mark.parametrize("known", ["ca", "root"])
def test_what_a_known_authority_did_not_sign_is_not_waited_for(pki: Pki, trust: TrustStore, known: str) -> None:
    """By name and key identifier: another key under a known name may be a renewed one, and is waited for."""
    source = replace(Wish(name="x", key=ec_key()).sources, issuers=("http://pub.example.vn/ca.cer",))
    person = issue(pki[known], Wish(name="x", key=ec_key(), sources=source), at=AT).certificate
    hopeful = TrustStore(trust.roots, trust.intermediates, obtainable=lambda urls: urls)
    keys = pki[known].key.public_key(), ec_key().public_key()
    theirs, other = (x509.AuthorityKeyIdentifier.from_issuer_public_key(key) for key in keys)
    refused, waited = SigningCode.UNTRUSTED, SigningCode.CHAIN_INCOMPLETE
    for key, code in ((None, refused), (theirs, refused), (other, waited)):
        found = hopeful.chain([meaning(person, key).public_bytes(Encoding.DER)], at=AT)
        assert isinstance(found, Finding)
        assert found.code is code


def test_a_step_in_hand_that_leads_nowhere_is_not_waited_for(pki: Pki, trust: TrustStore) -> None:
    """More authorities than a path may have, each of them here: nothing that may yet come would help."""
    source = replace(Wish(name="x", key=ec_key()).sources, issuers=("http://pub.example.vn/ca.cer",))
    steps = [pki["root"]]
    for name in "abcde":
        steps.append(issue(steps[-1], Wish(name=name, key=ec_key(), authority=True, sources=source), at=AT))
    person = issue(steps[-1], Wish(name="x", key=ec_key(), sources=source), at=AT)
    hopeful = TrustStore(trust.roots, [one.certificate for one in steps[1:]], obtainable=lambda urls: urls)
    assert told(hopeful, person) is SigningCode.UNTRUSTED


def write_root(folder: Path, *identities: Identity, rules: str = "") -> None:
    (folder / "roots").mkdir(parents=True)
    (folder / "roots" / "root.pem").write_bytes(pem([one.certificate for one in identities]))
    if rules:
        (folder / "domain.toml").write_text(rules)


def test_a_flat_folder_and_domains_stand_side_by_side(tmp_path: Path, pki: Pki) -> None:
    write_root(tmp_path, pki["root"])
    write_root(tmp_path / "gov", pki["government-root"], rules='uses = ["documents"]\npersonal_uids = ["CC"]\n')
    flat, gov = read_domains(tmp_path)
    assert (flat.name, flat.uses) == ("default", frozenset(Purpose))
    assert (gov.name, gov.uses, gov.roles.personal) == ("gov", {Purpose.DOCUMENTS}, {"CC"})


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("color = 1", "no such key: color"),
        ('uses = ["letters"]', "letters"),
        ('uses = "documents"', "list of words"),
        ('without_uid = "somebody"', "somebody"),
        ("uses = [", "domain.toml"),
    ],
)
def test_rules_that_are_not_understood_are_errors(tmp_path: Path, pki: Pki, rules: str, said: str) -> None:
    write_root(tmp_path / "gov", pki["root"], rules=rules)
    with pytest.raises(ValueError, match=said):
        read_domains(tmp_path)


def test_a_domain_without_a_root_is_an_error(tmp_path: Path, pki: Pki) -> None:
    write_root(tmp_path, pki["root"])
    (tmp_path / "gov" / "intermediates").mkdir(parents=True)
    with pytest.raises(ValueError, match="gov has no root"):
        read_domains(tmp_path)


def test_a_root_belongs_to_one_domain(tmp_path: Path, pki: Pki) -> None:
    write_root(tmp_path / "a", pki["root"])
    write_root(tmp_path / "b", pki["root"])
    with pytest.raises(ValueError, match="in common"):
        read_domains(tmp_path)
