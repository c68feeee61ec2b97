"""Which tables a statement would read from end to end, however many rows they will have one day."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sqlalchemy import Connection, Engine, event

from trunk.storage.engine import is_sqlite
from trunk.storage.tables import METADATA

_GROWING: Final = frozenset(
    {"envelope", "payload", "delivery", "journal", "outbox", "idempotency", "evidence", "relation", "status_report"}
)
_OF_ROWS: Final = re.compile(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)\b", re.IGNORECASE)
_WHOLE: Final = re.compile(r"SCAN (\w+)")  # an index read from end to end is no better
assert set(METADATA.tables) >= _GROWING


class Plans:
    """Asks the database, before each statement that it has not met, how it would find the rows."""

    def __init__(self, engine: Engine) -> None:
        self.whole: dict[str, set[str]] = {}  #: statement → growing tables that it would read from end to end
        self.asked: set[str] = set()
        event.listen(engine, "before_cursor_execute", self._look)
        if not is_sqlite(engine):
            event.listen(engine, "connect", _as_if_tables_were_large)

    def _look(self, connection: Connection, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement in self.asked or not _OF_ROWS.match(statement):
            return
        self.asked.add(statement)
        read = _of_sqlite if is_sqlite(connection) else _of_postgresql
        if (
            whole := read(cursor.connection.cursor(), statement, values[0] if isinstance(values, list) else values)
            & _GROWING
        ):
            self.whole[statement] = whole


def _as_if_tables_were_large(connection: Any, _record: Any) -> None:
    """PostgreSQL reads small tables whole whatever indexes they have: what it still reads so has none."""
    connection.execute("SET enable_seqscan = off")
    connection.commit()


def _of_sqlite(cursor: Any, statement: str, values: Any) -> set[str]:
    """Without those that are read in the order that is wished for, until there are enough."""
    cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    steps = [step for *_, step in cursor.fetchall()]
    if " LIMIT " in statement and not any("TEMP B-TREE" in step for step in steps):
        return set()
    return {found[1] for step in steps if (found := _WHOLE.match(step))}


def _of_postgresql(cursor: Any, statement: str, values: Any) -> set[str]:
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", values)
    told = cursor.fetchone()[0]
    return set(_sequential(json.loads(told) if isinstance(told, str) else told))


def _sequential(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for part in node for name in _sequential(part)]
    if not isinstance(node, dict):
        return []
    own = [node["Relation Name"]] if node.get("Node Type") == "Seq Scan" else []
    return own + _sequential([part for part in node.values() if isinstance(part, list | dict)])
