"""The authorities of a test PKI on loopback: lists, responders, certificates and timestamps over HTTP.

``with authorities() as all: pki = make_pki(at=…, base_url=all.url); all.pki = pki``. Paths: ``/crl/NAME.crl``,
``/ocsp/NAME``, ``/aia/NAME.cer``, ``/tsa/NAME``. Each path may be given a mood: to hang, to drip, to lie.
"""

from __future__ import annotations

import threading
import urllib.parse
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from scripts.certificates import Identity
from scripts.make_test_pki import Pki
from scripts.revocation_lists import Answer, Revoked, revocation_answer, revocation_list
from scripts.stamping import answer as stamp_answer

_LONG_AGO = timedelta(days=60)
_RESPONDERS = {"ca": "ocsp", "government-ca": "government-ocsp", "root": "ocsp-root"}
_DRIP_SECONDS = 0.2


class Mood(StrEnum):
    """How an authority behaves."""

    HONEST = "honest"
    STALE = "stale"  #: what was true sixty days ago, and says so
    OF_ANOTHER = "of-another"  #: signed with the key of an authority that nobody trusts
    IGNORANT = "ignorant"  #: a responder that says *unknown*
    GARBAGE = "garbage"  #: 200 OK and no DER
    REFUSE = "refuse"  #: 503
    REDIRECT = "redirect"  #: 302 to ``redirect_to``
    HANG = "hang"  #: takes the request and never answers
    DRIP = "drip"  #: one octet at a time
    ENDLESS = "endless"  #: never stops sending


class Authorities:
    """What is served, how, and how often it was asked. Safe to change while it serves."""

    def __init__(self, url: str, now: Callable[[], datetime]) -> None:
        self.url = url
        self.now = now
        self.pki = Pki()
        self.moods: dict[str, Mood] = {}  #: by path; ``*`` for every other
        self.revoked: dict[str, list[Revoked]] = {}  #: by authority, beyond the PKI's own
        self.asked: Counter[str] = Counter()  #: by path
        self.redirect_to = ""
        self.ended = threading.Event()

    def mood(self, path: str) -> Mood:
        return self.moods.get(path, self.moods.get("*", Mood.HONEST))

    def serve(self, path: str, body: bytes) -> tuple[str, bytes]:
        """Media type and octets. Raises KeyError or ValueError for what is not there."""
        _, kind, name, *rest = path.split("/")
        mood = self.mood(f"/{kind}/{name}")
        if kind == "crl":
            return "application/pkix-crl", self._list(name.removesuffix(".crl"), mood)
        if kind == "aia":
            certificate = self.pki[name.removesuffix(".cer")].certificate
            return "application/pkix-cert", certificate.public_bytes(Encoding.DER)
        if kind == "tsa":
            return "application/timestamp-reply", stamp_answer(body, by=self.pki[name], at=self._at(mood))
        if kind == "ocsp":
            request = body or b64decode(urllib.parse.unquote("/".join(rest)), validate=True)
            return "application/ocsp-response", self._answer(name, request, mood)
        raise KeyError(path)

    def _at(self, mood: Mood) -> datetime:
        return self.now() - (_LONG_AGO if mood is Mood.STALE else timedelta())

    def _list(self, name: str, mood: Mood) -> bytes:
        by = self.pki["other-root"] if mood is Mood.OF_ANOTHER else None
        return revocation_list(self.pki[name], at=self._at(mood), revoked=self._revoked(name), by=by)

    def _revoked(self, authority: str) -> list[Revoked]:
        return [*self.pki.revoked_by(authority), *self.revoked.get(authority, ())]

    def _answer(self, name: str, request: bytes, mood: Mood) -> bytes:
        asked = ocsp.load_der_ocsp_request(request)
        serial = asked.serial_number
        subject = next(
            (one.certificate for one in self.pki.identities.values() if one.certificate.serial_number == serial), None
        )
        if subject is None:
            return ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED).public_bytes(
                Encoding.DER
            )
        revoked = next((one for one in self._revoked(name) if one.certificate.serial_number == serial), None)
        nonces = [one.value.nonce for one in asked.extensions if one.oid.dotted_string == "1.3.6.1.5.5.7.48.1.2"]
        answer = Answer(
            subject=subject,
            issuer=self.pki[name].certificate,
            revoked=revoked,
            known=mood is not Mood.IGNORANT,
            nonce=nonces[0] if nonces else b"",
        )
        return revocation_answer(answer, by=self._responder(name, mood), at=self._at(mood))

    def _responder(self, name: str, mood: Mood) -> Identity:
        return self.pki["other-root" if mood is Mood.OF_ANOTHER else _RESPONDERS.get(name, name)]


@contextmanager
def authorities(*, now: Callable[[], datetime] | None = None) -> Iterator[Authorities]:
    """Serves on a free port of loopback until the end of the block. ``now``: by which lists and answers are made."""
    server = _Server(("127.0.0.1", 0), _Door)
    served = Authorities(f"http://127.0.0.1:{server.server_address[1]}", now or _clock)
    server.authorities = served
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="authorities")
    thread.start()
    try:
        yield served
    finally:
        served.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  a tool, not the house


class _Server(ThreadingHTTPServer):
    """Joins its threads on closing: those that hang wait for ``ended``."""

    daemon_threads = False
    authorities: Authorities

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Door(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5  #: of one read or write: a client that does not read must not hold up the end

    def do_GET(self) -> None:
        self._reply(b"")

    def do_POST(self) -> None:
        self._reply(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name above
        """Says nothing."""

    def _reply(self, body: bytes) -> None:
        desk = self.server.authorities
        place = "/".join(self.path.split("/")[:3])
        desk.asked[place] += 1
        mood = desk.mood(place)
        if mood is Mood.HANG:
            desk.ended.wait()
        elif mood is Mood.REFUSE:
            self._head(503, "text/plain", length=0)
        elif mood is Mood.REDIRECT:
            self._head(302, "text/plain", length=0, location=desk.redirect_to)
        elif mood is Mood.ENDLESS:
            self._endless()
        else:
            self._honest(body, mood)

    def _honest(self, body: bytes, mood: Mood) -> None:
        try:
            media_type, octets = self.server.authorities.serve(self.path, body)
        except (KeyError, ValueError):
            self._head(404, "text/plain", length=0)
            return
        octets = b"not what you asked for" if mood is Mood.GARBAGE else octets
        self._head(200, media_type, length=len(octets))
        if mood is not Mood.DRIP:
            self.wfile.write(octets)
            return
        for octet in octets:
            self.wfile.write(bytes([octet]))
            if self.server.authorities.ended.wait(_DRIP_SECONDS):
                return

    def _endless(self) -> None:
        self._head(200, "application/pkix-crl")
        while not self.server.authorities.ended.is_set():
            self.wfile.write(bytes(65_536))

    def _head(self, status: int, media_type: str, *, length: int | None = None, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if location:
            self.send_header("Location", location)
        self.end_headers()
