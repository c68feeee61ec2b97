"""The second line: what the engine refuses by itself, if the examination before it had slept."""

from __future__ import annotations

import pytest
from lxml import etree
from lxml.etree import _Element
from signxml.exceptions import InvalidCertificate, InvalidInput, InvalidSignature

from scripts import handmade_letter as hand
from scripts.make_test_pki import Pki
from signing import coverage, shape
from signing.engine import ChangedError, PinnedVerifier
from signing.names import ds
from signing.policy import Policy
from tests.unit.signing.conftest import AT, opened

EVERYTHING = Policy()


def engine_for(octets: bytes) -> tuple[PinnedVerifier, _Element]:
    valid = opened(octets)
    signature = next(valid.parsed.root.iter(ds("Signature")))
    taken = shape.examine(signature, policy=EVERYTHING)
    assert isinstance(taken, shape.Shape)
    planned = coverage.plan(valid, taken)
    assert isinstance(planned, coverage.Plan)
    return PinnedVerifier(signature=signature, targets=planned.targets), valid.parsed.root


def test_it_tells_what_verified(pki: Pki) -> None:
    engine, root = engine_for(hand.sign(hand.document(), pki["person"]))
    before = etree.tostring(root)
    verified = engine.run(root, certificate=pki["person"].certificate, at=AT, policy=EVERYTHING)
    assert verified == ["#MessageHeader", "#Bussiness", "#Manifest", "cid:tep-1"]
    assert etree.tostring(root) == before


def test_it_verifies_once(pki: Pki) -> None:
    engine, root = engine_for(hand.sign(hand.document(), pki["person"]))
    engine.run(root, certificate=pki["person"].certificate, at=AT, policy=EVERYTHING)
    with pytest.raises(InvalidInput, match="once"):
        engine.run(root, certificate=pki["person"].certificate, at=AT, policy=EVERYTHING)


def test_it_verifies_no_other_signature_than_the_one_examined(pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person"])
    engine, _ = engine_for(octets)
    with pytest.raises(InvalidInput, match="another signature"):
        engine.run(opened(octets).parsed.root, certificate=pki["person"].certificate, at=AT, policy=EVERYTHING)


@pytest.mark.parametrize(
    "policy",
    [Policy(digest_algorithms=frozenset({"sha512"})), Policy(signature_methods=frozenset({"ecdsa-sha256"}))],
)
def test_it_keeps_to_the_policy_by_itself(pki: Pki, policy: Policy) -> None:
    engine, root = engine_for(hand.sign(hand.document(), pki["person"]))
    with pytest.raises(InvalidInput):
        engine.run(root, certificate=pki["person"].certificate, at=AT, policy=policy)


def test_it_believes_only_the_certificate_it_is_given(pki: Pki) -> None:
    engine, root = engine_for(hand.sign(hand.document(), pki["person"]))
    with pytest.raises(InvalidSignature):
        engine.run(root, certificate=pki["organisation"].certificate, at=AT, policy=EVERYTHING)


def test_it_heeds_the_validity_of_the_certificate_without_naming_its_holder(pki: Pki) -> None:
    engine, root = engine_for(hand.sign(hand.document(), pki["expired"]))
    with pytest.raises(InvalidCertificate) as caught:
        engine.run(root, certificate=pki["expired"].certificate, at=AT, policy=EVERYTHING)
    assert "CN=" not in str(caught.value)


def test_it_names_what_was_changed(pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person"]).replace(b"BC-VP</edXML:CodeN", b"BC-VX</edXML:CodeN")
    engine, root = engine_for(octets)
    with pytest.raises(ChangedError) as caught:
        engine.run(root, certificate=pki["person"].certificate, at=AT, policy=EVERYTHING)
    assert caught.value.target.name == "MessageHeader"
