"""Measures whether a responder that hangs holds up anybody else's mail: percentiles with and without such mail.

An open load of good letters; beside it a twentieth of letters from another agency, whose signer's revocation is
known in one run and hangs for a minute in the next. Both runs in turn, several times, on one trunk; what is compared
are the percentiles of the good letters alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from scripts import load
from scripts.authorities import Mood, authorities
from scripts.province import FIRST, SECOND, SENDER, Province, fingerprint, make_province
from scripts.trunk_process import TrunkProcess
from trunk.bootstrap import open_administration
from trunk.domain.agency import Mandate

HANGING: Final = "person-of-listless-ca"
SHARE: Final = 0.05
SETTINGS: Final = """
[signatures.revocation]
private_hosts = ["127.0.0.1:*"]
timeout_seconds = 60
"""
console = Console(stderr=False, highlight=False)


@dataclass(slots=True)
class Seen:
    """What happened to the good letters, and to the others, over all runs."""

    good: load.Result = field(default_factory=load.Result)
    others: load.Result = field(default_factory=load.Result)

    def add(self, good: load.Result, others: load.Result) -> None:
        self.good.latencies += good.latencies
        self.others.latencies += others.latencies
        for status, times in others.refused.items():
            self.others.refused[status] = self.others.refused.get(status, 0) + times
        if good.refused:
            raise SystemExit(f"good letters were refused: {good.refused}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The trunk under load, and the provinces by how their second agency's signer does."""

    url: str
    calm: Province
    hanging: Province
    numbers: count[int]

    def letters(self, province: Province, sender: str, wanted: int) -> list[bytes]:
        return [province.signed(f"h-{next(self.numbers)}", sender=sender, recipients=(FIRST,)) for _ in range(wanted)]


def main() -> int:
    """Run and print; 1 if the 99th percentile rose by more than ``--most``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-second", type=float, default=60, help="good letters")
    parser.add_argument("--seconds", type=float, default=15, help="of each run")
    parser.add_argument("--runs", type=int, default=4, help="of each kind, in turn")
    parser.add_argument("--most", type=float, default=0.0, help="fail if the ratio of the p99 is above; 0: never")
    wish = parser.parse_args()
    without, hung = Seen(), Seen()
    with tempfile.TemporaryDirectory(prefix="edoc-hanging-") as name, _stage(Path(name)) as stage:
        _run(stage, stage.calm, wish)  # warms up
        for _ in range(wish.runs):
            without.add(*_run(stage, stage.calm, wish))
            hung.add(*_run(stage, stage.hanging, wish))
    ratio = _print(without, hung)
    return int(0 < wish.most < ratio)


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    with authorities() as served:
        calm = make_province(folder, settings=SETTINGS, base_url=served.url)
        served.pki = calm.pki
        served.moods = {"*": Mood.HANG}
        hanging = replace(calm, signers={**calm.signers, SECOND: HANGING})
        _mandate(hanging)
        with TrunkProcess(calm.config) as trunk:
            yield Stage(url=trunk.url(), calm=calm, hanging=hanging, numbers=count())
            trunk.kill()


def _mandate(province: Province) -> None:
    """Its second agency's signer may sign, too."""
    mandate = Mandate(fingerprint=fingerprint(province.signer(SECOND).certificate))
    with open_administration(province.settings()) as room:
        (agency,) = (one for one in room.tracking.agencies() if one.code == SECOND)
        room.administration.put_agencies([replace(agency, mandates=(*agency.mandates, mandate))])


def _run(stage: Stage, province: Province, wish: argparse.Namespace) -> tuple[load.Result, load.Result]:
    wanted = int(wish.per_second * wish.seconds)
    good = load.requests(stage.url, province.keys[SENDER], stage.letters(province, SENDER, wanted))
    others = load.requests(
        stage.url, province.keys[SECOND], stage.letters(province, SECOND, max(int(wanted * SHARE), 1))
    )
    return asyncio.run(_together(stage.url, good, others, wish.per_second))


async def _together(
    url: str, good: Sequence[bytes], others: Sequence[bytes], per_second: float
) -> tuple[load.Result, load.Result]:
    return await asyncio.gather(
        load.opened(url, good, per_second=per_second, connections=32),
        load.opened(url, others, per_second=per_second * SHARE, connections=64),
    )


def _print(without: Seen, hung: Seen) -> float:
    table = Table(title="good letters beside a twentieth of others", title_justify="left")
    for heading in ("the others", "good letters", "p50 ms", "p95 ms", "p99 ms", "answers to the others"):
        table.add_column(heading)
    for label, seen in (("known", without), ("hang", hung)):
        shares = [f"{seen.good.percentile(share):.1f}" for share in (0.5, 0.95, 0.99)]
        told = {201: len(seen.others.latencies), **seen.others.refused}
        table.add_row(
            label, str(len(seen.good.latencies)), *shares, ", ".join(f"{n} × {s}" for s, n in told.items() if n)
        )
    ratio = hung.good.percentile(0.99) / without.good.percentile(0.99)
    console.print(table)
    console.print(f"p99 with hanging ones : without = {ratio:.2f}")
    return ratio


if __name__ == "__main__":
    sys.exit(main())
