"""What a yes and a no are worth at a prevalence that the reader sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fracture_core.results.operating import OperatingValues, of_patients
from ui import figures
from ui.results.drawn_runs import BANDS, JudgedRun, band_trace, lay_out
from ui.results.operating_table import values_of
from ui.wording import GRAY, OPERATING_POINTS

PREVALENCES = np.linspace(0.01, 0.99, 99)
PATIENTS = 1000


def section(runs: Sequence[JudgedRun]) -> None:
    """Ask for prevalence and operating point, and say what they mean: in patients, as curves, as a table."""
    found = [(run, values) for run in runs if (values := values_of(run))]
    if not found:
        st.info("The records of these runs hold no operating point: there is no yes or no to judge.")
        return
    st.markdown("**What a yes and a no are worth, at your prevalence**")
    names = [name for name in OPERATING_POINTS if any(point.name == name for _, points in found for point in points)]
    left, right = st.columns([2, 1])
    percent = left.slider(
        "Prevalence: how many of 100 patients are fractured",
        min_value=1,
        max_value=99,
        value=min(99, max(1, round(100 * float(found[0][0].films.labels.mean())))),
        key="prevalence",
        bind="query-params",
        help="At first, the share among the first run's test films.",
    )
    name = right.segmented_control(
        "Operating point",
        names,
        default=names[0],
        required=True,
        format_func=lambda name: OPERATING_POINTS[name][0],
        key="at",
        bind="query-params",
    )
    prevalence = percent / 100
    chosen = [(run, point) for run, points in found for point in points if point.name == (name or names[0])]
    for run, point in chosen:
        st.markdown(patients_words(run, point, prevalence=prevalence))
    figures.show(
        predictive_figure(chosen, prevalence=prevalence),
        key="predictive-values",
        name="predictive-values",
        data=predictive_rows(chosen),
        note="Solid: chance of a fracture after a yes (PPV); dashed: chance of none after a no (NPV); bands: 95 %. "
        "Vertical line: your prevalence. Sensitivity and specificity are taken to stay the same.",
    )
    figures.table(
        [
            {"run": run.label, "operating point": OPERATING_POINTS[point.name][0]}
            | _table_row(point, prevalence=prevalence)
            for run, points in found
            for point in points
        ],
        key="predictive-table",
        name="predictive-values-at-prevalence",
    )


def patients_words(run: JudgedRun, point: OperatingValues, *, prevalence: float) -> str:
    """An operating point told in patients."""
    told = of_patients(point, prevalence=prevalence, patients=PATIENTS)
    after_yes, after_no = point.predictive(prevalence)
    flags = f"the model flags {told.flagged}, of whom {told.found} are fractured" if told.flagged else "it flags none"
    return (
        f"**{run.label}**: of {PATIENTS:,} patients, {told.fractured} of them fractured, {flags}; it misses "
        f"{told.missed}. A yes is right in {after_yes.percent()} of cases, a no in {after_no.percent()}."
    )


def _table_row(point: OperatingValues, *, prevalence: float) -> dict[str, Any]:
    told = of_patients(point, prevalence=prevalence, patients=PATIENTS)
    after_yes, after_no = point.predictive(prevalence)
    return {
        "prevalence": f"{100 * prevalence:.0f} %",
        "PPV": after_yes.percent(),
        "NPV": after_no.percent(),
        "flagged": told.flagged,
        "found": told.found,
        "missed": told.missed,
        "false alarms": told.false_alarms,
        "cleared": told.cleared,
        "of patients": PATIENTS,
        "sensitivity": point.sensitivity.percent(),
        "specificity": point.specificity.percent(),
    }


def predictive_figure(chosen: Sequence[tuple[JudgedRun, OperatingValues]], *, prevalence: float) -> go.Figure:
    """PPV and NPV of one operating point of each run against the prevalence."""
    figure, at = go.Figure(), 100 * PREVALENCES
    for run, point in chosen:
        both = [point.predictive(float(share)) for share in PREVALENCES]
        for place, (title, dash) in enumerate((("PPV", "solid"), ("NPV", "dash"))):
            values = [pair[place] for pair in both]
            if len(chosen) <= BANDS:
                low, high = (np.array([100 * getattr(value, end) for value in values]) for end in ("low", "high"))
                figure.add_trace(band_trace(run, at, low, high))
            figure.add_scatter(
                x=at,
                y=[100 * value.value for value in values],
                text=[value.percent() for value in values],
                mode="lines",
                line={"color": run.colour, "dash": dash, "width": 2},
                name=title if len(chosen) == 1 else f"{run.label}, {title}",
                legendgroup=f"{run.row.id}-{title}",  # one for each, or the legend stacks them
                hovertemplate="%{text} at %{x:.0f} %",
            )
        here = point.predictive(prevalence)
        figure.add_scatter(
            x=[100 * prevalence] * 2,
            y=[100 * value.value for value in here],
            mode="markers",
            marker={"symbol": run.symbol, "size": 9, "color": run.colour},
            showlegend=False,
            name=f"{run.label}, at your prevalence",
            hovertemplate="%{y:.0f} % at %{x:.0f} %",
        )
    figure.add_vline(x=100 * prevalence, line={"color": GRAY, "dash": "dot", "width": 1})
    lay_out(figure, height=380, x="prevalence (%)", y="predictive value (%)")
    figure.update_xaxes(range=[0, 100], dtick=20)
    figure.update_yaxes(range=[-1, 103], dtick=20)
    return figure


def predictive_rows(chosen: Sequence[tuple[JudgedRun, OperatingValues]]) -> list[dict[str, Any]]:
    """The numbers behind ``predictive_figure``."""
    rows = []
    for run, point in chosen:
        for share in PREVALENCES:
            yes, no = point.predictive(float(share))
            rows.append(
                {"run": run.row.id, "operating_point": point.name, "prevalence": round(float(share), 2)}
                | {f"ppv{end}": value for end, value in (("", yes.value), ("_low", yes.low), ("_high", yes.high))}
                | {f"npv{end}": value for end, value in (("", no.value), ("_low", no.low), ("_high", no.high))}
            )
    return rows
