"""Documents from submission to the recipients' confirmations and the sender's last acknowledgement."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from trunk.load.mailbox import Item


@dataclass(slots=True)
class _Story:
    """Of one document; an end may be known before the answer to the submission has been read."""

    begun: float | None = None
    deliveries: int = 0
    confirmed: dict[str, float] = field(default_factory=dict)  #: delivery -> when its recipient's word was heard
    acknowledged: dict[str, float] = field(default_factory=dict)  #: delivery -> when its sender had taken that in
    ended: bool = False


@dataclass(slots=True, kw_only=True)
class Following:
    """When each document was submitted, and when its sender knew the end of it."""

    clock: Callable[[], float]
    ended: Callable[[], None] = lambda: None  #: a document has come to its end
    to_confirmation: list[float] = field(default_factory=list)  #: seconds, one for each delivery
    to_last_acknowledgement: list[float] = field(default_factory=list)  #: seconds, one for each document
    troubles: Counter[str] = field(default_factory=Counter)
    submitted_documents: int = 0
    _stories: dict[str, _Story] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended_documents(self) -> int:
        return len(self.to_last_acknowledgement)

    def submitted(self, envelope_id: str, *, since: float, deliveries: int) -> None:
        """It was accepted; the first word counts."""
        story = self._story(envelope_id)
        if story.begun is not None:
            return
        story.begun, story.deliveries = since, deliveries
        self.submitted_documents += 1
        self.to_confirmation += [at - since for at in story.confirmed.values()]
        self._settle(story)

    def told(self, item: Item) -> None:
        """An item was taken and confirmed, by a recipient or by the sender."""
        envelope, now = item["envelope"], self.clock()
        if envelope["acknowledges"] == "delivered":
            story = self._story(envelope["about"])
            story.acknowledged.setdefault(envelope["about_delivery"], now)
            self._settle(story)
        elif envelope["kind"] == "document":
            story = self._story(envelope["envelope_id"])
            if item["delivery_id"] not in story.confirmed:
                story.confirmed[item["delivery_id"]] = now
                if story.begun is not None:
                    self.to_confirmation.append(now - story.begun)
        self._changed.set()

    def troubled(self, what: str) -> None:
        self.troubles[what[:80]] += 1

    async def all_ended(self, *, patience: float | None = None) -> bool:
        """Until every document that was submitted has ended; no, if nothing happens for ``patience`` seconds."""
        while self.ended_documents < self.submitted_documents:
            self._changed.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._changed.wait()
            except TimeoutError:
                return False
        return True

    def _story(self, envelope_id: str) -> _Story:
        return self._stories.setdefault(envelope_id, _Story())

    def _settle(self, story: _Story) -> None:
        if story.begun is None or story.ended or len(story.acknowledged) < story.deliveries:
            return
        story.ended = True
        self.to_last_acknowledgement.append(max(story.acknowledged.values()) - story.begun)
        self.ended()
        self._changed.set()
