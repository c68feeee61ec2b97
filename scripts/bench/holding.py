"""Memory while envelopes of 100 MB are under way: one and ten at once, on the way in and on the way out."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from scripts import processes
from scripts.agency_system import AgencySystem
from scripts.bench.figures import Holding
from scripts.bench.show import console
from scripts.bench.stand import Stand
from scripts.province import FIRST, SENDER

_OCTETS: Final = 100_000_000
_CHUNK: Final = 1 << 20
_AT_ONCE: Final = 10
_MIB: Final = 2**20


def measure(stand: Stand) -> Holding:
    """Peaks of anonymous memory of all the trunk's processes together, above what they hold when idle."""
    files = [_written(stand, number) for number in range(_AT_ONCE + 1)]
    sender = AgencySystem(base_url=stand.url, key=stand.province.keys[SENDER])
    for number in range(8):  # what is made once is made, in every process
        sender.submit(stand.province.signed(f"hold-warm-{number}", recipients=(FIRST,)))
    idle, resident = _anonymous(stand), processes.resident_octets(stand.ours()) / _MIB
    sending = [partial(_send, stand, file) for file in files]
    one_in = _peak(stand, sending[:1])
    one_out = _peak(stand, [partial(_fetch, stand, one) for one in _large(stand)])
    ten_in = _peak(stand, sending[1:])
    ten_out = _peak(stand, [partial(_fetch, stand, one) for one in _large(stand)[:_AT_ONCE]])
    return Holding(
        idle=idle,
        idle_resident=resident,
        one_in=one_in - idle,
        one_out=one_out - idle,
        ten_in=ten_in - idle,
        ten_out=ten_out - idle,
        octets=files[0].stat().st_size,
    )


def _written(stand: Stand, number: int) -> Path:
    file = stand.folder / f"large-{number}.edxml"
    with console.status(f"signing envelope {number + 1} of {_AT_ONCE + 1} of 100 MB"):
        content = os.urandom(_OCTETS * 3 // 4)
        file.write_bytes(stand.province.signed(f"hold-{number}", recipients=(FIRST,), content=content))
    return file


def _anonymous(stand: Stand) -> float:
    return processes.anonymous_octets(stand.ours()) / _MIB


def _peak(stand: Stand, works: Sequence[Callable[[], None]]) -> float:
    """All at once."""
    with processes.Peak(lambda: _anonymous(stand)) as peak, ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()
    return peak.value


def _large(stand: Stand) -> Sequence[str]:
    """Ids of the large deliveries that wait."""
    recipient = AgencySystem(base_url=stand.url, key=stand.province.keys[FIRST])
    return [item["delivery_id"] for item in recipient.mail(kind="document") if item["size"] >= _OCTETS // 2]


def _send(stand: Stand, file: Path) -> None:
    with _connected(stand) as connection, file.open("rb") as octets:
        _ask(connection, stand, SENDER, "POST /api/v1/envelopes", file.stat().st_size)
        connection.sendfile(octets)
        _insist(connection, 201)


def _fetch(stand: Stand, delivery_id: str) -> None:
    with _connected(stand) as connection:
        _ask(connection, stand, FIRST, f"GET /api/v1/deliveries/{delivery_id}/envelope", 0)
        _insist(connection, 200)


def _connected(stand: Stand) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(stand.url.rpartition(":")[2])))


def _ask(connection: socket.socket, stand: Stand, agency: str, what: str, length: int) -> None:
    head = (
        f"{what} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stand.province.keys[agency]}\r\n"
        f"Content-Type: application/xml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    connection.sendall(head.encode())


def _insist(connection: socket.socket, status: int) -> None:
    """Read to the end, keeping nothing."""
    head = connection.recv(_CHUNK)
    while connection.recv(_CHUNK):
        pass
    if int(head[9:12]) != status:
        raise SystemExit(f"{head[:200]!r} instead of {status}")
