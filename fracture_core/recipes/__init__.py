"""The recipes by name. Each module's docstring is its contract."""

from __future__ import annotations

from fracture_core.errors import UnknownName
from fracture_core.recipes import abirami2024, gupta2024, lisbon2023, multiregion2024, ours, wang2024
from fracture_core.recipes.base import GROUPED, PUBLISHED, Augmentation, Recipe

MODULES = (ours, abirami2024, lisbon2023, multiregion2024, gupta2024, wang2024)
"""One for each paper, and our own."""

RECIPES: dict[str, Recipe] = {recipe.key: recipe for module in MODULES for recipe in module.RECIPES}


def get_recipe(key: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UnknownName: there is none.
    """
    if key not in RECIPES:
        raise UnknownName("recipe", key, RECIPES)
    return RECIPES[key]


__all__ = ["GROUPED", "MODULES", "PUBLISHED", "RECIPES", "Augmentation", "Recipe", "get_recipe"]
