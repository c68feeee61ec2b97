"""A run: documents made, submitted when they are due, followed to their end if that is wished, and counted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from trunk.load.answers import Answer, judge
from trunk.load.client import Client, Lane
from trunk.load.documents import Scribe
from trunk.load.figures import Followed, Report, Seen, punctuality, quantiles, rows, unexpected
from trunk.load.following import Following
from trunk.load.mailbox import Item, Mailbox
from trunk.load.open_model import Clock, OpenModel, Timing
from trunk.load.plan import Plan
from trunk.load.store import Store
from trunk.load.wire import Address, GoneError, head_of

PATH: Final = "/api/v1/envelopes"
XML: Final = "application/xml"
_PATIENCE_SECONDS: Final = 60.0


def make_documents(plan: Plan, scribe: Scribe, store: Store, *, passed: Callable[[], None]) -> list[str]:
    """Write, sign and keep every document of ``plan``; their digests. ``passed``: after each."""
    digests = []
    for number, draft in enumerate(plan.drafts):
        octets = scribe.write(number + 1, draft)
        store.put(octets)
        digests.append(hashlib.sha256(octets).hexdigest())
        passed()
    store.whole()
    return digests


def room_needed(plan: Plan) -> int:
    """Octets of all documents, a little more than less."""
    return sum(draft.size.octets for draft in plan.drafts) * 21 // 20


@dataclass(slots=True, kw_only=True)
class Load:
    """One run. What was seen until now can be asked for at any time, also after an interruption."""

    address: Address
    key: str = field(repr=False)
    plan: Plan
    store: Store
    digests: Sequence[str]
    connections: int
    clock: Clock
    followers: Sequence[str] = field(default=(), repr=False)  #: keys of the systems that are played; empty: none
    document_ids: frozenset[str] = frozenset()  #: of this run: other mail in their inboxes is left alone
    passed: Callable[[], None] = lambda: None  #: after each answer
    _answers: list[Answer | None] = field(init=False)
    _timings: list[Timing | None] = field(init=False)
    _following: Following | None = None
    _began: float = 0.0
    _followed_for: float = 0.0

    def __post_init__(self) -> None:
        self._answers = [None] * len(self.plan.arrivals)
        self._timings = [None] * len(self.plan.arrivals)

    async def run(self) -> None:
        """Submit everything; then wait for the ends, if they are followed."""
        self._following = Following(clock=self.clock) if self.followers else None
        async with self._mailboxes():
            self._began = self.clock()
            await self._submit()
            if self._following is not None:
                await self._following.all_ended(patience=_PATIENCE_SECONDS)
                self._followed_for = self.clock() - self._began

    def report(self) -> Report:
        seen = list(self._seen())
        lasted = max((one.timing.ended for one in seen), default=self._began) - self._began
        sizes = dict.fromkeys(draft.size.name for draft in self.plan.drafts)
        of_each, total = rows(seen, sorted(sizes, key=self._octets_of), seconds=lasted)
        return Report(
            planned=len(self.plan.arrivals),
            lasted_seconds=round(lasted, 3),
            rows=of_each,
            total=total,
            unexpected=unexpected(seen),
            client=punctuality([one.timing for one in seen], connections=self.connections),
            followed=self._followed(),
        )

    async def _submit(self) -> None:
        lanes = [Lane(self.address) for _ in range(min(self.connections, len(self.plan.arrivals)))]
        try:
            await OpenModel(lanes, self._perform, self._told, clock=self.clock).run(self.plan.dues)
        finally:
            for lane in lanes:
                lane.close()

    async def _perform(self, number: int, lane: Lane) -> Answer:
        document = self.plan.arrivals[number].document
        length = self.store.size(document)
        head = head_of(self.address, f"POST {PATH}", key=self.key, length=length, content_type=XML)
        try:
            return Answer.of(await lane.ask(_request(head, self.store.pieces(document))))
        except GoneError as gone:
            return Answer(0, str(gone))

    def _told(self, number: int, answer: Answer, timing: Timing) -> None:
        self._answers[number], self._timings[number] = answer, timing
        if self._following is not None and answer.accepted:
            self._following.submitted(answer.envelope_id, since=timing.due, deliveries=answer.deliveries)
        self.passed()

    @asynccontextmanager
    async def _mailboxes(self) -> AsyncIterator[None]:
        clients = [Client(self.address, key) for key in dict.fromkeys(self.followers)]
        living = []
        if self._following is not None:
            told, troubled = self._following.told, self._following.troubled
            boxes = [Mailbox(client, told, troubled, self._is_mine) for client in clients]
            living = [asyncio.create_task(box.live()) for box in boxes]
        try:
            yield
        finally:
            for task in living:
                task.cancel()
            await asyncio.gather(*living, return_exceptions=True)
            for client in clients:
                client.close()

    def _is_mine(self, item: Item) -> bool:
        return item["envelope"]["document_id"] in self.document_ids

    def _seen(self) -> Iterator[Seen]:
        judged = judge(self.plan.arrivals, self._answers, self.digests)
        for arrival, answer, timing, judgement in zip(
            self.plan.arrivals, self._answers, self._timings, judged, strict=True
        ):
            if answer is not None and timing is not None and judgement is not None:
                size = self.plan.drafts[arrival.document].size
                yield Seen(size.name, self.store.size(arrival.document), answer, timing, judgement)

    def _octets_of(self, size: str) -> int:
        return next(draft.size.octets for draft in self.plan.drafts if draft.size.name == size)

    def _followed(self) -> Followed | None:
        told = self._following
        if told is None:
            return None
        return Followed(
            documents=told.submitted_documents,
            ended=told.ended_documents,
            ended_per_second=round(told.ended_documents / self._followed_for, 2) if self._followed_for else 0.0,
            to_confirmation_ms=quantiles(told.to_confirmation),
            to_last_acknowledgement_ms=quantiles(told.to_last_acknowledgement),
            troubles=dict(told.troubles),
        )


def _request(head: bytes, body: Iterator[bytes]) -> Iterator[bytes]:
    """Head and the first piece together: one packet where it fits."""
    yield head + next(body)
    yield from body
