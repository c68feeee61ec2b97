"""Examiners in processes of their own: each looks at one message at a time, and may be killed at any moment.

One keeper (a thread) for each examiner: it takes the next turn from the line, asks, and waits no longer than the
message is allowed. Small ones that wait are asked together; where that goes wrong, each is asked again alone. Each
examiner has a pipe of its own, so whatever becomes of one touches nobody else's mail. Law: who breaks a limit is
refused for good (ENV-012); who was only near when something of ours broke is asked again.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import structlog

from trunk.application.examiners import Cost, TooCostly
from trunk.errors import OverloadedError
from trunk.settings import Examination as Limits
from trunk.workers.line import Line, Turn
from trunk.workers.nursery import STOPS, Failed, OutOfMemory, Task, Work, opened
from trunk.workers.ward import Examiner, Lost, Ward

R = TypeVar("R")
log = structlog.get_logger()

_MIB: Final = 2**20
_SIZES: Final = 4  #: times the message's size, of memory
_STARVED: Final = 10  #: times the allowed time for one that the machine did not let work
_LOOK_SECONDS: Final = 0.05
_TOGETHER: Final = 8  #: messages in one go: what a hop between two processes costs is shared
_LIGHT_OCTETS: Final = 64 * 2**10
_RESERVE_SECONDS: Final = 0.02  #: how long somebody waits before a second examiner is called


class ExaminationFailedError(Exception):
    """A fault of ours in an examiner; its text names fault and place, nothing of what was examined."""


@dataclass(slots=True)
class _Asked(Generic[R]):
    """What somebody waits for."""

    octets: bytes | Path
    size: int
    at: datetime
    future: Future[R | TooCostly] = field(default_factory=Future)


class ExaminerPool(Generic[R]):
    """``limits.processes`` examiners made by ``make`` (picklable; run where they live). Thread-safe."""

    apart: Final = True

    def __init__(
        self, make: Callable[[], Work], limits: Limits, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Ready to be asked when it returns. Raises what ``make`` refuses to do: ``ConfigurationError``."""
        self.ended: Counter[str] = Counter()  #: examiners by what ended them, since the start
        self._limits = limits
        self._line: Line[_Asked[R]] = Line(places=limits.queue, seconds=seconds)
        self._ward = Ward(make)
        self._keepers = [
            threading.Thread(target=self._keep, args=(_RESERVE_SECONDS * n,), name=f"keeper-{n}", daemon=True)
            for n in range(limits.processes)
        ]
        for keeper in self._keepers:
            keeper.start()

    @property
    def waiting(self) -> int:
        """How many wait for an examiner."""
        return self._line.length

    def examine(self, octets: bytes | Path, *, size: int, at: datetime, caller: str = "") -> Future[R | TooCostly]:
        """See ``trunk.application.examiners.Examiners``."""
        asked: _Asked[R] = _Asked(octets=octets, size=size, at=at)
        gone = self._line.join(caller, asked)
        if gone is not None:
            _send_away(gone)
        return asked.future

    def check(self) -> None:
        """Return, or raise ``RuntimeError`` that says why nothing is examined."""
        if not any(keeper.is_alive() for keeper in self._keepers):
            raise RuntimeError("nobody keeps the examiners")
        self._ward.check()

    def close(self) -> None:
        """Finish what is at work and in line, then end everybody."""
        self._line.close()
        for keeper in self._keepers:
            keeper.join()
        self._ward.close()

    def _keep(self, after: float) -> None:
        """A keeper's life: it takes who has waited for ``after`` seconds.

        Its children inherit that they do not hear the signals for an orderly stop.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        examiner = self._born()
        while turns := self._line.take(most=_TOGETHER, light=_is_light, after=after):
            try:
                wanted = [turn for turn in turns if turn.task.future.set_running_or_notify_cancel()]
                examiner = self._serve_all(wanted, examiner)
            except Exception as fault:  # a keeper outlives any fault; whoever waits is told, and comes again
                log.exception("keeper_failed", systems=sorted({turn.caller for turn in turns}))
                self._forsake(examiner)
                examiner = None
                for turn in turns:
                    if not turn.task.future.done():
                        turn.task.future.set_exception(ExaminationFailedError(type(fault).__name__))
            finally:
                for turn in turns:
                    self._line.done(turn)
        if examiner is not None:
            examiner.end()

    def _forsake(self, examiner: Examiner | None) -> None:
        """Nobody knows what it is doing."""
        if examiner is not None:
            with suppress(OSError):
                examiner.end()

    def _serve_all(self, turns: Sequence[Turn[_Asked[R]]], examiner: Examiner | None) -> Examiner | None:
        """Answer several in one go; where anything goes wrong with one, those without an answer one by one."""
        if len(turns) > 1 and (examiner := examiner or self._born()) is not None:
            answers = self._ask(examiner, [turn.task for turn in turns])
            if isinstance(answers, list):
                told = [(turn, answer) for turn, answer in zip(turns, answers, strict=True)]
                for turn, answer in told:
                    if not isinstance(answer, OutOfMemory):
                        self._tell(turn.task, answer)
                turns = [turn for turn, answer in told if isinstance(answer, OutOfMemory)]
            if turns:
                self._bury(examiner, turns, Cost.MEMORY if isinstance(answers, list) else answers)
                examiner = None
        for turn in turns:
            examiner = self._serve(turn, examiner)
        return examiner

    def _serve(self, turn: Turn[_Asked[R]], examiner: Examiner | None) -> Examiner | None:
        """Answer one; returns the examiner to go on with."""
        asked = turn.task
        for _ in range(2):
            examiner = examiner or self._born()
            if examiner is None:
                asked.future.set_exception(OverloadedError("no examiner can be started", retry_after=10))
                return None
            answers = self._ask(examiner, [asked])
            answer = answers[0] if isinstance(answers, list) else answers
            answer = Cost.MEMORY if isinstance(answer, OutOfMemory) else answer
            if not isinstance(answer, Lost | Cost | OverloadedError):
                self._tell(asked, answer)
                return examiner
            self._bury(examiner, [turn], answer)
            examiner = self._born()
            if not isinstance(answer, Lost):
                self._give_up(turn, answer)
                return examiner
        self._give_up(turn, Cost.DEATH)
        return examiner

    def _ask(self, examiner: Examiner, asked: Sequence[_Asked[R]]) -> list[Any] | Lost | Cost | OverloadedError:
        """Its answers; or ``Lost``, or the limit that was broken, or that the machine was too busy to tell.

        Several are allowed together no more time than one of them: they are light.
        """
        memory = self._limits.memory_mib * _MIB
        tasks = [Task(octets=one.octets, at=one.at, memory=memory + _SIZES * one.size) for one in asked]
        allowed = max(map(self._allowed, asked))
        examiner.ask(tasks)
        patience = allowed
        while not examiner.answers_within(patience):
            if examiner.worked_for >= allowed / 2:
                return Cost.TIME
            if examiner.asked_for >= allowed * _STARVED:
                return OverloadedError("the machine is too busy")
            patience = _LOOK_SECONDS
        answers = examiner.answers()
        return answers if isinstance(answers, Lost) or len(answers) == len(tasks) else Lost()

    def _allowed(self, asked: _Asked[R]) -> float:
        return self._limits.seconds + self._limits.seconds_per_mib * asked.size / _MIB

    def _tell(self, asked: _Asked[R], answer: Any) -> None:
        if isinstance(answer, Failed):
            asked.future.set_exception(ExaminationFailedError(f"{answer.fault} at {answer.place}"))
        else:
            asked.future.set_result(answer)

    def _give_up(self, turn: Turn[_Asked[R]], why: Cost | OverloadedError) -> None:
        if isinstance(why, OverloadedError):
            turn.task.future.set_exception(why)
            return
        self._line.suspect(turn.caller)
        turn.task.future.set_result(TooCostly(cost=why, limit=self._limit(turn.task, why)))

    def _limit(self, asked: _Asked[R], cost: Cost) -> str:
        match cost:
            case Cost.TIME:
                return f"at most {self._allowed(asked):.3g} s"
            case Cost.MEMORY:
                return f"at most {self._limits.memory_mib} MiB"
            case Cost.DEATH:
                return "an examination that ends"

    def _bury(self, examiner: Examiner, turns: Sequence[Turn[_Asked[R]]], why: Lost | Cost | OverloadedError) -> None:
        cause = why.value if isinstance(why, Cost) else "death" if isinstance(why, Lost) else "starved"
        self.ended[cause] += 1
        log.warning(
            "examiner_ended",
            cause=cause,
            examiner=examiner.pid,
            status=examiner.end(),
            systems=sorted({turn.caller for turn in turns}),
            size=max(turn.task.size for turn in turns),
        )

    def _born(self) -> Examiner | None:
        try:
            return self._ward.born()
        except OSError as error:
            log.warning("examiner_not_started", reason=str(error))
            return None


def _is_light(asked: _Asked[Any]) -> bool:
    return isinstance(asked.octets, bytes) and asked.size <= _LIGHT_OCTETS


def _send_away(asked: _Asked[Any]) -> None:
    if asked.future.set_running_or_notify_cancel():
        asked.future.set_exception(OverloadedError())


class InHouse(Generic[R]):
    """Examines where it is asked; nothing can be ended. For tests and machines without memory to spare."""

    apart: Final = False
    waiting: Final = 0

    def __init__(self, make: Callable[[], Work]) -> None:
        self.ended: Counter[str] = Counter()
        self._work = make()

    def examine(
        self,
        octets: bytes | Path,
        *,
        size: int,  # noqa: ARG002
        at: datetime,
        caller: str = "",  # noqa: ARG002
    ) -> Future[R | TooCostly]:
        """See ``trunk.application.examiners.Examiners``."""
        future: Future[R | TooCostly] = Future()
        with opened(octets) as held:
            future.set_result(self._work(held, at))
        return future

    def check(self) -> None:
        """It is here as long as the process is."""

    def close(self) -> None:
        """There is nothing to close."""
