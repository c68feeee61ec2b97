"""The two databases, and the few lines in which they differ.

What the trunk promises rests on these settings: a commit that returned is on the disk (``synchronous``), a writer
never loses a race half-way (``BEGIN IMMEDIATE``), and nobody waits for ever (time-outs). ``bulk`` holds the one
other difference, the way many rows travel at once.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, exc, make_url
from sqlalchemy.dialects import postgresql

from trunk.errors import ConfigurationError, LedgerUnavailableError
from trunk.storage.patience import patient

LOCK_SECONDS: float = 10
"""How long a writer waits for another one before the fault is told: longer than any transaction of ours."""
CONNECT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 20.0
"""After which a PostgreSQL that says nothing is given up by those that serve: as long as TCP waits for a cable."""
POSTGRESQL: Final = cast("Callable[[], Dialect]", postgresql.dialect)()  # SQLAlchemy left it untyped
_READING: Final = "trunk_reading"
_PRIVATE: Final = 0o600
_TURN_PAUSE_SECONDS: Final = 0.002
_LEFT_AT: Final = "left_at"
_SLEPT_SECONDS: Final = 1.0


def open_engine(
    url: str, *, read_only: bool = False, pool_size: int = 16, answer_seconds: float | None = None
) -> Engine:
    """An engine for ``sqlite:///path`` or ``postgresql://…``; a read-only one cannot write, whatever is asked of it.

    ``answer_seconds``: how long PostgreSQL may be silent about a statement; None: as long as it takes.

    Opening connects to nothing; a SQLite file is made here, readable by its owner alone, if it is not there.
    """
    target = make_url(url)
    match target.get_backend_name():
        case "sqlite":
            return _open_sqlite(target, read_only=read_only, pool_size=pool_size)
        case "postgresql":
            engine = _open_postgresql(target, read_only=read_only, pool_size=pool_size)
            if answer_seconds is not None:
                _lose_patience(engine, answer_seconds)
            return engine
        case other:
            raise ConfigurationError(f"no ledger on {other!r}: write sqlite:///path or postgresql://user@host/name")


def is_sqlite(bind: Engine | Connection) -> bool:
    return bind.dialect.name == "sqlite"


def for_reading(engine: Engine) -> Engine:
    """The same, whose connections see the ledger as it was at one moment, and write nothing.

    To be kept: SQLAlchemy takes longer to make one than for a small question.
    """
    return _made(engine, "REPEATABLE READ")


def for_glances(engine: Engine) -> Engine:
    """The same for questions that stand alone: each sees what is committed when it is asked, and costs one trip."""
    return _made(engine, "AUTOCOMMIT")


def _made(engine: Engine, isolation_level: str) -> Engine:
    level: dict[str, Any] = {} if is_sqlite(engine) else {"isolation_level": isolation_level}
    return engine.execution_options(**{_READING: True}, **level)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection of ``for_reading``, once."""
    with for_reading(engine).connect() as connection:  # rolled back: there is nothing to commit
        yield connection


def require_transaction(connection: Connection) -> None:
    """Raise ``LedgerUnavailableError`` if SQLite has undone the transaction that this connection was in.

    It does so by itself where it cannot undo a single statement (full disk, I/O error, no memory), and then commits
    what follows statement by statement; a commit at the end would succeed, and mean nothing.
    """
    if is_sqlite(connection) and not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
        raise LedgerUnavailableError("the database has undone the whole transaction")


def settle(engine: Engine) -> None:
    """Of SQLite: everything into the one file, nothing left beside it."""
    if is_sqlite(engine):
        raw = engine.raw_connection()
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()


def writers_turn(engine: Engine) -> AbstractContextManager[object]:
    """What a writer holds while it writes.

    SQLite lets one writer in at a time and makes the others sleep and try again, up to 100 ms a time; a lock hands
    over at once. It also keeps commits and checkpoints apart, which SQLite before 3.51.3 needs (two connections
    that commit and checkpoint at one moment could damage the file), those of other processes too.
    """
    return _Turn(Path(engine.url.database or "").parent) if is_sqlite(engine) else nullcontext()


