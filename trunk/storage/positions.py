"""Places in the order of inboxes, given so that their order is the order of the commits.

The counter row is moved on FIRST in a transaction. Its row lock is then held until the commit, so the next
transaction's numbers are higher and become visible later: a reader who has seen position 7 has seen, or could have
seen, every lower one. A sequence would not do: numbers 7 and 8 drawn, 8 committed and read, 7 committed later and
never read. The same lock makes accepting transactions take turns, so they cannot deadlock on each other's rows.
Numbers that are set aside and not used are lost; gaps mean nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.storage.tables import COUNTER

POSITION: Final = "position"

_MOVE_ON: Final = (
    sa.update(COUNTER)
    .where(COUNTER.c.name == POSITION)
    .values(value=COUNTER.c.value + sa.bindparam("count", type_=sa.BigInteger))
    .returning(COUNTER.c.value)
)
_NEWEST: Final = sa.select(COUNTER.c.value).where(COUNTER.c.name == POSITION)


class Held(NamedTuple):
    """Numbers set aside: the next one to give and the last one."""

    next: int
    last: int


class Positions:
    """The numbers that one transaction has set aside."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.held: Held | None = None  #: None: the counter is not locked by us yet

    def reserve(self, count: int) -> None:
        """Lock the counter and have ``count`` numbers ready."""
        if self.held is not None and self.held.last - self.held.next + 1 >= count:
            return
        last = self._connection.execute(_MOVE_ON, {"count": count}).scalar_one()
        self.held = Held(last - count + 1, last)

    def take(self) -> int:
        """The next number."""
        if self.held is None or self.held.next > self.held.last:
            self.reserve(1)
        assert self.held is not None  # noqa: S101 - reserve() has just set it
        number, last = self.held
        self.held = Held(number + 1, last)
        return number


def newest(connection: Connection) -> int:
    """The highest number given by any transaction that this one can see."""
    number: int = connection.execute(_NEWEST).scalar_one()
    return number
