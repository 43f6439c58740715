"""How well a model ranks films: ROC and precision–recall with bands and operating points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fracture_core.metrics import PrPoints, RocPoints, pr_points, roc_points
from fracture_core.metrics.bands import BAND_ROUNDS, Band, pr_band, roc_band
from fracture_core.results import ScoredFilms
from fracture_core.results.operating import OperatingValues
from ui import figures
from ui.results.drawn_runs import BANDS, JudgedRun, band_trace, cache_key, films_of, lay_out
from ui.results.operating_table import operating_table, values_of
from ui.wording import GRAY, OPERATING_POINTS

PLACES = np.linspace(0, 1, 101)
POINT_SYMBOLS = {"sensitive": "triangle-up", "balanced": "circle", "specific": "square"}


@dataclass(frozen=True, eq=False)
class Ranking:
    """A run's two curves with their bands."""

    roc: RocPoints
    roc_band: Band
    pr: PrPoints
    pr_band: Band


def section(runs: Sequence[JudgedRun]) -> None:
    """Both curves side by side, and what the operating points give."""
    found = [(run, ranking(*cache_key(run), run.films, run.groups), values_of(run)) for run in runs]
    note = (
        f"Bands: pointwise 95 %, {BAND_ROUNDS} resamples of whole groups. "
        if len(runs) <= BANDS
        else f"Bands are left out with more than {BANDS} runs; the CSV holds them. "
    )
    left, right = st.columns(2)
    with left:
        st.markdown("**ROC: fractures found against false alarms**")
        figures.show(
            roc_figure(found),
            key="roc",
            name="roc",
            data=roc_rows(found),
            note=note + "Dotted diagonal: chance. Open marks: operating points, chosen on validation films.",
        )
    with right:
        st.markdown("**Precision–recall: how many alarms are true**")
        figures.show(
            pr_figure(found),
            key="precision-recall",
            name="precision-recall",
            data=pr_rows(found),
            note=note
            + "Dotted line: the share of fractured films, what chance would give. Precision holds at it alone.",
        )
    st.markdown("**At the operating points**")
    operating_table(found_values=[(run, values) for run, _, values in found])
    st.caption(" ".join(f"{run.label}: {films_of(run)}." for run in runs))


@st.cache_data(show_spinner=False, max_entries=128)
def ranking(run: str, folder: str, _films: ScoredFilms, _groups: np.ndarray) -> Ranking:
    """A run's curves and bands, computed once for a record."""
    labels, scores = _films.labels, _films.scores
    return Ranking(
        roc=roc_points(labels, scores),
        roc_band=roc_band(labels, scores, at=PLACES, groups=_groups),
        pr=pr_points(labels, scores),
        pr_band=pr_band(labels, scores, at=PLACES[1:], groups=_groups),
    )


Found = Sequence[tuple[JudgedRun, Ranking, Sequence[OperatingValues]]]


