"""What is kept of a run: ``soak.json``."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.server_packages import POSTGRESQL, RABBITMQ
from scripts.soak.run import WELL_AGAIN_SECONDS, Happened, Outcome


def record(outcome: Outcome, *, seed: int, command: str) -> dict[str, Any]:
    """Everything that somebody who was not there wants to know."""
    oracle = outcome.oracle
    return {
        "lost": len(outcome.lost),
        "deliveries": oracle.deliveries,
        "faults": {name: what.times for name, what in outcome.happened.items()},
        "seed": seed,
        "command": command,
        "violations": outcome.violations,
        "submissions": len(oracle.envelopes),
        "refused": len(oracle.refused),
        "offered_again": oracle.offered_again,
        "final_acknowledgements": sum(len(ends) for ends in oracle.ends.values()),
        "in_flight": {name: what.in_flight for name, what in outcome.happened.items()},
        "missed": {name: what.missed for name, what in outcome.happened.items() if what.missed},
        "recovery_seconds": {name: _recovery(what) for name, what in outcome.happened.items()},
        "journal": outcome.journal,
        "stuck": outcome.stuck,
        "seconds": round(outcome.seconds, 1),
        "processor_seconds": outcome.cpu,
        "trunk_processes_started": outcome.restarts,
        "rounds": outcome.log,
        "commit": _said("git", "rev-parse", "HEAD"),
        "machine": _machine(),
        "versions": _versions(),
    }


def _recovery(what: Happened) -> dict[str, float | int]:
    seconds = what.seconds or [0.0]
    return {
        "median": round(statistics.median(seconds), 1),
        "longest": round(max(seconds), 1),
        "slow": sum(one > WELL_AGAIN_SECONDS for one in seconds),
    }


def _machine() -> dict[str, Any]:
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in cpus if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return {"processors": os.cpu_count(), "model": model, "memory_mib": memory, "kernel": platform.release()}


def _versions() -> dict[str, str]:
    postgres, rabbit = POSTGRESQL.programs(), RABBITMQ.programs()
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _said(str(postgres / "postgres"), "--version") if postgres else "",
        "rabbitmq": _said("dpkg-query", "-W", "-f", "${Version}", RABBITMQ.package) if rabbit else "",
        **{name: version(name) for name in ("aiohttp", "pika", "psycopg", "SQLAlchemy")},
    }


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
