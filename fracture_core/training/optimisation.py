"""Optimisers and learning-rate schedules, by the names recipes use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn, optim
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingWarmRestarts,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from fracture_core.errors import UnknownName
from fracture_core.recipes.base import Recipe


def build_optimiser(recipe: Recipe, model: nn.Module) -> optim.Optimizer:
    """The recipe's optimiser over a model's parameters; norms and biases do not decay.

    Fused: one pass over the weights a step, which on a CPU is a tenth of the time of a network with large layers.

    Raises:
        UnknownName: there is no such optimiser.
    """
    from timm.optim import param_groups_weight_decay

    groups = param_groups_weight_decay(model, recipe.weight_decay)
    kinds: dict[str, Callable[[], optim.Optimizer]] = {
        "adamw": lambda: optim.AdamW(groups, lr=recipe.lr, fused=True),
        "adam": lambda: optim.Adam(groups, lr=recipe.lr, fused=True),
        "sgd": lambda: optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, fused=True),
    }
    if recipe.optimiser not in kinds:
        raise UnknownName("optimiser", recipe.optimiser, kinds)
    return kinds[recipe.optimiser]()


@dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule and what moves it on: every step, or every epoch with its validation loss."""

    scheduler: Any
    per_step: bool

    def after_step(self) -> None:
        if self.per_step:
            self.scheduler.step()

    def after_epoch(self, val_loss: float) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(val_loss)
        elif not self.per_step:
            self.scheduler.step()


def _onecycle(optimiser: optim.Optimizer, recipe: Recipe, steps: int) -> Schedule:
    total = max(round(steps * recipe.epochs / recipe.schedule_options.get("part", 1)), 1)
    return Schedule(OneCycleLR(optimiser, max_lr=recipe.lr, total_steps=total, pct_start=0.15), True)


def _warm_restarts(optimiser: optim.Optimizer, recipe: Recipe, steps: int) -> Schedule:
    first, growth = (int(recipe.schedule_options[name]) for name in ("T_0", "T_mult"))
    return Schedule(CosineAnnealingWarmRestarts(optimiser, T_0=max(first * steps, 1), T_mult=growth), True)


SCHEDULES: dict[str, Callable[[optim.Optimizer, Recipe, int], Schedule]] = {
    "constant": lambda optimiser, recipe, steps: Schedule(ConstantLR(optimiser, factor=1.0), True),
    "onecycle": _onecycle,
    "step": lambda optimiser, recipe, steps: Schedule(StepLR(optimiser, **recipe.schedule_options), False),
    "plateau": lambda optimiser, recipe, steps: Schedule(
        ReduceLROnPlateau(optimiser, **recipe.schedule_options), False
    ),
    "warm_restarts": _warm_restarts,
}
"""Name → builder from (optimiser, recipe, steps per epoch). Restart periods and steps count epochs; of one cycle the
``part`` may be run that ends with the last epoch, as averaged weights need no low rate at the end."""


def build_schedule(recipe: Recipe, optimiser: optim.Optimizer, steps: int) -> Schedule:
    """The recipe's schedule over ``steps`` a epoch.

    Raises:
        UnknownName: there is no such schedule.
    """
    if recipe.schedule not in SCHEDULES:
        raise UnknownName("schedule", recipe.schedule, SCHEDULES)
    return SCHEDULES[recipe.schedule](optimiser, recipe, steps)
