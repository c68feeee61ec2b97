"""Alembic's entry: runs the revisions on the connection, and in the transaction, that ``migrate`` hands in."""

from __future__ import annotations

from alembic import context

from trunk.storage.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
