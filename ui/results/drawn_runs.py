"""The chosen runs as charts draw them: each with its name, its colour and its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fracture_core.errors import FractureError
from fracture_core.results import ResultRow, ScoredFilms, scored_films
from ui import loaders
from ui.results.choice import Shown
from ui.wording import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION

# vermillion and green stand for findings elsewhere: they come last
COLOURS = (BLUE, ORANGE, PURPLE, SKY, VERMILLION, GREEN)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
MOST = len(COLOURS)
BANDS = 3  # of more runs, bands would hide one another


@dataclass(frozen=True, eq=False)
class DrawnRun:
    """A run with what tells it apart in a chart.

    Attributes:
        row: the run.
        outline: its record without the films.
        label: as short as tells it apart from the others.
        colour, dash, symbol: of its lines and marks.
    """

    row: ResultRow
    outline: Mapping[str, Any]
    label: str
    colour: str
    dash: str
    symbol: str


@dataclass(frozen=True, eq=False)
class JudgedRun(DrawnRun):
    """A run with its test films, of both classes; a film without a group is a group of its own."""

    films: ScoredFilms
    groups: np.ndarray


def drawn_runs(rows: Sequence[ResultRow], shown: Shown) -> list[DrawnRun]:
    """The chosen runs in their order, at most ``MOST``."""
    looks = zip(rows, labels(rows), COLOURS, DASHES, SYMBOLS, strict=False)
    return [DrawnRun(row, shown.outlines[row.id], *look) for row, *look in looks]


def labels(rows: Sequence[ResultRow]) -> list[str]:
    """A name for each run: its model, and as much more as no two share one."""
    names: list[str] = []
    for parts in range(1, 6):
        names = [_label(row, parts) for row in rows]
        if len(set(names)) == len(names):
            break
    return names


def _label(row: ResultRow, parts: int) -> str:
    of = " ".join(part for part in (row.data, row.split, row.fold) if part)
    return " · ".join(part for part in (row.model, row.recipe, of, row.date, row.id)[:parts] if part) or row.id


def judged(runs: Sequence[DrawnRun]) -> list[JudgedRun]:
    """The runs whose records hold their test films; of the others a sentence says why they are not drawn."""
    found = []
    for run in runs:
        try:
            films = scored_films(loaders.run(run.row.id))
        except FractureError as error:
            st.info(f"{error} Its curves over epochs are under *Training*.", icon=":material/info:")
            continue
        if len(set(films.labels.tolist())) < 2:
            st.info(f"All test films of the run '{run.row.id}' are of one class: it cannot be judged by them.")
            continue
        found.append(JudgedRun(**vars(run), films=films, groups=_groups(films.groups)))
    return found


def _groups(groups: np.ndarray) -> np.ndarray:
    """A group of its own for every film that has none (negative)."""
    return np.where(groups < 0, -1 - np.arange(len(groups)), groups)


def films_of(run: JudgedRun) -> str:
    """What a run was tested on, in a few words."""
    films = run.films
    return (
        f"{len(films.labels)} test films, {int(films.labels.sum())} of them fractured, "
        f"in {len(np.unique(run.groups))} groups of related films"
    )


def cache_key(run: DrawnRun) -> tuple[str, str]:
    """What names a record for as long as the server runs: records never change."""
    return run.row.id, str(loaders.runs_folder())


def lay_out(figure: go.Figure, *, height: int, x: str = "", y: str = "") -> go.Figure:
    """Room, axes and legend, the same in every chart: the legend on top, where it finds room on a phone too."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.03, "yanchor": "bottom"},
        hoverlabel={"namelength": -1},
    )
    figure.update_xaxes(fixedrange=True, zeroline=False, automargin=True)
    figure.update_yaxes(fixedrange=True, zeroline=False, automargin=True)
    if x:
        figure.update_xaxes(title=x)
    if y:
        figure.update_yaxes(title=y)
    return figure


def faint(colour: str, alpha: float) -> str:
    """A colour that lets others through."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def band_trace(run: DrawnRun, at: np.ndarray, low: np.ndarray, high: np.ndarray) -> go.Scatter:
    """A band as one closed shape, without a place in legend or hover."""
    return go.Scatter(
        x=[*at, *at[::-1]],
        y=[*high, *low[::-1]],
        fill="toself",
        fillcolor=faint(run.colour, 0.13),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        legendgroup=run.row.id,
        name=f"{run.label}, 95 % band",
    )
