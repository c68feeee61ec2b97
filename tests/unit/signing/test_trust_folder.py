from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scripts.certificates import Identity, Wish, ec_key, issue, pem
from scripts.make_test_pki import Pki
from signing.trust import Chain
from signing.trust_folder import TrustFolder
from tests.unit.signing.conftest import AT


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path, pki: Pki) -> Path:
    (tmp_path / "roots").mkdir()
    (tmp_path / "intermediates").mkdir()
    lay(tmp_path / "roots" / "root.pem", pki["root"])
    return tmp_path


def lay(file: Path, identity: Identity) -> None:
    file.write_bytes(pem([identity.certificate]))


def with_a_strange_key() -> bytes:
    """PEM of an authority whose key is on the curve SM2, which cryptography loads and cannot read."""
    p256, sm2 = (bytes.fromhex(f"0608{curve}") for curve in ("2a8648ce3d030107", "2a811ccf5501822d"))
    der = issue(None, Wish(name="SM2 CA", key=ec_key(), authority=True), at=AT).certificate.public_bytes(Encoding.DER)
    return pem([x509.load_der_x509_certificate(der.replace(p256, sm2))])


def trusts(trust: TrustFolder, identity: Identity) -> bool:
    found = trust.chain([identity.certificate.public_bytes(Encoding.DER)], at=AT)
    return isinstance(found, Chain)


def test_a_new_authority_is_known_within_a_second_without_a_restart(folder: Path, pki: Pki, clock: Clock) -> None:
    trust = TrustFolder(folder, clock=clock)
    assert not trusts(trust, pki["person"])
    lay(folder / "intermediates" / "ca.pem", pki["ca"])
    assert not trusts(trust, pki["person"])  # not looked at again yet
    clock.seconds = 1.0
    assert trusts(trust, pki["person"])
    (folder / "intermediates" / "ca.pem").unlink()
    clock.seconds = 2.0
    assert not trusts(trust, pki["person"])  # nor is what was found with it remembered


def test_an_unchanged_folder_is_not_read_again(folder: Path, pki: Pki, clock: Clock) -> None:
    trust = TrustFolder(folder, clock=clock)
    store = trust.store
    clock.seconds = 5.0
    assert trust.store is store


@pytest.mark.parametrize("octets", [b"", b"-----BEGIN CERTIFICATE-----\nMIIB", b"\xff\xfe"])
def test_a_broken_change_keeps_the_old_store_and_says_so(
    folder: Path, pki: Pki, clock: Clock, octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    lay(folder / "intermediates" / "ca.pem", pki["ca"])
    trust = TrustFolder(folder, clock=clock)
    (folder / "roots" / "root.pem").write_bytes(octets)
    clock.seconds = 1.0
    assert trusts(trust, pki["person"])
    assert "root" in trust.fault
    assert "trust_folder_not_usable" in caplog.text
    lay(folder / "roots" / "root.pem", pki["root"])
    clock.seconds = 2.0
    assert trusts(trust, pki["person"])
    assert trust.fault == ""


@pytest.mark.parametrize("place", ["roots", "intermediates"])
def test_a_key_that_nobody_here_knows_is_a_broken_change(folder: Path, pki: Pki, clock: Clock, place: str) -> None:
    lay(folder / "intermediates" / "ca.pem", pki["ca"])
    trust = TrustFolder(folder, clock=clock)
    (folder / place / "sm2.pem").write_bytes(with_a_strange_key())
    clock.seconds = 1.0
    assert trusts(trust, pki["person"])
    assert "sm2.pem" in trust.fault
    with pytest.raises(ValueError, match=r"sm2\.pem"):
        TrustFolder(folder)


def test_a_key_that_nobody_here_knows_is_no_step(folder: Path, pki: Pki) -> None:
    """Neither from a message nor from the network; what else is there serves on."""
    steps = Shelf()
    (strange,) = x509.load_pem_x509_certificates(with_a_strange_key())
    steps.brought += [strange, pki["ca"].certificate]
    trust = TrustFolder(folder, steps=steps)
    signer = pki["person"].certificate.public_bytes(Encoding.DER)
    assert isinstance(trust.chain([signer, strange.public_bytes(Encoding.DER)], at=AT), Chain)


def test_a_folder_that_is_gone_keeps_the_old_store(folder: Path, pki: Pki, clock: Clock) -> None:
    lay(folder / "intermediates" / "ca.pem", pki["ca"])
    trust = TrustFolder(folder, clock=clock)
    for place in ("roots", "intermediates"):
        for file in (folder / place).iterdir():
            file.unlink()
        (folder / place).rmdir()
    clock.seconds = 1.0
    assert trusts(trust, pki["person"])
    assert trust.fault


def test_a_folder_that_cannot_be_used_to_begin_with_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="root"):
        TrustFolder(tmp_path)


class Shelf:
    """Steps that are fetched while we look."""

    def __init__(self) -> None:
        self.brought: list[x509.Certificate] = []

    def edition(self) -> object:
        return len(self.brought)

    def certificates(self) -> tuple[x509.Certificate, ...]:
        return tuple(self.brought)

    def obtainable(self, urls: tuple[str, ...]) -> tuple[str, ...]:
        return urls


def test_what_was_fetched_is_a_step_at_once_and_never_an_anchor(folder: Path, pki: Pki, clock: Clock) -> None:
    steps = Shelf()
    trust = TrustFolder(folder, steps=steps, clock=clock)
    assert not trusts(trust, pki["person"])
    steps.brought += [pki["ca"].certificate, pki["other-root"].certificate]
    assert trusts(trust, pki["person"])
    assert not trusts(trust, pki["another-root-person"])
