"""The test PKI and its authorities, judged by OpenSSL: another's word for what they make."""

from __future__ import annotations

import hashlib
import http.client
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import tsp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_crl, load_pem_x509_certificate

from scripts.authorities import Authorities, Mood, authorities
from scripts.make_test_pki import DOMAINS, Identity, Pki, impostor, look_alikes, make_pki, pem
from scripts.revocation_lists import Revoked
from scripts.stamping import TokenWish, stamp

NOW = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251  OpenSSL asks the clock of the machine
DIGEST = hashlib.sha256(b"a signature value").digest()


@pytest.fixture(scope="module")
def served() -> Iterator[Authorities]:
    with authorities(now=lambda: NOW) as all_of_them:
        all_of_them.pki = make_pki(at=NOW, base_url=all_of_them.url)
        yield all_of_them


@pytest.fixture(scope="module")
def folder(served: Authorities, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    roots = [served.pki[domain.root].certificate for domain in DOMAINS.values()]
    (folder / "roots.pem").write_bytes(pem(roots))
    lists = b"".join(load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in served.pki.lists.values())
    (folder / "lists.pem").write_bytes(lists)
    for name, identity in served.pki.identities.items():
        (folder / f"{name}.pem").write_bytes(pem([identity.certificate]))
        (folder / f"{name}.above.pem").write_bytes(pem(identity.issuers) or pem(roots))
    return folder


@pytest.fixture(autouse=True)
def _honest(served: Authorities) -> Iterator[None]:
    yield
    served.moods.clear()
    served.revoked.clear()


def openssl(*words: object) -> str:
    ran = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr


def verify(folder: Path, name: str) -> str:
    trusted = ("-CAfile", folder / "roots.pem", "-crl_check_all", "-CRLfile", folder / "lists.pem", "-x509_strict")
    return openssl("verify", *trusted, "-untrusted", folder / f"{name}.above.pem", folder / f"{name}.pem")


@pytest.mark.parametrize(
    "name",
    [
        *("person", "person-p521", "organisation", "commitment-only", "seal", "tsa", "stamp-tsa", "ocsp"),
        *("government-person", "government-person-uid", "constrained-inside", "person-of-distant-ca"),
    ],
)
def test_the_good_ones_are_good_with_every_list_at_hand(folder: Path, name: str) -> None:
    assert verify(folder, name).endswith(": OK\n")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("revoked", "certificate revoked"),
        ("revoked-lately", "certificate revoked"),
        ("person-of-revoked-ca", "certificate revoked"),
        ("government-revoked", "certificate revoked"),
        ("constrained-outside", "permitted subtree violation"),
        ("expired", "certificate has expired"),
        ("not-yet-valid", "certificate is not yet valid"),
        ("another-root-person", "unable to get"),
        ("person-of-listless-ca", "unable to get certificate CRL"),
        ("person-of-stale-list-ca", "CRL has expired"),
        ("person-of-forged-list-ca", "CRL signature failure"),
    ],
)
def test_the_bad_ones_are_bad_for_their_reason(folder: Path, name: str, why: str) -> None:
    assert why in verify(folder, name)


def test_a_cross_certificate_leads_the_same_signer_to_another_root(served: Authorities, folder: Path) -> None:
    government = folder / "government-root.pem"
    with_cross = ("-untrusted", folder / "cross-ca.pem", folder / "person.pem")
    assert openssl("verify", "-CAfile", government, *with_cross).endswith(": OK\n")
    assert served.pki["cross-ca"].certificate.subject == served.pki["ca"].certificate.subject


def test_look_alikes_may_all_have_issued_each_other(tmp_path: Path) -> None:
    signer = look_alikes(5, at=NOW)
    assert len({one.serial_number for one in signer.issuers}) == 5
    for one in signer.issuers:
        for other in signer.issuers:
            one.verify_directly_issued_by(other)


def ask(served: Authorities, folder: Path, name: str, issuer: str = "ca") -> str:
    return openssl(
        *("ocsp", "-issuer", folder / f"{issuer}.pem", "-cert", folder / f"{name}.pem", "-CAfile"),
        *(folder / "roots.pem", "-verify_other", folder / f"{issuer}.pem", "-url", f"{served.url}/ocsp/{issuer}"),
    )


def test_the_responder_tells_good_revoked_and_unknown(served: Authorities, folder: Path) -> None:
    assert "Response verify OK" in ask(served, folder, "person")
    assert "person.pem: good" in ask(served, folder, "person")
    assert "revoked.pem: revoked" in ask(served, folder, "revoked")
    assert "revoked-ca.pem: revoked" in ask(served, folder, "revoked-ca", issuer="root")
    served.revoked["ca"] = [Revoked(certificate=served.pki["person"].certificate, since=NOW)]
    assert "person.pem: revoked" in ask(served, folder, "person")
    served.moods["/ocsp/ca"] = Mood.IGNORANT
    assert "person-p256.pem: unknown" in ask(served, folder, "person-p256")


def test_the_responder_lies_when_told_to(served: Authorities, folder: Path) -> None:
    served.moods["/ocsp/ca"] = Mood.STALE
    assert "Status times invalid" in ask(served, folder, "person")
    served.moods["/ocsp/ca"] = Mood.OF_ANOTHER
    assert "Response Verify Failure" in ask(served, folder, "person")


