from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from signing.evidence import EvidenceKind
from signing.revocation.shelf import Entry, Shelf, key_of
from tests.unit.signing.conftest import AT

CRL = EvidenceKind.CRL


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "revocation")


def put(shelf: Shelf, url: str, octets: bytes, *, hours: float = 0) -> Entry:
    entry = Entry.of(CRL, octets, url=url, fetched_at=AT + timedelta(hours=hours), etag='"1"', modified="now")
    shelf.put(key_of(CRL, url), entry, octets)
    return entry


def test_what_was_put_is_found_by_whoever_opens_the_folder(shelf: Shelf) -> None:
    entry = put(shelf, "u", b"octets")
    there = Shelf(shelf.folder)
    assert there.find(CRL, key_of(CRL, "u")) == entry
    assert there.read(entry.sha256) == b"octets"
    assert list(there.entries(CRL)) == [(key_of(CRL, "u"), entry)]


def test_every_change_makes_another_edition_of_its_kind_alone(shelf: Shelf) -> None:
    editions = [shelf.edition(CRL)]
    for octets in (b"1", b"2", b"2", b"1"):
        put(shelf, "u", octets)
        editions.append(shelf.edition(CRL))
    assert len(set(editions)) == len(editions)
    assert shelf.edition(EvidenceKind.OCSP) == (0, 0)


@pytest.mark.parametrize("octets", [b"", b"other octets", b"octet"])
def test_an_object_that_is_not_its_name_is_absent_and_can_be_put_again(shelf: Shelf, octets: bytes) -> None:
    entry = put(shelf, "u", b"octets")
    (shelf.folder / "objects" / entry.sha256).write_bytes(octets)
    assert shelf.read(entry.sha256) is None
    put(shelf, "u", b"octets")
    assert shelf.read(entry.sha256) == b"octets"


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b'{"kind": "crl"', b"\xff", b'{"kind":1,"url":2}'])
def test_a_garbled_index_is_an_empty_one(shelf: Shelf, text: bytes) -> None:
    put(shelf, "u", b"octets")
    (shelf.folder / "crl" / f"{key_of(CRL, 'u')}.json").write_bytes(text)
    assert shelf.find(CRL, key_of(CRL, "u")) is None
    assert list(shelf.entries(CRL)) == []


@pytest.mark.parametrize("name", ["", "../crl.changes", "x" * 64, "/etc/passwd", "." * 64])
def test_only_digests_name_objects(shelf: Shelf, name: str) -> None:
    put(shelf, "u", b"octets")
    assert shelf.read(name) is None


def test_an_empty_folder_is_no_fault(shelf: Shelf) -> None:
    assert shelf.find(CRL, "0") is None
    assert shelf.read("0" * 64) is None
    assert shelf.edition(CRL) == (0, 0)
    assert shelf.prune(now=AT) == 0


def test_the_folder_is_bounded_and_keeps_what_was_fetched_last(shelf: Shelf) -> None:
    for number in range(5):
        put(shelf, f"u{number}", bytes([number]) * 100, hours=number)
    dropped = shelf.prune(now=AT + timedelta(days=36500), most_octets=250)
    left = {entry.url for _, entry in shelf.entries(CRL)}
    assert left == {"u3", "u4"}
    assert dropped == 6  # three entries and their objects
    assert len(list((shelf.folder / "objects").iterdir())) == 2


def test_an_object_just_replaced_stays_for_whoever_stores_it_as_evidence(shelf: Shelf) -> None:
    before = put(shelf, "u", b"before")
    put(shelf, "u", b"after")
    shelf.prune(now=AT - timedelta(days=36500))
    assert shelf.read(before.sha256) == b"before"


def test_nothing_unfinished_is_left_behind(shelf: Shelf) -> None:
    put(shelf, "u", b"octets")
    assert [file.name for file in shelf.folder.rglob(".*")] == []
