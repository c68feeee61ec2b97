"""Seals from the mould are those of the long way, octet for octet of what is signed; and a bad one never leaves."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from envelopes.model import Evidence, Organization, ResponseFor, StatusMessage
from envelopes.writer import write_status
from scripts.make_test_pki import Pki
from signing import mould
from signing.seal import Seal
from signing.signer import SigningFailedError, confirm
from tests.unit.signing.conftest import AT, Judge, codes

LINES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" \"'<>&"), max_size=40)
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" \t\n\r\"'<>&"), max_size=40
)


def message(*texts: str, at: datetime = AT) -> bytes:
    """A sealed fact as the trunk writes it, with ``texts`` in its places."""
    first, second, third = (*texts, "", "", "")[:3]
    return write_status(
        StatusMessage(
            sender=Organization(organ_id="G00.TRUC", name=first or "Trục"),
            response_for=ResponseFor(organ_id="H41.01", code=second or "1/VP", document_id="H41.01,2026/11/22,1/VP"),
            code="90",
            description=third or "Đã tiếp nhận",
            timestamp=at,
            evidence=Evidence(
                event="SubmissionAcceptance", kind="accepted", envelope_id="E1", delivery_id="", recipient="",
                at=at, sha256="0" * 64, reasons=tuple(text for text in texts if text.strip()),
            ),
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def seal(pki: Pki) -> Seal:
    key = pki["seal"].key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Seal(key, pki["seal"].certificate, issuers=pki["seal"].issuers)


def signed_words(octets: bytes) -> bytes:
    """The whole message in canonical form but for the value, which ECDSA makes anew each time."""
    root = etree.fromstring(re.sub(rb"(?<=<ds:SignatureValue>)[^<]+", b"", octets))  # noqa: TID251 - our own
    return etree.tostring(root, method="c14n")


@settings(max_examples=60, deadline=None)
@given(name=LINES.filter(str.strip), code=LINES.filter(str.strip), words=TEXTS, years=st.integers(-3, 3))
def test_pressed_or_engraved_it_is_the_same(pki: Pki, seal: Seal, name: str, code: str, words: str, years: int) -> None:
    at = AT + timedelta(days=365 * years)
    xml = message(name, code, words, at=at)
    pressed = seal.seal(xml, at=at)
    assert b' Id="MessageHeader">' in pressed
    assert signed_words(pressed) == signed_words(seal.engrave(xml, at=at))
    confirm(pressed, certificate=pki["seal"].certificate, at=at)


def test_a_pressed_seal_passes_and_a_changed_one_does_not(judge: Judge, seal: Seal) -> None:
    octets = seal.seal(message('"A" & <B>\r'), at=AT)
    assert judge(octets).passed
    assert codes(judge(octets.replace(b">accepted<", b">received<"))) == {"SIG-101"}
    assert codes(judge(octets.replace(b"Description>\xc4\x90", b"Description>D"))) == {"SIG-101"}


def test_what_is_not_of_our_writer_is_sealed_the_long_way(judge: Judge, seal: Seal) -> None:
    own = message()
    for other in (
        own.replace(b"<edXML:MessageHeader>", b'<edXML:MessageHeader Id="H">'),
        own.replace(b"<edXML:MessageHeader>", b"<edXML:MessageHeader >"),
    ):
        verdict = judge(seal.seal(other, at=AT))
        assert verdict.passed, verdict.findings


@pytest.mark.parametrize(
    ("part", "wrong"),
    [("_as_canonical", lambda markup: markup), ("_digest", lambda _: b"AAAA")],
    ids=["canonical form", "digest"],
)
def test_a_seal_that_is_not_what_was_signed_never_leaves(
    seal: Seal, monkeypatch: pytest.MonkeyPatch, part: str, wrong: object
) -> None:
    seal.seal(message('"'), at=AT)
    monkeypatch.setattr(mould, part, wrong)
    with pytest.raises(SigningFailedError):
        seal.seal(message('"'), at=AT)


def test_a_value_that_is_wrong_never_leaves(seal: Seal, monkeypatch: pytest.MonkeyPatch) -> None:
    value = mould.b64encode(b"\1" * 64)
    monkeypatch.setattr(mould.Mould, "_sign", lambda *_: value)
    with pytest.raises(SigningFailedError, match="its value is wrong"):
        seal.seal(message(), at=AT)


def test_threads_share_a_mould(judge: Judge, seal: Seal) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        sealed = list(pool.map(lambda n: seal.seal(message(f"Trục {n}"), at=AT), range(80)))
    assert all(f"Trục {n}".encode() in octets and judge(octets).passed for n, octets in enumerate(sealed))
