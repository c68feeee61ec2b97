"""The fetcher, made from the settings. Who serves runs one in each process::

    fetcher = make_fetcher(settings, now=clock, chance=random.random)
    loops["fetcher"] = fetcher.loop();  stack.callback(fetcher.close)
    fetcher.want(report.wanted)                                                  # after each examination
    await fetcher.settled(report.wanted, timeout=settings.signatures.revocation.wait_seconds)  # then examine again
    fetcher.status()                                                             # for operators

``report.wanted`` comes with verdicts that passed, too: then it is for freshness, and nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from signing.revocation.worth import Scales
from trunk.settings import Settings
from trunk.workers.fetching import Fetcher, Rules
from trunk.workers.revocation import freshness, hosts, shelf


def make_fetcher(settings: Settings, *, now: Callable[[], datetime], chance: Callable[[], float]) -> Fetcher:
    """Gets what verdicts are lacking. Without hosts in the settings it gets nothing."""
    told, fresh, place = settings.signatures.revocation, freshness(settings), shelf(settings)
    rules = Rules(
        hosts=hosts(settings),
        refresh=fresh.refresh,
        timeout_seconds=told.timeout_seconds,
        list_octets=told.list_octets,
        answer_octets=told.answer_octets,
        cache_octets=told.cache_octets,
        threads=told.threads,
    )
    return Fetcher(place, Scales(place, fresh), rules, now=now, chance=chance)
