"""What a packed copy of a data set says of itself; ``packing`` writes such copies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from fracture_core.errors import DataSetError

PACKED: Final = "packed.json"


def packed_notes(root: Path) -> tuple[str, ...]:
    """The note of the ``packed.json`` in a folder, alone in a tuple; empty where there is none.

    Raises:
        DataSetError: the file is there and holds no note.
    """
    path = root / PACKED
    if not path.is_file():
        return ()
    try:
        return (str(json.loads(path.read_text(encoding="utf-8"))["note"]),)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataSetError(f"'{path}' does not say how the films were packed. Pack the data set again.") from error
