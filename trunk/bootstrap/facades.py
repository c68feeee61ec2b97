"""What stands before the use cases beside the native API, wired: the façades, their secrets and accounts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

from aiohttp import web

from trunk.application.accounts import Accounts, Logins
from trunk.application.directory import Clock, Registry
from trunk.application.enrolment import Enrolment
from trunk.application.key_file import KeyFile
from trunk.application.shared_secrets import Recogniser, SharedSecrets
from trunk.application.vault import Vault
from trunk.domain.agency import SystemId
from trunk.http.lgsp.doors import Means as LgspMeans
from trunk.http.lgsp.entrance import facade as lgsp_facade
from trunk.http.lgsp.tokens import Tokens
from trunk.http.vxp.doors import Means
from trunk.http.vxp.entrance import facade
from trunk.settings import Settings
from trunk.storage.ledger import Ledger


def vxp(settings: Settings, ledger: Ledger, registry: Registry, now: Clock) -> Callable[[web.Application], None]:
    """The façade ``/vxp``."""
    means = Means(
        settings=settings.vxp,
        recogniser=_recogniser(settings, ledger, registry, now),
        enrolment=Enrolment(ledger=ledger, now=now, may_enrol=_named(settings.vxp.administrators)),
        trunk_id=settings.identity.organ_id,
        push_system=settings.uplink.push_system,
    )
    return facade(means)


def lgsp(settings: Settings, ledger: Ledger, registry: Registry, now: Clock) -> Callable[[web.Application], None]:
    """The façade ``/lgsp/v1``."""
    lifetime = timedelta(minutes=settings.lgsp.token_minutes)
    means = LgspMeans(
        settings=settings.lgsp,
        logins=Logins(ledger=ledger, now=now),
        tokens=Tokens(key_file=_token_keys(settings), now=now, lifetime=lifetime),
        recogniser=_recogniser(settings, ledger, registry, now),
        enrolment=Enrolment(ledger=ledger, now=now, may_enrol=_named(settings.lgsp.administrators)),
    )
    return lgsp_facade(means)


def accounts(settings: Settings, ledger: Ledger, now: Clock) -> Accounts:
    """For administrators."""
    return Accounts(ledger=ledger, key_file=_token_keys(settings), now=now, new_token=secrets.token_urlsafe)


def shared_secrets(settings: Settings, ledger: Ledger, now: Clock) -> SharedSecrets:
    """For administrators."""
    return SharedSecrets(ledger=ledger, vault=_vault(settings), now=now, new_token=secrets.token_urlsafe)


def _recogniser(settings: Settings, ledger: Ledger, registry: Registry, now: Clock) -> Recogniser:
    return Recogniser(ledger=ledger, vault=_vault(settings), directory=registry.directory, now=now)


def _named(written: str) -> Callable[[SystemId], bool]:
    """Whether a system is among those named, with commas between them."""
    names = frozenset(name.strip() for name in written.split(",") if name.strip())
    return lambda system: system in names


def _token_keys(settings: Settings) -> KeyFile:
    remedy = "make it with `trunk admin lgsp-accounts make-key`, or restore it (see [lgsp] key_file)"
    return KeyFile(file=settings.path(settings.lgsp.key_file), chance=secrets.token_bytes, remedy=remedy)


def _vault(settings: Settings) -> Vault:
    return Vault(file=settings.path(settings.vxp.key_file), chance=secrets.token_bytes)
