"""The curves of chosen runs: how they learned, rank, mean what they say, and what acting on them is worth."""

from __future__ import annotations

import streamlit as st

from ui.results import calibration_curves, ranking_curves, score_histograms, training_curves, usefulness_curves
from ui.results.choice import Shown, pick_runs
from ui.results.drawn_runs import MOST, drawn_runs, judged

TRAINING = "Training"
JUDGED = {
    "ROC and precision–recall": ranking_curves.section,
    "Calibration": calibration_curves.section,
    "Scores": score_histograms.section,
    "Usefulness": usefulness_curves.section,
}


def section(shown: Shown) -> None:
    """Choose runs and a view; only the view that is open is computed."""
    runs = drawn_runs(pick_runs(shown, "Runs", key="run", most=MOST), shown)
    view = st.segmented_control(
        "View",
        [TRAINING, *JUDGED],
        default=TRAINING,
        required=True,
        key="curves",
        bind="query-params",
    )
    if not runs:
        if shown.rows:
            st.info("Choose at least one run above.")
        return
    if view not in JUDGED:
        training_curves.section(runs, shown.papers)
    elif known := judged(runs):
        JUDGED[view](known)
