"""``results``: the table of runs beside what the papers print, or the papers' figures alone."""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core.commands.output import table_stream
from fracture_core.errors import FractureError, UnknownName

if TYPE_CHECKING:
    from fracture_core.results import OutOfFold, PublishedRow, ResultRow

RATES = ("sensitivity", "specificity")
UNBOUNDED = 10_000
"""Characters to a line where there is no terminal: nothing is left out of a file or a pipe."""


def add(commands: argparse._SubParsersAction) -> None:
    """Join ``results`` to the command line."""
    command = commands.add_parser("results", help="list the runs beside the papers' figures")
    command.add_argument("--paper", metavar="KEY", help="this paper's alone, as 'lisbon2023'")
    command.add_argument("--published", action="store_true", help="list the figures that the papers print instead")
    command.add_argument("--csv", type=Path, metavar="FILE", help="write the table, with every column, to a file too")
    command.add_argument("--runs", type=Path, metavar="DIR", help="folder of run records, if not the repository's")
    command.set_defaults(run=results)


def results(options: argparse.Namespace) -> int:
    """Print the table; 3 when a run record could not be read."""
    from fracture_core.results import (
        RUNS,
        complete_folds,
        flat_published,
        flat_run,
        load_published,
        pool,
        read_folder,
        table,
    )

    papers = load_published()
    if options.paper is not None and options.paper not in papers:
        raise UnknownName("paper", options.paper, papers)
    if options.published:
        figures = [(key, row) for key, paper in papers.items() for row in paper.rows if options.paper in (None, key)]
        _print_table(PUBLISHED_COLUMNS, figures)
        _write_csv(options.csv, [flat_published(key, row) for key, row in figures])
        return 0
    if options.runs is not None and not options.runs.is_dir():
        raise FractureError(f"There is no folder '{options.runs}'. Check --runs.")
    records = read_folder(options.runs or RUNS)
    rows = [row for row in table(records.runs, papers) if options.paper in (None, row.paper)]
    if rows:
        _print_table(RUN_COLUMNS, rows)
        for folds in complete_folds(run for run in records.runs if run["id"] in {row.id for row in rows}):
            print(_out_of_fold(pool(folds)))
        for why in dict.fromkeys(row.why for row in rows if row.why and not row.comparable):
            print(f"Not comparable with a paper: {why.rstrip('.')}.")
        _write_csv(options.csv, [flat_run(row) for row in rows])
    else:
        print("No such run yet: train one with 'python train.py', or list the papers' figures with --published.")
    return 3 if records.damaged else 0


def _out_of_fold(found: OutOfFold) -> str:
    figures = ", ".join(
        f"{title} {found.metrics[name].decimal()}"
        for name, title in (("auc", "AUC"), ("ece", "calibration error"), *((name, name) for name in RATES))
    )
    return (
        f"All {len(found.runs)} folds of {found.recipe}, {found.model}, on {found.data}, out of fold: {figures}; "
        f"{found.films} films, {found.fractured} fractured."
    )


def _write_csv(path: Path | None, rows: Sequence[dict[str, Any]]) -> None:
    if path is None:
        return
    with table_stream(path) as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


