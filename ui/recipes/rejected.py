"""The transforms that gupta2024 tried and kept none of, on a film: its figure 1."""

from __future__ import annotations

import streamlit as st

from fracture_core.preprocessing import REJECTED
from ui.recipes.films import Shown, kept
from ui.recipes.pairs import contact_sheet, pair
from ui.recipes.steps import WHY, Step, tried_on, tried_on_sample


def rejected_transforms(shown: Shown) -> None:
    """Every rejected transform after the film itself, and a chosen one with its gray levels."""
    st.markdown("##### Tried and rejected")
    st.caption(
        "The paper tried each of these and found that none significantly enhanced the model (its figure 1; section "
        "Training & Results). Each is a variant above, with a command to see for oneself."
    )
    found = {after.name: (before, after) for before, after in (_tried(shown, name) for name in REJECTED)}
    film = next(iter(found.values()))[0]
    contact_sheet([film, *(after for _, after in found.values())], numbered=False)
    name = st.segmented_control(
        "Before and after",
        list(found),
        default=next(iter(found)),
        required=True,
        key="transform",
        bind="query-params",
    )
    before, after = found[name or next(iter(found))]
    st.caption(f"{WHY[after.name]} {after.source}.")
    pair(before, after, key="rejected")


def _tried(shown: Shown, name: str) -> tuple[Step, Step]:
    return kept(shown, name, lambda: tried_on(shown.film, name), lambda: tried_on_sample(shown.film, name))
