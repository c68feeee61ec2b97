"""The ledger's fixtures, for both databases; what they are made of is in ``tests.ledger_kit``. And RabbitMQ's."""

from __future__ import annotations

from tests.estate_kit import grounds
from tests.ledger_kit import engine, ledger, ledger_url, postgres_ledger_url, scribe, sqlite_template

__all__ = ["engine", "grounds", "ledger", "ledger_url", "postgres_ledger_url", "scribe", "sqlite_template"]
