"""Whether a run's probabilities mean what they say, before and after calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from fracture_core.errors import FractureError
from fracture_core.metrics import BrierParts, Estimate, ReliabilityBin, brier, brier_parts, proportion, reliability
from fracture_core.metrics.estimates import wilson
from fracture_core.results import ScoredFilms
from fracture_core.results.uncalibrated import (
    CalibrationEffect,
    calibration_effect,
    recorded_calibration,
    uncalibrated,
)
from ui import figures, loaders
from ui.results.drawn_runs import JudgedRun, cache_key, faint, films_of, lay_out
from ui.wording import GRAY

BINS = 10
STRIP = np.linspace(0, 1, 26)  # edges of the histogram under the diagram


@dataclass(frozen=True, eq=False)
class Judgement:
    """What probabilities are worth after calibration and, where the record can tell, before it."""

    bins_after: tuple[ReliabilityBin, ...]
    parts_after: BrierParts
    before: np.ndarray | None = None
    flat: bool = False
    effect: CalibrationEffect | None = None
    bins_before: tuple[ReliabilityBin, ...] = ()
    parts_before: BrierParts | None = None


def section(runs: Sequence[JudgedRun]) -> None:
    """The reliability diagram, what it says in a sentence, and the figures behind the sentence."""
    found = [(run, judgement(*cache_key(run), run.films, run.groups)) for run in runs]
    left, right = st.columns([3, 2])
    with left:
        st.markdown("**Reliability: what was said against what was so**")
        figures.show(
            reliability_figure(found),
            key="reliability",
            name="reliability",
            data=reliability_rows(found),
            note=f"Up to {BINS} bins of equally many films, with Wilson's 95 % intervals, which take films as "
            "independent. On the dotted diagonal probabilities are true. Below: how the probabilities are spread.",
        )
    with right:
        st.markdown("**What it says**")
        for run, judged in found:
            st.markdown(verdict(run, judged))
        for run, judged in found:
            if judged.before is None:
                st.info(f"{run.label}: the record does not say how its scores were calibrated.")
    st.markdown("**Calibration error and Brier score**")
    figures.table(score_rows(found), key="calibration-scores", name="calibration-scores")
    st.caption(
        "ECE: expected calibration error, the mean gap between probability and observed share over the bins; chance "
        "alone gives small sets of films some of it, resamples more, so an interval may lie above its value. Brier "
        "score = miscalibration − discrimination + uncertainty; less is better, but for the discrimination. "
        "Intervals: 95 %, by group. " + " ".join(f"{run.label}: {films_of(run)}." for run in runs)
    )


@st.cache_data(show_spinner=False, max_entries=128)
def judgement(run: str, folder: str, _films: ScoredFilms, _groups: np.ndarray) -> Judgement:
    """A run's probabilities judged, once for a record."""
    return judge(loaders.run(run), _films, groups=_groups)


def judge(record: dict[str, Any], films: ScoredFilms, *, groups: np.ndarray) -> Judgement:
    """Judge the probabilities of a record's films before and after calibration."""
    labels, after = films.labels, films.scores
    bins = tuple(reliability(labels, after, bins=BINS))
    try:
        calibration = recorded_calibration(record)
    except FractureError:
        return Judgement(bins, brier_parts(labels, after))
    before = uncalibrated(calibration, after)
    return Judgement(
        bins,
        brier_parts(labels, after),
        before=before,
        flat=calibration.flat,
        effect=calibration_effect(labels, before, after, groups=groups),
        bins_before=tuple(reliability(labels, before, bins=BINS)),
        parts_before=brier_parts(labels, before),
    )


def verdict(run: JudgedRun, judged: Judgement) -> str:
    """What the diagram says, in words: how far off, on which side, and whether calibration helped."""
    labels, said = run.films.labels, float(run.films.scores.mean())
    so = proportion(int(labels.sum()), len(labels))
    after = _recorded(run, "ece", after=True) or (judged.effect.after if judged.effect else None)
    words = f"**{run.label}.** "
    if after is not None:
        words += f"Its probabilities are off by {after.decimal()} on average (ECE, n {after.n}). "
    words += (
        f"It says {100 * said:.0f}\u00a0% over all films, and {100 * so.value:.0f}\u00a0% of them are fractured. "
    )
    if judged.effect is not None:
        before = _recorded(run, "ece", after=False) or judged.effect.before
        words += f"Before calibration it was off by {before.decimal()}: {_change(judged.effect.change)}."
    if judged.flat:
        words += (
            " On the validation films its score did not rise with fracture, so that every probability is close to "
            "their share of fractures: a small error is no merit here."
        )
    return words


def _change(change: Estimate) -> str:
    size = f"{abs(change.value):.3f}"
    interval = f"(change {change.value:+.3f} [{change.low:+.3f} to {change.high:+.3f}])".replace("-", "−")
    if change.high < 0:
        return f"calibration on validation films brought it nearer by {size} {interval}"
    if change.low > 0:
        return f"calibration on validation films took it further off by {size} {interval}"
    return f"these films cannot tell whether calibration helped {interval}"


