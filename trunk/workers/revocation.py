"""Trust and revocation as the settings say: for whoever judges, in any process; nothing here opens a connection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from signing.revocation import NoRevocationCheck, RevocationSource
from signing.revocation.facts import Freshness
from signing.revocation.fetched import FetchedIssuers
from signing.revocation.hosts import Hosts
from signing.revocation.offline import OfflineLists
from signing.revocation.shelf import Shelf
from signing.revocation.stored import StoredRevocation
from signing.trust_folder import TrustFolder
from trunk.errors import ConfigurationError
from trunk.settings import Settings

FOLDER = Path("revocation")
"""Of what is fetched, in the data folder."""


def trust(settings: Settings) -> TrustFolder:
    """Whom the trunk trusts, by its folder as it changes. Raises ``ConfigurationError`` where nobody is trusted."""
    folder = settings.path(settings.signatures.trust_folder)
    try:
        return TrustFolder(folder, steps=FetchedIssuers(shelf(settings), hosts(settings)))
    except (OSError, ValueError) as error:
        remedy = f"put the roots you trust into {folder / 'roots'} as *.pem (see [signatures] trust_folder)"
        raise ConfigurationError(f"no signature can be judged: {error}; {remedy}") from error


def source(settings: Settings) -> RevocationSource:
    """Where revocation is asked, by the operator's rule."""
    if settings.signatures.revocation.rule == "none":
        return NoRevocationCheck()
    offline = OfflineLists(settings.path(settings.signatures.trust_folder))
    return StoredRevocation(shelf=shelf(settings), offline=offline, rules=freshness(settings))


def evidence(settings: Settings) -> Callable[[str], bytes | None]:
    """Reads lists and answers by their digest, for whoever stores evidence."""
    offline = OfflineLists(settings.path(settings.signatures.trust_folder))
    stored = StoredRevocation(shelf=shelf(settings), offline=offline, rules=freshness(settings))
    return stored.read


def shelf(settings: Settings) -> Shelf:
    """The cache folder."""
    return Shelf(settings.path(FOLDER))


def hosts(settings: Settings) -> Hosts:
    """Who may be asked."""
    told = settings.signatures.revocation
    return Hosts(public=told.fetch_hosts, private=told.private_hosts)


def freshness(settings: Settings) -> Freshness:
    """For how long what is stored counts."""
    told = settings.signatures.revocation
    return Freshness(
        tolerance=timedelta(seconds=told.tolerance_seconds),
        list_age=timedelta(hours=told.list_age_hours),
        answer_age=timedelta(hours=told.answer_age_hours),
        refresh=timedelta(minutes=told.refresh_minutes),
    )
