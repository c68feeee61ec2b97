from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from scripts import handmade_letter as hand
from scripts.make_test_pki import Pki
from signing import maker
from signing import seal as seal_module
from signing.maker import Maker
from signing.seal import Seal
from signing.seal_files import make_seal
from signing.signer import SigningFailedError, write
from signing.trust import TrustStore
from signing.verifier import Verifier
from tests.unit.signing.conftest import AT, Judge, codes, opened


@pytest.fixture(scope="module")
def seal(pki: Pki) -> Seal:
    key = pki["seal"].key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Seal(key, pki["seal"].certificate)


def test_a_sealed_status_passes_with_the_trunks_certificate(judge: Judge, pki: Pki, seal: Seal) -> None:
    verdict = judge(seal.seal(hand.status().write(), at=AT))
    assert verdict.passed, verdict.findings
    assert verdict.covered == ("MessageHeader",)
    assert verdict.algorithm == "ecdsa-sha256"
    assert verdict.signing_time == AT
    assert verdict.signer is not None
    assert verdict.signer.subject_uid == "MST:0100000002"


def test_a_changed_status_does_not_pass(judge: Judge, seal: Seal) -> None:
    octets = seal.seal(hand.status().write(), at=AT)
    assert codes(judge(octets.replace(b"StatusCode>03<", b"StatusCode>06<"))) == {"SIG-101"}


@pytest.mark.parametrize("part", ["_add_reference", "_add_key_info", "_add_properties"])
def test_a_seal_that_does_not_verify_never_leaves(seal: Seal, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr(Maker, part, lambda *_, **__: None)
    with pytest.raises(SigningFailedError):
        seal.seal(hand.status().write(), at=AT)


def test_a_digest_or_a_message_that_goes_wrong_behind_the_seal_is_noticed(
    seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(maker, "canonical", lambda *_, **__: b"")
        with pytest.raises(SigningFailedError, match="does not verify"):
            seal.seal(hand.status().write(), at=AT)
    monkeypatch.setattr(seal_module, "write", lambda parsed: write(parsed).replace(b">03<", b">06<"))
    with pytest.raises(SigningFailedError, match="SIG-101"):
        seal.seal(hand.status().write(), at=AT)


@pytest.mark.parametrize("years", [-10, 10])
def test_a_seal_outside_its_validity_still_seals(seal: Seal, years: int) -> None:
    """What happened is acknowledged; whether an old seal is believed is the recipients' question."""
    at = AT + timedelta(days=365 * years)
    assert b"<ds:SignatureValue>" in seal.seal(hand.status().write(), at=at)


def test_threads_share_a_seal(judge: Judge, seal: Seal) -> None:
    letter = hand.status().write()
    with ThreadPoolExecutor(max_workers=4) as pool:
        sealed = list(pool.map(lambda _: seal.seal(letter, at=AT), range(80)))
    assert all(judge(octets).passed for octets in sealed)


def test_a_key_that_is_not_the_certificates_makes_no_seal(pki: Pki) -> None:
    with pytest.raises(SigningFailedError):
        Seal(ec.generate_private_key(ec.SECP256R1()), pki["seal"].certificate)


def test_a_seal_is_on_p256(pki: Pki) -> None:
    with pytest.raises(SigningFailedError, match="P-256"):
        Seal(ec.generate_private_key(ec.SECP384R1()), pki["person-p384"].certificate)


NO_HEADER = f'<edXML xmlns="{hand.QCVN}"/>'.encode()


@pytest.mark.parametrize("octets", [b"", b"<edXML/>", b"not xml", NO_HEADER])
def test_only_a_message_is_sealed(seal: Seal, octets: bytes) -> None:
    with pytest.raises(SigningFailedError):
        seal.seal(octets, at=AT)


def test_a_self_signed_seal_is_trusted_by_those_who_put_it_among_their_roots(pki: Pki) -> None:
    files = make_seal("Trục thử", organ_id="T01", at=AT)
    certificate = load_pem_x509_certificate(files.certificate_pem)
    key = load_pem_private_key(files.key_pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    octets = Seal(key, certificate).seal(hand.status().write(), at=AT)
    knowing = Verifier(TrustStore([certificate])).verify(opened(octets), at=AT)
    assert knowing.passed, knowing.findings
    unknowing = Verifier(TrustStore([pki["root"].certificate])).verify(opened(octets), at=AT)
    assert codes(unknowing) == {"SIG-202"}
