"""A recipe's settings in words, each with where it is from: stated by the paper, or ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from fracture_core.recipes.base import GROUPED, Augmentation, Recipe

STATED, IN_PART, OURS = "stated", "in part", "ours"

_OPTIMISERS = {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD with momentum"}
_LOSSES = {"cross_entropy": "Cross-entropy", "focal": "Focal cross-entropy"}
_SCHEDULES = {
    "constant": "Constant",
    "onecycle": "One cycle: up, then down along a cosine",
    "step": "In steps",
    "plateau": "Lowered when the validation loss stands still",
    "warm_restarts": "Cosine with warm restarts",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One line of the settings' table.

    Attributes:
        field: of ``Recipe``.
        name, value: in words, with units.
        source: a place in the paper, or "not stated; ..." and whose choice it is.
        origin: "stated", "in part" or "ours".
    """

    field: str
    name: str
    value: str
    source: str
    origin: str


def settings(recipe: Recipe) -> tuple[Setting, ...]:
    """The settings that act, in the order of the work: film, training, division.

    Take the recipe from ``with_model``, which brings the model's own sources. A recipe of no paper is all ours.
    """
    found = []
    for name, (title, words) in _WORDING.items():
        value = words(recipe)
        if value:
            source = recipe.sources.get(name, "") if recipe.paper else "ours"
            found.append(
                Setting(field=name, name=title, value=value, source=source, origin=origin(source, recipe.paper))
            )
    return tuple(found)


def origin(source: str, paper: str) -> str:
    """Whether a source is a place in the paper, one that tells half, or none."""
    if not paper or not source.startswith(f"{paper}, "):
        return OURS
    return IN_PART if "not stated" in source else STATED


def count_in_words(found: tuple[Setting, ...]) -> str:
    """``11 stated, 1 in part, 6 ours``; what there is none of is left out but for the stated."""
    counts = {kind: sum(setting.origin == kind for setting in found) for kind in (STATED, IN_PART, OURS)}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count or kind == STATED)


def augmentation_in_words(augmentation: Augmentation) -> str:
    """Every change that can happen with its reach; "none" where none can."""
    said = []
    for field in fields(augmentation):
        reach = getattr(augmentation, field.name)
        if reach:
            said.append(_CHANGES[field.name](reach))
    return ", ".join(said) or "none"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


_CHANGES: Mapping[str, Callable[[float], str]] = {
    "rotation": lambda reach: f"turned by up to {reach:g}° either way",
    "scale": lambda reach: f"scaled by up to {1 + reach:g} × or 1/{1 + reach:g}",
    "shift": lambda reach: f"shifted by up to {_percent(reach)} of the side",
    "horizontal_flip": lambda reach: f"mirrored left to right ({_percent(reach)} of films)",
    "vertical_flip": lambda reach: f"mirrored top to bottom ({_percent(reach)} of films)",
    "gain": lambda reach: f"gray levels × {1 - reach:g} to {1 + reach:g}",
    "brightness": lambda reach: f"brightness ± {reach:g} of the gray range",
    "contrast": lambda reach: f"contrast × {1 - reach:g} to {1 + reach:g}",
    "gamma": lambda reach: f"gamma 1/{1 + reach:g} to {1 + reach:g}",
    "noise": lambda reach: f"Gaussian noise up to {_percent(reach)} of the gray range",
    "central_crop": lambda reach: f"centre enlarged, up to {_percent(reach)} of the side cut off",
    "zoom": lambda reach: f"half the films cut to a window up to {1 + reach:g} times smaller",
}


def _named(names: Mapping[str, str], name: str) -> str:
    return names.get(name, name)


