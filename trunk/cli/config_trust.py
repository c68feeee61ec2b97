"""What ``trunk config check`` finds in the trust folder, read as the service reads it, and in mandates beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from signing.certificate import PUBLIC_ROLES
from signing.trust import TrustStore
from signing.verdict import Role
from trunk.cli.config_finding import Finding, Weight
from trunk.domain.agency import Agency
from trunk.domain.signature_policy import SignaturePolicy
from trunk.errors import ConfigurationError
from trunk.settings import Settings
from trunk.workers import revocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The trust folder as the service would have it."""

    store: TrustStore | None  #: None: it cannot be used
    fault: str = ""


def read(settings: Settings) -> Trusted:
    """What the service would read."""
    try:
        return Trusted(store=revocation.trust(settings).store)
    except ConfigurationError as error:
        return Trusted(store=None, fault=str(error))


def findings(trust: Trusted) -> Iterator[Finding]:
    """The fault, or whom the trunk trusts."""
    if trust.store is None:
        text, _, remedy = trust.fault.rpartition("; ")
        yield Finding(weight=Weight.ERROR, key="signatures.trust_folder", text=text, remedy=remedy)
        return
    told = (f"{domain.name} ({_count(len(domain.roots))})" for domain in trust.store.domains)
    yield Finding(weight=Weight.NOTE, key="signatures.trust_folder", text=f"trust domains: {', '.join(told)}")


def _count(roots: int) -> str:
    return "1 root" if roots == 1 else f"{roots} roots"


def mandates(agency: Agency, policy: SignaturePolicy, trust: Trusted) -> Iterator[Finding]:
    """Mandates under which nothing can ever be signed."""
    if trust.store is not None:
        known = [domain.name for domain in trust.store.domains]
        for name in sorted({mandate.domain for mandate in agency.mandates if mandate.domain} - set(known)):
            yield Finding(
                weight=Weight.WARNING,
                key="directory",
                text=f'{agency.code}: a mandate holds in the trust domain "{name}" only, which does not exist',
                remedy=f"one of {', '.join(known)}; or put its roots into {name}/roots of the trust folder",
            )
    if agency.active and Role.ORGANISATION not in policy.roles and _of_organisations_alone(agency):
        yield Finding(
            weight=Weight.WARNING,
            key="directory",
            text=f"{agency.code} ({policy.name}): all its mandates are an organisation's "
            f"({agency.mandates[0].shown_uid}), and a person's signature is asked for: its documents are refused",
            remedy=f"mandate a person: trunk admin certificate add {agency.code} FILE.pem",
        )


def _of_organisations_alone(agency: Agency) -> bool:
    """A certificate that is named by its fingerprint may be anybody's."""
    told = [mandate.uid for mandate in agency.mandates]
    return bool(told) and all(uid and PUBLIC_ROLES.of(uid) is Role.ORGANISATION for uid in told)
