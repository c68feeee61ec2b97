"""A cheap HTTP load client: prebuilt requests over kept connections, answers read no further than needed.

Two models: *closed* (each connection sends its next request when the last is answered: what the trunk can take)
and *open* (requests start at fixed times whatever the trunk does, so that a slow answer counts against all that
waited behind it: no coordinated omission).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Result:
    """What a run of the client saw; times in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)  #: status -> how often, other than 201

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Latency in milliseconds below which ``share`` of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0


def requests(url: str, key: str, envelopes: Sequence[bytes]) -> list[bytes]:
    """The POSTs of ``envelopes``, octets ready for the wire."""
    head = (
        f"POST /api/v1/envelopes HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/xml\r\n"
    )
    return [f"{head}Content-Length: {len(octets)}\r\n\r\n".encode() + octets for octets in envelopes]


async def closed(url: str, prepared: Sequence[bytes], *, connections: int) -> Result:
    """Send everything as fast as ``connections`` answers allow."""
    result, waiting = Result(), iter(prepared)
    started = time.perf_counter()
    await asyncio.gather(*(_drain(url, waiting, result) for _ in range(connections)))
    result.seconds = time.perf_counter() - started
    return result


async def opened(url: str, prepared: Sequence[bytes], *, per_second: float, connections: int) -> Result:
    """Start a request every ``1/per_second``; latency counts from when it was due."""
    result, line = Result(), asyncio.Queue[tuple[float, bytes] | None]()
    started = time.perf_counter()
    senders = [asyncio.create_task(_serve(url, line, result)) for _ in range(connections)]
    for number, request in enumerate(prepared):
        due = started + number / per_second
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        line.put_nowait((due, request))
    for _ in senders:
        line.put_nowait(None)
    await asyncio.gather(*senders)
    result.seconds = time.perf_counter() - started
    return result


async def _drain(url: str, waiting: Iterator[bytes], result: Result) -> None:
    reader, writer = await _connect(url)
    for request in waiting:
        started = time.perf_counter()
        _count(result, await _exchange(reader, writer, request), started)
    writer.close()
    await writer.wait_closed()


async def _serve(url: str, line: asyncio.Queue[tuple[float, bytes] | None], result: Result) -> None:
    reader, writer = await _connect(url)
    while (item := await line.get()) is not None:
        due, request = item
        _count(result, await _exchange(reader, writer, request), due)
    writer.close()
    await writer.wait_closed()


def _count(result: Result, status: int, since: float) -> None:
    if status == 201:
        result.latencies.append(time.perf_counter() - since)
    else:
        result.refused[status] = result.refused.get(status, 0) + 1


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            await reader.readexactly(int(line[15:]))
            break
    return int(head[9:12])