class _Turn:
    """A lock of this process, and of the machine by the folder; waited for no longer than a database lock would be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._handle: int | None = None

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=LOCK_SECONDS):
            raise LedgerUnavailableError("another writer of this process holds the ledger")
        try:
            self._handle = self._locked()
        except OSError as error:
            self._lock.release()
            raise LedgerUnavailableError(f"no writer gets its turn: {error.strerror}") from error
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        handle, self._handle = self._handle, None
        try:
            if handle is not None:
                os.close(handle)
        finally:
            self._lock.release()

    def _locked(self) -> int:
        """The folder, opened and locked: it is there already. Raises ``LedgerUnavailableError``, ``OSError``."""
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with ExitStack() as failed:
            failed.callback(os.close, handle)
            if not _taken(handle, before=time.monotonic() + LOCK_SECONDS):
                raise LedgerUnavailableError("a writer of another process holds the ledger")
            failed.pop_all()
        return handle


def _taken(handle: int, *, before: float) -> bool:
    while time.monotonic() < before:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_TURN_PAUSE_SECONDS)
        else:
            return True
    return False


def _open_sqlite(url: URL, *, read_only: bool, pool_size: int) -> Engine:
    path = url.database
    if not path or path == ":memory:":
        raise ConfigurationError("a ledger in memory keeps no promise: write sqlite:///path")
    if read_only:
        url = url.set(database=f"file:{quote(path)}", query={"mode": "ro", "uri": "true"})
    elif Path(path).parent.is_dir():
        Path(path).touch(mode=_PRIVATE)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,  # a connection above that would be opened and closed for every use
        pool_timeout=LOCK_SECONDS,
        hide_parameters=True,  # parameters are people's mail: not for tracebacks
        connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False},
    )
    _tame_sqlite(engine, read_only=read_only)
    return engine


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _tame_sqlite(engine: Engine, *, read_only: bool) -> None:
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy, not the driver, says BEGIN
        connection.execute(f"PRAGMA busy_timeout = {_milliseconds(LOCK_SECONDS)}")
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # NORMAL commits without fsync: a power cut loses them
        connection.execute("PRAGMA wal_autocheckpoint = 4000")  # pages: a group of envelopes is some 400

    def begin(connection: Connection) -> None:
        # A deferred transaction that reads first and writes later can fail at once
        # with SQLITE_BUSY, whatever the timeout; an immediate one waits its turn.
        reader = read_only or connection.get_execution_options().get(_READING, False)
        connection.exec_driver_sql("BEGIN" if reader else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)


def _open_postgresql(url: URL, *, read_only: bool, pool_size: int) -> Engine:
    settings = {
        "timezone": "UTC",
        "synchronous_commit": "on",  # a database set up otherwise would lose what we acknowledged
        "lock_timeout": f"{_milliseconds(LOCK_SECONDS)}ms",
        "idle_in_transaction_session_timeout": "15s",  # a frozen node must not hold the others' rows
    }
    if read_only:
        settings["default_transaction_read_only"] = "on"
    given = url.query.get("options", "")
    options = [given] if isinstance(given, str) else list(given)
    options += [f"-c {name}={value}" for name, value in settings.items()]
    url = url.set(drivername="postgresql+psycopg").difference_update_query(["options"])
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,  # a connection above that would be opened and closed for every use
        pool_use_lifo=True,  # the one that was used last: it has its statements prepared, and the server its caches
        pool_timeout=LOCK_SECONDS,
        connect_args={
            "options": " ".join(options).strip(),
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "edoc-trunk",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,  # milliseconds: a cut cable is noticed, not waited for
        },
    )
    _wake_gently(engine)
    if read_only:
        event.listen(engine, "connect", _forbid_writing)
    return engine


def _lose_patience(engine: Engine, seconds: float) -> None:
    kind = patient(seconds)

    def connect(_dialect: Any, _record: Any, args: Any, options: Any) -> Any:
        return kind.connect(*args, **options)

    event.listen(engine, "do_connect", connect)


def _wake_gently(engine: Engine) -> None:
    """Ask a connection that has slept whether it still lives. One that was used a moment ago is not asked each time:
    if the server has gone since, its users are told to come again, and the pool drops all that are as old."""

    def left(_connection: Any, record: Any) -> None:
        record.info[_LEFT_AT] = time.monotonic()

    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get(_LEFT_AT, time.monotonic()) < _SLEPT_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise exc.DisconnectionError(str(error)) from error

    event.listen(engine, "checkin", left)
    event.listen(engine, "checkout", taken)


def _forbid_writing(connection: Any, _record: Any) -> None:
    # SQLAlchemy's own option (postgresql_readonly) ends with the transaction that asked for it, and then says
    # READ WRITE for every later one, whatever the server's default.
    connection.read_only = True
