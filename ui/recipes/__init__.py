"""The recipes of the papers, and our own: what each compared, does to a film, states, leaves open; how to run it."""

from __future__ import annotations

import streamlit as st

from fracture_core.recipes.contract import contract
from ui import loaders
from ui.recipes.choosing import choose
from ui.recipes.draws import random_changes
from ui.recipes.facts import commands, deviations, training_settings, what_it_is
from ui.recipes.films import film_to_show
from ui.recipes.pipeline import pipeline_on
from ui.recipes.rejected import rejected_transforms
from ui.recipes.runs import our_runs


def recipes_page() -> None:
    """Everything below the title. Each section fails alone."""
    chosen = choose()
    told, recipe = contract(chosen.module), chosen.recipe
    paper = loaders.papers().get(recipe.paper)
    with loaders.error_boundary():
        what_it_is(recipe, told, paper)

    st.subheader("The pipeline, step by step", anchor="pipeline")
    with loaders.error_boundary():
        film = film_to_show(recipe)
        if film is not None:
            pipeline_on(film, recipe)
            if recipe.paper == "gupta2024":
                rejected_transforms(film)
            random_changes(film, recipe)

    st.subheader("Training settings", anchor="settings")
    with loaders.error_boundary():
        training_settings(recipe)

    st.subheader("Where we deviate", anchor="deviations")
    with loaders.error_boundary():
        deviations(recipe, told)

    st.subheader("Run it", anchor="run")
    with loaders.error_boundary():
        commands(recipe, told)

    st.subheader("Our runs so far", anchor="runs")
    with loaders.error_boundary():
        our_runs(recipe, chosen.module)