# On the screen ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column on the screen.

    Attributes:
        name: its heading.
        rank: where there is no room for all, the columns of the highest ranks are left out;
            those of rank 0 never.
        cell: a row's text.
        right: its texts end, rather than begin, below one another.
    """

    name: str
    rank: int
    cell: Callable[[Any], str]
    right: bool = False


def _print_table(columns: Sequence[Column], rows: Sequence[Any]) -> None:
    """As many columns as the terminal holds, the first by rank, in their order."""
    filled = [column for column in columns if any(map(column.cell, rows))]
    widths = {c.name: max(len(c.name), *(len(c.cell(row)) for row in rows)) for c in filled}
    room = shutil.get_terminal_size((UNBOUNDED, 24)).columns
    shown: list[Column] = []
    for column in sorted(filled, key=lambda column: column.rank):
        room -= widths[column.name] + (2 if shown else 0)
        if column.rank and room < 0:
            break
        shown.append(column)
    shown.sort(key=filled.index)
    for texts in ([c.name for c in shown], *([c.cell(row) for c in shown] for row in rows)):
        cells = (
            text.rjust(widths[c.name]) if c.right else text.ljust(widths[c.name])
            for c, text in zip(shown, texts, strict=True)
        )
        print("  ".join(cells).rstrip())
    if hidden := [column.name for column in filled if column not in shown]:
        print(f"No room for: {', '.join(hidden)}. --csv FILE writes every column.", file=sys.stderr)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _measured(name: str, *, of: str = "metrics") -> Callable[[ResultRow], str]:
    def cell(row: ResultRow) -> str:
        estimate = getattr(row, of).get(name)
        return "" if estimate is None or estimate.value != estimate.value else f"{estimate.value:.3f}"

    return cell


def _auc(row: ResultRow) -> str:
    estimate = row.metrics.get("auc")
    return "" if estimate is None else estimate.decimal()


def _printed(row: PublishedRow | None, metric: str) -> str:
    """A published value, with as many places as it needs; a misprint as it stands."""
    if row is None or metric not in row.metrics:
        return ""
    value, text = row.metrics[metric], row.as_printed(metric)
    if value is None:
        return f"{text} (sic)"
    about = "≈" if any(map(str.isalpha, text)) else ""  # "just above 0.7"
    places = f"{value:.4f}"
    return about + places[:4] + places[4:].rstrip("0")


def _paper(metric: str) -> Callable[[ResultRow], str]:
    return lambda row: _printed(row.published, metric)


def _figure(metric: str) -> Callable[[tuple[str, PublishedRow]], str]:
    return lambda keyed: _printed(keyed[1], metric)


RUN_COLUMNS = (
    Column("date", 13, lambda row: row.date),
    Column("recipe", 1, lambda row: row.recipe),
    Column("paper", 16, lambda row: row.paper),
    Column("model", 0, lambda row: row.model),
    Column("data", 12, lambda row: row.data),
    Column("split", 11, lambda row: f"{row.split} {row.fold}".rstrip()),
    Column("epochs", 15, lambda row: _text(row.epochs), right=True),
    Column("n test", 8, lambda row: _text(row.n), right=True),
    Column("AUC", 0, _auc),
    Column("accuracy", 3, _measured("accuracy"), right=True),
    Column("sensitivity", 4, _measured("sensitivity"), right=True),
    Column("specificity", 5, _measured("specificity"), right=True),
    Column("F1", 6, _measured("f1"), right=True),
    Column("accuracy at 0.5", 9, _measured("accuracy", of="argmax"), right=True),
    Column("F1 at 0.5", 14, _measured("f1", of="argmax"), right=True),
    Column("paper's AUC", 2, _paper("auc")),
    Column("paper's accuracy", 2, _paper("accuracy")),
    Column("paper's F1", 7, _paper("f1")),
    Column("comparable", 10, lambda row: "yes" if row.comparable else "no"),
    Column("commit", 17, lambda row: row.commit),
    Column("run", 18, lambda row: row.id),
)
PUBLISHED_COLUMNS = (
    Column("paper", 0, lambda keyed: keyed[0]),
    Column("model", 0, lambda keyed: keyed[1].model),
    Column("here", 9, lambda keyed: _text(keyed[1].model_key)),
    Column("split", 1, lambda keyed: keyed[1].split),
    Column("epoch", 7, lambda keyed: _text(keyed[1].epoch), right=True),
    Column("accuracy", 2, _figure("accuracy")),
    Column("precision", 4, _figure("precision")),
    Column("recall", 4, _figure("recall")),
    Column("F1", 5, _figure("f1")),
    Column("AUC", 3, _figure("auc")),
    Column("loss", 6, _figure("loss")),
    Column("quoted from", 8, lambda keyed: keyed[1].cited),
    Column("where", 10, lambda keyed: keyed[1].where),
)
