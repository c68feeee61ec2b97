"""What ``trunk config check`` finds of endpoints: what keeps mail from being posted, and what is allowed beyond TLS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trunk.cli.config_finding import Finding, Weight
from trunk.domain.agency import Agency, DeliveryMode
from trunk.domain.endpoint import EndpointRules
from trunk.settings import Settings


def findings(settings: Settings) -> Iterator[Finding]:
    """What the settings say by themselves."""
    told = settings.push
    if told.private_hosts:
        hosts = ", ".join(told.private_hosts)
        text = f"mail may be posted to {hosts} at any address, also of this machine, and without TLS"
        yield Finding(
            weight=Weight.WARNING, key="push.private_hosts", text=text, remedy="name only hosts of your own network"
        )
    more = sorted(set(told.ports) - set(type(told).model_fields["ports"].default))
    if more:
        text = f"mail may be posted to ports {', '.join(map(str, more))} of the internet"
        yield Finding(weight=Weight.WARNING, key="push.ports", text=text, remedy="443 and 8443")


def of_agencies(settings: Settings, agencies: Sequence[Agency]) -> Iterator[Finding]:
    """What they say beside the directory."""
    rules = EndpointRules(private_hosts=settings.push.private_hosts, ports=settings.push.ports)
    for agency in agencies:
        if agency.mode is DeliveryMode.PUSH and agency.active:
            yield from _endpoint(agency, rules, settings)


def _endpoint(agency: Agency, rules: EndpointRules, settings: Settings) -> Iterator[Finding]:
    endpoint = agency.endpoint
    if rules.read(endpoint.url) != endpoint.url:
        yield Finding(
            weight=Weight.WARNING,
            key="push",
            text=f"{agency.code}: its endpoint is not one that these settings allow: its mail waits, and expires",
            remedy="push.private_hosts, push.ports, or another push_url",
        )
    elif not endpoint.open:
        yield Finding(
            weight=Weight.WARNING,
            key="push",
            text=f"{agency.code}: its endpoint has not answered a challenge: its mail waits, and expires",
            remedy=f"trunk admin agency try-push {agency.code}",
        )
    if endpoint.ca_file and not (settings.data_folder / endpoint.ca_file).is_file():
        text = f"{agency.code}: {endpoint.ca_file} is not in the data folder"
        yield Finding(weight=Weight.WARNING, key="push", text=text, remedy="put its authorities there, as PEM")
