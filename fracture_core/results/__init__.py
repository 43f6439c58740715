"""What was measured and what the papers print: run records, published figures, and the table of both.

No torch here, so that pages which only read numbers open at once.
"""

from __future__ import annotations

from fracture_core.results.beside import (
    OF_ONE_CLASS,
    Beside,
    Counted,
    Mark,
    Measured,
    in_words,
    marks,
    not_fractured_share,
    own_figure,
    set_beside,
)
from fracture_core.results.counts import HALF, matrix_at
from fracture_core.results.folds import OutOfFold, complete_folds, pool
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
    ScoredFilms,
    read_folder,
    read_outlines,
    read_records,
    read_run,
    scored_cases,
    scored_films,
    to_json,
    write_record,
)
from fracture_core.results.speeds import (
    FAST_LOADER,
    FIXED,
    LOADER,
    OURS,
    SPEEDS,
    TRAINING_SPEEDS,
    Speed,
    TrainingSpeed,
    machine,
    read_speeds,
    read_training_speeds,
)
from fracture_core.results.table import ResultRow, flat_published, flat_run, table

__all__ = [
    "FAST_LOADER",
    "FIXED",
    "HALF",
    "LOADER",
    "METRICS",
    "OF_ONE_CLASS",
    "OURS",
    "PUBLISHED",
    "RUNS",
    "SPEEDS",
    "TRAINING_SPEEDS",
    "Beside",
    "Counted",
    "Mark",
    "Measured",
    "OutOfFold",
    "Paper",
    "PublishedData",
    "PublishedRow",
    "Records",
    "ResultRow",
    "ScoredCase",
    "ScoredFilms",
    "Speed",
    "TrainingSpeed",
    "complete_folds",
    "flat_published",
    "flat_run",
    "in_words",
    "load_published",
    "machine",
    "marks",
    "matrix_at",
    "not_fractured_share",
    "own_figure",
    "pool",
    "read_folder",
    "read_outlines",
    "read_records",
    "read_run",
    "read_speeds",
    "read_training_speeds",
    "scored_cases",
    "scored_films",
    "set_beside",
    "table",
    "to_json",
    "write_record",
]
