"""How a model's scores fall on fractured and on whole bones, and where the thresholds cut them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from fracture_core.errors import FractureError
from fracture_core.results.uncalibrated import recorded_calibration, uncalibrated
from ui import figures
from ui.results.drawn_runs import JudgedRun, films_of, lay_out
from ui.wording import FINDINGS, GRAY, OPERATING_POINTS

CALIBRATED, BEFORE = "calibrated", "before calibration"
EDGES = np.linspace(0, 1, 26)
LINES = {"sensitive": "dot", "balanced": "solid", "specific": "dash"}

Scores = Sequence[tuple[JudgedRun, np.ndarray, Mapping[str, float]]]


def section(runs: Sequence[JudgedRun]) -> None:
    """One row for each run: fractured films above the line, the others below."""
    chosen = st.segmented_control(
        "Probabilities",
        [CALIBRATED, BEFORE],
        default=CALIBRATED,
        required=True,
        key="probabilities",
        bind="query-params",
        format_func=str.capitalize,
    )
    found = []
    for run in runs:
        try:
            found.append((run, *scores_of(run, before=chosen == BEFORE)))
        except FractureError as error:
            st.info(str(error), icon=":material/info:")
    if not found:
        return
    figures.show(
        histogram_figure(found),
        key="score-histograms",
        name=f"scores-{(chosen or CALIBRATED).replace(' ', '-')}",
        data=histogram_rows(found),
        note="Above the line, fractured films; below it, hatched, the others; each class adds up to 100 %. Vertical "
        "lines: thresholds, chosen on validation films; what lies right of one is called fractured.",
    )
    st.caption(" ".join(ranking_sentence(run) for run in runs))


def scores_of(run: JudgedRun, *, before: bool) -> tuple[np.ndarray, dict[str, float]]:
    """A run's scores (N,), and its thresholds by operating point on the same scale.

    Raises:
        FractureError: scores before calibration are asked for, and the record does not say how they were.
    """
    points = run.outline.get("operating_points") or {}
    thresholds = {name: float(points[name]["threshold"]) for name in OPERATING_POINTS if name in points}
    if not before:
        return run.films.scores, thresholds
    calibration = recorded_calibration(run.outline)
    cuts = uncalibrated(calibration, np.array(list(thresholds.values())))
    return uncalibrated(calibration, run.films.scores), dict(zip(thresholds, map(float, cuts), strict=True))


def ranking_sentence(run: JudgedRun) -> str:
    """What the AUC means, and on which films."""
    auc = run.row.metrics.get("auc")
    pairs = f"a fractured film scores above another in {auc.percent()} of pairs; " if auc else ""
    return f"{run.label}: {pairs}{films_of(run)}."


def histogram_figure(found: Scores) -> go.Figure:
    """Shares of each class by score, fractured upwards and the others downwards, a row for each run."""
    figure = make_subplots(
        rows=len(found),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.28 / (len(found) + 2),
        subplot_titles=[run.label for run, *_ in found] if len(found) > 1 else None,
    )
    for row, (run, scores, thresholds) in enumerate(found, 1):
        top = 0.0
        for value, sign, wording, pattern in (
            (1, 1, FINDINGS["fractured"], ""),
            (0, -1, FINDINGS["not fractured"], "/"),
        ):
            counts = np.histogram(scores[run.films.labels == value], EDGES)[0]
            shares = 100 * counts / counts.sum()
            top = max(top, float(shares.max()))
            figure.add_bar(
                x=(EDGES[:-1] + EDGES[1:]) / 2,
                y=sign * shares,
                width=EDGES[1],
                text=[f"{count} films, {share:.1f} % of them" for count, share in zip(counts, shares, strict=True)],
                textposition="none",
                marker={
                    "color": wording.colour,
                    "line": {"color": wording.colour, "width": 1},
                    "pattern": {"shape": pattern, "fillmode": "replace", "size": 6, "solidity": 0.35},
                },
                name=f"{wording.symbol} {wording.text.lower()}",
                legendgroup=wording.text,
                showlegend=row == 1,
                hovertemplate="around %{x:.2f}: %{text}",
                row=row,
                col=1,
            )
        for name, cut in thresholds.items():
            figure.add_scatter(
                x=[cut, cut],
                y=[-1.08 * top, 1.08 * top],
                mode="lines",
                line={"color": GRAY, "dash": LINES.get(name, "dashdot"), "width": 2},
                name=f"{name} threshold" + (f" {cut:.2f}" if len(found) == 1 else ""),
                legendgroup=name,
                showlegend=row == 1,
                hovertemplate=f"{name}: {cut:.3f}",
                row=row,
                col=1,
            )
        ticks = upright_ticks(top)
        figure.update_yaxes(
            range=[-1.1 * top, 1.1 * top],
            tickvals=ticks,
            ticktext=[f"{abs(tick):g}" for tick in ticks],
            row=row,
            col=1,
        )
    lay_out(figure, height=130 + 250 * len(found), y="% of the class")
    figure.update_layout(barmode="overlay", legend={"y": 1 + 0.2 / len(found)} if len(found) > 1 else {})
    figure.update_xaxes(range=[0, 1], dtick=0.2)
    figure.update_xaxes(title="probability of a fracture, as the model says", row=len(found), col=1)
    return figure


def upright_ticks(top: float) -> list[float]:
    """Marks from −top to top in even steps: at most three on either side, whole numbers of percent."""
    step = next(step for step in (1, 2, 5, 10, 20, 50) if 3 * step >= min(top, 100))
    count = int(top // step)
    return [float(place * step) for place in range(-count, count + 1)]


def histogram_rows(found: Scores) -> list[dict[str, Any]]:
    """The numbers behind ``histogram_figure``: films of each class in each bin, and the thresholds."""
    rows: list[dict[str, Any]] = []
    for run, scores, thresholds in found:
        fractured, others = (np.histogram(scores[run.films.labels == value], EDGES)[0] for value in (1, 0))
        rows += [
            {
                "run": run.row.id,
                "from": round(float(EDGES[place]), 2),
                "to": round(float(EDGES[place + 1]), 2),
                "fractured": int(fractured[place]),
                "not_fractured": int(others[place]),
            }
            for place in range(len(fractured))
        ]
        rows += [{"run": run.row.id, "operating_point": name, "threshold": cut} for name, cut in thresholds.items()]
    return rows
