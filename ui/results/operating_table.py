"""What the operating points of runs give, as a table; shared by the views that mark them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from fracture_core.results import ScoredFilms
from fracture_core.results.operating import OperatingValues, operating_values
from ui import figures, loaders
from ui.results.drawn_runs import JudgedRun, cache_key
from ui.wording import OPERATING_POINTS


def values_of(run: JudgedRun) -> tuple[OperatingValues, ...]:
    """A run's operating points on its test films, in the order of the sidebar."""
    found = {point.name: point for point in _values(*cache_key(run), run.films, run.groups)}
    return tuple(found[name] for name in OPERATING_POINTS if name in found)


@st.cache_data(show_spinner=False, max_entries=128)
def _values(run: str, folder: str, _films: ScoredFilms, _groups: np.ndarray) -> tuple[OperatingValues, ...]:
    return operating_values(loaders.run(run), labels=_films.labels, scores=_films.scores, groups=_groups)


def operating_table(*, found_values: Sequence[tuple[JudgedRun, Sequence[OperatingValues]]]) -> None:
    """Every operating point of every run with its figures."""
    figures.table(
        [
            {
                "run": run.label,
                "operating point": OPERATING_POINTS[point.name][0],
                "threshold": f"{point.threshold:.3f}",
                "sensitivity": point.sensitivity.percent(),
                "specificity": point.specificity.percent(),
                "precision": point.precision.percent(),
                "fractured": point.sensitivity.n,
                "not fractured": point.specificity.n,
                "chosen": point.rule,
            }
            for run, points in found_values
            for point in points
        ],
        key="operating-points",
        name="operating-points",
    )
