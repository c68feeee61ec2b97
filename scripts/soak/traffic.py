"""The mail of a run: letters with many recipients, a few recalls, and probes that measure whether all is well."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from scripts.soak.agencies import Letter, Sender
from scripts.soak.letters import large
from scripts.soak.patience import until
from scripts.soak.world import World
from scripts.web import Way

_UNDER_WAY: Final = 240  #: deliveries; more letters wait until it is less: what waits long says nothing about recovery
_AT_ONCE: Final = 3  #: letters that one sender writes and sends at a time
_RECALLED_SHARE: Final = 0.03
_LEAST: Final = 10  #: recipients of a usual letter
_PROBE_SECONDS: Final = 120.0


@dataclass(eq=False)
class Traffic:
    """Everybody's work, until ``over``."""

    world: World
    over: asyncio.Event

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self._next = 0.0
        self._beside: set[asyncio.Task[Any]] = set()
        self.recent: deque[Letter] = deque(maxlen=5)  #: letters that were accepted

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """Of senders and of recipients."""
        here = self.world
        writing = [self._write(sender, n) for sender in here.senders for n in range(_AT_ONCE)]
        pulling = [recipient.receive() for recipient in here.pulling]
        reporting = [recipient.send_reports() for recipient in here.recipients.values()]
        return [*writing, *pulling, *reporting, *(sender.receive() for sender in (*here.senders, here.prober))]

    async def _write(self, sender: Sender, place: int) -> None:
        here = self.world
        chance = random.Random(f"{here.plan.seed}:{sender.agency}:{place}")  # noqa: S311  repeatable, not secret
        while not self.over.is_set():
            await until(lambda: here.oracle.open <= _UNDER_WAY or self.over.is_set())
            letter = await self.letter(sender, chance)
            await self._turn(len(letter.sent.recipients))
            if not await sender.send(letter):
                continue
            self.recent.append(letter)
            if chance.random() < _RECALLED_SHARE:
                await self.recall(sender, letter)

    async def _turn(self, deliveries: int) -> None:
        """Letters leave evenly, ``plan.rate`` deliveries a second; an outage is not made good at once."""
        now = time.monotonic()
        self._next = max(now, self._next)
        pause, self._next = self._next - now, self._next + deliveries / self.world.plan.rate
        await asyncio.sleep(pause)

    async def recall(self, sender: Sender, letter: Letter) -> None:
        """By a status 13."""
        self.world.oracle.asked_back.add(letter.sent.sha256)
        await sender.send(self.world.ground.desk.recall(letter))

    async def again(self, letter: Letter) -> None:
        """The same octets, by the same sender."""
        (sender,) = (one for one in self.world.senders if one.agency == letter.sent.sender)
        await sender.send(letter)

    def lead_to(self, point: str) -> None:
        """Mail by which a process comes to this fail point, where the usual mail is too seldom."""
        sender = self.world.chance.choice(self.world.senders)
        match point.partition(".")[0]:
            case "recalls":
                self._aside(self._revoked(sender))
            case "receipts":
                self._aside(self._recalled(sender))
            case "push":
                self._aside(self._written(sender, self.world.addressees_by_push))

    def _aside(self, work: Coroutine[Any, Any, Any]) -> None:
        """Done whatever becomes of whoever asked for it."""
        task = asyncio.ensure_future(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _written(self, sender: Sender, recipients: Sequence[str]) -> Letter:
        letter = await self.world.ground.desk.document(self.number(), sender.agency, recipients)
        await sender.send(letter)
        return letter

    async def _recalled(self, sender: Sender) -> None:
        await self.recall(sender, await self._written(sender, self.world.addressees[:3]))

    async def _revoked(self, sender: Sender) -> None:
        """By a document that revokes it."""
        letter = await self._written(sender, self.world.addressees[:3])
        self.world.oracle.asked_back.add(letter.sent.sha256)
        await sender.send(await self.world.ground.desk.revocation(self.number(), letter))

    async def letter(self, sender: Sender, chance: random.Random) -> Letter:
        """A usual letter: few recipients now and then, many otherwise."""
        everybody = self.world.addressees
        many = chance.randint(1, 3) if chance.random() < 0.1 else chance.randint(_LEAST, len(everybody))
        recipients = chance.sample(everybody, min(many, len(everybody)))
        return await self.world.ground.desk.document(self.number(), sender.agency, recipients, large=large(chance))

    def number(self) -> str:
        return f"{self.world.plan.seed}-{next(self._numbers)}"

    async def probe(self, road: int) -> None:
        """Return when a letter that is submitted now at this node's door has been delivered and acknowledged; at the
        latest when patience ends or the node freezes."""
        here = self.world
        sender = here.prober
        letter = await here.ground.desk.document(self.number(), sender.agency, here.probed)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PROBE_SECONDS):
                if await self._knock(road, sender, letter):
                    envelope_id = here.oracle.answers[letter.sent.sha256]
                    await until(lambda: self._ended(envelope_id, len(letter.sent.recipients)))

    async def _knock(self, road: int, sender: Sender, letter: Letter) -> bool:
        """At this door until it opens; what is left unanswered there goes on by the usual ways."""
        node, way = self.world.nodes[road], Way([self.world.ground.node_roads[road].port], sender.way.key, seconds=5.0)
        knocking = Sender(sender.agency, way, self.world.oracle)
        task = asyncio.ensure_future(knocking.send(letter))
        try:
            await until(lambda: task.done() or node.busy)
            return task.done() and await task
        finally:
            if not task.done():
                task.cancel()
                self._aside(sender.send(letter))
            way.close()

    def _ended(self, envelope_id: str, wanted: int) -> bool:
        return len(self.world.oracle.ends[envelope_id]) >= wanted

    async def drained(self, seconds: float) -> bool:
        """Whether within this time every submission was answered, every delivery taken, every sender told the end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self._unanswered and not self.world.oracle.missing:
                return True
            await asyncio.sleep(0.5)
        return False

    @property
    def _unanswered(self) -> bool:
        here = self.world
        return any(party.unanswered for party in (*here.senders, here.prober, *here.recipients.values()))


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel and wait."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
