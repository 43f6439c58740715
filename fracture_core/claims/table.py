"""A user's own table of results: CSV text to claims, and back.

Columns are found by name, in any order and case, with the usual synonyms; others are ignored. Cells are kept as
they are printed, since their last place is what the audit goes by.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

from fracture_core.claims.figures import RATES, WORDS, Figure, read_figure
from fracture_core.claims.findings import Claim
from fracture_core.errors import FractureError
from fracture_core.metrics import ConfusionMatrix

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "paper": ("paper", "study", "source", "reference", "author", "authors"),
    "model": ("model", "name", "method", "network", "architecture", "classifier", "algorithm"),
    "split": ("split", "set", "part", "partition"),
    "accuracy": ("accuracy", "acc"),
    "precision": ("precision", "prec", "ppv", "positivepredictivevalue"),
    "recall": ("recall", "sensitivity", "sens", "tpr", "truepositiverate"),
    "specificity": ("specificity", "spec", "tnr", "truenegativerate"),
    "f1": ("f1", "f1score", "fscore", "fmeasure", "f1measure"),
    "auc": ("auc", "auroc", "rocauc", "aucroc", "aucscore", "rocaucscore", "areaunderthecurve"),
    "n": ("n", "images", "films", "cases", "total", "size", "support", "ntest", "testimages"),
    "positives": ("positives", "positive", "pos", "npos", "npositive", "fractured", "fractures"),
    "negatives": ("negatives", "negative", "neg", "nneg", "nnegative", "notfractured", "normal", "normals"),
}
"""Column → the names it goes by, in small letters without spaces and signs; a split's name before one is dropped."""

COUNTS = ("n", "positives", "negatives")
MOST_IMAGES = 10**7
"""What a count may be: far more than any test set holds; a larger one is a slip, as in a column of file sizes."""

_ABSENT = {"", "-", "–", "—", "na", "n/a", "nan", "none", "null", "n/s", "not stated", "."}
_BY_NAME = {name: column for column, names in SYNONYMS.items() for name in names}


class TableError(FractureError):
    """A table that cannot be read; the message names line and column, and the way out."""


def read_claims_table(text: str) -> tuple[Claim, ...]:
    """The claims of a CSV text with a heading; separated by commas, semicolons or tabs.

    Per cent signs and decimal commas are taken. A figure without a sign is per cent if it is above 1, and a column
    may not mix the two. Counts are whole numbers up to ``MOST_IMAGES``.

    Raises:
        TableError: it holds no rows or no rates, or a cell cannot be read.
    """
    head, body = _lines(text)
    columns = _columns(head)
    if not set(columns.values()) & set(RATES):
        raise TableError(
            f"The heading, line 1, names no rate. Name a column {', '.join(RATES[:-1])} or {RATES[-1]}; "
            f"it has: {', '.join(filter(None, head)) or 'nothing'}."
        )
    for line, cells in body:
        if len(cells) > len(head):
            raise TableError(
                f"Line {line} has {len(cells)} cells for {len(head)} columns. If decimals are written with a comma, "
                "separate the columns by semicolons or tabs, or put the figures in quotation marks."
            )
    figures = {
        place: _rates(head[place], columns[place], place, body) for place in columns if columns[place] in RATES
    }
    return tuple(
        _claim(
            row,
            line,
            {columns[place]: cell for place, cell in enumerate(cells) if place in columns},
            figures,
            columns,
            head,
        )
        for row, (line, cells) in enumerate(body)
    )


def ignored_columns(text: str) -> tuple[str, ...]:
    """The headings of columns that the audit does not use."""
    head, _ = _lines(text)
    return tuple(name for place, name in enumerate(head) if name and place not in _columns(head))


def claims_csv(claims: Iterable[Claim]) -> str:
    """Claims as a text that ``read_claims_table`` reads."""
    columns = ("paper", "model", "split", *RATES, *COUNTS)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for claim in claims:
        rates = [claim.figures[name].printed if name in claim.figures else "" for name in RATES]
        counts = ["" if count is None else count for count in (claim.n, claim.positives, claim.negatives)]
        writer.writerow([claim.paper, claim.model, claim.split, *rates, *counts])
    return stream.getvalue()


def example() -> str:
    """A made-up table of three models: two sound rows, and one whose F1 was raised by two hundredths."""
    rows = ["model,split,accuracy,precision,recall,specificity,f1,n,positives,negatives"]
    made_up = (
        ("Sound A", ConfusionMatrix(171, 18, 29, 282), 0.0),
        ("Sound B", ConfusionMatrix(152, 40, 48, 260), 0.0),
        ("F1 raised", ConfusionMatrix(160, 30, 40, 270), 0.02),
    )
    for name, m, raised in made_up:
        precision, recall = m.tp / m.called_positive, m.tp / m.positives
        f1 = 2 * m.tp / (m.positives + m.called_positive) + raised
        rates = ((m.tp + m.tn) / m.n, precision, recall, m.tn / m.negatives, f1)
        rows.append(f"{name},test,{','.join(f'{rate:.4f}' for rate in rates)},{m.n},{m.positives},{m.negatives}")
    return "\n".join(rows) + "\n"


