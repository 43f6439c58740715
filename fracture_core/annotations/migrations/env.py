"""Run by Alembic with the connection that ``engine.upgrade`` hands over, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from fracture_core.annotations.migrations import VERSION_TABLE
from fracture_core.annotations.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