def fetch(url: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(url, body, timeout=10) as answer:  # noqa: S310 - loopback
        octets: bytes = answer.read()
    return octets


def test_certificates_name_what_is_served(served: Authorities) -> None:
    person = served.pki["person"].certificate
    text = person.public_bytes(Encoding.DER)
    for path in ("/crl/ca.crl", "/ocsp/ca", "/aia/ca.cer"):
        assert f"{served.url}{path}".encode() in text
    assert fetch(f"{served.url}/aia/ca.cer") == served.pki["ca"].certificate.public_bytes(Encoding.DER)
    revoked = load_der_x509_crl(fetch(f"{served.url}/crl/ca.crl"))
    assert {one.serial_number for one in revoked} == {
        served.pki[name].certificate.serial_number for name in ("revoked", "revoked-lately", "revoked-tsa")
    }
    assert revoked.is_signature_valid(served.pki["ca"].certificate.public_key())


def test_a_list_of_another_authority_or_of_long_ago(served: Authorities) -> None:
    key = served.pki["ca"].certificate.public_key()
    served.moods["/crl/ca.crl"] = Mood.STALE
    stale = load_der_x509_crl(fetch(f"{served.url}/crl/ca.crl"))
    assert stale.next_update_utc is not None
    assert stale.next_update_utc < NOW - timedelta(days=30)
    served.moods["/crl/ca.crl"] = Mood.OF_ANOTHER
    assert not load_der_x509_crl(fetch(f"{served.url}/crl/ca.crl")).is_signature_valid(key)


def stamped(folder: Path, token: bytes, tsa: Identity, *, digest: bytes = DIGEST) -> str:
    (folder / "token").write_bytes(token)
    trusted = ("-CAfile", folder / "roots.pem", "-untrusted", folder / "ca.pem")
    return openssl("ts", "-verify", "-digest", digest.hex(), "-in", folder / "token", "-token_in", *trusted)


@pytest.mark.parametrize("name", ["tsa", "stamp-tsa"])
def test_tokens_are_good(served: Authorities, folder: Path, name: str) -> None:
    tsa = served.pki[name]
    assert "Verification: OK" in stamped(folder, stamp(DIGEST, by=tsa, at=NOW), tsa)
    assert "Verification: OK" not in stamped(folder, stamp(bytes(32), by=tsa, at=NOW), tsa)


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("tsa", TokenWish(corrupt=True)),
        ("tsa-not-critical", TokenWish()),
        ("person-p256", TokenWish()),
        ("expired-tsa", TokenWish()),
    ],
)
def test_tokens_are_bad_as_wished(served: Authorities, folder: Path, name: str, wish: TokenWish) -> None:
    tsa = served.pki[name]
    assert "Verification: OK" not in stamped(folder, stamp(DIGEST, by=tsa, at=NOW, wish=wish), tsa)


def test_the_stamper_answers_requests(served: Authorities, folder: Path) -> None:
    query = folder / "query"
    openssl("ts", "-query", "-digest", DIGEST.hex(), "-sha256", "-cert", "-out", query)
    (folder / "reply").write_bytes(fetch(f"{served.url}/tsa/tsa", query.read_bytes()))
    trusted = ("-CAfile", folder / "roots.pem", "-untrusted", folder / "ca.pem")
    assert "Verification: OK" in openssl("ts", "-verify", "-queryfile", query, "-in", folder / "reply", *trusted)
    reply = tsp.TimeStampResp.load((folder / "reply").read_bytes(), strict=True)
    assert reply["time_stamp_token"]["content_type"].native == "signed_data"


def test_moods_of_http(served: Authorities) -> None:
    url = f"{served.url}/crl/ca.crl"
    served.moods["*"] = Mood.GARBAGE
    assert fetch(url) == b"not what you asked for"
    served.moods["*"] = Mood.REFUSE
    with pytest.raises(urllib.error.HTTPError, match="503"):
        fetch(url)
    del served.moods["*"]
    served.moods["/crl/ca.crl"], served.redirect_to = Mood.REDIRECT, f"{served.url}/aia/ca.cer"
    assert fetch(url) == served.pki["ca"].certificate.public_bytes(Encoding.DER)
    served.moods.clear()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(f"{served.url}/crl/nobody.crl")


@pytest.mark.parametrize("mood", [Mood.HANG, Mood.DRIP, Mood.ENDLESS])
def test_whoever_waits_is_let_go_at_the_end(mood: Mood) -> None:
    with authorities(now=lambda: NOW) as slow:
        slow.pki = Pki(make_small())
        slow.moods["*"] = mood
        client = http.client.HTTPConnection(*slow.url.removeprefix("http://").split(":"), timeout=30)
        client.request("GET", "/aia/ca.cer")
        if mood is not Mood.HANG:
            assert client.getresponse().read(1)
        client.close()


def make_small() -> dict[str, Identity]:
    return {"ca": look_alikes(1, at=NOW)}


def test_what_is_written_is_what_a_trunk_reads(served: Authorities, tmp_path: Path) -> None:
    served.pki.write(tmp_path)
    keys = list((tmp_path / "identities").glob("*.key"))
    assert len(keys) == len(served.pki.identities)
    assert {file.stat().st_mode & 0o777 for file in keys} == {0o600}
    for file in (tmp_path / "trust").rglob("*.pem"):
        load_pem_x509_certificate(file.read_bytes())
    lists = {file.stem for file in (tmp_path / "trust").rglob("*.crl")}
    assert lists == set(served.pki.lists)


def test_an_impostor_has_every_name_and_no_key(served: Authorities) -> None:
    real, false = served.pki["person-p256"].certificate, impostor(served.pki)
    assert (false.certificate.subject, false.certificate.issuer) == (real.subject, real.issuer)
    assert false.certificate.serial_number == real.serial_number
    false.certificate.verify_directly_issued_by(false.issuers[0])
    with pytest.raises((InvalidSignature, ValueError)):
        false.certificate.verify_directly_issued_by(served.pki["ca"].certificate)
