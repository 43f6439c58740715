"""The recipes by name. Each module's docstring is its contract."""

from __future__ import annotations

from fracture_core.errors import UnknownName
from fracture_core.recipes import ours
from fracture_core.recipes.base import Augmentation, Recipe

RECIPES: dict[str, Recipe] = {recipe.key: recipe for recipe in (ours.RECIPE,)}


def get_recipe(key: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UnknownName: there is none.
    """
    if key not in RECIPES:
        raise UnknownName("recipe", key, RECIPES)
    return RECIPES[key]


__all__ = ["RECIPES", "Augmentation", "Recipe", "get_recipe"]
