"""Documents have the size that was asked for, ids of their run alone, and broken ones are broken in one place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scripts.make_test_pki import Pki, make_pki
from signing.signer import SigningFailedError, confirm
from trunk.load.documents import Scribe, Signer, TooSmallError
from trunk.load.mix import Size
from trunk.load.plan import Draft
from trunk.load.store import NoRoomError, Store

AT = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)  # the 23rd in Vietnam


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki(at=AT)


def scribe(pki: Pki, at: datetime = AT) -> Scribe:
    who = pki["person"]
    return Scribe(signer=Signer(who.key, who.chain), sender="H41.90", at=at)


@pytest.mark.parametrize("recipients", [("G12",), tuple(f"H{number}" for number in range(10, 73))])
@pytest.mark.parametrize("octets", [25_000, 200_000])
def test_an_envelope_has_its_size_and_a_good_signature(pki: Pki, octets: int, recipients: tuple[str, ...]) -> None:
    made = scribe(pki).write(123, Draft(Size("x", octets), recipients))
    assert abs(len(made) - octets) < 100
    confirm(made, certificate=pki["person"].certificate, at=AT)


@pytest.mark.parametrize("number", [1, 2])
def test_a_broken_one_differs_in_one_octet_and_does_not_verify(pki: Pki, number: int) -> None:
    author = scribe(pki)
    whole = author.write(number, Draft(Size("25k", 25_000), ("G12",)))  # this key signs the same in the same way
    broken = author.write(number, Draft(Size("25k", 25_000), ("G12",), bad=True))
    assert sum(a != b for a, b in zip(whole, broken, strict=True)) == 1
    with pytest.raises(SigningFailedError):
        confirm(broken, certificate=pki["person"].certificate, at=AT)


def test_ids_are_of_the_run_alone_and_have_the_day_of_vietnam(pki: Pki) -> None:
    first, second = scribe(pki), scribe(pki, AT + timedelta(milliseconds=1))
    assert first.document_id(1).startswith("H41.90,2026/11/23,1/TAI-")
    assert first.document_id(1) != second.document_id(1)
    assert first.document_id(7).encode() in first.write(7, Draft(Size("25k", 25_000), ("G12",)))


def test_what_is_larger_without_its_attachment_is_refused(pki: Pki) -> None:
    with pytest.raises(TooSmallError, match="5k: an envelope for 1 takes"):
        scribe(pki).write(1, Draft(Size("5k", 5_000), ("G12",)))


def test_the_store_gives_back_what_was_put() -> None:
    put = [b"", b"a", bytes(600_000), b"end"]
    with Store(needed=1) as store:
        for octets in put:
            store.put(octets)
        store.whole()
        assert [b"".join(store.pieces(number)) for number in range(len(put))] == put
        assert [store.size(number) for number in range(len(put))] == [len(octets) for octets in put]


def test_too_little_room_is_told_before_anything_is_written() -> None:
    with pytest.raises(NoRoomError, match="MB are free"):
        Store(needed=2**62)
