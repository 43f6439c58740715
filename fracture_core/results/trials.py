"""Runs that differ in one thing alone: what a transform, a layer, the arithmetic or another draw is worth."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fracture_core.metrics import Estimate
from fracture_core.recipes import RECIPES
from fracture_core.results.comparing import compare_runs

ARITHMETIC = "the arithmetic of training"
DRAW = "another draw of start and order"
Outline = Mapping[str, Any]

_NAMES = ("key", "title", "citation", "models", "data", "reported_on", "pretrained_models")
_PLACE = ("seed", "hardware", "pretrained", "precision")
_DIVISION = ("kind", "rule", "seed", "fold", "folds", "counts")
_ONE_THING = (  # fields that change together when one thing is tried, and what it is
    ({"pipeline_options"}, "a transform of every film"),
    ({"augmentation"}, "a change in training"),
    ({"model", "start_from"}, "the network, from the same start"),
    ({"precision"}, ARITHMETIC),
    ({"seed"}, DRAW),
)


@dataclass(frozen=True, eq=False)
class Trial:
    """Two outlines: a run as its paper has it, and one with something ``changed``; ``what`` says which kind."""

    what: str
    base: Outline
    changed: Outline

    @property
    def both(self) -> tuple[Outline, Outline]:
        return self.base, self.changed

    @property
    def names(self) -> tuple[str, str]:
        """What tells the two apart: their recipes, their arithmetic or their seeds."""
        tell: Callable[[Outline], str] = {
            ARITHMETIC: lambda run: str(run["precision"]).partition(" training")[0],
            DRAW: lambda run: f"seed {run['seed']}",
        }.get(self.what, lambda run: str(run["recipe"]["key"]))
        return tell(self.base), tell(self.changed)


def trials(outlines: Iterable[Outline]) -> list[Trial]:
    """Every pair of runs of one paper that differ in one thing, on the same films and kind of machine.

    The base is a run of the paper's own recipe, under whatever name; of several runs of one kind the newest counts.
    In a pair that differs in precision the base is the wider one, in one that differs in the seed that of seed 0.
    """
    in_time = sorted(outlines, key=lambda run: str(run.get("id")))
    newest = {json.dumps(_fields(run), sort_keys=True): run for run in in_time}
    runs = [run for run in newest.values() if (run.get("recipe") or {}).get("paper")]
    return [
        Trial(what, base, other)
        for base in runs
        if _is_the_papers(base["recipe"])
        for other in runs
        for what in _difference(base, other)
    ]


def gain(trial: Trial, read: Callable[[str], Mapping[str, Any]]) -> Estimate | None:
    """AUC of the changed run minus that of the base, paired by test film and bootstrapped by group.

    Args:
        read: run id → whole record.

    Returns:
        None where the records hold no groups.

    Raises:
        FractureError: the two share too few test films.
    """
    found = compare_runs(read(trial.changed["id"]), read(trial.base["id"])).statistics.by_group
    return None if found is None else found["auc"]


def _is_the_papers(recipe: Mapping[str, Any]) -> bool:
    """Whether it is the paper's own recipe, or differs from it in its name alone, as one half of an ablation may."""
    own = RECIPES.get(recipe["paper"])
    if own is None or recipe["key"] == own.key:
        return recipe["key"] == recipe["paper"]
    if recipe["model"] not in (own.model, *own.models):
        return False
    return _essential(own.with_model(recipe["model"]).as_run()) == _essential(recipe)


def _essential(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What a training depends on, as it is read back from a record."""
    kept: dict[str, Any] = json.loads(json.dumps({k: v for k, v in recipe.items() if k not in _NAMES}))
    return kept


def _fields(run: Outline) -> dict[str, Any]:
    """What two runs of one kind share."""
    films, along = ((run.get(name) or {}).get("fingerprint") for name in ("data", "also"))
    split = {name: value for name, value in (run.get("split") or {}).items() if name in _DIVISION}
    facts = {"films": films, "films along": along, "division": split}
    return _essential(run.get("recipe") or {}) | facts | {name: run.get(name) for name in _PLACE}


def _difference(base: Outline, other: Outline) -> Iterator[str]:
    one, two = _fields(base), _fields(other)
    if one.keys() != two.keys():  # records of an earlier program lack fields
        return
    changed = {name for name in one if one[name] != two[name]}
    for together, what in _ONE_THING:
        if changed == together and _in_order(what, base, other):
            yield what


def _in_order(what: str, base: Outline, other: Outline) -> bool:
    """Whether the first is the one to start from; of two recipes that has been seen to."""
    if what == ARITHMETIC:
        return _width(base) > _width(other)
    return what != DRAW or base["seed"] == 0


def _width(run: Outline) -> int:
    """Bits of a training's arithmetic: "bf16-mixed" counts 16, "32-true" 32."""
    found = re.search(r"\d+", str(run.get("precision")))
    return int(found[0]) if found else 0