# Reading -------------------------------------------------------------------------------------------------


def _lines(text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The heading, and the filled lines by number."""
    text = text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    sign = next((sign for sign in "\t;" if sign in first), ",")
    reader = csv.reader(io.StringIO(text), delimiter=sign, skipinitialspace=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise TableError(f"Line {reader.line_num} cannot be read: {error}. Check its quotation marks.") from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if len(lines) < 2:
        raise TableError(
            "The table holds no rows. Give a heading, as 'model,accuracy,precision,recall,f1,n', "
            "and a line for each model."
        )
    (_, head), *body = lines
    while head and not head[-1]:
        head.pop()
    return head, [(number, cells if any(cells[len(head) :]) else cells[: len(head)]) for number, cells in body]


def _columns(head: Sequence[str]) -> dict[int, str]:
    """Place → column, of those that are known.

    Raises:
        TableError: two headings mean the same.
    """
    found: dict[int, str] = {}
    for place, name in enumerate(head):
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        shorter = re.sub(r"^(test|testing|validation|val)(?=.)", "", plain)
        column = _BY_NAME.get(plain) or _BY_NAME.get(shorter)
        if column is None:
            continue
        if column in found.values():
            other = next(head[at] for at, taken in found.items() if taken == column)
            raise TableError(f"Columns '{other}' and '{name}' both mean {column}. Keep one of them.")
        found[place] = column
    return found


def _rates(name: str, metric: str, place: int, body: Sequence[tuple[int, list[str]]]) -> dict[int, Figure]:
    """Line → the figure of one column."""
    found: dict[int, Figure] = {}
    for line, cells in body:
        cell = cells[place] if place < len(cells) else ""
        if cell.lower() in _ABSENT:
            continue
        figure = read_figure(metric, cell, percent=True if "%" in name else None)
        if figure is None:
            raise TableError(
                f"Line {line}, column '{name}': '{cell}' is not a number. Write one figure to a cell, as 0.8987 or "
                "89.87 %, or leave it empty."
            )
        found[line] = figure
    unsigned = {line: figure for line, figure in found.items() if "%" not in figure.printed + name}
    large = [line for line, figure in unsigned.items() if figure.percent and figure.value <= 1]
    small = [line for line, figure in unsigned.items() if not figure.percent and figure.value > 0]
    if large and small:
        one, other = found[large[0]], found[small[0]]
        raise TableError(
            f"Column '{name}' mixes per cent (line {large[0]}: {one.printed}) and fractions (line {small[0]}: "
            f"{other.printed}). Write all of {WORDS[metric]} alike, or put a % sign to each percentage."
        )
    return found


def _claim(
    row: int,
    line: int,
    cells: Mapping[str, str],
    figures: Mapping[int, Mapping[int, Figure]],
    columns: Mapping[int, str],
    head: Sequence[str],
) -> Claim:
    names = {column: head[place] for place, column in columns.items()}
    n, positives, negatives = (_count(line, names.get(count, count), cells.get(count, "")) for count in COUNTS)
    if positives is not None and negatives is not None:
        if n is not None and n != positives + negatives:
            raise TableError(
                f"Line {line}: {positives} positives and {negatives} negatives are not {n} images. "
                "Correct one of them."
            )
        n = positives + negatives
    elif n is not None and (positives is not None or negatives is not None):
        positives = n - negatives if positives is None and negatives is not None else positives
        negatives = n - (positives or 0)
        if min(positives or 0, negatives) < 0:
            raise TableError(f"Line {line}: one class has more images than the {n} of both. Correct one of them.")
    else:
        positives = negatives = None  # of one class alone: the size of the whole is unknown
    return Claim(
        paper=cells.get("paper", ""),
        model=cells.get("model", "") or f"line {line}",
        split=cells.get("split", ""),
        where=f"line {line}",
        row=row,
        figures={columns[place]: found[line] for place, found in figures.items() if line in found},
        sizes=(n,) if n else (),
        independent=n or None,
        positives=positives,
        negatives=negatives,
        stated_positive="positive" if positives is not None else "",
    )


def _count(line: int, name: str, cell: str) -> int | None:
    if cell.lower() in _ABSENT:
        return None
    plain = re.sub(r"(?<=\d)[ ,\u00a0\u202f'](?=\d{3}\b)", "", cell)
    if not plain.isascii() or not plain.isdigit():
        raise TableError(f"Line {line}, column '{name}': '{cell}' is no whole number of images. Write it as 1234.")
    digits = plain.lstrip("0") or "0"
    if len(digits) > len(str(MOST_IMAGES)) or int(digits) > MOST_IMAGES:
        raise TableError(
            f"Line {line}, column '{name}': {cell} is more than the {MOST_IMAGES:,} images that the audit takes. "
            "Write the number of images that the figures were counted on; leave the cell empty if it says something "
            "else."
        )
    return int(digits)