def roc_figure(found: Found) -> go.Figure:
    """Sensitivity against false positive rate; the AUC with its interval in the legend."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": GRAY, "dash": "dot", "width": 1},
        name="chance",
        hoverinfo="skip",
        showlegend=False,
    )
    for run, curves, points in found:
        if len(found) <= BANDS:
            figure.add_trace(band_trace(run, curves.roc_band.at, curves.roc_band.low, curves.roc_band.high))
        _curve(figure, run, x=curves.roc.fpr, y=curves.roc.tpr, area=("AUC", "auc"), thresholds=curves.roc.threshold)
        _marks(figure, run, points, x=[1 - point.specificity.value for point in points])
    lay_out(figure, height=440, x="false alarms (1 − specificity)", y="sensitivity")
    return _unit(figure)


def pr_figure(found: Found) -> go.Figure:
    """Precision against recall; the average precision with its interval in the legend."""
    figure = go.Figure()
    for share in sorted({float(run.films.labels.mean()) for run, *_ in found}):
        figure.add_hline(y=share, line={"color": GRAY, "dash": "dot", "width": 1})
    for run, curves, points in found:
        if len(found) <= BANDS:
            figure.add_trace(band_trace(run, curves.pr_band.at, curves.pr_band.low, curves.pr_band.high))
        _curve(
            figure,
            run,
            x=curves.pr.recall,
            y=curves.pr.precision,
            area=("AP", "average_precision"),
            thresholds=curves.pr.threshold,
        )
        kept = [point for point in points if np.isfinite(point.precision.value)]
        _marks(figure, run, kept, x=[point.sensitivity.value for point in kept], precision=True)
    lay_out(figure, height=440, x="recall (sensitivity)", y="precision")
    return _unit(figure)


def _unit(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(range=[-0.01, 1.01], dtick=0.2)
    figure.update_yaxes(range=[-0.01, 1.03], dtick=0.2)
    return figure


def _curve(
    figure: go.Figure,
    run: JudgedRun,
    *,
    x: np.ndarray,
    y: np.ndarray,
    area: tuple[str, str],
    thresholds: np.ndarray,
) -> None:
    title, metric = area
    estimate = run.row.metrics.get(metric)
    figure.add_scatter(
        x=x,
        y=y,
        customdata=thresholds,
        mode="lines",
        line={"color": run.colour, "dash": run.dash, "width": 2},
        name=f"{run.label}: {title} {estimate.decimal() if estimate else 'not recorded'}",
        legendgroup=run.row.id,
        hovertemplate="(%{x:.3f}, %{y:.3f}) at a threshold of %{customdata:.3f}",
    )


def _marks(
    figure: go.Figure,
    run: JudgedRun,
    points: Sequence[OperatingValues],
    *,
    x: Sequence[float],
    precision: bool = False,
) -> None:
    figure.add_scatter(
        x=x,
        y=[(point.precision if precision else point.sensitivity).value for point in points],
        text=[point_words(point, precision=precision) for point in points],
        mode="markers",
        marker={
            "symbol": [f"{POINT_SYMBOLS.get(point.name, 'diamond')}-open" for point in points],
            "size": 11,
            "color": run.colour,
            "line": {"width": 2},
        },
        name=f"{run.label}, operating points",
        legendgroup=run.row.id,
        showlegend=False,
        hovertemplate="%{text}",
    )


def point_words(point: OperatingValues, *, precision: bool = False) -> str:
    """An operating point for the hover: each figure with its interval and its films."""
    lines = [f"{OPERATING_POINTS.get(point.name, (point.name,))[0]}, threshold {point.threshold:.3f}"]
    shares = {"sensitivity": point.sensitivity, "specificity": point.specificity}
    if precision:
        shares = {"precision": point.precision, "sensitivity": point.sensitivity}
    lines += [f"{name} {share.percent()}, n {share.n}" for name, share in shares.items()]
    return "<br>".join(lines)


def roc_rows(found: Found) -> list[dict[str, Any]]:
    """The numbers behind ``roc_figure``: the curve, its band, the operating points."""
    rows: list[dict[str, Any]] = []
    for run, curves, points in found:
        corners = zip(curves.roc.threshold, curves.roc.fpr, curves.roc.tpr, strict=True)
        rows += [_row(run, "curve", cut, false_positive_rate=fpr, sensitivity=tpr) for cut, fpr, tpr in corners]
        band = zip(curves.roc_band.at, curves.roc_band.low, curves.roc_band.high, strict=True)
        rows += [
            _row(run, "band", None, false_positive_rate=at, sensitivity_low=low, sensitivity_high=high)
            for at, low, high in band
        ]
        rows += [
            _row(
                run,
                f"operating point {point.name}",
                point.threshold,
                false_positive_rate=1 - point.specificity.value,
                sensitivity=point.sensitivity.value,
                sensitivity_low=point.sensitivity.low,
                sensitivity_high=point.sensitivity.high,
                false_positive_rate_low=1 - point.specificity.high,
                false_positive_rate_high=1 - point.specificity.low,
            )
            for point in points
        ]
    return rows


def pr_rows(found: Found) -> list[dict[str, Any]]:
    """The numbers behind ``pr_figure``."""
    rows: list[dict[str, Any]] = []
    for run, curves, points in found:
        corners = zip(curves.pr.threshold, curves.pr.recall, curves.pr.precision, strict=True)
        rows += [_row(run, "curve", cut, recall=recall, precision=share) for cut, recall, share in corners]
        band = zip(curves.pr_band.at, curves.pr_band.low, curves.pr_band.high, strict=True)
        rows += [_row(run, "band", None, recall=at, precision_low=low, precision_high=high) for at, low, high in band]
        rows += [
            _row(
                run,
                f"operating point {point.name}",
                point.threshold,
                recall=point.sensitivity.value,
                precision=point.precision.value,
                precision_low=point.precision.low,
                precision_high=point.precision.high,
            )
            for point in points
        ]
    return rows


def _row(run: JudgedRun, what: str, threshold: float | None, **values: float) -> dict[str, Any]:
    return {"run": run.row.id, "what": what, "threshold": threshold} | {
        name: round(float(value), 6) for name, value in values.items()
    }