def _options(options: Mapping[str, Any]) -> str:
    """Options of ``pipeline_options`` or ``schedule_options``, by what they do."""
    words = {
        "extra": lambda value: "with " + ", ".join(str(name).replace("_", " ") for name in value),
        "T_0": lambda value: f"first period {_counted(value, 'epoch')}",
        "T_mult": lambda value: f"each next period {value} times as long" if value != 1 else "",
        "step_size": lambda value: f"every {_counted(value, 'epoch')}",
        "part": lambda value: f"left after {_percent(value)} of the cycle",
        "gamma": lambda value: f"by a factor of {value:g}",
        "factor": lambda value: f"by a factor of {value:g}",
        "patience": lambda value: f"after more than {_counted(value, 'epoch')} without improvement",
    }
    said = (words[name](value) if name in words else f"{name} {value}" for name, value in options.items())
    return ", ".join(part for part in said if part)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _shares(recipe: Recipe) -> str:
    if recipe.split != GROUPED:
        return ""
    names = {"train": "training", "val": "validation", "test": "test"}
    return ", ".join(f"{_percent(share)} {_named(names, name)}" for name, share in recipe.shares.items())


def _split(recipe: Recipe) -> str:
    if recipe.split != GROUPED:
        return "as its publisher divided it"
    return "by groups of related films; none crosses it"


def _start(recipe: Recipe) -> str:
    if recipe.model in recipe.pretrained_models or not recipe.paper:
        return "pretrained on ImageNet, where a file is given"
    return "random"


_WORDING: Mapping[str, tuple[str, Callable[[Recipe], str]]] = {
    "pipeline": ("Preprocessing", lambda r: "the steps shown above"),
    "pipeline_options": ("Transform on trial", lambda r: _options(r.pipeline_options)),
    "size": ("Input", lambda r: f"{r.size} × {r.size} pixels"),
    "augmentation": ("Random changes in training", lambda r: augmentation_in_words(r.augmentation)),
    "copies": ("Copies of a film in an epoch", lambda r: f"{r.copies}, each changed anew" if r.copies > 1 else ""),
    "pretrained_models": ("Starting weights", _start),
    "frozen": ("Left as it starts", lambda r: f"stem and first {_counted(r.frozen, 'block')}" if r.frozen else ""),
    "committee": ("Networks that answer together", lambda r: " and ".join(r.committee)),
    "continues": ("Goes on from", lambda r: r.continues),
    "start_from": ("Fresh weights shared with", lambda r: r.start_from),
    "optimiser": ("Optimiser", lambda r: _named(_OPTIMISERS, r.optimiser)),
    "lr": ("Learning rate", lambda r: f"{r.lr:g}" + (" at its peak" if r.schedule == "onecycle" else "")),
    "momentum": ("Momentum", lambda r: f"{r.momentum:g}" if r.optimiser == "sgd" else ""),
    "weight_decay": ("Weight decay", lambda r: f"{r.weight_decay:g}" if r.weight_decay else ""),
    "schedule": ("Learning rate's course", lambda r: _named(_SCHEDULES, r.schedule)),
    "schedule_options": ("Course's constants", lambda r: _options(r.schedule_options)),
    "epochs": ("Epochs", lambda r: _counted(r.epochs, "epoch")),
    "batch": ("Batch", lambda r: _counted(r.batch, "film")),
    "loss": ("Loss", lambda r: _named(_LOSSES, r.loss)),
    "focal_gamma": ("Focusing parameter γ", lambda r: f"{r.focal_gamma:g}" if r.loss == "focal" else ""),
    "fracture_weight": (
        "Weight of fractured films",
        lambda r: f"{r.fracture_weight:g}" if r.fracture_weight != 1 else "",
    ),
    "label_smoothing": ("Label smoothing", lambda r: _percent(r.label_smoothing) if r.label_smoothing else ""),
    "ema": ("Averaged weights, decay", lambda r: f"{r.ema:g} a step" if r.ema else ""),
    "clip": ("Largest gradient norm", lambda r: f"{r.clip:g}" if r.clip else ""),
    "guidance": ("Guidance by experts' regions", lambda r: f"{r.guidance:g}" if r.guidance else ""),
    "shares": ("Division of the films", _shares),
    "split": ("How they are divided", _split),
}
"""Field of ``Recipe`` → its name and its value in words, "" where it does not act."""
