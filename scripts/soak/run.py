"""One run: mail flows, faults happen in rounds, each round is waited out, everything is drained, the oracle speaks."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from scripts.soak import law
from scripts.soak.cpu import Meter
from scripts.soak.faults import LANES, Fault, NotHappenedError
from scripts.soak.faults.every import every
from scripts.soak.oracle import Oracle
from scripts.soak.patience import until
from scripts.soak.rounds import rounds
from scripts.soak.traffic import Traffic, ended
from scripts.soak.world import Ground, World, world

WELL_AGAIN_SECONDS: Final = 30.0
_DRAIN_SECONDS: Final = 240.0
_SPREAD_SECONDS: Final = 2.0  #: over which the faults of a round begin
_ATTEMPTS: Final = 4  #: for a fault that does not come about


@dataclass(frozen=True, kw_only=True)
class Goal:
    """When a run is long enough."""

    deliveries: int
    faults_each: int
    only: tuple[str, ...] = ()  #: beginnings of names of faults; empty: all


@dataclass
class Happened:
    """One kind of fault."""

    times: int = 0
    missed: int = 0  #: ordered, and did not come about
    in_flight: int = 0  #: deliveries whose sender had not been told the end when it struck, all times together
    seconds: list[float] = field(default_factory=list)  #: from the end of its round until all was well again


@dataclass
class Outcome:
    """What a run showed, or has shown so far."""

    goal: Goal
    oracle: Oracle
    happened: dict[str, Happened]
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    restarts: int = 0
    cpu: dict[str, float] = field(default_factory=dict)
    journal: Any = None
    stuck: list[Any] = field(default_factory=list)
    phase: str = "starting"
    log: list[dict[str, Any]] = field(default_factory=list)  #: each round


Report = Callable[[Outcome], None]


async def run(ground: Ground, goal: Goal, report: Report) -> Outcome:
    """``report`` is called now and then, for a progress bar."""
    oracle = Oracle()
    async with world(ground, oracle) as here:
        known = every(here, goal.only)
        outcome = Outcome(goal, oracle, {name: Happened() for name in known})
        traffic, meter = Traffic(here, asyncio.Event()), Meter(here)
        living = [asyncio.create_task(node.live()) for node in here.nodes]
        for node in here.nodes:
            await node.up.wait()
        working = [asyncio.create_task(work) for work in traffic.work()]
        beside = [asyncio.create_task(_tell(outcome, report)), asyncio.create_task(meter.watch())]
        guard = asyncio.create_task(_guard([*living, *working]))
        try:
            trial = asyncio.create_task(_trial(Trial(here, traffic, known, outcome), outcome))
            await asyncio.wait([trial, guard], return_when=asyncio.FIRST_COMPLETED)
            await (guard if guard.done() else trial)
        finally:
            outcome.cpu, outcome.restarts = meter.shares(), sum(node.starts for node in here.nodes)
            await ended([guard, *beside, *working, *living])
    outcome.seconds = time.monotonic() - outcome.started
    return outcome


async def _trial(trial: Trial, outcome: Outcome) -> None:
    await trial.suffer()
    outcome.phase = "draining"
    trial.traffic.over.set()
    await trial.traffic.drained(_DRAIN_SECONDS)
    _judge(outcome)
    await asyncio.to_thread(_look_inside, trial.world, outcome)


async def _guard(tasks: list[asyncio.Task[None]]) -> None:
    """None of them ever ends by itself: one that does is a mistake of ours, and is told at once."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        if not task.cancelled() and (fault := task.exception()) is not None:
            raise fault


async def _tell(outcome: Outcome, report: Report) -> None:
    while True:
        report(outcome)
        await asyncio.sleep(0.5)


@dataclass(eq=False)
class Trial:
    """The faults of a run, in rounds that the seed has laid down."""

    world: World
    traffic: Traffic
    known: Mapping[str, Fault]
    outcome: Outcome

    async def suffer(self) -> None:
        """Until each fault has happened often enough and enough mail has gone."""
        goal, plan = self.outcome.goal, self.world.plan
        lanes = {name: fault.lane for name, fault in self.known.items()}
        chance = random.Random(f"{plan.seed}:rounds")  # noqa: S311  repeatable, not secret
        await self._well()
        for group in rounds(lanes, LANES, times=goal.faults_each, chance=chance):
            await self._round(group)
        await self._catch_up(lanes)
        self.outcome.phase = "the rest of the mail"
        await until(lambda: self.world.oracle.deliveries >= goal.deliveries)

    async def _catch_up(self, lanes: Mapping[str, str]) -> None:
        """What did not come about is tried again."""
        for _ in range(_ATTEMPTS):
            for name in lanes:
                while self.outcome.happened[name].times < self.outcome.goal.faults_each:
                    before = self.outcome.happened[name].times
                    await self._round([name])
                    if self.outcome.happened[name].times == before:
                        break

    async def _round(self, group: list[str]) -> None:
        self.outcome.phase = ", ".join(group)
        began = time.monotonic()
        struck = await asyncio.gather(*(self._strike(name) for name in group))
        ended_at = time.monotonic()
        seconds = await self._well()
        happened = [name for name, did in zip(group, struck, strict=True) if did]
        for name in happened:
            self.outcome.happened[name].seconds.append(seconds)
        self.outcome.log.append(
            {"faults": group, "lasted": round(ended_at - began, 1), "well_again": round(seconds, 1)}
        )

    async def _strike(self, name: str) -> bool:
        what = self.outcome.happened[name]
        await asyncio.sleep(self.world.chance.uniform(0, _SPREAD_SECONDS))
        in_flight = self.world.oracle.open
        try:
            await self.known[name].strike(self.world, self.traffic)
        except NotHappenedError:
            what.missed += 1
            return False
        what.times += 1
        what.in_flight += in_flight
        return True

    async def _well(self) -> float:
        """Seconds until probes have come through that are sent now to the door of every process that is not frozen."""
        began = time.monotonic()
        await asyncio.gather(*(self.traffic.probe(n) for n, node in enumerate(self.world.nodes) if not node.busy))
        return time.monotonic() - began


def _judge(outcome: Outcome) -> None:
    outcome.phase = "judging"
    outcome.lost = law.lost(outcome.oracle)
    outcome.violations = list(law.violations(outcome.oracle))


def _look_inside(here: World, outcome: Outcome) -> None:
    """What the trunk says of itself, when all is done."""
    checked = _trunk(here, "admin", "journal", "verify", "--json")
    outcome.journal = {"lines": checked["lines"], "chains": checked["chains"], "faults": len(checked["faults"])}
    outcome.stuck = _trunk(here, "doctor", "--deep", "--json")["findings"]
    if checked["faults"]:
        outcome.violations.append(f"the journal is not as it was written: {checked['faults'][:3]}")
    happened = [name for name, what in outcome.happened.items() if what.times]
    outcome.violations.extend(law.left_over(outcome.stuck, happened))


def _trunk(here: World, *words: str) -> Any:
    config = str(here.ground.province.config)
    command = [sys.executable, "-m", "trunk", "--config", config, *words]
    one = {**os.environ, "TRUNK_HTTP__PORT": str(here.nodes[0].port)}  # noqa: TID251  whom the doctor asks
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, env=one)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"trunk {' '.join(words)}: ended with {done.returncode}: {done.stderr[-2000:]}") from None
