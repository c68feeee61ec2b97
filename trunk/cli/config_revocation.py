"""What ``trunk config check`` finds of revocation: whom the trunk may ask, and what lies in ``lists/``."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import ocsp

from signing.certificate import issuer_of, subject_of
from signing.domains import LISTS, ROOTS, places
from signing.revocation.facts import Freshness
from signing.revocation.offline import OfflineLists
from signing.revocation.places import list_urls, responder_urls
from signing.trust import TrustStore
from trunk.cli.config_finding import Finding, Weight, longer
from trunk.cli.config_trust import Trusted
from trunk.settings import Settings
from trunk.workers import revocation

_KEY: Final = "signatures.revocation"
_HOSTS: Final = f"{_KEY}.fetch_hosts"
_READ: Final = frozenset({".crl", ".ocsp"})


def findings(settings: Settings, trust: Trusted, *, now: datetime) -> Iterator[Finding]:
    """Everything there is to say of revocation."""
    told = settings.signatures.revocation
    if told.rule == "none":
        yield Finding(
            weight=Weight.WARNING,
            key=f"{_KEY}.rule",
            text="whether a signer's certificate was revoked is not checked: revoked ones pass",
            remedy='rule = "require"; until then take the mandate from a lost key: trunk admin certificate remove',
        )
    else:
        lists = _read(settings)
        yield from _unread(settings, lists)
        yield from _unanswered(settings, trust.store, lists, now)
    if told.private_hosts:
        yield Finding(
            weight=Weight.WARNING,
            key=f"{_KEY}.private_hosts",
            text="certificates that callers send may make the trunk ask these hosts of the house's own network",
            remedy="name only hosts that serve lists and answers and nothing else",
        )
    yield from longer(told, _KEY, ("tolerance_seconds", "list_age_hours", "answer_age_hours"))


def is_unanswerable(settings: Settings, *, now: datetime) -> bool:
    """Whether revocation must be known and can be learned nowhere: all mail is refused (SIG-301)."""
    if settings.signatures.revocation.rule == "none" or _may_ask(settings):
        return False
    lists, rules = _read(settings), revocation.freshness(settings)
    return not _fresh(lists, rules, now) and not _is_answered(lists, rules, now)


def _may_ask(settings: Settings) -> bool:
    return bool(settings.signatures.revocation.fetch_hosts or settings.signatures.revocation.private_hosts)


def _read(settings: Settings) -> OfflineLists:
    """As the trunk reads them; what it would log is found here."""
    logging.getLogger(OfflineLists.__module__).addHandler(logging.NullHandler())
    lists = OfflineLists(settings.path(settings.signatures.trust_folder))
    lists.refresh()
    return lists


def _fresh(lists: OfflineLists, rules: Freshness, now: datetime) -> list[x509.CertificateRevocationList]:
    loaded = (x509.load_der_x509_crl(one.der) for one in lists.lists)
    return [one for one in loaded if _holds(one.last_update_utc, one.next_update_utc, rules, rules.list_age, now)]


def _is_answered(lists: OfflineLists, rules: Freshness, now: datetime) -> bool:
    loaded = (ocsp.load_der_ocsp_response(one.der) for one in lists.answers)
    return any(_holds(one.this_update_utc, one.next_update_utc, rules, rules.answer_age, now) for one in loaded)


def _holds(said: datetime, following: datetime | None, rules: Freshness, age: timedelta, now: datetime) -> bool:
    return said - rules.tolerance <= now <= rules.until(said, following, age)


def _unread(settings: Settings, lists: OfflineLists) -> Iterator[Finding]:
    folder = settings.path(settings.signatures.trust_folder)
    try:
        files = [file for place, _ in places(folder) for file in sorted((place / LISTS).glob("*"))]
    except OSError:
        files = []  # said of the trust folder
    others = [f"{file}: its name ends neither in .crl nor in .ocsp" for file in files if file.suffix not in _READ]
    for fault in (*lists.faults, *others):
        yield Finding(
            weight=Weight.WARNING,
            key="signatures.trust_folder",
            text=f"not a list that the trunk reads: {fault}",
            remedy="lists (CRL) are *.crl, DER or PEM; answers (OCSP) are *.ocsp, DER",
        )


def _unanswered(settings: Settings, store: TrustStore | None, lists: OfflineLists, now: datetime) -> Iterator[Finding]:
    """Authorities of which nobody tells whom they have revoked."""
    rules = revocation.freshness(settings)
    fresh = _fresh(lists, rules, now)
    known = [] if store is None else _authorities(store)
    silent = [one for one in known if not any(_speaks(listed, one) for listed in fresh)]
    if _may_ask(settings):
        yield from _out_of_reach(settings, known, silent)
    elif not fresh and not _is_answered(lists, rules, now):
        stale = f" ({len(lists.lists)} there, none fresh now)" if lists.lists else ""
        yield Finding(
            weight=Weight.ERROR,
            key=_HOSTS,
            text=f"no host may be asked of revocation and no list lies in the trust folder{stale}: "
            "all signed mail is refused (503 SIG-301)",
            remedy=_remedy(settings, _hosts(known)),
        )
    else:
        for one in silent:
            yield Finding(
                weight=Weight.WARNING,
                key=_HOSTS,
                text=f"no fresh list of {subject_of(one)}, and no host may be asked: "
                "what it has issued cannot be told valid (503 SIG-301)",
                remedy=_remedy(settings, _hosts(known)),
            )


def _out_of_reach(
    settings: Settings, known: Sequence[x509.Certificate], silent: Sequence[x509.Certificate]
) -> Iterator[Finding]:
    """Certificates in the trust folder that name hosts which may not be asked, and no list tells of them."""
    hosts, names = revocation.hosts(settings), {subject_of(one) for one in silent}
    for one in known:
        urls = (*list_urls(one), *responder_urls(one))
        if subject_of(one) == issuer_of(one) or issuer_of(one) not in names or any(map(hosts.allows, urls)):
            continue
        told = ", ".join(_hosts([one])) or "nowhere"
        yield Finding(
            weight=Weight.WARNING,
            key=_HOSTS,
            text=f"no fresh list of {issuer_of(one)}; whether {subject_of(one)} was revoked is told at: {told}",
            remedy=_remedy(settings, (*settings.signatures.revocation.fetch_hosts, *_hosts([one]))),
        )


def _authorities(store: TrustStore) -> list[x509.Certificate]:
    return [*store.roots, *store.intermediates]


def _speaks(one: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    if one.issuer != authority.subject:
        return False
    try:
        return one.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # else TypeError
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _hosts(certificates: Sequence[x509.Certificate]) -> tuple[str, ...]:
    """Those that the certificates themselves name."""
    urls = (url for one in certificates for url in (*list_urls(one), *responder_urls(one)))
    return tuple(dict.fromkeys(host for url in urls if (host := urlsplit(url).netloc)))


def _remedy(settings: Settings, hosts: Sequence[str]) -> str:
    """The lines to paste, with the hosts that certificates in the trust folder name."""
    told = ", ".join(f'"{host}"' for host in dict.fromkeys(hosts)) or '"crl.example.vn"'
    trust = settings.path(settings.signatures.trust_folder)
    folder = trust / LISTS if (trust / ROOTS).is_dir() else trust / "DOMAIN" / LISTS
    return f"in trunk.toml (or put the authority's lists, *.crl, into {folder}):\n{_SECTION}\nfetch_hosts = [{told}]"


_SECTION: Final = "[signatures.revocation]"
