"""What we sign and seal verifies with libxmlsec1 too, and it accepts every vector that we accept."""

from __future__ import annotations

import io
import subprocess
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import xmlsec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate
from lxml import etree

from scripts import handmade_letter as hand
from scripts import stamping
from scripts.judging import examiner
from scripts.make_test_pki import Pki, pem
from scripts.make_vectors_signed import AT as VECTORS_AT
from signing.names import QCVN, XADES, ds, qcvn
from signing.seal import Seal
from signing.signer import Manner, sign
from tests.unit.signing.conftest import AT, opened

VECTORS = Path(__file__).parents[2] / "vectors"
#: In an unsigned letter, what is signed inside is no XML signature.
SIGNED = sorted(file for file in (VECTORS / "signed").glob("*.edxml") if "in-an-unsigned" not in file.stem)
LARGE = b"%PDF-" + bytes(range(256)) * 2_000
LETTER = hand.document(attachments=(("tep-1", LARGE), ("tep-2", b"%PDF-2")), kind="1")


class _Attachments:
    """Hands libxmlsec1 the octets that ``cid:`` references name; its input callbacks belong to the whole process."""

    def __init__(self) -> None:
        self.octets: dict[str, bytes] = {}
        xmlsec.cleanup_callbacks()  # else the library's own for files come first
        xmlsec.register_callbacks(self._knows, self._open, lambda file, buffer: file.readinto(buffer), io.BytesIO.close)

    def _knows(self, uri: bytes) -> bool:
        return uri.startswith(b"cid:")

    def _open(self, uri: bytes) -> io.BytesIO:
        return io.BytesIO(self.octets[uri.decode().removeprefix("cid:")])


Opinion = Callable[[bytes, Certificate], bool]


@pytest.fixture(scope="module")
def opinion() -> Iterator[Opinion]:
    attachments = _Attachments()

    def opinion(octets: bytes, certificate: Certificate) -> bool:
        """Whether libxmlsec1 finds the one signature of a message to be that of the certificate's key."""
        root = etree.fromstring(octets, etree.XMLParser(huge_tree=True))  # noqa: TID251 - the other one's own tree
        for attachment in root.iter(qcvn("Attachment")):
            text = attachment.findtext(qcvn("ContentTransferEncoded")) or ""
            name = (attachment.findtext(qcvn("ContentId")) or "").removeprefix("cid:")
            attachments.octets[name] = b64decode(text)
        [signature] = root.iter(ds("Signature"))
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(certificate.public_bytes(Encoding.PEM), xmlsec.KeyFormat.CERT_PEM)
        for element in root.iter(etree.Element):
            if element.get("Id") is not None:
                context.register_id(element, "Id")
        try:
            context.verify(signature)
        except xmlsec.Error:
            return False
        return True

    yield opinion
    xmlsec.cleanup_callbacks()
    xmlsec.register_default_callbacks()


MANNERS = {
    "rsa": ("person", Manner()),
    "rsa-sha512": ("person", Manner(method="rsa-sha512")),
    "rsa-pss": ("person", Manner(method="rsa-pss-sha256")),
    "p256": ("person-p256", Manner()),
    "p384": ("person-p384", Manner()),
    "p521": ("person-p521", Manner()),
    "whole-rsa": ("person", Manner(whole=True)),
    "whole-p256": ("person-p256", Manner(whole=True)),
}


def signed(pki: Pki, who: str, manner: Manner, letter: hand.Letter = LETTER) -> bytes:
    octets = sign(letter.write(), key=pki[who].key, certificates=pki[who].chain, at=AT, manner=manner)
    assert isinstance(octets, bytes), octets
    return octets


def stamped(manner: Manner, pki: Pki) -> Manner:
    def stamp(imprint: bytes) -> bytes:
        return stamping.stamp(imprint, by=pki["tsa"], at=AT)

    return Manner(method=manner.method, whole=manner.whole, stamp=stamp)


@pytest.mark.parametrize("timestamp", [False, True], ids=["b", "t"])
@pytest.mark.parametrize("name", MANNERS)
def test_what_we_sign_verifies_there(opinion: Opinion, pki: Pki, name: str, *, timestamp: bool) -> None:
    who, manner = MANNERS[name]
    octets = signed(pki, who, stamped(manner, pki) if timestamp else manner)
    assert opinion(octets, pki[who].certificate)
    assert not opinion(octets, pki["seal"].certificate)


@pytest.mark.parametrize("name", ["p256", "whole-p256"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"H41.01</edXML:OrganId></edXML:To>", b"H41.02</edXML:OrganId></edXML:To>"),
        (b"tep-1.pdf</edXML:AttachmentName></edXML:Reference>", b"tep-3.pdf</edXML:AttachmentName></edXML:Reference>"),
        (b"JVBERi0y", b"JVBERi0z"),
        (b"SigningTime>2026", b"SigningTime>2025"),
    ],
    ids=["addressee", "file-name", "attachment", "signing-time"],
)
def test_what_was_changed_does_not(opinion: Opinion, pki: Pki, name: str, before: bytes, after: bytes) -> None:
    who, manner = MANNERS[name]
    octets = signed(pki, who, manner)
    assert octets.count(before) == 1
    assert not opinion(octets.replace(before, after), pki[who].certificate)


