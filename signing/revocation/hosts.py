"""From which hosts may be fetched. Law: nobody but the operator names a host; a certificate names only a place."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}
_MOST_OCTETS: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """``host`` (ports 80 and 443), ``host:port``, ``host:*``; ``*.host`` for every host below one."""

    public: tuple[str, ...] = ()
    private: tuple[str, ...] = ()  #: these may also stand for addresses that are not of the internet

    def allows(self, url: str) -> bool:
        return _named(url, self.public) or _named(url, self.private)

    def allows_private(self, url: str) -> bool:
        """Whether its host may have an address of the house's own network."""
        return _named(url, self.private)


def is_global(address: str) -> bool:
    """Whether an address is one of the internet, whatever form it hides in (v4 in v6, NAT64, multicast, …)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_global(str(found.ipv4_mapped))
        if found.sixtofour is not None or found.teredo is not None or found.is_site_local or found in _NAT64:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved and found not in _RELAYS


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_RELAYS: Final = ipaddress.IPv4Network("192.88.99.0/24")  # RFC 7526: once to 6to4, now to wherever


def _named(url: str, patterns: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        port = _PORTS.get(parts.scheme, 0) and (_PORTS[parts.scheme] if parts.port is None else parts.port)
    except ValueError:
        return False
    host = (parts.hostname or "").rstrip(".")
    plain = len(url) <= _MOST_OCTETS and url.isascii() and url.isprintable() and " " not in url
    if not plain or not host or not port or "@" in parts.netloc:
        return False
    return any(_fits(host, port, pattern.lower()) for pattern in patterns)


def _fits(host: str, port: int, pattern: str) -> bool:
    name, colon, told = pattern.rpartition(":") if not pattern.endswith("]") else (pattern, "", "")
    if not colon:
        name, told = pattern, ""
    if told != "*" and port not in ({int(told)} if told.isdigit() else _PORTS.values()):
        return False
    name = name.strip("[]")
    return host.endswith(name[1:]) and host != name[2:] if name.startswith("*.") else host == name
