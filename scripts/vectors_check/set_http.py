"""generated/http: raw requests to a running trunk of its own, on loopback, with an embedded stack.

The requests ask for ``/a``, which no trunk has. So a request that is framed well is answered 404 here, each once; one
that is framed badly must be answered 4xx but not 404, which would mean that it was understood, and nothing behind it
may be answered. The truncated ones are sent to the operation that takes messages in, with a valid key: whatever is
answered, nothing may be accepted.
"""

from __future__ import annotations

import json
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from scripts.province import SENDER, make_province
from scripts.trunk_process import TrunkProcess
from scripts.vectors_check.frame import ACCEPTED, Answer, Case, Stated, VectorSet, refused

_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_STATED: Final = {"200": Stated.ACCEPT, "4xx": Stated.REFUSE, "incomplete": Stated.REFUSE}
_UNDERSTOOD: Final = 404
_SECONDS: Final = 2.0
_READ: Final = 65_536


def sets(folder: Path) -> Iterator[VectorSet]:
    entries = json.loads((folder / "http-manifest.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="edoc-vectors-") as name:
        province = make_province(Path(name) / "trunk")
        with TrunkProcess(province.config) as trunk:
            address = urlsplit(trunk.url())
            place = (address.hostname or "", address.port or 0)
            cases = [_case(entry, folder, place, province.keys[SENDER]) for entry in entries]
            note = " ".join(str(__doc__).partition("\n\n")[2].split())
            yield VectorSet(name="generated/http", kind="trunk", cases=cases, sealed=False, note=note)


def _case(entry: dict[str, str], folder: Path, place: tuple[str, int], key: str) -> Case:
    request, cut_off = (folder / entry["file"]).read_bytes(), entry["expect"] == "incomplete"
    if cut_off:
        line, rest = request.split(b"\r\n", 1)
        line = line.replace(b"/a ", b"/api/v1/envelopes ")
        request = b"\r\n".join([line, f"Authorization: Bearer {key}".encode(), b"Content-Type: application/xml", rest])
    answers = request.count(b" HTTP/1.1\r\n") if entry["expect"] == "200" else 1
    run = partial(_run, request, place, answers=answers, cut_off=cut_off)
    return Case(name=entry["name"], stated=_STATED[entry["expect"]], run=run, seconds=2 * _SECONDS)


def _run(request: bytes, place: tuple[str, int], *, answers: int, cut_off: bool) -> Answer:
    found = [int(status) for status in _STATUS.findall(_exchange(request, place, cut_off=cut_off))]
    if len(found) > answers or any(status >= 500 for status in found):
        raise ValueError(f"answers: {found}")
    if found == [_UNDERSTOOD] * answers or any(status < 400 for status in found):
        return ACCEPTED
    return refused(found[0] if found else "no answer")


def _exchange(request: bytes, place: tuple[str, int], *, cut_off: bool) -> bytes:
    """Everything that comes back until the connection ends, or nothing more comes."""
    received = b""
    with socket.create_connection(place, timeout=_SECONDS) as connection:
        connection.sendall(request)
        if cut_off:
            connection.shutdown(socket.SHUT_WR)
        with suppress(TimeoutError):
            while octets := connection.recv(_READ):
                received += octets
    return received
