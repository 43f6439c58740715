"""What was measured and what the papers print: run records, published figures, and the table of both.

No torch here, so that pages which only read numbers open at once.
"""

from __future__ import annotations

from fracture_core.results.published import (
    METRICS,
    PUBLISHED,
    Paper,
    PublishedData,
    PublishedRow,
    load_published,
)
from fracture_core.results.records import (
    RUNS,
    Records,
    ScoredCase,
    read_folder,
    read_records,
    scored_cases,
    to_json,
    write_record,
)
from fracture_core.results.table import ResultRow, flat_published, flat_run, table

__all__ = [
    "METRICS",
    "PUBLISHED",
    "RUNS",
    "Paper",
    "PublishedData",
    "PublishedRow",
    "Records",
    "ResultRow",
    "ScoredCase",
    "flat_published",
    "flat_run",
    "load_published",
    "read_folder",
    "read_records",
    "scored_cases",
    "table",
    "to_json",
    "write_record",
]