def test_the_timestamp_is_over_the_canonical_signature_value(pki: Pki) -> None:
    """Computed by hand: RFC 3161's imprint over exclusive canonicalization of ds:SignatureValue (XAdES 5.3)."""
    seen: list[bytes] = []

    def stamp(imprint: bytes) -> bytes:
        seen.append(imprint)
        return stamping.stamp(imprint, by=pki["tsa"], at=AT)

    octets = signed(pki, "person-p256", Manner(stamp=stamp))
    start = octets.index(b"<ds:SignatureValue>")
    end = octets.index(b"</ds:SignatureValue>") + len(b"</ds:SignatureValue>")
    canonical = octets[start:end].replace(b"<ds:SignatureValue>", f'<ds:SignatureValue xmlns:ds="{hand.DS}">'.encode())
    assert seen == [sha256(canonical).digest()]


@pytest.mark.parametrize("file", SIGNED, ids=lambda file: file.stem)
def test_every_vector_that_we_accept_is_accepted_there(opinion: Opinion, file: Path) -> None:
    octets = file.read_bytes()
    known = examiner(VECTORS / "trust").examine(octets, at=VECTORS_AT)
    assert known.report is not None
    verdict = known.report.envelope
    assert verdict.passed
    assert verdict.signer is not None
    assert opinion(octets, carried(octets, verdict.signer.fingerprint))


def carried(octets: bytes, fingerprint: str) -> Certificate:
    """The certificate of a verdict, as the message carries it."""
    root = opened(octets).parsed.root
    ders = [b64decode(element.text or "") for element in root.iter(ds("X509Certificate"))]
    return next(load_der_x509_certificate(der) for der in ders if sha256(der).hexdigest() == fingerprint)


# The command, as Debian has it: an older libxmlsec1, another libxml2. It knows neither cid: nor PSS.

IDS = (f"{QCVN}:MessageHeader", f"{XADES}:SignedProperties")


@pytest.fixture
def command(xmlsec1: Path, pki: Pki, tmp_path: Path) -> Callable[[bytes], tuple[bool, str]]:
    """Verifies a file with the path to the root, at ``AT``."""
    trusted, file = tmp_path / "root.pem", tmp_path / "message.xml"
    trusted.write_bytes(pem([pki["root"].certificate]))

    def command(octets: bytes) -> tuple[bool, str]:
        file.write_bytes(octets)
        ids = [word for name in IDS for word in ("--id-attr:Id", name)]
        at = (AT + timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S")
        words = [xmlsec1, "--verify", *ids, "--verification-time", at, "--trusted-pem", trusted, file]
        done = subprocess.run(
            list(map(str, words)), capture_output=True, text=True, check=False, env={"TZ": "UTC", "PATH": "/usr/bin"}
        )
        return done.returncode == 0, done.stdout + done.stderr

    return command


@pytest.fixture(params=["engraved", "pressed"])
def sealed(pki: Pki, request: pytest.FixtureRequest) -> bytes:
    key = pki["seal"].key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    seal, status = Seal(key, pki["seal"].certificate, issuers=pki["seal"].issuers), hand.status().write()
    if request.param == "engraved":
        return seal.engrave(status, at=AT)
    octets = seal.seal(status.replace(b' Id="MessageHeader"', b""), at=AT)
    assert octets.startswith(b'<?xml version="1.0"'), "the markup around it is as it came: nothing was written anew"
    return octets


def test_a_seal_verifies_with_the_command(command: Callable[[bytes], tuple[bool, str]], sealed: bytes) -> None:
    good, said = command(sealed)
    assert good, said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"StatusCode>03<", b"StatusCode>06<"),
        (b"SigningTime>2026", b"SigningTime>2025"),
        (b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA"),
    ],
    ids=["status", "signing-time", "value"],
)
def test_a_broken_seal_is_noticed_by_the_command(
    command: Callable[[bytes], tuple[bool, str]], sealed: bytes, before: bytes, after: bytes
) -> None:
    assert sealed.count(before) == 1
    good, said = command(sealed.replace(before, after))
    assert not good, said


@pytest.mark.parametrize("who", ["person", "person-p256", "person-p384", "person-p521"])
def test_a_signature_over_the_whole_verifies_with_the_command(
    command: Callable[[bytes], tuple[bool, str]], pki: Pki, who: str
) -> None:
    octets = signed(pki, who, Manner(whole=True))
    good, said = command(octets)
    assert good, said
    changed, said = command(octets.replace(b"JVBERi0y", b"JVBERi0z"))
    assert not changed, said


def test_the_command_asks_for_the_root(command: Callable[[bytes], tuple[bool, str]], pki: Pki) -> None:
    good, said = command(signed(pki, "another-root-person", Manner(whole=True)))
    assert not good, said
