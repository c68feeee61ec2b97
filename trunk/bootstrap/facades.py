"""What stands before the use cases beside the native API, wired: the façade for VXP clients and its secrets."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from aiohttp import web

from trunk.application.directory import Clock, Registry
from trunk.application.enrolment import Enrolment
from trunk.application.shared_secrets import Recogniser, SharedSecrets
from trunk.application.vault import Vault
from trunk.http.vxp.doors import Means
from trunk.http.vxp.entrance import facade
from trunk.settings import Settings
from trunk.storage.ledger import Ledger


def vxp(settings: Settings, ledger: Ledger, registry: Registry, now: Clock) -> Callable[[web.Application], None]:
    """The façade ``/vxp``."""
    enrollers = frozenset(name.strip() for name in settings.vxp.administrators.split(",") if name.strip())
    means = Means(
        settings=settings.vxp,
        recogniser=Recogniser(ledger=ledger, vault=_vault(settings), directory=registry.directory, now=now),
        enrolment=Enrolment(ledger=ledger, now=now, may_enrol=lambda system: system in enrollers),
        trunk_id=settings.identity.organ_id,
        push_system=settings.uplink.push_system,
    )
    return facade(means)


def shared_secrets(settings: Settings, ledger: Ledger, now: Clock) -> SharedSecrets:
    """For administrators."""
    return SharedSecrets(ledger=ledger, vault=_vault(settings), now=now, new_token=secrets.token_urlsafe)


def _vault(settings: Settings) -> Vault:
    return Vault(file=settings.path(settings.vxp.key_file), chance=secrets.token_bytes)
