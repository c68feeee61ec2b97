"""How the hosts do from which lists, answers and authorities are fetched: for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder:
    """One host."""

    host: str
    fetched: int
    failed: int
    last_fetched_at: datetime | None
    last_failure: str  #: a word; empty if it never failed
    left_alone_until: datetime | None  #: None: it is asked when there is a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Responders:
    """All that this process has asked."""

    waiting: int = 0  #: certificates about which something is being fetched
    in_use: int = 0  #: certificates about which something is kept fresh
    hosts: tuple[Responder, ...] = ()
