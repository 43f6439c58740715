"""Where annotations are kept, and opening them. SQLAlchemy is loaded only then."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fracture_core.annotations.store import Store

FOLDER = "fracture-reading-room"
FILE = "annotations.db"


def data_folder() -> Path:
    """``$FRACTURE_HOME``, else the place where this platform keeps a user's data."""
    named = os.environ.get("FRACTURE_HOME")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / FOLDER
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / FOLDER
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / FOLDER


def open_store(url: str | os.PathLike[str] | None = None) -> Store:
    """Open the annotations, making the place and its tables where they are missing.

    Args:
        url: ``sqlite:///path``, ``postgresql://user:password@host/name``, or the path of an SQLite file. By
            default ``$FRACTURE_DB_URL``, else ``annotations.db`` in ``data_folder()``.

    Returns:
        A store that any number of threads may share.

    Raises:
        StoreError: it cannot be opened; the message names the remedy.
    """
    from fracture_core.annotations.engine import engine_for, upgrade
    from fracture_core.annotations.store import Store

    place = os.fspath(url) if url is not None else os.environ.get("FRACTURE_DB_URL") or str(data_folder() / FILE)
    engine = engine_for(place)
    try:
        upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine)
