"""CSV without formulas of other people's."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fracture_core.spreadsheet import csv_of, guarded, unguarded

ROOT = Path(__file__).resolve().parent.parent
STARTS = "=+-@\t\r\n'"
cells = st.text() | st.builds(str.__add__, st.text(st.sampled_from(STARTS), max_size=3), st.text())


@pytest.mark.parametrize("start", STARTS)
def test_words_that_begin_as_a_formula_become_plain_text(start):
    assert guarded(f"{start}cmd|' /C calc'!A1") == f"'{start}cmd|' /C calc'!A1"
    assert guarded(start) == f"'{start}"


@pytest.mark.parametrize(
    "cell", [-1, -0.5, None, True, float("-inf"), "-0.5", "+12", "-.5e-3", "-7.", "", "Ada", "a=b", "5-6", " =1"]
)
def test_numbers_and_plain_words_stay(cell):
    assert guarded(cell) is cell


@pytest.mark.parametrize("cell", ["-1-1", "+1+cmd", "-0x1", "\t5", "-5\n", "--5", "-٣", "-"])
def test_what_only_looks_like_a_number_does_not(cell):
    assert guarded(cell) == f"'{cell}"


@given(cells | st.from_regex(r"'?[+-]?\d+(\.\d*)?", fullmatch=True))
def test_the_words_come_back(cell):
    assert unguarded(guarded(cell)) == cell
    assert guarded(cell)[:1] not in set(STARTS) - {"'"} or float(cell) is not None


@pytest.mark.parametrize("cell", ["'", "'tis", "' =1", "'-5", "'5", "=1", "Ada's"])
def test_anothers_apostrophe_stays(cell):
    assert unguarded(cell) == cell


def test_a_tables_headings_and_words_but_none_of_its_numbers():
    table = pd.DataFrame(
        {"reader": ["=1+1", None, "Ada"], "@name": ["x", "-y", "'z"], "score": [-0.5, None, 3], "self": [-1, 0, 1]}
    ).astype({"score": "float32"})
    assert list(csv.reader(io.StringIO(csv_of(table)))) == [
        ["reader", "'@name", "score", "self"],
        ["'=1+1", "x", "-0.5", "-1"],
        ["", "'-y", "", "0"],
        ["Ada", "''z", "3.0", "1"],
    ]
    assert csv_of(pd.DataFrame([], columns=["a", "=b"])) == "a,'=b\n"
    assert csv_of(pd.DataFrame([])) == "\n"


@pytest.mark.parametrize("path", sorted((ROOT / "ui").rglob("*.py")), ids=lambda path: path.stem)
def test_the_pages_write_no_table_past_it(path):
    assert "to_csv(index" not in path.read_text(encoding="utf-8")