def _recorded(run: JudgedRun, metric: str, *, after: bool) -> Estimate | None:
    """The record's own figure; what it calls "argmax" are the figures of the scores before calibration."""
    return (run.row.metrics if after else run.row.argmax).get(metric)


def reliability_figure(found: Sequence[tuple[JudgedRun, Judgement]]) -> go.Figure:
    """Observed share against probability, over a strip of how the probabilities are spread."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.82, 0.18], vertical_spacing=0.03)
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": GRAY, "dash": "dot", "width": 1},
        name="true probabilities",
        hoverinfo="skip",
        showlegend=False,
        row=1,
        col=1,
    )
    for run, judged in found:
        alone = len(found) == 1
        if alone and judged.bins_before:
            _bins(figure, run, judged.bins_before, name="before calibration", before=True)
        _bins(figure, run, judged.bins_after, name="calibrated" if alone else run.label, before=False)
        counts = np.histogram(run.films.scores, STRIP)[0] / len(run.films.scores)
        figure.add_scatter(
            x=STRIP,
            y=100 * np.append(counts, counts[-1]),
            mode="lines",
            line={"color": run.colour, "dash": run.dash, "width": 1.5, "shape": "hv"},
            fill="tozeroy" if alone else None,
            fillcolor=faint(run.colour, 0.25),
            name=f"{run.label}, films",
            legendgroup=run.row.id,
            showlegend=False,
            hovertemplate="%{y:.1f} % of films from %{x:.2f}",
            row=2,
            col=1,
        )
    lay_out(figure, height=520)
    figure.update_xaxes(range=[-0.01, 1.01], dtick=0.2)
    figure.update_xaxes(title="probability of a fracture, as the model says", row=2, col=1)
    figure.update_yaxes(title="share that is fractured", range=[-0.01, 1.03], dtick=0.2, row=1, col=1)
    figure.update_yaxes(title="% of films", rangemode="tozero", nticks=3, row=2, col=1)
    return figure


def _bins(figure: go.Figure, run: JudgedRun, bins: Sequence[ReliabilityBin], *, name: str, before: bool) -> None:
    ends = [_wilson(held) for held in bins]
    figure.add_scatter(
        x=[held.mean_probability for held in bins],
        y=[held.share.value for held in bins],
        text=[
            f"{_fractured(held)} of {held.share.n} films fractured: {100 * held.share.value:.0f} % "
            f"[{100 * low:.0f}–{100 * high:.0f}]"
            for held, (low, high) in zip(bins, ends, strict=True)
        ],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [high - held.share.value for held, (_, high) in zip(bins, ends, strict=True)],
            "arrayminus": [held.share.value - low for held, (low, _) in zip(bins, ends, strict=True)],
            "thickness": 1,
            "width": 3,
            "color": faint(run.colour, 0.45 if before else 0.9),
        },
        mode="lines+markers",
        line={"color": faint(run.colour, 0.6) if before else run.colour, "dash": "dot" if before else run.dash},
        marker={"symbol": f"{run.symbol}-open" if before else run.symbol, "size": 8},
        name=name,
        legendgroup="before" if before else run.row.id,
        hovertemplate="said %{x:.2f}: %{text}",
        row=1,
        col=1,
    )


def _fractured(held: ReliabilityBin) -> int:
    return round(held.share.value * held.share.n)


def _wilson(held: ReliabilityBin) -> tuple[float, float]:
    return wilson(_fractured(held), held.share.n)


def reliability_rows(found: Sequence[tuple[JudgedRun, Judgement]]) -> list[dict[str, Any]]:
    """The numbers behind ``reliability_figure``, before and after calibration."""
    return [
        {
            "run": run.row.id,
            "scores": scores,
            "mean_probability": held.mean_probability,
            "fractured": _fractured(held),
            "films": held.share.n,
            "share": held.share.value,
            "share_low": _wilson(held)[0],
            "share_high": _wilson(held)[1],
        }
        for run, judged in found
        for scores, bins in (("before calibration", judged.bins_before), ("calibrated", judged.bins_after))
        for held in bins
    ]


def score_rows(found: Sequence[tuple[JudgedRun, Judgement]]) -> list[dict[str, Any]]:
    """Calibration error and Brier score with its parts, two rows for each run."""
    rows = []
    for run, judged in found:
        for after, scores, parts in (
            (False, judged.before, judged.parts_before),
            (True, run.films.scores, judged.parts_after),
        ):
            if scores is None or parts is None:
                continue
            effect = judged.effect
            computed = (effect.after if after else effect.before) if effect else None
            ece, score = _recorded(run, "ece", after=after) or computed, _recorded(run, "brier", after=after)
            rows.append(
                {
                    "run": run.label,
                    "probabilities": "calibrated" if after else "before calibration",
                    "ECE": ece.decimal() if ece else "not recorded",
                    "Brier score": score.decimal() if score else f"{brier(run.films.labels, scores):.3f}",
                    "miscalibration": f"{parts.miscalibration:.3f}",
                    "discrimination": f"{parts.discrimination:.3f}",
                    "uncertainty": f"{parts.uncertainty:.3f}",
                    "test films": len(run.films.labels),
                }
            )
    return rows
