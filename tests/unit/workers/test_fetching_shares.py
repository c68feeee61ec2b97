"""One caller's wishes and one place's bundle leave room for everybody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from scripts.certificates import Identity, Sources, Wish, ec_key, issue, pem
from signing.evidence import EvidenceKind, Wanted
from signing.revocation.facts import Freshness
from signing.revocation.fetched import FetchedIssuers
from signing.revocation.hosts import Hosts
from signing.revocation.shelf import Shelf
from signing.revocation.worth import Scales
from signing.trust import Chain, Incomplete
from signing.trust_folder import TrustFolder
from trunk.workers import fetching
from trunk.workers.download import NotGotError, Reply, Request
from trunk.workers.fetching import Fetcher, Rules

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HOSTS = Hosts(public=("*.vn",))
PLACE = "http://ca.vn/all.p7c"


class House:
    """A fetcher whose network is a function, and who reads what it brings."""

    def __init__(self, folder: Path) -> None:
        self.now = AT
        self.answer: Callable[[Request], Reply] = refuse
        self.asked: list[str] = []
        self.shelf = Shelf(folder / "revocation")
        self.fetcher = Fetcher(
            self.shelf,
            Scales(self.shelf, Freshness()),
            Rules(hosts=HOSTS),
            now=lambda: self.now,
            chance=lambda: 1.0,
            fetch=self._fetch,
        )
        self.woken = threading.Event()
        self.fetcher._wake = self.woken.set
        self.root = issue(None, Wish(name="Root", key=ec_key(), authority=True, lasts=timedelta(days=9999)), at=AT)
        (folder / "trust" / "roots").mkdir(parents=True)
        (folder / "trust" / "roots" / "root.pem").write_bytes(pem([self.root.certificate]))
        self.trust = TrustFolder(folder / "trust", steps=FetchedIssuers(self.shelf, HOSTS))

    def _fetch(self, request: Request) -> Reply:
        self.asked.append(request.url)
        return self.answer(request)

    def authority(self, name: str) -> Identity:
        return issue(self.root, Wish(name=name, key=ec_key(), authority=True), at=AT)

    def chain(self, signer: Identity) -> Chain | Incomplete:
        found = self.trust.chain([signer.certificate.public_bytes(Encoding.DER)], at=AT)
        assert isinstance(found, Chain | Incomplete), found
        return found

    def work(self) -> None:
        while self.fetcher.status().waiting:
            self.woken.clear()
            self.fetcher.step()
            assert not self.fetcher.status().waiting or self.woken.wait(30)

    def brought(self, signer: Identity) -> bool:
        """Whether there is a path to the root, once what is lacking was fetched."""
        found = self.chain(signer)
        if isinstance(found, Incomplete):
            self.fetcher.want(found.wanted)
            self.work()
        return isinstance(self.chain(signer), Chain)


def refuse(_: Request) -> Reply:
    raise NotGotError("status_404")


def break_down(_: Request) -> Reply:
    raise NotGotError("status_500", host_failed=True)


def person(issuer: Identity) -> Identity:
    return issue(issuer, Wish(name="x", key=ec_key(), sources=Sources(issuers=(PLACE,))), at=AT)


def serve(*authorities: Identity) -> Callable[[Request], Reply]:
    bundle = pkcs7.serialize_certificates([one.certificate for one in authorities], Encoding.DER)
    return lambda _: Reply(octets=bundle)


def wishes(count: int, *, name: str, host: str = "ca.vn") -> list[Wanted]:
    """Of certificates that nobody issued, each at a place of its own."""
    kind, names = EvidenceKind.CERTIFICATE, [f"{name}{n}" for n in range(count)]
    return [Wanted(kind=kind, urls=(f"http://{host}/{one}",), subject=one.encode(), issuer=b"") for one in names]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.fetcher.close()


def test_two_authorities_at_one_place_are_both_known_when_one_was_wanted(house: House) -> None:
    first, second = house.authority("First"), house.authority("Second")
    house.answer = serve(first, second)
    assert isinstance(house.chain(person(second)), Incomplete)
    assert house.brought(person(first))
    assert isinstance(house.chain(person(second)), Chain)
    assert house.asked == [PLACE]


def test_an_authority_that_renews_its_key_at_its_place_is_fetched_and_the_old_one_stays(house: House) -> None:
    old, new = house.authority("Renewed"), house.authority("Renewed")
    house.answer = serve(old)
    assert house.brought(person(old))
    house.answer = serve(new)
    house.now = AT + timedelta(hours=1)
    assert house.brought(person(new))
    assert house.brought(person(old))


def test_what_a_place_does_not_have_is_waited_for_and_not_refused(house: House) -> None:
    first, second = house.authority("First"), house.authority("Second")
    house.answer = serve(first)
    assert not house.brought(person(second))
    assert house.brought(person(first))


def test_a_strangers_certificate_closes_a_place_to_nobody(house: House) -> None:
    """Whoever names a genuine authority's place in a certificate of his own is left alone there, and he alone."""
    first, key = house.authority("First"), ec_key()
    subjects = [issue(None, Wish(name="x", key=key), at=AT).certificate.public_bytes(Encoding.DER) for _ in range(3)]
    kind = EvidenceKind.CERTIFICATE
    strangers = [Wanted(kind=kind, urls=(PLACE,), subject=one, issuer=b"") for one in subjects]
    house.answer = serve(first)
    for _ in range(2):
        for one in strangers:
            house.fetcher.want([one], caller="stranger")
            house.work()
    assert house.asked == [PLACE] * 3
    assert house.fetcher.status().hosts[0].last_failure == "not_useful"
    assert house.brought(person(first))


