"""Which errors of a database mean "come again": those become ``LedgerUnavailableError``, with their cause.

A mistake of ours (unknown column, broken constraint) is no outage and stays what it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy import exc

from trunk.errors import LedgerUnavailableError

# Primary result codes that only our own statements can cause.
_SQLITE_OURS: Final = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
        sqlite3.SQLITE_TOOBIG,
    }
)
_READ_ONLY_TRANSACTION: Final = "25006"
_POSTGRES_OUTAGES: Final = ("08", "40", "53", "55", "57", "58", "XX")  # classes of SQLSTATE
_COLLISIONS: Final = ("40", "55P03")  # deadlock, serialisation, a row that was locked too long


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Turn what the database could not do, inside, into ``LedgerUnavailableError``."""
    try:
        yield
    except exc.TimeoutError as error:
        raise LedgerUnavailableError("no free connection to the database") from error
    except exc.DBAPIError as error:
        if error.connection_invalidated or _is_outage(error.orig):
            raise LedgerUnavailableError(_spell(error.orig)) from error
        raise


def is_collision(error: LedgerUnavailableError) -> bool:
    """Whether two transactions stood in each other's way, so that the same again may succeed at once."""
    cause = error.__cause__
    original = cause.orig if isinstance(cause, exc.DBAPIError) else None
    return isinstance(original, psycopg.Error) and (original.sqlstate or "").startswith(_COLLISIONS)


def _is_outage(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return code is not None and code & 0xFF not in _SQLITE_OURS
    if isinstance(error, psycopg.Error):
        state = error.sqlstate
        if state is None:  # said by the driver, not by the server
            return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return state == _READ_ONLY_TRANSACTION or state.startswith(_POSTGRES_OUTAGES)
    return False


def _spell(error: BaseException | None) -> str:
    """A name and a code: messages of databases quote rows, and rows are people's mail."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or ""
    return f"the database could not: {type(error).__name__} {code}".rstrip()
