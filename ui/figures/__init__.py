"""Charts and tables that a reader can take along: PNG, SVG and the numbers behind them.

The browser makes the files from what it shows, so that a click costs the server nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import streamlit as st

from fracture_core.spreadsheet import guarded
from ui.wording import GRAY, text_colour

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_HERE = Path(__file__).resolve().parent
_component = st.components.v2.component(
    "figure_downloads",
    html='<div class="downloads"></div>',
    css=(_HERE / "downloads.css").read_text(encoding="utf-8"),
    js=(_HERE / "downloads.js").read_text(encoding="utf-8"),
)

Rows = Sequence[Mapping[str, Any]]


def show(
    figure: go.Figure, *, key: str, name: str, data: Rows | None = None, note: str = "", alt: str | None = None
) -> None:
    """Draw a figure, and under it a quiet row of downloads: PNG, SVG, and its data as CSV.

    Args:
        key: of this chart on the page; letters, digits, "-" and "_".
        name: of the files, without an ending.
        data: the numbers behind the figure, a mapping for each row; by default the points of its traces.
        note: a sentence on how to read it, shown under it.
        alt: what it shows, for those who hear it.
    """
    draw(figure, key=key, alt=alt)
    if note:
        st.caption(note)
    _downloads(key, name, to_csv(points(figure) if data is None else data), ("PNG", "SVG"))


def draw(figure: go.Figure, *, key: str, alt: str | None = None, place: DeltaGenerator | None = None) -> None:
    """Draw a figure alone, at a place on the page or where the page has come to."""
    if st.context.theme.type != "dark":
        darken(figure)
    (place or st).plotly_chart(
        figure,
        key=key,
        alt=alt,
        width="stretch",
        config={"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"},
    )


def darken(figure: go.Figure) -> None:
    """Write a figure's words for white paper: Streamlit's gray of axes, and ours of notes, is too light there."""
    ink = text_colour(GRAY, dark=False)
    words = {"tickfont": {"color": ink}, "title": {"font": {"color": ink}}}
    figure.update_layout(font={"color": ink})
    figure.update_xaxes(words)
    figure.update_yaxes(words)
    figure.for_each_annotation(lambda note: note.update(font={"color": ink}))


def table(rows: Rows, *, key: str, name: str, **options: Any) -> None:
    """Show a table, and under it its download as CSV.

    Args:
        rows: a mapping for each row; a column that a row lacks stays empty there.
        key, name: as of ``show``.
        options: of ``st.dataframe``.
    """
    st.dataframe(list(rows), key=key, hide_index=True, width="stretch", **options)
    _downloads(key, name, to_csv(rows), ())


def _downloads(key: str, name: str, text: str, pictures: Sequence[str]) -> None:
    _component(key=f"{key}-downloads", data={"chart": key, "name": name, "csv": text, "pictures": list(pictures)})


def to_csv(rows: Rows) -> str:
    """Rows as a CSV text; columns in the order in which they first appear, empty where a row lacks one.

    Headings and words that begin as a formula does have an apostrophe before them (see ``spreadsheet.guarded``).
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(guarded, columns))
    writer.writerows([guarded(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def points(figure: go.Figure) -> list[dict[str, Any]]:
    """The points of a figure's traces: the trace's name, x, y, and the ends of its error bars where it has them."""
    return [row for trace in figure.data for row in _trace_points(trace)]


def _trace_points(trace: Any) -> Iterable[dict[str, Any]]:
    xs, ys = _values(trace, "x"), _values(trace, "y")
    for place in range(max(len(xs), len(ys))):
        row: dict[str, Any] = {"trace": trace.name or ""}
        for axis, values in (("x", xs), ("y", ys)):
            row[axis] = values[place] if place < len(values) else None
            error = getattr(trace, f"error_{axis}", None)
            for end, field in (("high", "array"), ("low", "arrayminus")):
                spread = _values(error, field) if error is not None else []
                if place < len(spread) and spread[place] is not None and row[axis] is not None:
                    row[f"{axis}_{end}"] = row[axis] + (spread[place] if end == "high" else -spread[place])
        yield row


def _values(holder: Any, name: str) -> list[Any]:
    values = getattr(holder, name, None)
    return [] if values is None else list(values)
