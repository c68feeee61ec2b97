"""What the world outside knows, and whether it fits together. Knows nothing of the trunk but what was said to agencies.

Everything is counted by octets (their SHA-256): ids are the trunk's, octets are the agencies'. ``scripts.soak.law``
judges what is recorded here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

FINAL: Final = frozenset({"delivered", "undeliverable", "recalled"})
"""What ends the trunk's care for one recipient; ``received`` and ``refused`` come after it, from people."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one submission was, whatever became of it."""

    sha256: str
    sender: str
    recipients: tuple[str, ...]
    kind: str = "document"  #: or ``status``, which nobody owes an acknowledgement for


@dataclass(slots=True)
class Held:
    """What one recipient's system holds."""

    deliveries: dict[str, str] = field(default_factory=dict)  #: delivery id -> SHA-256 of what was stored
    octets: dict[str, str] = field(default_factory=dict)  #: SHA-256 -> the envelope id it first came under
    confirmed: set[str] = field(default_factory=set)  #: delivery ids that the trunk took our word for
    offered_again: int = 0  #: after that


@dataclass
class Oracle:
    """The whole history of a run."""

    sent: dict[str, Sent] = field(default_factory=dict)  #: by SHA-256
    answers: dict[str, str] = field(default_factory=dict)  #: SHA-256 -> envelope id that was answered first
    envelopes: dict[str, str] = field(default_factory=dict)  #: envelope id -> SHA-256
    refused: dict[str, str] = field(default_factory=dict)  #: SHA-256 -> code
    unheard: set[str] = field(
        default_factory=set
    )  #: SHA-256 of what was submitted once, or more often, without an answer
    held: dict[str, Held] = field(default_factory=dict)  #: by agency
    told: Counter[tuple[str, str, str]] = field(default_factory=Counter)  #: envelope, fact, delivery -> times
    reported: set[tuple[str, str]] = field(default_factory=set)  #: agency, SHA-256: its people said 03 of it
    asked_back: set[str] = field(default_factory=set)  #: SHA-256 of what its sender has recalled
    broken: list[str] = field(default_factory=list)  #: what was seen and cannot be, as it was seen
    deliveries: int = 0  #: that the accepted submissions make
    owed: int = 0  #: of them, those of documents: their senders are told the end
    ended: int = 0  #: of those, how many ends senders were told
    ends: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  #: envelope -> deliveries
    _read: set[str] = field(default_factory=set)

    def submitted(self, sent: Sent) -> None:
        """Before the first octet leaves."""
        self.sent[sent.sha256] = sent

    def accepted(self, sha256: str, envelope_id: str) -> None:
        """201."""
        first = self.answers.setdefault(sha256, envelope_id)
        if first != envelope_id:
            self.broken.append(f"one submission became two envelopes: {first} and {envelope_id}")
        elif envelope_id not in self.envelopes:
            self.deliveries += len(self.sent[sha256].recipients)
            self.owed += len(self.sent[sha256].recipients) * (self.sent[sha256].kind == "document")
        if self.envelopes.setdefault(envelope_id, sha256) != sha256:
            self.broken.append(f"one envelope for two submissions: {envelope_id}")

    def not_heard(self, sha256: str) -> None:
        """A submission got no answer: it may have been accepted or refused, or become so while it is repeated."""
        self.unheard.add(sha256)

    def turned_down(self, sha256: str, code: str) -> None:
        """A refusal that is not temporary."""
        if sha256 in self.answers:
            self.broken.append(f"refused after it was accepted: {self.answers[sha256]} ({code})")
        self.refused[sha256] = code

    def stored(self, agency: str, delivery_id: str, envelope_id: str, sha256: str) -> None:
        """A recipient has got it whole."""
        held, sent = self.held.setdefault(agency, Held()), self.sent.get(sha256)
        if sent is None:
            self.broken.append(f"{agency} was handed octets that nobody sent: {delivery_id}")
        elif agency not in sent.recipients:
            self.broken.append(f"{agency} was handed what was not for it: {delivery_id}")
        if held.deliveries.setdefault(delivery_id, sha256) != sha256:
            self.broken.append(f"a delivery changed its octets: {delivery_id}")
        elif delivery_id in held.confirmed:
            held.offered_again += 1
        first = held.octets.setdefault(sha256, envelope_id)
        if first != envelope_id:
            self.broken.append(f"{agency} got one submission under two ids: {first} and {envelope_id}")

    def took_word(self, agency: str, delivery_id: str) -> None:
        """The trunk has taken a recipient's confirmation."""
        self.held.setdefault(agency, Held()).confirmed.add(delivery_id)

    def has(self, agency: str, delivery_id: str) -> bool:
        """Whether this agency's system holds that delivery."""
        return agency in self.held and delivery_id in self.held[agency].deliveries

    def acknowledged(self, about: str, fact: str, delivery_id: str, *, own: str) -> None:
        """A sender has read an acknowledgement; ``own``: its delivery id, since reading it twice is no second one."""
        if own in self._read:
            return
        self._read.add(own)
        self.told[(about, fact, delivery_id)] += 1
        if fact in FINAL:
            self.ended += delivery_id not in self.ends[about]
            self.ends[about].add(delivery_id)

    @property
    def missing(self) -> int:
        """Final acknowledgements, and statuses at their recipients, that are still to come."""
        return sum(self._missing(envelope_id, self.sent[sha256]) for envelope_id, sha256 in self.envelopes.items())

    def _missing(self, envelope_id: str, sent: Sent) -> int:
        if sent.kind == "document":
            told = len(self.ends[envelope_id]) if envelope_id in self.ends else 0
            return len(sent.recipients) - told
        return sum(agency not in self.held or sent.sha256 not in self.held[agency].octets for agency in sent.recipients)

    @property
    def open(self) -> int:
        """Deliveries of documents whose sender has not been told the end yet."""
        return self.owed - self.ended

    @property
    def offered_again(self) -> int:
        """Deliveries that came again after they were confirmed: allowed, and marked by their id."""
        return sum(held.offered_again for held in self.held.values())
