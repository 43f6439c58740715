"""Speed against AUC: what a run's architecture costs on a machine, and what it gives."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from fracture_core.results import Mark, Measured, Speed, marks, read_speeds, set_beside
from ui import figures
from ui.results.choice import OURS, Shown
from ui.results.marks import LEGEND, LEGEND_LINE, lines, looks, model_title, of_data, short_title, split_mark
from ui.wording import GRAY

HOW = "`python -m fracture_core speed --record`"
ROOM = {
    "top right": (1, 1),
    "bottom right": (1, -1),
    "top left": (-1, 1),
    "bottom left": (-1, -1),
    "middle right": (1, 0),
    "middle left": (-1, 0),
    "top center": (0, 1),
    "bottom center": (0, -1),
}
"""Sides of a mark for its label → the way there, right and up."""

LETTER = 6.2  # px, its width
NARROW = "<style>@media (max-width: 640px) { .st-key-speed .textpoint { display: none; } }</style>"
"""A phone has no room for the labels: there a touch names a mark."""

LARGEST = 32  # px, the marker of the model with most parameters


@dataclass(frozen=True)
class Costed:
    """A mark of AUC with the speed of its architecture on the chosen machine; None where it was not measured."""

    paper: str
    model: str
    size: int | None
    mark: Mark
    speed: Speed | None


def section(shown: Shown) -> None:
    """The tab."""
    speeds = read_speeds()
    if not shown.rows:
        st.info("No run of these papers yet. Train one: `python train.py --list` names the recipes.")
        return
    if not speeds:
        st.info(f"No speed is measured yet. {HOW} times every model that has a run, and this chart fills itself.")
        return
    machines = list(dict.fromkeys(machine(speed) for speed in speeds))
    chosen = st.selectbox("Machine", machines, key="machine", bind="query-params")
    found = costed(shown, [speed for speed in speeds if machine(speed) == chosen])
    measured = [one for one in found if one.speed is not None]
    if measured:
        st.html(NARROW)
        figures.show(
            draw(measured),
            key="speed",
            name="speed-against-auc",
            data=rows(measured),
            note="One film from tensor to logits, median with its 95 % interval, against AUC on test films with "
            "its own. The area of a mark grows with the parameters. AUCs of different data sets or splits do "
            "not compare. Point at a mark for its words.",
        )
    else:
        st.info(f"No run's model is measured on this machine. Choose another, or measure with {HOW}.")
    missing = [one for one in found if one.speed is None]
    if missing:
        listed = dict.fromkeys(f"{model_title(one.model)} at {one.size or 'an unknown'} px" for one in missing)
        st.markdown(f"Not measured on this machine: {', '.join(listed)}. {HOW} measures them.")
    figures.table(rows(found), key="speed-table", name="speed-against-auc", column_config=_columns())


def machine(speed: Speed) -> str:
    """What a measurement ran on, as it is chosen."""
    threads = f"{speed.threads} threads" if speed.threads is not None else ""
    return ", ".join(part for part in (speed.hardware, threads, speed.precision) if part)


def costed(shown: Shown, speeds: Iterable[Speed]) -> list[Costed]:
    """Every mark of AUC, joined to the newest measurement of its model at its size."""
    by_kind = {(speed.model, speed.size): speed for speed in sorted(speeds, key=lambda speed: speed.date)}
    found = []
    for one in set_beside(shown.papers, shown.rows, shown.outlines, metric="auc"):
        for size, measured in _by_size(one.measured, shown.outlines).items():
            speed = by_kind.get((one.model, size)) if size is not None else None
            found += [Costed(one.paper, one.model, size, mark, speed) for mark in marks(measured, most=1)]
    return found


def _by_size(
    measured: Sequence[Measured], outlines: Mapping[str, Mapping[str, Any]]
) -> dict[int | None, list[Measured]]:
    parts: dict[int | None, list[Measured]] = {}
    for one in measured:
        parts.setdefault(outlines.get(one.run.id, {}).get("size"), []).append(one)
    return parts


def draw(found: Sequence[Costed]) -> go.Figure:
    """Milliseconds for one film, on a logarithmic axis, against AUC."""
    labelled = {(one.model, one.size): one for one in sorted(found, key=lambda one: one.mark.value)}.values()
    most = max(one.speed.parameters for one in found if one.speed is not None)
    figure, drawn = go.Figure(), looks(one.mark for one in found)
    side = _sides(found, {id(one) for one in labelled})
    for kind in dict.fromkeys((one.mark.data, one.mark.split) for one in found):
        part = [
            (one, one.speed) for one in found if (one.mark.data, one.mark.split) == kind and one.speed is not None
        ]
        look = drawn[kind]
        figure.add_scatter(
            x=[speed.latency_ms.value for _, speed in part],
            y=[one.mark.value for one, _ in part],
            error_x=_ends([speed.latency_ms for _, speed in part]),
            error_y=_ends([one.mark for one, _ in part]),
            mode="markers+text",
            text=[short_title(one.model) if one in labelled else "" for one, _ in part],
            textposition=[side[id(one)] for one, _ in part],
            cliponaxis=False,
            marker=look.marker([max(9.0, LARGEST * math.sqrt(speed.parameters / most)) for _, speed in part])
            | {"opacity": 0.75},
            customdata=[_words(one, speed) for one, speed in part],
            hovertemplate="%{customdata}<extra></extra>",
            name=of_data(part[0][0].mark),
        )
    values = [speed.latency_ms.value for speed in (one.speed for one in found) if speed is not None]
    lowest = min(one.mark.low for one in found)
    figure.update_layout(
        height=360 + LEGEND_LINE * len(figure.data),
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        showlegend=True,
        legend=LEGEND | {"itemsizing": "constant"},
        hoverlabel={"align": "left"},
        xaxis={
            "type": "log",
            "title": {"text": "milliseconds for one film", "standoff": 6},
            "range": [math.log10(min(values) / 1.8), math.log10(max(values) * 1.8)],
            "tickvals": [step * 10**power for power in range(-1, 5) for step in (1, 2, 5)],
            "fixedrange": True,
        },
        yaxis={"title": "AUC", "range": [max(0, math.floor(10 * lowest) / 10), 1.03], "fixedrange": True},
    )
    return figure


def _sides(found: Sequence[Costed], labelled: Collection[int]) -> dict[int, str]:
    """Where each mark's label stands, by the mark's ``id``: the side on which it covers least, one after another."""
    places = {id(one): _place(one) for one in found}
    taken = [_box(x, y, 24, 24) for x, y in places.values()]
    sides = dict.fromkeys(places, next(iter(ROOM)))
    for one in sorted(found, key=lambda one: places[id(one)]):
        if id(one) not in labelled:
            continue
        (x, y), wide = places[id(one)], LETTER * len(short_title(one.model))
        boxes = {side: _box(x + right * (wide / 2 + 9), y + up * 13, wide, 15) for side, (right, up) in ROOM.items()}
        sides[id(one)] = min(ROOM, key=lambda side: sum(_shared(boxes[side], other) for other in taken))
        taken.append(boxes[sides[id(one)]])
    return sides


def _place(one: Costed) -> tuple[float, float]:
    """Of a mark, in pixels of a chart as wide as a laptop shows it."""
    return (460 * math.log10(one.speed.latency_ms.value) if one.speed else 0.0), 600 * one.mark.value


def _box(x: float, y: float, wide: float, high: float) -> tuple[float, float, float, float]:
    return x - wide / 2, x + wide / 2, y - high / 2, y + high / 2


def _shared(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """The area that two boxes share."""
    wide, high = min(one[1], other[1]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[2], other[2])
    return max(0.0, wide) * max(0.0, high)


def _ends(estimates: Sequence[Any]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [one.high - one.value for one in estimates],
        "arrayminus": [one.value - one.low for one in estimates],
        "color": GRAY,
        "thickness": 1.2,
        "width": 0,
    }


def _words(one: Costed, speed: Speed) -> str:
    time = speed.latency_ms
    return lines(
        f"{model_title(one.model)}, {one.paper or 'our own'}, {speed.size} px",
        f"{time.value:.1f} ms [{time.low:.1f}–{time.high:.1f}] for one film",
        f"{speed.films_per_second:.1f} films/s in batches of {speed.batch}",
        f"{speed.parameters / 1e6:.1f} million parameters",
        f"{speed.peak_memory_mb:.0f} MB at most",
        f"AUC {one.mark.value:.3f} [{one.mark.low:.3f}–{one.mark.high:.3f}], n {one.mark.measured[0].estimate.n}",
        of_data(one.mark),
    )


def rows(found: Sequence[Costed]) -> list[dict[str, Any]]:
    """A line for every mark, measured or not."""
    return [
        {
            "model": model_title(one.model),
            "paper": one.paper or OURS,
            "size": one.size,
            "data": one.mark.data,
            "split": split_mark(one.mark.split).name,
            "n": one.mark.measured[0].estimate.n,
            "auc": one.mark.value,
            "auc_low": one.mark.low,
            "auc_high": one.mark.high,
            **_cost(one.speed),
            "runs": " ".join(part.run.id for part in one.mark.measured),
        }
        for one in found
    ]


def _cost(speed: Speed | None) -> dict[str, Any]:
    if speed is None:
        return dict.fromkeys(("ms", "ms_low", "ms_high", "films_per_second", "parameters", "peak_memory_mb"))
    return {
        "ms": speed.latency_ms.value,
        "ms_low": speed.latency_ms.low,
        "ms_high": speed.latency_ms.high,
        "films_per_second": speed.films_per_second,
        "batch": speed.batch,
        "parameters": speed.parameters,
        "peak_memory_mb": speed.peak_memory_mb,
        "machine": machine(speed),
        "measured": speed.date,
    }


def _columns() -> dict[str, Any]:
    return {
        "model": st.column_config.TextColumn(pinned=True),
        **{name: st.column_config.NumberColumn(format="%.3f") for name in ("auc", "auc_low", "auc_high")},
        **{
            name: st.column_config.NumberColumn(format="%.1f")
            for name in ("ms", "ms_low", "ms_high", "films_per_second")
        },
        "parameters": st.column_config.NumberColumn(format="localized"),
    }
