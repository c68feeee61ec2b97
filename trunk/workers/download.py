"""One exchange with a public responder, trusting nothing of it: not its address, its length, nor its haste.

No redirects, no proxies, no cookies, no compression; the address that was checked is the one that is connected to;
everything from the name to the last octet within one time, and no octet more than allowed.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from signing.revocation.hosts import Hosts, is_global

_PIECE: Final = 64 * 2**10
_OCSP: Final = MappingProxyType({"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"})


class NotGotError(Exception):
    """Nothing usable came. ``reason``: a word for logs and figures; ``host_failed``: whether the host is to blame."""

    def __init__(self, reason: str, *, host_failed: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.host_failed = host_failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to get, and how much of it."""

    url: str
    most_octets: int
    timeout_seconds: float
    question: bytes = b""  #: of OCSP: posted
    etag: str = ""  #: of what we have
    modified: str = ""
    hosts: Hosts = field(default_factory=Hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """``octets`` is None where what we have still holds."""

    octets: bytes | None
    etag: str = ""
    modified: str = ""


def get(request: Request) -> Reply:
    """In this thread, to the end. Raises ``NotGotError``."""
    try:
        return asyncio.run(_get(request))
    except TimeoutError as error:
        raise NotGotError("timeout", host_failed=True) from error
    except aiohttp.ClientConnectorDNSError as error:
        raise NotGotError("no_such_name", host_failed=True) from error
    except (aiohttp.ClientError, OSError) as error:
        raise NotGotError("connection", host_failed=True) from error
    except ValueError as error:
        raise NotGotError("not_understood") from error


async def _get(request: Request) -> Reply:
    url = _checked(request)
    connector = aiohttp.TCPConnector(
        resolver=Resolver(private=request.hosts.allows_private(request.url)), use_dns_cache=False, force_close=True
    )
    async with (
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=request.timeout_seconds),
            trust_env=False,
            auto_decompress=False,
        ) as session,
        session.request(
            "POST" if request.question else "GET",
            url,
            data=request.question or None,
            headers=_headers(request),
            allow_redirects=False,
        ) as response,
    ):
        return await _read(response, request)


def _checked(request: Request) -> URL:
    """The URL as the client reads it, which must be as the allow-list read it."""
    url = URL(request.url, encoded=True)
    literal = url.host is not None and (url.host.replace(".", "").isdigit() or ":" in url.host)
    private = request.hosts.allows_private(request.url)
    if not request.hosts.allows(request.url) or url.host != urlsplit(request.url).hostname:
        raise NotGotError("host_not_allowed")
    if literal and not private and not is_global(url.host or ""):
        raise NotGotError("address_not_allowed")
    return url


def _headers(request: Request) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity", "User-Agent": "edoc-trunk"}
    if request.question:
        return headers | _OCSP
    if request.etag:
        headers["If-None-Match"] = request.etag
    elif request.modified:
        headers["If-Modified-Since"] = request.modified
    return headers


async def _read(response: aiohttp.ClientResponse, request: Request) -> Reply:
    etag, modified = response.headers.get("ETag", "")[:256], response.headers.get("Last-Modified", "")[:64]
    if response.status == HTTPStatus.NOT_MODIFIED and (request.etag or request.modified):
        return Reply(octets=None, etag=etag or request.etag, modified=modified or request.modified)
    if response.status != HTTPStatus.OK:
        raise NotGotError(f"status_{response.status}", host_failed=response.status >= HTTPStatus.INTERNAL_SERVER_ERROR)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NotGotError("encoded")
    if (response.content_length or 0) > request.most_octets:
        raise NotGotError("too_large")
    octets = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        octets += piece
        if len(octets) > request.most_octets:
            raise NotGotError("too_large")
    return Reply(octets=bytes(octets), etag=etag, modified=modified)


class Resolver(AbstractResolver):
    """Names only of addresses that may be connected to: the connector takes these very addresses."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not self._private and not all(is_global(one["host"]) for one in found):
            raise NotGotError("address_not_allowed")
        return found

    async def close(self) -> None:
        await self._inner.close()
