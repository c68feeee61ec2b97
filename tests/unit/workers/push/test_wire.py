"""One post, to recipients of every kind: what came back is told in a word, and nothing hangs, follows or inflates."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.push_receiver import Receiver, receiver
from trunk.domain.push_reply import judge
from trunk.errors import CorruptPayloadError
from trunk.workers.push.wire import Letter, Limits, NotSentError, Wire

AT = datetime(2026, 11, 22, tzinfo=UTC)
OCTETS = b"<edXML/>" * 40_000
LIMITS = Limits(silence_seconds=0.4, total_seconds=0.8, slowest_octets=10**9)
PATIENT = Limits(silence_seconds=20, total_seconds=40, slowest_octets=10**6)


def letter(url: str, source: bytes | Path = OCTETS, *, private: bool = True, ca_file: Path | None = None) -> Letter:
    octets = source if isinstance(source, bytes) else source.read_bytes()
    sha256 = hashlib.sha256(octets).hexdigest()
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    headers = {"Trunk-Delivery-Id": "d1", "Trunk-Kind": "document", "Content-Digest": f"sha-256=:{digest}:"}
    return Letter(
        url=url, headers=headers, source=source, size=len(octets), sha256=sha256, private=private, ca_file=ca_file
    )


def outcome(wire: Wire, sent: Letter) -> str:
    try:
        said = wire.post(sent)
    except NotSentError as fault:
        return fault.reason
    return judge(said, sha256=sent.sha256, now=AT).code


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def test_all_letters_share_one_thread_which_ends_with_the_wire(there: Receiver) -> None:
    def threads() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "push-wire"]

    before, wire = set(threads()), Wire(PATIENT)
    assert [outcome(wire, letter(there.url)) for _ in range(3)] == ["confirmed"] * 3
    (own,) = set(threads()) - before
    wire.close()
    own.join(timeout=20)
    assert not own.is_alive()
    assert outcome(wire, letter(there.url)) == "stopping"


def test_names_that_hang_hold_up_no_other_letter(
    there: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, asked, look_up = threading.Event(), threading.Semaphore(0), socket.getaddrinfo

    def slow(host: str, *rest: Any, **more: Any) -> Any:
        if host == "slow.test":
            asked.release()
            answered.wait(20)
        return look_up("127.0.0.1" if host == "slow.test" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    file = tmp_path / "payload"
    file.write_bytes(OCTETS)
    wire = Wire(PATIENT)
    others = [threading.Thread(target=outcome, args=(wire, letter("http://slow.test:1/"))) for _ in range(32)]
    try:
        for one in others:
            one.start()
        assert all(asked.acquire(timeout=10) for _ in others)
        assert outcome(wire, letter(there.url, file)) == "confirmed"
    finally:
        answered.set()
        for one in others:
            one.join()
        wire.close()


def test_what_was_posted_came_octet_for_octet_from_memory_and_from_a_file(there: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(OCTETS)
    assert [outcome(Wire(PATIENT), letter(there.url, source)) for source in (OCTETS, file)] == ["confirmed"] * 2
    assert [one.body == OCTETS for one in there.posts] == [True, True]
    assert {one.headers["accept-encoding"] for one in there.posts} == {"identity"}
    assert not any("transfer-encoding" in one.headers for one in there.posts)


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("right", {"confirmed"}),
        ("201", {"no_digest"}),
        ("header", {"confirmed"}),
        ("both", {"wrong_digest"}),
        ("wrong", {"wrong_digest"}),
        ("200", {"no_digest"}),
        ("204", {"no_digest"}),
        ("302", {"redirect"}),
        ("307", {"redirect"}),
        ("400", {"status_400"}),
        ("404", {"status_404"}),
        ("410", {"status_410"}),
        ("429", {"status_429"}),
        ("500", {"status_500"}),
        ("gzip-bomb", {"encoded"}),
        ("garbage", {"no_http", "cut"}),
        ("never", {"timeout"}),
        ("drip", {"timeout"}),
        ("half-close", {"cut"}),
        ("reset-before", {"cut", "not_connected"}),
        ("reset-after", {"cut", "not_connected"}),
        ("early", {"early_answer", "cut"}),
        ("endless", {"too_large"}),
        ("echo", {"too_large"}),
        ("created", {"confirmed"}),
    ],
)
def test_every_recipient_is_told_in_a_word(there: Receiver, mode: str, told: set[str]) -> None:
    quick = mode in ("never", "drip")
    there.mode = mode
    octets = OCTETS * 30 if mode == "early" else OCTETS
    assert outcome(Wire(LIMITS if quick else PATIENT), letter(there.url, octets)) in told


def test_a_redirect_is_not_followed(there: Receiver) -> None:
    with receiver() as other:
        there.mode, there.elsewhere = "307", other.port
        assert outcome(Wire(PATIENT), letter(there.url)) == "redirect"
        assert other.posts == []


def test_proxies_of_the_environment_are_passed_over(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://localhost:{proxy.port}")
        assert outcome(Wire(PATIENT), letter(there.url)) == "confirmed"
        assert proxy.posts == []


def test_an_address_of_the_house_is_not_connected_to_unless_the_settings_name_the_host(there: Receiver) -> None:
    assert outcome(Wire(PATIENT), letter(there.url, private=False)) == "address_not_allowed"
    assert there.posts == []


def test_nobody_listens_and_no_such_name(there: Receiver) -> None:
    with receiver() as gone:
        url = gone.url
    assert outcome(Wire(PATIENT), letter(url)) == "not_connected"
    assert outcome(Wire(PATIENT), letter("https://nobody.invalid/", private=False)) in {"no_such_name", "timeout"}


def test_damaged_octets_never_leave_whole(there: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(OCTETS)
    sent = letter(there.url, file)
    file.write_bytes(OCTETS[:-1] + b"X")
    with pytest.raises(CorruptPayloadError):
        Wire(PATIENT).post(sent)
    assert there.posts == []


def test_closing_cuts_off_what_is_under_way(there: Receiver) -> None:
    there.mode = "gate"
    wire, told = Wire(PATIENT), []
    thread = threading.Thread(target=lambda: told.append(outcome(wire, letter(there.url))))
    thread.start()
    while not there.posts:
        assert thread.is_alive()
    wire.close()
    thread.join(10)
    assert told == ["stopping"]
    assert outcome(wire, letter(there.url)) == "stopping"


def test_tls_is_verified_with_the_authorities_that_were_named(tmp_path: Path) -> None:
    context, ca_file = _tls(tmp_path, "localhost")
    strange, _ = _tls(tmp_path / "other", "somebody-else")
    with receiver(tls=context) as there:
        assert outcome(Wire(PATIENT), letter(there.url, ca_file=ca_file)) == "confirmed"
        assert outcome(Wire(PATIENT), letter(there.url)) == "tls"
        assert outcome(Wire(PATIENT), letter(there.url, ca_file=tmp_path / "none")) == "no_ca_file"
    with receiver(tls=strange) as there:
        assert outcome(Wire(PATIENT), letter(there.url, ca_file=tmp_path / "other" / "ca.pem")) == "tls"
        assert there.posts == []


def _tls(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)  # noqa: TID251  TLS lives in the present
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    (folder / "ca.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context, folder / "ca.pem"
