"""How the tables came to be, one numbered step after another; ``engine.upgrade`` runs those that are missing."""

from __future__ import annotations

HEAD = "0002"
"""The newest step in ``versions``. Known here so that a store that is up to date opens without Alembic."""

VERSION_TABLE = "annotations_version"
"""Not Alembic's usual name: in a shared PostgreSQL database another program may have taken that."""
