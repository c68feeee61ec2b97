"""A PostgreSQL connection that does not wait for ever.

TCP notices a cable that is out; it does not notice a server, or something on the way to it, that takes octets and says
nothing. Whoever waits for such an answer holds a thread and whatever lock it has, so that one silent connection can
stop a process.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen


class SilentDatabaseError(psycopg.OperationalError):
    """Nothing came for too long: whether the statement was carried out is not known."""


def patient(seconds: float) -> type[psycopg.Connection[Any]]:
    """Connections that are given up, and closed, when nothing comes back for ``seconds``."""

    class Patient(psycopg.Connection[Any]):
        def wait(self, gen: PQGen[RV], *args: Any, **options: Any) -> RV:
            try:
                return super().wait(_unless_silent(gen, seconds), *args, **options)
            except SilentDatabaseError:
                self.pgconn.finish()  # an answer that comes now would be taken for another's
                raise

    return Patient


def _unless_silent(talk: PQGen[RV], seconds: float) -> PQGen[RV]:
    """The same talk, which ends by ``SilentDatabaseError``: psycopg wakes it several times a second."""
    try:
        wanted = next(talk)
        heard = time.monotonic()
        while True:
            ready = yield wanted
            if ready:
                heard = time.monotonic()
            elif time.monotonic() - heard > seconds:
                raise SilentDatabaseError(f"the database has said nothing for {seconds:g} s")
            wanted = talk.send(ready)
    except StopIteration as end:
        result: RV = end.value
        return result
