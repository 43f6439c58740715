"""Where runs err: one run's worst errors, or two runs against each other, film by film."""

from __future__ import annotations

import streamlit as st

from ui.results import gallery, two_runs
from ui.results.choice import Shown

GALLERY, TWO_RUNS = "Failure gallery", "Two runs compared"


def section(shown: Shown) -> None:
    """The tab's body."""
    part = st.segmented_control(
        "Errors of",
        [GALLERY, TWO_RUNS],
        default=GALLERY,
        required=True,
        key="errors",
        bind="query-params",
        label_visibility="collapsed",
    )
    if part == TWO_RUNS:
        two_runs.section(shown)
    else:
        gallery.section(shown)