def test_places_that_anybody_names_do_not_close_their_host(house: House) -> None:
    first = house.authority("First")
    house.answer = break_down
    house.fetcher.want(wishes(9, name="a"), caller="stranger")
    house.work()
    house.answer = serve(first)
    assert house.brought(person(first))


def test_a_bundle_has_a_bound_and_strange_keys_are_passed_over(house: House) -> None:
    p256, sm2 = (bytes.fromhex(f"0608{curve}") for curve in ("2a8648ce3d030107", "2a811ccf5501822d"))
    strange = house.authority("SM2").certificate.public_bytes(Encoding.DER).replace(p256, sm2)
    crowd = [x509.load_der_x509_certificate(strange), *(house.authority(str(n)).certificate for n in range(20))]
    house.answer = lambda _: Reply(octets=pkcs7.serialize_certificates(crowd, Encoding.DER))
    house.fetcher.want(wishes(1, name="x"))
    house.work()
    assert len(list(house.shelf.entries(EvidenceKind.CERTIFICATE))) == 16


def test_what_came_already_is_not_news(house: House) -> None:
    """Else whoever makes certificates would have every process read its trust anew."""
    house.answer = serve(house.authority("First"))
    house.fetcher.want(wishes(1, name="x"))
    house.work()
    edition = house.shelf.edition(EvidenceKind.CERTIFICATE)
    house.fetcher.want(wishes(5, name="y"))
    house.work()
    assert house.shelf.edition(EvidenceKind.CERTIFICATE) == edition


def test_a_place_that_fails_is_left_alone_for_everybody(house: House) -> None:
    mine, theirs = (person(house.authority(name)) for name in ("First", "Second"))
    assert not house.brought(mine)
    assert not house.brought(theirs)
    assert house.asked == [PLACE]


def test_one_report_and_one_caller_begin_only_so_much(house: House) -> None:
    house.fetcher.want(wishes(100, name="a"), caller="flood")
    assert house.fetcher.status().waiting == 16
    for n in range(100):
        house.fetcher.want(wishes(16, name=f"{n}-"), caller="flood")
    assert house.fetcher.status().waiting == 256
    house.fetcher.want(wishes(1, name="b"), caller="small")
    assert house.fetcher.status().waiting == 257
    house.work()
    house.fetcher.want(wishes(1, name="c"), caller="flood")  # what is done with is not held against him
    assert house.fetcher.status().waiting == 1


def test_what_another_wants_as_well_is_fetched_in_ones_own_turn(house: House) -> None:
    """Whoever wants everybody's certificates puts nobody at the end of his own line."""
    order = wishes(16, name="a", host="a.vn")
    house.fetcher.want(order, caller="flood")
    house.fetcher.want(order[-1:], caller="small")
    house.work()
    assert house.asked.index(order[-1].urls[0]) < 8


def test_nobody_waits_for_the_work_to_say_what_he_wants(house: House) -> None:
    with ThreadPoolExecutor(1) as door, house.fetcher._lock:  # held while turns are found and cases are settled
        door.submit(house.fetcher.want, wishes(1, name="a"), caller="small").result(timeout=30)
        assert door.submit(house.fetcher.status).result(timeout=30).waiting == 1


def test_the_house_keeps_fresh_no_more_at_once_than_a_share(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_SHARE", 2)
    for item in wishes(5, name="a"):
        house.fetcher._kept[item.subject] = fetching._Kept(wanted=(item,), wanted_at=AT, due_at=AT)
    house.now = AT + timedelta(seconds=1)
    for expected in (2, 4, 5):
        house.fetcher.step()
        house.work()
        assert len(house.asked) == expected
        house.now += timedelta(seconds=1)
