"""The fetcher against authorities on loopback that help, hang, lie, redirect and never stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from scripts.authorities import Authorities, Mood, authorities
from scripts.certificates import pem
from scripts.make_test_pki import Pki, make_pki
from scripts.revocation_lists import Revoked
from signing.evidence import EvidenceKind, RevocationState, Wanted
from signing.revocation.facts import Freshness
from signing.revocation.fetched import FetchedIssuers
from signing.revocation.hosts import Hosts
from signing.revocation.shelf import Shelf
from signing.revocation.source import RevocationAnswer
from signing.revocation.stored import StoredRevocation
from signing.revocation.worth import Scales
from signing.trust import Chain, Incomplete
from signing.trust_folder import TrustFolder
from trunk.workers.download import NotGotError, Reply, Request, get
from trunk.workers.fetching import Fetcher, Rules

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
GOOD, REVOKED, UNKNOWN = RevocationState.GOOD, RevocationState.REVOKED, RevocationState.UNKNOWN


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at


class House:
    """Authorities, a shelf, who reads it and who fills it."""

    def __init__(self, all_: Authorities, pki: Pki, clock: Clock, folder: Path) -> None:
        self.authorities, self.pki, self.clock = all_, pki, clock
        self.shelf = Shelf(folder / "revocation")
        self.source = StoredRevocation(shelf=self.shelf)
        self.requests: list[Request] = []
        self.host = all_.url.removeprefix("http://")
        self.rules = Rules(hosts=Hosts(private=(self.host,)), timeout_seconds=10)

    @contextmanager
    def fetcher(self, **changes: Any) -> Iterator[Fetcher]:
        def watched(request: Request) -> Reply:
            self.requests.append(request)
            return get(request)

        fetcher = Fetcher(
            self.shelf,
            Scales(self.shelf, Freshness()),
            replace(self.rules, **changes),
            now=self.clock,
            chance=lambda: 1.0,
            fetch=watched,
        )
        try:
            yield fetcher
        finally:
            fetcher.close()

    def check(self, who: str) -> RevocationAnswer:
        identity = self.pki[who]
        root = self.pki["government-root" if who.startswith("gov") else "root"]
        path = [*identity.chain, root.certificate]
        return self.source.check(path, at=self.clock(), now=self.clock())

    def wanted(self, who: str, *kinds: EvidenceKind) -> list[Wanted]:
        """What is lacking of the signer alone."""
        mine = self.pki[who].certificate.public_bytes(Encoding.DER)
        return [one for one in self.check(who).wanted if one.subject == mine and (not kinds or one.kind in kinds)]

    def state(self, who: str) -> RevocationState:
        return self.check(who).notes[0].state


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Authorities, Pki, Clock]]:
    clock = Clock()
    with authorities(now=clock) as all_:
        all_.pki = make_pki(at=AT, base_url=all_.url)
        yield all_, all_.pki, clock


@pytest.fixture
def house(served: tuple[Authorities, Pki, Clock], tmp_path: Path) -> Iterator[House]:
    all_, pki, clock = served
    clock.at = AT
    yield House(all_, pki, clock, tmp_path)
    all_.moods.clear()
    all_.revoked.clear()
    all_.asked.clear()


def work(fetcher: Fetcher, items: list[Wanted]) -> None:
    """Let the fetcher do everything that it can do now."""
    woken = threading.Event()
    fetcher._wake = woken.set
    fetcher.want(items)
    while fetcher.status().waiting:
        woken.clear()
        fetcher.step()
        if fetcher.status().waiting:
            assert woken.wait(30)


def test_a_responder_is_asked_and_then_known(house: House) -> None:
    with house.fetcher() as fetcher:
        assert house.state("person") is UNKNOWN
        work(fetcher, house.wanted("person"))
        assert house.state("person") is GOOD
        assert house.authorities.asked == {"/ocsp/ca": 1}
        work(fetcher, house.wanted("revoked"))
        assert house.state("revoked") is REVOKED


def test_the_whole_path_is_asked_for(house: House) -> None:
    with house.fetcher() as fetcher:
        work(fetcher, list(house.check("person").wanted))
        assert house.check("person").state is GOOD


@pytest.mark.parametrize(
    "mood", [Mood.STALE, Mood.OF_ANOTHER, Mood.IGNORANT, Mood.GARBAGE, Mood.REFUSE, Mood.REDIRECT, Mood.ENDLESS]
)
def test_a_bad_responder_is_passed_over_for_the_list(house: House, mood: Mood) -> None:
    house.authorities.moods["/ocsp/ca"] = mood
    house.authorities.redirect_to = f"{house.authorities.url}/crl/root.crl"
    with house.fetcher() as fetcher:
        work(fetcher, house.wanted("person"))
        assert house.check("person").notes[0].source == "crl"
        assert house.state("person") is GOOD
        assert house.authorities.asked == {"/ocsp/ca": 1, "/crl/ca.crl": 1}  # nobody followed a redirect


@pytest.mark.parametrize("mood", [m for m in Mood if m not in {Mood.HONEST, Mood.HANG, Mood.DRIP, Mood.IGNORANT}])
def test_bad_sources_alone_leave_it_unknown(house: House, mood: Mood) -> None:
    house.authorities.moods["*"] = mood
    house.authorities.redirect_to = f"{house.authorities.url}/crl/ca.crl"
    with house.fetcher() as fetcher:
        work(fetcher, house.wanted("person"))
        assert house.state("person") is UNKNOWN
        (host,) = fetcher.status().hosts
        assert (host.host, host.fetched, host.failed) == (house.host, 0, 2)
        assert host.last_failure
        assert (host.last_failure == "too_large") is (mood is Mood.ENDLESS)


@pytest.mark.parametrize("mood", [Mood.HANG, Mood.DRIP])
def test_who_hangs_or_drips_is_cut_off_in_time(house: House, mood: Mood) -> None:
    house.authorities.moods["/ocsp/ca"] = mood
    with house.fetcher(timeout_seconds=0.3) as fetcher:
        work(fetcher, house.wanted("person", EvidenceKind.OCSP))
        assert house.state("person") is UNKNOWN
        assert fetcher.status().hosts[0].last_failure == "timeout"


def test_a_dead_responder_is_left_alone_for_a_while(house: House) -> None:
    """First for one certificate, after three failures in a row for everybody; then it is tried again."""
    house.authorities.moods["/ocsp/ca"] = Mood.REFUSE
    with house.fetcher() as fetcher:
        for who in ("person", "person", "organisation", "person-p256", "person-p384"):
            work(fetcher, house.wanted(who, EvidenceKind.OCSP))
        assert house.authorities.asked["/ocsp/ca"] == 3
        assert fetcher.status().hosts[0].left_alone_until == AT + timedelta(seconds=15)
        house.authorities.moods.clear()
        house.clock.at = AT + timedelta(seconds=15)
        work(fetcher, house.wanted("person-p384", EvidenceKind.OCSP))
        assert house.state("person-p384") is GOOD
        assert fetcher.status().hosts[0].left_alone_until is None


def test_waits_grow_and_end(house: House) -> None:
    house.authorities.moods["/ocsp/ca"] = Mood.GARBAGE
    with house.fetcher() as fetcher:
        asked = []
        for seconds in (0, 14, 15, 30, 44, 45, 100, 105):
            house.clock.at = AT + timedelta(seconds=seconds)
            work(fetcher, house.wanted("person", EvidenceKind.OCSP))
            asked.append(house.authorities.asked["/ocsp/ca"])
    assert asked == [1, 1, 2, 2, 2, 3, 3, 4]


@pytest.mark.parametrize(
    "hosts", [Hosts(), Hosts(public=("127.0.0.1:*",)), Hosts(private=("127.0.0.1",)), Hosts(private=("localhost:*",))]
)
def test_only_named_hosts_are_asked_and_private_ones_by_their_own_word(house: House, hosts: Hosts) -> None:
    with house.fetcher(hosts=hosts) as fetcher:
        work(fetcher, house.wanted("person"))
        assert house.state("person") is UNKNOWN
    if not hosts.public:
        assert house.requests == []
    assert not house.authorities.asked


def test_a_name_that_leads_into_the_own_network_is_not_followed(house: House) -> None:
    port = house.host.rpartition(":")[2]
    public, private = Hosts(public=("localhost:*",)), Hosts(private=("localhost:*",))
    request = Request(url=f"http://localhost:{port}/crl/ca.crl", most_octets=10**6, timeout_seconds=10, hosts=public)
    with pytest.raises(NotGotError, match="address_not_allowed"):
        get(request)
    assert not house.authorities.asked
    assert get(replace(request, hosts=private)).octets


def test_proxies_of_the_environment_are_not_used(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with house.fetcher() as fetcher:
        work(fetcher, house.wanted("person"))
        assert house.state("person") is GOOD


def test_one_list_is_fetched_once_for_all_signers(house: House) -> None:
    who = ("person", "organisation", "seal")
    with house.fetcher() as fetcher:
        work(fetcher, [one for name in who for one in house.wanted(name, EvidenceKind.CRL)])
    assert {house.state(name) for name in who} == {GOOD}
    assert house.authorities.asked == {"/crl/ca.crl": 1}


def test_what_another_process_has_just_fetched_is_not_fetched_again(house: House) -> None:
    wanted = house.wanted("person")
    with house.fetcher() as here, house.fetcher() as there:
        work(here, wanted)
        work(there, wanted)
    assert house.authorities.asked == {"/ocsp/ca": 1}


def test_what_is_in_use_is_fetched_again_before_it_is_old(house: House) -> None:
    with house.fetcher() as fetcher:
        work(fetcher, house.wanted("person", EvidenceKind.CRL))
        person = house.pki["person"].certificate
        house.authorities.revoked["ca"] = [Revoked(certificate=person, since=AT + timedelta(minutes=10))]
        house.clock.at = AT + timedelta(minutes=59)
        work(fetcher, [])
        assert house.state("person") is GOOD
        house.clock.at = AT + timedelta(hours=1)
        fetcher.step()
        work(fetcher, [])
        assert house.state("person") is REVOKED
        house.clock.at = AT + timedelta(days=3)
        fetcher.step()
        assert fetcher.status().in_use == 0  # nobody asked for days


def test_an_older_answer_replaces_no_younger_one(house: House) -> None:
    """Replaying what was good before the revocation gains nothing."""
    with house.fetcher() as fetcher:
        wanted = house.wanted("person", EvidenceKind.OCSP)
        person = house.pki["person"].certificate
        house.clock.at = AT + timedelta(hours=5)
        house.authorities.revoked["ca"] = [Revoked(certificate=person, since=AT)]
        work(fetcher, wanted)
        assert house.state("person") is REVOKED
        house.authorities.revoked.clear()
        house.authorities.now = lambda: AT + timedelta(hours=2)
        try:
            house.clock.at = AT + timedelta(hours=7)
            work(fetcher, wanted)
        finally:
            house.authorities.now = house.clock
        assert house.authorities.asked["/ocsp/ca"] == 2
        assert house.state("person") is REVOKED


def test_a_missing_authority_is_fetched_where_the_certificate_points(house: House) -> None:
    identity = house.pki["person-of-distant-ca"]
    url = f"{house.authorities.url}/aia/distant-ca.cer"
    subject = identity.certificate.public_bytes(Encoding.DER)
    wanted = Wanted(kind=EvidenceKind.CERTIFICATE, urls=(url,), subject=subject, issuer=b"")
    with house.fetcher() as fetcher:
        work(fetcher, [wanted])
    ((_, entry),) = house.shelf.entries(EvidenceKind.CERTIFICATE)
    distant = house.pki["distant-ca"].certificate.public_bytes(Encoding.DER)
    assert house.shelf.read(entry.sha256) == distant


def test_a_fetched_authority_completes_the_path_at_once(house: House, tmp_path: Path) -> None:
    """The trust folder follows the shelf; what is there already is not waited for again."""
    (tmp_path / "trust" / "roots").mkdir(parents=True)
    (tmp_path / "trust" / "roots" / "root.pem").write_bytes(pem([house.pki["root"].certificate]))
    trust = TrustFolder(tmp_path / "trust", steps=FetchedIssuers(house.shelf, house.rules.hosts))
    signer = [house.pki["person-of-distant-ca"].certificate.public_bytes(Encoding.DER)]
    lacking = trust.chain(signer, at=AT)
    assert isinstance(lacking, Incomplete)
    with house.fetcher() as fetcher:
        work(fetcher, list(lacking.wanted))
    assert isinstance(trust.chain(signer, at=AT), Chain)


def running(fetcher: Fetcher, then: Callable[[], object]) -> object:
    loop = fetcher.loop()
    loop.start()
    try:
        return then()
    finally:
        assert loop.stop()


def test_a_submission_can_wait_for_what_it_caused_to_be_fetched(house: House) -> None:
    async def submit() -> bool:
        wanted = house.wanted("person")
        fetcher.want(wanted)
        return await fetcher.settled(wanted, timeout=30)

    with house.fetcher() as fetcher:
        assert running(fetcher, lambda: asyncio.run(submit())) is True
        assert house.state("person") is GOOD
        assert asyncio.run(fetcher.settled(house.wanted("person"), timeout=0)) is True  # nothing to wait for


def test_it_waits_no_longer_than_told_and_others_do_not_wait_at_all(house: House) -> None:
    """While one responder hangs, another domain's is asked and answers."""

    async def submit(who: str, seconds: float) -> bool:
        wanted = house.wanted(who, EvidenceKind.OCSP)
        fetcher.want(wanted)
        return await fetcher.settled(wanted, timeout=seconds)

    def both() -> tuple[bool, bool]:
        hung = asyncio.run(submit("person", 0.05))
        return hung, asyncio.run(submit("government-person", 30))

    house.authorities.moods["/ocsp/ca"] = Mood.HANG
    with house.fetcher(timeout_seconds=2) as fetcher:
        assert running(fetcher, both) == (False, True)
        assert house.state("government-person") is GOOD


