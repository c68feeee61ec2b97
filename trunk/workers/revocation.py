"""Trust and revocation, made from the settings. Who judges calls ``trust`` and ``source``, in any process; who serves adds a fetcher::

    fetcher = revocation.fetcher(settings, now=clock, chance=random.random)      # one in each serving process
    loops["fetcher"] = fetcher.loop();  stack.callback(fetcher.close)
    fetcher.want(report.wanted)                                                  # after each examination
    await fetcher.settled(report.wanted, timeout=settings.signatures.revocation.wait_seconds)  # then examine again
    revocation.evidence(settings)(sha256)                                        # octets of what came without them
    fetcher.status()                                                             # for operators

``report.wanted`` comes with verdicts that passed, too: then it is for freshness, and nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from signing.revocation import NoRevocationCheck, RevocationSource
from signing.revocation.facts import Freshness
from signing.revocation.fetched import FetchedIssuers
from signing.revocation.hosts import Hosts
from signing.revocation.offline import OfflineLists
from signing.revocation.shelf import Shelf
from signing.revocation.stored import StoredRevocation
from signing.revocation.worth import Scales
from signing.trust_folder import TrustFolder
from trunk.errors import ConfigurationError
from trunk.settings import Settings
from trunk.workers.fetching import Fetcher, Rules

FOLDER = Path("revocation")
"""Of what is fetched, in the data folder."""


def trust(settings: Settings) -> TrustFolder:
    """Whom the trunk trusts, by its folder as it changes. Raises ``ConfigurationError`` where nobody is trusted."""
    folder = settings.path(settings.signatures.trust_folder)
    try:
        return TrustFolder(folder, steps=FetchedIssuers(_shelf(settings), _hosts(settings)))
    except (OSError, ValueError) as error:
        remedy = f"put the roots you trust into {folder / 'roots'} as *.pem (see [signatures] trust_folder)"
        raise ConfigurationError(f"no signature can be judged: {error}; {remedy}") from error


def source(settings: Settings) -> RevocationSource:
    """Where revocation is asked, by the operator's rule."""
    if settings.signatures.revocation.rule == "none":
        return NoRevocationCheck()
    offline = OfflineLists(settings.path(settings.signatures.trust_folder))
    return StoredRevocation(shelf=_shelf(settings), offline=offline, rules=_freshness(settings))


def evidence(settings: Settings) -> Callable[[str], bytes | None]:
    """Reads lists and answers by their digest, for whoever stores evidence."""
    offline = OfflineLists(settings.path(settings.signatures.trust_folder))
    stored = StoredRevocation(shelf=_shelf(settings), offline=offline, rules=_freshness(settings))
    return stored.read


def fetcher(settings: Settings, *, now: Callable[[], datetime], chance: Callable[[], float]) -> Fetcher:
    """Gets what verdicts are lacking. Without hosts in the settings it gets nothing."""
    told, shelf, freshness = settings.signatures.revocation, _shelf(settings), _freshness(settings)
    rules = Rules(
        hosts=_hosts(settings),
        refresh=freshness.refresh,
        timeout_seconds=told.timeout_seconds,
        list_octets=told.list_octets,
        answer_octets=told.answer_octets,
        cache_octets=told.cache_octets,
        threads=told.threads,
    )
    return Fetcher(shelf, Scales(shelf, freshness), rules, now=now, chance=chance)


def _shelf(settings: Settings) -> Shelf:
    return Shelf(settings.path(FOLDER))


def _hosts(settings: Settings) -> Hosts:
    told = settings.signatures.revocation
    return Hosts(public=told.fetch_hosts, private=told.private_hosts)


def _freshness(settings: Settings) -> Freshness:
    told = settings.signatures.revocation
    return Freshness(
        tolerance=timedelta(seconds=told.tolerance_seconds),
        list_age=timedelta(hours=told.list_age_hours),
        answer_age=timedelta(hours=told.answer_age_hours),
        refresh=timedelta(minutes=told.refresh_minutes),
    )
