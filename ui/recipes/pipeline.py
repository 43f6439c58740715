"""A recipe's pipeline on a film: all its steps, then those that change the film, before and after."""

from __future__ import annotations

from itertools import pairwise

import streamlit as st

from fracture_core.recipes import Recipe
from ui.recipes.films import Shown, kept
from ui.recipes.pairs import contact_sheet, pair
from ui.recipes.steps import Step, steps_of_sample, steps_on


def pipeline_on(shown: Shown, recipe: Recipe) -> None:
    """Show every step with its name, size and reason, and the changing ones with their gray levels."""
    steps = _steps(shown, recipe)
    contact_sheet(steps)
    changing = [(before, after) for before, after in pairwise(steps) if after.resized or after.toned]
    if not changing:
        st.caption("No step changes this film to the eye.")
        return
    st.markdown("##### Before and after")
    for number, (before, after) in enumerate(changing):
        st.markdown(f"**{after.name}**: {after.change}. {_cited(after.source)}")
        pair(before, after, key=f"{recipe.key}-step-{number}")


def _steps(shown: Shown, recipe: Recipe) -> tuple[Step, ...]:
    extra = tuple(recipe.pipeline_options.get("extra", ()))
    given = (shown.film, recipe.pipeline, recipe.size, extra)
    name = f"{recipe.pipeline} {recipe.size} {' '.join(extra)}"
    with st.spinner("Taking the film through the steps", show_time=False):
        return kept(shown, name, lambda: steps_on(*given), lambda: steps_of_sample(*given))


def _cited(source: str) -> str:
    return f"*{source}*" if source else ""