def test_a_host_that_hangs_holds_two_exchanges_at_most(house: House) -> None:
    begun, ended = threading.Semaphore(0), threading.Event()

    def hang(_: Request) -> Reply:
        begun.release()
        ended.wait()
        raise NotGotError("timeout", host_failed=True)

    with house.fetcher(threads=4) as fetcher:
        fetcher._fetch = hang
        who = ("person", "person-p256", "person-p384", "person-p521", "organisation")
        fetcher.want([one for name in who for one in house.wanted(name, EvidenceKind.OCSP)])
        fetcher.step()
        fetcher.step()
        try:
            assert begun.acquire(timeout=10)
            assert begun.acquire(timeout=10)
            assert not begun.acquire(blocking=False)
            assert fetcher._turns.take() is None
        finally:
            ended.set()


def test_a_fetcher_that_closes_lets_nobody_wait(house: House) -> None:
    async def wait() -> bool:
        fetcher.want(wanted)
        waiting = asyncio.ensure_future(fetcher.settled(wanted, timeout=30))
        await asyncio.sleep(0)
        fetcher.close()
        return await waiting

    wanted = house.wanted("person")
    with house.fetcher() as fetcher:
        assert asyncio.run(wait()) is True


def test_a_fault_of_ours_is_a_failure_of_the_place_and_no_more(house: House) -> None:
    def broken(_: Request) -> Reply:
        raise ZeroDivisionError

    with house.fetcher() as fetcher:
        fetcher._fetch = broken
        work(fetcher, house.wanted("person"))
        assert fetcher.status().hosts[0].last_failure == "ZeroDivisionError"
