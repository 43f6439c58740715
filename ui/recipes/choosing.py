"""Which recipe is looked at: paper, variant and model, all three kept in the page's address."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import streamlit as st

from fracture_core.models import MODELS
from fracture_core.recipes import MODULES, RECIPES, Recipe


@dataclass(frozen=True)
class Choice:
    """A recipe for one of its models, and the module that holds its contract."""

    module: ModuleType
    recipe: Recipe


def papers() -> dict[str, ModuleType]:
    """Key as in addresses → recipe module: the papers in the order of their years, our own last."""
    ours, *others = MODULES
    modules = sorted(others, key=lambda module: module.RECIPES[0].key[-4:])
    return {module.RECIPES[0].key: module for module in (*modules, ours)}


def choose() -> Choice:
    """Draw the three choices; an address that names what there is not falls back to the first of each."""
    modules = papers()
    # options are shown as they stand in the address, so that an address can be written by hand
    paper = st.segmented_control(
        "Paper",
        list(modules),
        default=next(iter(modules)),
        required=True,
        key="paper",
        bind="query-params",
    )
    module = modules[paper or next(iter(modules))]
    variants = [recipe.key for recipe in module.RECIPES]
    left, right = st.columns(2)
    key = variants[0]
    if len(variants) > 1:
        key = left.selectbox("Variant", variants, key="recipe", bind="query-params") or variants[0]
        left.caption(RECIPES[key].title)
        left = right
    recipe = RECIPES[key]
    models = _models(recipe)
    name = models[0]
    if len(models) > 1:
        name = left.selectbox("Model", models, key="network", bind="query-params") or models[0]
        left.caption(MODELS[name].title)
    return Choice(module, recipe.with_model(name))


def _models(recipe: Recipe) -> list[str]:
    """The recipe's own model first."""
    return list(dict.fromkeys((recipe.model, *recipe.models)))
