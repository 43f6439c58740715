"""CSV that a spreadsheet opens without taking anybody's words for a formula.

Readers' names, their notes and the names of files come from whoever typed them, and spreadsheets run what begins
like a formula (OWASP, "CSV Injection"). An apostrophe before it makes it plain text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile("[=+\\-@\t\r\n']")  # the apostrophe too, so that one that was there is told from ours
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def guarded(cell: Any) -> Any:
    """A cell with ``'`` before it where it is text that begins as a formula does, or with ``'`` itself.

    Numbers stay as they are, as text too: "-0.5" is no formula.
    """
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def unguarded(cell: str) -> str:
    """The text that ``guarded`` was given; any other text as it is, its own apostrophes among it."""
    bare = cell.removeprefix("'")
    return bare if guarded(bare) == cell else cell


def csv_of(table: pd.DataFrame) -> str:
    """A table as CSV without its index, every heading and every cell of words ``guarded``."""
    words = table.apply(lambda column: column if column.dtype.kind in "biuf" else column.map(guarded))
    return str(words.rename(columns=guarded).to_csv(index=False))
