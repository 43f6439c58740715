"""The numbers behind charts and tables."""

from __future__ import annotations

import csv
import io

import plotly.graph_objects as go

from ui.figures import darken, points, to_csv
from ui.wording import GRAY, text_colour


def test_rows_of_unlike_columns_make_one_table() -> None:
    text = to_csv([{"a": 1, "b": "x, y"}, {"c": None, "a": 2.5}])
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"a": "1", "b": "x, y", "c": ""},
        {"a": "2.5", "b": "", "c": ""},
    ]
    assert to_csv([]) == "\n"


def test_no_name_becomes_a_formula() -> None:
    rows = [{"film": "=1+1.png", "@model": "-x", "change": -0.5}]
    assert to_csv(rows) == "film,'@model,change\n'=1+1.png,'-x,-0.5\n"


def test_a_figures_points_carry_their_error_bars() -> None:
    figure = go.Figure()
    figure.add_bar(
        x=["one", "two"], y=[1.0, 2.0], name="ours", error_y={"array": [0.5, 0.25], "arrayminus": [0.25, 0]}
    )
    figure.add_scatter(x=[3], y=[4])
    assert points(figure) == [
        {"trace": "ours", "x": "one", "y": 1.0, "y_high": 1.5, "y_low": 0.75},
        {"trace": "ours", "x": "two", "y": 2.0, "y_high": 2.25, "y_low": 2.0},
        {"trace": "", "x": 3, "y": 4},
    ]


def test_on_white_axes_and_notes_are_dark() -> None:
    figure = go.Figure(layout={"xaxis": {"title": {"text": "AUC"}}})
    figure.add_annotation(text="1 of 7 epochs", font={"size": 11, "color": GRAY})
    darken(figure)
    ink, layout = text_colour(GRAY, dark=False), figure.layout
    assert {layout.xaxis.tickfont.color, layout.yaxis.tickfont.color, layout.xaxis.title.font.color} == {ink}
    assert layout.xaxis.title.text == "AUC"
    assert (layout.annotations[0].font.color, layout.annotations[0].font.size) == (ink, 11)
