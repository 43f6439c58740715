"""What acting on a model is worth: its net benefit at every threshold, and what follows for patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fracture_core.metrics import NetBenefit, decision_curve
from fracture_core.metrics.bands import Band, net_benefit_band
from fracture_core.results import ScoredFilms
from ui import figures
from ui.results.drawn_runs import BANDS, JudgedRun, band_trace, cache_key, films_of, lay_out
from ui.results.predictive_curves import section as predictive_section
from ui.wording import GRAY

THRESHOLDS = np.linspace(0.01, 0.6, 60)


@dataclass(frozen=True, eq=False)
class Usefulness:
    """A run's decision curve over ``THRESHOLDS`` with its band."""

    curve: tuple[NetBenefit, ...]
    band: Band


def section(runs: Sequence[JudgedRun]) -> None:
    """The decision curve, then predictive values."""
    found = [(run, usefulness(*cache_key(run), run.films, run.groups)) for run in runs]
    st.markdown("**Decision curve: is acting on the model better than treating all, or none?**")
    figures.show(
        decision_figure(found),
        key="decision-curve",
        name="decision-curve",
        data=decision_rows(found),
        note="Net benefit: fractures found per 100 films, less false alarms at the price that the threshold sets. "
        "Where one acts from a probability of 20 % on, a missed fracture weighs as much as four false alarms. "
        + ("Bands: pointwise 95 %, by group." if len(runs) <= BANDS else ""),
    )
    for run, useful in found:
        st.markdown(useful_words(run, useful.curve))
    predictive_section(runs)
    st.caption(" ".join(f"{run.label}: {films_of(run)}." for run in runs))


@st.cache_data(show_spinner=False, max_entries=128)
def usefulness(run: str, folder: str, _films: ScoredFilms, _groups: np.ndarray) -> Usefulness:
    """A run's decision curve and band, computed once for a record."""
    labels, scores = _films.labels, _films.scores
    return Usefulness(
        curve=tuple(decision_curve(labels, scores, THRESHOLDS)),
        band=net_benefit_band(labels, scores, at=THRESHOLDS, groups=_groups),
    )


Found = Sequence[tuple[JudgedRun, Usefulness]]


def decision_figure(found: Found) -> go.Figure:
    """Net benefit against the threshold probability: of each model, of treating all, of treating none."""
    figure = go.Figure()
    at = 100 * THRESHOLDS
    shares = {float(run.films.labels.mean()): useful.curve for run, useful in found}
    for place, (share, curve) in enumerate(shares.items()):
        figure.add_scatter(
            x=at,
            y=[100 * point.all for point in curve],
            mode="lines",
            line={"color": GRAY, "dash": "dash", "width": 1.5},
            name="treat all" + (f", {100 * share:.0f} % fractured" if len(shares) > 1 else ""),
            legendgroup="all",
            showlegend=place == 0 or len(shares) > 1,
            hovertemplate="treat all: %{y:.1f} at %{x:.0f} %<extra></extra>",
        )
    figure.add_scatter(
        x=[0, at[-1]],
        y=[0, 0],
        mode="lines",
        line={"color": GRAY, "width": 1.5},
        name="treat none",
        hoverinfo="skip",
    )
    for run, useful in found:
        if len(found) <= BANDS:
            figure.add_trace(band_trace(run, at, 100 * useful.band.low, 100 * useful.band.high))
        figure.add_scatter(
            x=at,
            y=[100 * point.model for point in useful.curve],
            mode="lines",
            line={"color": run.colour, "dash": run.dash, "width": 2},
            name=run.label,
            legendgroup=run.row.id,
            hovertemplate="%{y:.1f} at %{x:.0f} %",
        )
    lay_out(figure, height=420, x="threshold: act from this probability on (%)", y="net benefit per 100 films")
    highest = 100 * max(shares)
    if len(found) <= BANDS:
        highest = max(highest, *(100 * float(useful.band.high.max()) for _, useful in found))
    figure.update_xaxes(range=[0, at[-1]])
    figure.update_yaxes(range=[-0.25 * highest, 1.1 * highest])
    return figure


def decision_rows(found: Found) -> list[dict[str, Any]]:
    """The numbers behind ``decision_figure``, per film."""
    return [
        {
            "run": run.row.id,
            "threshold": round(point.threshold, 4),
            "model": point.model,
            "model_low": low,
            "model_high": high,
            "treat_all": point.all,
            "treat_none": point.none,
        }
        for run, useful in found
        for point, low, high in zip(useful.curve, useful.band.low, useful.band.high, strict=True)
    ]


def useful_range(curve: Sequence[NetBenefit]) -> tuple[float, float] | None:
    """The longest stretch of thresholds on which the model is worth more than treating all and none."""
    best: list[float] = []
    stretch: list[float] = []
    for point in curve:
        stretch = [*stretch, point.threshold] if point.model > max(point.all, point.none) else []
        best = max(best, stretch, key=len)
    return (best[0], best[-1]) if best else None


def useful_words(run: JudgedRun, curve: Sequence[NetBenefit]) -> str:
    """The decision curve of a run in a sentence."""
    held = useful_range(curve)
    if held is None:
        return f"**{run.label}**: at no threshold is acting on the model worth more than treating all or none."
    low, high = (f"{100 * end:.0f}" for end in held)
    upwards = " (the end of the chart)" if held[1] == curve[-1].threshold else ""
    return (
        f"**{run.label}**: on these films, acting on the model is worth more than treating all or none at "
        f"thresholds from {low}\u00a0% to {high}\u00a0%{upwards}."
    )
