"""Where an agency's mail is pushed to: the address that administrators gave, and the rules that it must keep.

Law: an address is read once, here, strictly; what two readers could read differently is refused. It is read again
before each use: the rules may have changed since.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import idna

from signing.revocation.hosts import Hosts, is_global

_MOST: Final = 2000
_FORM: Final = re.compile(r"(?i:(https?)://)([^/?#\\]+)(/[^?#]*)?(\?[^#]*)?")
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@%]+)(?::([0-9]{1,5}))?")
_REST: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_USUAL: Final = {"http": 80, "https": 443}
_MOST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What the directory has of an agency's own door. Mail goes there once it has answered a challenge."""

    url: str = ""
    ca_file: str = ""  #: authorities of its TLS certificate, PEM, as seen from the data folder; empty: the system's
    key_id: str = ""  #: what the agency calls our key; empty: the fingerprint of our certificate
    proven: str = ""  #: the terms under which a challenge was answered
    proven_at: datetime | None = field(default=None, compare=False)

    @property
    def terms(self) -> str:
        """What a proof holds for: with another address, or other authorities, it ends."""
        return f"{self.url} {self.ca_file}".strip()

    @property
    def open(self) -> bool:
        """Whether mail may go there."""
        return bool(self.url) and self.proven == self.terms


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfitUrl:
    """Why an address cannot be taken, and what to write instead."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRules:
    """What addresses are taken. Private hosts stand in the settings by name; only they may do without TLS."""

    private_hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = (443, 8443)

    def private(self, url: str) -> bool:
        """Whether its host may have an address that is not of the internet."""
        return Hosts(private=self.private_hosts).allows_private(url)

    def read(self, written: str) -> str | UnfitUrl:
        """The address in its one form, or what is wrong with it."""
        parts = _parts(written)
        if isinstance(parts, UnfitUrl):
            return parts
        scheme, host, port, rest = parts
        url = f"{scheme}://{host}{'' if port == _USUAL[scheme] else f':{port}'}{rest}"
        if self.private(url):
            return url
        if scheme != "https":
            return UnfitUrl(what="not https", remedy="https://…, or name the host in push.private_hosts")
        if port not in self.ports:
            known = ", ".join(str(one) for one in self.ports)
            return UnfitUrl(what=f"port {port}", remedy=f"ports are {known} (push.ports)")
        if host == "localhost" or ("." not in host and not host.startswith("[")):
            return UnfitUrl(what=f"{host} is no name of the internet", remedy="name it in push.private_hosts")
        if _is_address(host) and not is_global(host.strip("[]")):
            return UnfitUrl(what=f"{host} is no address of the internet", remedy="name it in push.private_hosts")
        return url


def _parts(written: str) -> tuple[str, str, int, str] | UnfitUrl:
    if len(written) > _MOST or not written.isprintable() or " " in written:
        return UnfitUrl(what="no address", remedy=f"at most {_MOST} visible characters")
    form = _FORM.fullmatch(written)
    if form is None:
        return UnfitUrl(what="no address", remedy="https://host/path, without #fragment and backslashes")
    authority = _AUTHORITY.fullmatch(form[2])
    if authority is None:
        return UnfitUrl(what="host not understood", remedy="host or host:port, without user, password and %")
    scheme, rest = form[1].lower(), (form[3] or "/") + (form[4] or "")
    if _REST.fullmatch(rest) is None:
        return UnfitUrl(what="letters that stand in no path", remedy="write them as %XX")
    host = _host(authority[1])
    port = int(authority[2]) if authority[2] else _USUAL[scheme]
    if isinstance(host, UnfitUrl):
        return host
    if not 0 < port <= _MOST_PORT:
        return UnfitUrl(what=f"port {port}", remedy=f"1 to {_MOST_PORT}")
    return scheme, host, port, rest


def _host(written: str) -> str | UnfitUrl:
    if written.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(written[1:-1])}]"
        except ValueError:
            return UnfitUrl(what=f"{written} is no IPv6 address", remedy="[2001:…]")
    try:
        host = written.lower() if written.isascii() else idna.encode(written, uts46=True, std3_rules=True).decode()
    except idna.IDNAError:
        return UnfitUrl(what=f"{written} is no host name", remedy="letters of one script; or its form xn--…")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return host if _is_address(host) else UnfitUrl(what=f"{host} is no IPv4 address", remedy="four numbers")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return UnfitUrl(what=f"{host} is no host name", remedy="labels of a-z, 0-9 and -, without a dot at the end")
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
