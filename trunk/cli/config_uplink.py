"""What ``trunk config check`` finds of the uplink: what keeps mail from crossing, and whom it makes us believe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from trunk.application.policies import policies
from trunk.cli.config_finding import Finding, Weight, is_loopback, open_to_others
from trunk.domain.agency import Agency, Directory
from trunk.errors import ConfigurationError
from trunk.settings import Settings

_KEY: Final = "uplink"


def findings(settings: Settings) -> Iterator[Finding]:
    """What the settings say by themselves."""
    uplink = settings.uplink
    if uplink.url:
        yield from _calling(settings)
        yield from _policy(settings)
    if uplink.push_system:
        text = f"{uplink.push_system} brings mail in the name of every agency that is beyond, and whom we cannot ask"
        remedy = "give its secret to the hub above alone, and admit it over TLS"
        yield Finding(weight=Weight.NOTE, key=f"{_KEY}.push_system", text=text, remedy=remedy)
    if uplink.url or uplink.push_system:
        yield from _names(settings)


def of_agencies(settings: Settings, agencies: Sequence[Agency]) -> Iterator[Finding]:
    """What they say beside the directory."""
    uplink, beyond = settings.uplink, [agency.code for agency in agencies if agency.beyond]
    if beyond and not uplink.url:
        yield Finding(
            weight=Weight.WARNING,
            key=f"{_KEY}.url",
            text=f"{len(beyond)} agencies are beyond an uplink ({beyond[0]}, …) and there is none: their mail expires",
            remedy='[uplink] url = "https://…/vxp", or another mode for these agencies',
        )
    named = Directory(agencies).find(settings.identity.organ_id)
    if named is not None and (beyond or uplink.url or uplink.push_system):
        yield Finding(
            weight=Weight.WARNING,
            key="identity.organ_id",
            text=f"{settings.identity.organ_id} is {named.name} too: what it has passed on looks like a loop (ADR-107)",
            remedy="give the trunk an id that no agency has",
        )


def _calling(settings: Settings) -> Iterator[Finding]:
    uplink, secret = settings.uplink, settings.path(settings.uplink.secret_file)
    where = urlsplit(uplink.url)
    if where.scheme == "http" and not is_loopback(where.hostname or ""):
        yield Finding(
            weight=Weight.WARNING,
            key=f"{_KEY}.url",
            text=f"mail goes to {where.hostname} as anybody on the way can read it: VXP signs and does not encrypt",
            remedy="https, or a tunnel that ends on this machine",
        )
    if not uplink.system_id:
        remedy = "what the other hub's administrators call us"
        yield Finding(weight=Weight.ERROR, key=f"{_KEY}.system_id", text="it is empty", remedy=remedy)
    if not secret.is_file() or not secret.stat().st_size:
        remedy = "write the secret that the other hub gave us, and chmod 600"
        yield Finding(weight=Weight.ERROR, key=f"{_KEY}.secret_file", text=f"{secret}: no secret", remedy=remedy)
    yield from open_to_others(secret, f"{_KEY}.secret_file")
    if uplink.done == "when-taken":
        yield Finding(
            weight=Weight.WARNING,
            key=f"{_KEY}.done",
            text="the other hub's senders read done before the agency here has their mail",
            remedy="when-delivered",
        )


def _names(settings: Settings) -> Iterator[Finding]:
    ours, default = settings.identity.organ_id, type(settings.identity)().organ_id
    if ours in settings.uplink.organ_ids:
        text = f"{ours} is our own id: whatever we pass on would look as if the uplink had brought it"
        remedy = "the other hub's ids only, or another identity.organ_id"
        yield Finding(weight=Weight.ERROR, key=f"{_KEY}.organ_ids", text=text, remedy=remedy)
    if ours == default:
        text = f"it is the one that every new trunk has ({default}): another's mail would look like a loop"
        remedy = "the id under which the other hubs know this one"
        yield Finding(weight=Weight.WARNING, key="identity.organ_id", text=text, remedy=remedy)


def _policy(settings: Settings) -> Iterator[Finding]:
    """Whom its address book brings in, and under which policy of signatures."""
    name, uplink = settings.uplink.signature_policy, settings.uplink
    try:
        policy = policies(settings.signatures.policies).named(name)
    except ConfigurationError:
        return  # said already
    laxer = "; ".join(policy.relaxations)
    if policy.name != name:
        text = f'no policy has the name "{name}"; the strictest holds, and refuses whoever has no mandate here'
        yield Finding(weight=Weight.WARNING, key=f"{_KEY}.signature_policy", text=text, remedy="deliver-marked")
    elif laxer and uplink.address_book_minutes:
        usual = name == type(uplink)().signature_policy
        weight = Weight.NOTE if usual else Weight.WARNING
        text = f"agencies of the address book of {uplink.name} ({name}): {laxer}"
        yield Finding(weight=weight, key=f"{_KEY}.signature_policy", text=text)
