"""A ledger that holds much: one document of a real run, as the trunk has left it, many times over.

PostgreSQL does it by itself (``filling.sql``), some thousand documents in a transaction, while the trunk runs.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.progress import Progress

from scripts.agency_system import AgencySystem
from scripts.bench.show import console
from scripts.bench.stand import Stand
from scripts.province import SENDER

DELIVERIES_EACH: Final = 3
"""What a finished document to one recipient leaves: its own, and those of two acknowledgements."""
_SCRIPT: Final = Path(__file__).with_suffix(".sql")
_PART: Final = 4_000  #: documents in a transaction
_PART_SECONDS: Final = 600
_AT_ONCE: Final = 2  #: they take turns from where places are given
_TABLES: Final = ("payload", "envelope", "delivery", "journal")
_CLOSING_SECONDS: Final = 7_200
_PATIENCE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A document that is to be found many times in the ledger."""

    envelope_id: str
    number: str  #: of the document, which each gets one of its own for
    kept: bool  #: whether the octets are there, as long as nobody has fetched them


def finished(stand: Stand, to: str) -> Model:
    """A document that was submitted, delivered and acknowledged just now."""
    model = _submitted(stand, "full-ledger", to, kept=False)
    _take(stand, to, {"document"})
    _take(stand, SENDER, {"accepted", "delivered"})
    _wait_until_published(stand, model)
    return model


def waiting(stand: Stand, to: str) -> Model:
    """A document for somebody who never asks for it; its sender knows that it was accepted."""
    model = _submitted(stand, "long-backlog", to, kept=True)
    _take(stand, SENDER, {"accepted"})
    _wait_until_published(stand, model)
    return model


def fill(stand: Stand, model: Model, documents: int, *, days: float) -> None:
    """So many more of it, evenly in the last ``days``; the planner knows them, and the disk has them."""
    parts = [(first, min(first + _PART - 1, documents)) for first in range(1, documents + 1, _PART)]

    def write(part: tuple[int, int]) -> int:
        stand.sql(_written(model, part, documents, days), seconds=_PART_SECONDS)
        return part[1] - part[0] + 1

    with Progress(console=console, transient=True) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:
        task = progress.add_task(f"filling the ledger with {documents:,} documents", total=documents)
        for written in pool.map(write, parts):
            progress.advance(task, written)
        for table in _TABLES:
            progress.update(task, description=f"tidying {table}")
            stand.sql(f"VACUUM (ANALYZE) {table}", seconds=_CLOSING_SECONDS)
    stand.sql("CHECKPOINT", seconds=_CLOSING_SECONDS)


def _written(model: Model, part: tuple[int, int], documents: int, days: float) -> str:
    """The script with its variables."""
    values = {
        "model": model.envelope_id, "number": model.number, "kept": int(model.kept), "first": part[0],
        "last": part[1], "count": documents, "seconds": round(days * 86_400),
    }  # fmt: skip
    variables = "".join(f"\\set {name} {value}\n" for name, value in values.items())
    return variables + _SCRIPT.read_text(encoding="utf-8")


def deliveries(stand: Stand) -> int:
    """How many are in the ledger."""
    return int(stand.sql("SELECT count(*) FROM delivery", seconds=_CLOSING_SECONDS))


def database_octets(stand: Stand) -> int:
    return int(stand.sql("SELECT pg_database_size(current_database())"))


def _submitted(stand: Stand, number: str, to: str, *, kept: bool) -> Model:
    octets = stand.province.signed(number, recipients=(to,))
    answer = AgencySystem(base_url=stand.url, key=stand.province.keys[SENDER]).submit(octets)
    if answer.status != 201:
        raise SystemExit(f"the model of all others was answered with {answer.status}: {answer.octets[:300]!r}")
    return Model(envelope_id=answer.json["envelope_id"], number=number, kept=kept)


def _take(stand: Stand, agency: str, wanted: set[str]) -> None:
    """Everything that waits, until each of ``wanted`` has come."""
    system = AgencySystem(base_url=stand.url, key=stand.province.keys[agency])
    until = time.monotonic() + _PATIENCE_SECONDS
    while wanted and time.monotonic() < until:
        for item in system.mail():
            system.confirm(item["delivery_id"], system.fetch(item["delivery_id"]).octets)
            wanted.discard(item.get("acknowledges") or item["kind"])
        time.sleep(0.05)
    if wanted:
        raise SystemExit(f"{agency} waits in vain for {', '.join(sorted(wanted))}")


def _wait_until_published(stand: Stand, model: Model) -> None:
    """Every notice of it has left the outbox, so that nothing more happens to it."""
    left = (
        "SELECT count(*) FROM outbox JOIN delivery ON delivery.id = delivery_id JOIN envelope e "  # noqa: S608 - ours
        f"ON e.id = envelope_id WHERE '{model.envelope_id}' IN (e.id, e.about)"
    )
    until = time.monotonic() + _PATIENCE_SECONDS
    while int(stand.sql(left)):
        if time.monotonic() > until:
            raise SystemExit("the model of all others is not published")
        time.sleep(0.1)
