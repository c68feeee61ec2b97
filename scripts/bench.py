"""Measures acceptance: envelopes per second (25 KB, one recipient, verified, durable, queued), percentiles, memory.

For the embedded stack and for RabbitMQ + PostgreSQL, two workers each, beside the floor and a bare fdatasync of the
same run. The client, the broker and the database share the machine's cores with the trunk. Then what signatures cost
(``scripts.bench_signature``). ``BENCH_JSON=file`` writes the figures as one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from scripts import bench_signature, floor, load
from scripts.agency_system import AgencySystem
from scripts.private_servers import private_postgresql, private_rabbitmq
from scripts.province import FIRST, SENDER, Province, make_province
from scripts.trunk_process import TrunkProcess

CONTENT = b"%PDF-1.7\n" + os.urandom(12_300)  # makes an envelope of 25 KB
console = Console(stderr=False, highlight=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one stack did."""

    stack: str
    per_second: list[float]  #: of each closed run
    paced_at: float
    percentiles: tuple[float, float, float]  #: p50, p95, p99 in ms at ``paced_at``
    queued_after: float  #: seconds from the last answer to an empty outbox
    cpu_ms: float  #: of the trunk's processes per envelope
    peak_mib: float  #: resident, all processes together


def main() -> int:
    """Run and print; 1 if anything was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envelopes", type=int, default=3000, help="per closed run")
    parser.add_argument("--runs", type=int, default=3, help="closed runs per stack")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--stack", choices=("embedded", "production", "both"), default="both")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edoc-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        stacks = ("embedded", "production") if wish.stack == "both" else (wish.stack,)
        measured = [_measure(stack, folder / stack, wish) for stack in stacks]
        envelope = measured[0][1]
        bare = _floor(envelope)
        synced = floor.sync_milliseconds(folder)
    figures = [figure for figure, _ in measured]
    _print(figures, bare, synced, len(envelope))
    signatures = bench_signature.measure()
    bench_signature.show(signatures)
    _write_json(figures, bare, synced, bench_signature.as_data(signatures))
    return 0


def _floor(envelope: bytes) -> float:
    """The floor with every core at it, as the trunk has it: cores that share a unit are slower together."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores) as pool:
        return statistics.mean(pool.map(floor.accept_milliseconds, [envelope] * cores))


def _measure(stack: str, folder: Path, wish: argparse.Namespace) -> tuple[Figures, bytes]:
    with _province(stack, folder) as province:
        batches = [_envelopes(province, f"{stack}-{n}", wish.envelopes) for n in range(wish.runs + 1)]
        with TrunkProcess(province.config, workers=2) as trunk:
            url, key = trunk.url(), province.keys[SENDER]
            _warm_up(url, key, _envelopes(province, f"{stack}-warm", 200), wish)
            cpu = _cpu_seconds(trunk.pid)
            runs = [_closed(url, key, batch, wish) for batch in batches[:-1]]
            cpu_ms = (_cpu_seconds(trunk.pid) - cpu) / sum(map(len, batches[:-1])) * 1000
            pace = 0.7 * statistics.median(runs)
            paced = asyncio.run(load.opened(url, load.requests(url, key, batches[-1]), per_second=pace, connections=64))
            _insist(paced)
            queued_after = _wait_until_queued(url)
            peak = _peak_mib(trunk.pid)
            code = trunk.stop()
    if code != 0:
        raise SystemExit(f"the trunk ended with {code}")
    percentiles = (paced.percentile(0.5), paced.percentile(0.95), paced.percentile(0.99))
    return Figures(
        stack=stack,
        per_second=runs,
        paced_at=pace,
        percentiles=percentiles,
        queued_after=queued_after,
        cpu_ms=cpu_ms,
        peak_mib=peak,
    ), batches[0][0]


@contextmanager
def _province(stack: str, folder: Path) -> Iterator[Province]:
    if stack == "embedded":
        yield make_province(folder)
        return
    folder.mkdir(mode=0o711)
    with private_rabbitmq(folder / "rabbitmq") as rabbit, private_postgresql(folder / "postgresql") as postgres:
        yield make_province(folder / "trunk", database_url=postgres.new_database(), broker_url=rabbit.url)


