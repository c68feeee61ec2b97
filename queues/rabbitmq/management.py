"""RabbitMQ's management HTTP API, as much as we need of it. Standard library only; no redirects, no proxies.

Law of the file: a password is never in an error, a log line or an address; it travels in headers and bodies.
"""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from queues.estate import EstateError

_MOST_OCTETS: Final = 64 * 1024 * 1024
_SECONDS: Final = 30.0
_DEFAULT_PORTS: Final = {"http": 15672, "https": 15671}
_NOT_FOUND: Final = 404
_FORBIDDEN: Final = (401, 403)
_ERRORS: Final = 400


def path(*parts: str) -> str:
    """The parts as one path: names are data, also those with a slash."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


class Management:
    """One node's API. Raises ``EstateError`` for whatever goes wrong."""

    def __init__(self, url: str, *, tls: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise EstateError("RMQ-107", "the management URL begins with https:// or http:// and a host")
        self._host = parts.hostname
        self._port = parts.port or _DEFAULT_PORTS[parts.scheme]
        self._tls = tls if parts.scheme == "https" else None
        self._base = parts.path.rstrip("/") + "/api"
        self.user = unquote(parts.username or "")
        account = f"{self.user}:{unquote(parts.password or '')}".encode()
        self._authorization = "Basic " + b64encode(account).decode("ascii")

    def get(self, *parts: str, query: str = "") -> Any:
        """What is there; None if nothing is."""
        return self._ask("GET", path(*parts) + (f"?{query}" if query else ""), None)

    def put(self, *parts: str, body: Any = None) -> None:
        self._ask("PUT", path(*parts), {} if body is None else body)

    def delete(self, *parts: str) -> None:
        self._ask("DELETE", path(*parts), None)

    def _ask(self, method: str, target: str, body: Any) -> Any:
        try:
            status, octets = self._exchange(method, self._base + target, body)
        except (OSError, HTTPException) as error:
            words = (
                f"RabbitMQ's management at {self._host}:{self._port} does not answer: {type(error).__name__}: {error}"
            )
            raise EstateError("RMQ-107", words, temporary=not isinstance(error, ssl.SSLError)) from error
        if status == _NOT_FOUND and method != "PUT":
            return None
        if status in _FORBIDDEN:
            raise EstateError("RMQ-108", f"RabbitMQ's management refuses {method} {target} to {self.user or 'nobody'}")
        if status >= _ERRORS:
            words = octets[:300].decode("utf-8", "replace")
            raise EstateError("RMQ-107", f"RabbitMQ's management answers {status} to {method} {target}: {words}")
        try:
            return json.loads(octets) if octets else None
        except ValueError as error:
            raise EstateError("RMQ-107", f"what answers at {self._host}:{self._port} is no management API") from error

    def _exchange(self, method: str, target: str, body: Any) -> tuple[int, bytes]:
        connection = self._connection()
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        try:
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            octets = answer.read(_MOST_OCTETS + 1)
        finally:
            connection.close()
        if len(octets) > _MOST_OCTETS:
            raise HTTPException("the answer is too large")
        return answer.status, octets

    def _connection(self) -> HTTPConnection:
        if self._tls is not None:
            return HTTPSConnection(self._host, self._port, timeout=_SECONDS, context=self._tls)
        return HTTPConnection(self._host, self._port, timeout=_SECONDS)
