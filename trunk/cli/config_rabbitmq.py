"""What ``trunk config check`` says about the way to RabbitMQ."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from trunk.cli.config_finding import Finding, Weight
from trunk.settings import Settings


def findings(settings: Settings, url: str) -> Iterator[Finding]:
    """``url``: the broker's."""
    for key, address, safe in (("url", url, "amqps://"), ("management_url", settings.management_url, "https://")):
        parts = urlsplit(address)
        if parts.scheme in ("amqp", "http") and not _is_loopback(parts.hostname or "localhost"):
            yield Finding(
                weight=Weight.WARNING,
                key=f"broker.{key}",
                text=f"passwords and notices travel to {parts.hostname} without TLS",
                remedy=f"{safe}… and broker.ca_file, see docs/rabbitmq.md",
            )
    if ":" in settings.broker.management_url.partition("://")[2].rpartition("@")[0]:
        yield Finding(
            weight=Weight.WARNING,
            key="broker.management_url",
            text="a password stands in the settings",
            remedy="write the URL into a file of mode 600 and name it in broker.management_url_file",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