def _envelopes(province: Province, prefix: str, count: int) -> list[bytes]:
    numbers = track(range(count), description=f"signing {prefix}", console=console, transient=True)
    return [province.signed(f"{prefix}-{n}", recipients=(FIRST,), content=CONTENT) for n in numbers]


def _warm_up(url: str, key: str, envelopes: Sequence[bytes], wish: argparse.Namespace) -> None:
    _insist(asyncio.run(load.closed(url, load.requests(url, key, envelopes), connections=wish.connections)))


def _closed(url: str, key: str, envelopes: Sequence[bytes], wish: argparse.Namespace) -> float:
    prepared = load.requests(url, key, envelopes)
    result = asyncio.run(load.closed(url, prepared, connections=wish.connections))
    _insist(result)
    return result.per_second


def _insist(result: load.Result) -> None:
    if result.refused:
        raise SystemExit(f"not everything was accepted: {result.refused}")


def _wait_until_queued(url: str) -> float:
    """Until the metrics of the trunk show an empty outbox."""
    started = time.perf_counter()
    anybody = AgencySystem(base_url=url, key="")
    while time.perf_counter() - started < 120:
        lines = anybody.call("GET", "/metrics").octets.decode().splitlines()
        waiting = [float(line.split()[-1]) for line in lines if line.startswith("trunk_outbox")]
        if waiting and max(waiting) == 0:
            return time.perf_counter() - started
        time.sleep(0.1)
    raise SystemExit("the outbox does not empty")


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(grandchild for child in children for grandchild in _family(int(child)))]


def _cpu_seconds(pid: int) -> float:
    ticks = 0
    for member in _family(pid):
        fields = Path(f"/proc/{member}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _peak_mib(pid: int) -> float:
    total = 0
    for member in _family(pid):
        for line in Path(f"/proc/{member}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total / 1024


def _print(figures: Sequence[Figures], bare: float, synced: float, octets: int) -> None:
    table = Table(title=f"acceptance of signed envelopes of {octets} octets, 1 recipient, 2 workers")
    for heading in (
        "stack",
        "accepted/s (runs)",
        "p50 / p95 / p99 ms at 70 %",
        "queued after s",
        "CPU ms",
        "CPU : floor",
        "peak MiB",
    ):
        table.add_column(heading)
    for f in figures:
        runs = " ".join(f"{run:.0f}" for run in f.per_second)
        latency = " / ".join(f"{p:.1f}" for p in f.percentiles) + f" ({f.paced_at:.0f}/s)"
        median = statistics.median(f.per_second)
        table.add_row(
            f.stack, f"{median:.0f} ({runs})", latency, f"{f.queued_after:.1f}", f"{f.cpu_ms:.2f}",
            f"{f.cpu_ms / bare:.1f}", f"{f.peak_mib:.0f}",
        )  # fmt: skip
    console.print(table)
    console.print(
        f"floor {bare:.3f} ms CPU; bare fdatasync {synced:.2f} ms; {os.cpu_count()} cores, {platform.platform()}"
    )


def _write_json(figures: Sequence[Figures], bare: float, synced: float, signatures: Mapping[str, object]) -> None:
    file = os.environ.get("BENCH_JSON")  # noqa: TID251  named so by the makefile's users
    if not file:
        return
    names = {"embedded": "sqlite_embedded", "production": "postgres_rabbitmq"}
    values: dict[str, object] = {"floor_25k_ms": bare, "fdatasync_ms": synced, **signatures}
    for f in figures:
        values[f"accept_25k_{names[f.stack]}_per_s"] = statistics.median(f.per_second)
        values[f"accept_25k_{names[f.stack]}_runs"] = f.per_second
        values[f"accept_25k_{names[f.stack]}_p50_p95_p99_ms"] = f.percentiles
        values[f"accept_25k_{names[f.stack]}_cpu_to_floor"] = f.cpu_ms / bare
        values[f"accept_25k_{names[f.stack]}_peak_mib"] = f.peak_mib
    Path(file).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
