"""What a run is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fracture_core.errors import FractureError
from fracture_core.recipes import Recipe, get_recipe
from fracture_core.results import RUNS
from fracture_core.weights import FP16

AUTO = "auto"  # the form of weights is chosen by the validation films
CHANGES = ("epochs", "size", "batch", "accumulate", "copies")


@dataclass(frozen=True, kw_only=True)
class Options:
    """As ``train.py`` takes them on its command line.

    Attributes:
        recipe, model: a key of ``recipes.RECIPES`` and one of its models; None for its first.
        data: folder of the data set. ``also``: of one that trains along.
        pretrained: safetensors file of backbone weights in timm's names; "timm" fetches its ImageNet weights.
        weights, form: folder for the weights and the card, and how the weights are stored: one of ``weights.FORMS``
            or ``AUTO``.
        runs: folder of the run records.
        work, resume: folder for decoded films, groups and checkpoints, and whether to go on from the one there.
        split, folds, fold: how the films are divided; None as the recipe says.
        member: of a committee, the one to train alone.
        epochs, size, batch, accumulate, copies: changes of the recipe, None for none.
        accelerator, precision, compile: see ``training.fit``.
        smoke: a tiny run that writes no record.
    """

    recipe: str
    data: Path
    model: str | None = None
    also: Path | None = None
    pretrained: Path | None = None
    weights: Path | None = None
    form: str = FP16
    runs: Path = RUNS
    work: Path | None = None
    resume: bool = False
    seed: int = 0
    split: str | None = None
    folds: int | None = None
    fold: int | None = None
    member: int | None = None
    epochs: int | None = None
    size: int | None = None
    batch: int | None = None
    accumulate: int | None = None
    copies: int | None = None
    accelerator: str = "auto"
    precision: str = "bf16-mixed"
    compile: bool = False
    smoke: bool = False


def chosen_recipes(options: Options) -> list[Recipe]:
    """The recipe as asked for, model and changes included; a committee's members come before it."""
    if not 0 <= options.seed < 2**32:
        raise FractureError(f"The seed is a whole number from 0 to {2**32 - 1}.")
    if options.folds is None and options.fold is not None:
        raise FractureError("--fold is one of how many? Name their number with --folds.")
    if options.folds is not None and options.folds < 3:
        raise FractureError("--folds takes three or more: one is tested, one validated on, the rest trained on.")
    asked = get_recipe(options.recipe)
    asked = asked.with_model(options.model or asked.model)
    return [changed(recipe, options) for recipe in (*map(get_recipe, asked.committee), asked)]


def stages(recipe: Recipe, options: Options) -> list[Recipe]:
    """The recipes that are trained one after another until this one is; it is the last of them."""
    if not recipe.continues:
        return [recipe]
    return [*stages(changed(get_recipe(recipe.continues), options), options), recipe]


def changed(recipe: Recipe, options: Options) -> Recipe:
    """A recipe with the command line's changes."""
    fields = {name: getattr(options, name) for name in CHANGES}
    fields = {name: value for name, value in fields.items() if value is not None}
    if any(value < 1 for value in fields.values()):
        raise FractureError("Epochs, size, batch, accumulate and copies are counted from 1.")
    recipe = replace(recipe, **fields)
    return recipe.smoke() if options.smoke else recipe
