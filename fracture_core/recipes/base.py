"""What a recipe says: everything a training run needs, as data. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of a training film, drawn per sample; every field is a half-width or a probability.

    Attributes:
        rotation: degrees, uniform in ±rotation.
        scale: factor, log-uniform in [1/(1+scale), 1+scale].
        shift: share of the side, uniform in ±shift.
        horizontal_flip, vertical_flip: probabilities.
        brightness, contrast: uniform additive shift and multiplicative half-width, of pixels in [0, 1].
        gamma: log-uniform in [1/(1+gamma), 1+gamma].
        noise: standard deviation of Gaussian noise, uniform in [0, noise].
        zoom: half the films are cut to a window 1 to 1 + zoom times smaller; one expert region stays inside it.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    horizontal_flip: float = 0.0
    vertical_flip: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    noise: float = 0.0
    zoom: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One model trained one way.

    Attributes:
        key: the recipe's name, as on the command line.
        title, citation: for people.
        model: a name of ``models.MODELS``.
        pipeline, size: a name of ``preprocessing.PIPELINES`` and the input's side in pixels.
        epochs, batch: length of training and films per step.
        optimiser: "adamw", "adam" or "sgd"; ``lr`` its (peak) learning rate, ``weight_decay`` its decay.
        schedule: "onecycle" (per step) or "constant".
        loss: "cross_entropy"; ``fracture_weight`` multiplies the loss of fractured films.
        label_smoothing: share of the target spread over both classes.
        ema: decay of the averaged weights that are evaluated and kept; 0 keeps the raw ones.
        clip: largest gradient norm; 0 leaves gradients alone.
        guidance: weight of the loss that draws the class-activation map into the experts' regions; 0 leaves it out.
        augmentation: see ``Augmentation``.
        shares: split name → share of the films.
    """

    key: str
    title: str
    citation: str
    model: str
    pipeline: str
    size: int
    epochs: int
    batch: int
    optimiser: str
    lr: float
    weight_decay: float = 0.0
    schedule: str = "constant"
    loss: str = "cross_entropy"
    fracture_weight: float = 1.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    clip: float = 0.0
    guidance: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    shares: Mapping[str, float] = field(default_factory=lambda: {"train": 0.7, "val": 0.15, "test": 0.15})

    def as_run(self) -> dict[str, Any]:
        """The recipe as plain data, for a run record or a card."""
        return asdict(self)

    def smoke(self) -> Recipe:
        """The same recipe, small enough to run in under a minute on two cores."""
        return replace(self, size=min(self.size, 64), epochs=1, batch=8)
