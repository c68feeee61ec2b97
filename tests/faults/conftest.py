"""The ledger's fixtures, for both databases; what they are made of is in ``tests.ledger_kit``."""

from __future__ import annotations

from tests.ledger_kit import engine, ledger, ledger_url, postgres_ledger_url, scribe, sqlite_template

__all__ = ["engine", "ledger", "ledger_url", "postgres_ledger_url", "scribe", "sqlite_template"]
