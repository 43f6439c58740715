"""What a recipe says: everything a training run needs, as data. No torch here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from fracture_core.errors import UnknownName


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of a training film, drawn per sample; every field is a half-width or a probability.

    Attributes:
        rotation: degrees, uniform in ±rotation.
        scale: factor, log-uniform in [1/(1+scale), 1+scale].
        shift: share of the side, uniform in ±shift.
        horizontal_flip, vertical_flip: probabilities.
        gain: factor on every gray level, uniform in 1 ± gain.
        brightness, contrast: uniform additive shift and multiplicative half-width, of pixels in [0, 1].
        gamma: log-uniform in [1/(1+gamma), 1+gamma].
        noise: standard deviation of Gaussian noise, uniform in [0, noise].
        central_crop: a central part of random size is enlarged to the whole; its side is at most this share smaller.
        zoom: half the films are cut to a window 1 to 1 + zoom times smaller; one expert region stays inside it.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    horizontal_flip: float = 0.0
    vertical_flip: float = 0.0
    gain: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    noise: float = 0.0
    central_crop: float = 0.0
    zoom: float = 0.0


GROUPED, PUBLISHED = "grouped", "published"
_WORDS = ("title", "citation", "models", "overrides", "sources", "data", "reported_on", "pretrained_models")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One model trained one way.

    Attributes:
        key: the recipe's name, as on the command line.
        title, citation: for people.
        paper: key of the paper it follows, as in ``results/published.json``; "" for our own.
        model: a name of ``models.MODELS``; ``models`` are those the recipe is made for, ``overrides`` what changes
            with them (model name → fields; "sources" there are added to the recipe's).
        sources: where a setting is from: field → a place in the paper ("gupta2024, Training & Results", with
            "; strengths not stated, ours" where it is only half told), or "not stated; ..." and whose choice it is.
        pipeline, pipeline_options, size: a name of ``preprocessing.PIPELINES``, its options, and the input's side
            in pixels.
        epochs, batch: length of training and films per step, over all processes; ``accumulate`` parts each step is
            computed in, for a small memory.
        copies: how often a film comes in an epoch, each time changed anew.
        optimiser: "adamw", "adam" or "sgd"; ``lr`` its (peak) learning rate, ``momentum`` that of "sgd",
            ``weight_decay`` its decay.
        schedule: a name of ``training.SCHEDULES``, with ``schedule_options``.
        loss: "cross_entropy" or "focal" (with ``focal_gamma``); ``fracture_weight`` multiplies that of fractured
            films.
        label_smoothing: share of the target spread over both classes.
        ema: decay of the averaged weights that are evaluated and kept; 0 keeps the raw ones.
        clip: largest gradient norm; 0 leaves gradients alone.
        guidance: weight of the loss that draws the model's map (its own where it points, else its class-activation
            map) into the experts' regions; 0 leaves it out.
        frozen: the stem and this many of the backbone's first blocks keep the weights and statistics they start with;
            with any of them ``train.py`` asks for pretrained weights.
        committee: keys of the recipes whose runs answer together as this one's model; it trains nothing itself.
        rotate: a committee's films but the tested ones are divided in this many parts, and each member is validated
            on another one and trained on the rest: together they have seen all; 0 gives all members one division.
        continues: key of the recipe whose trained network this one goes on from; that training comes first, on the
            same films. "" begins anew.
        start_from: a model whose fresh weights are taken over where names and shapes agree: two runs of an ablation
            then differ in the layers under trial alone; "" draws all anew.
        augmentation: see ``Augmentation``.
        shares: split name → share of the films.
        split: "grouped" or "published".
        data: the data set the paper used, by its ``DataSet.name``; "private" where it is not to be had.
        reported_on: the split the paper's figures are of, in words.
        pretrained_models: models that the paper started from pretrained weights; no paper says whose.
    """

    key: str
    title: str
    citation: str
    paper: str = ""
    model: str
    models: tuple[str, ...] = ()
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    pipeline: str
    pipeline_options: Mapping[str, Any] = field(default_factory=dict)
    size: int
    epochs: int
    batch: int
    accumulate: int = 1
    copies: int = 1
    optimiser: str
    lr: float
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    schedule_options: Mapping[str, Any] = field(default_factory=dict)
    loss: str = "cross_entropy"
    focal_gamma: float = 2.0
    fracture_weight: float = 1.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    clip: float = 0.0
    guidance: float = 0.0
    frozen: int = 0
    committee: tuple[str, ...] = ()
    rotate: int = 0
    continues: str = ""
    start_from: str = ""
    augmentation: Augmentation = field(default_factory=Augmentation)
    shares: Mapping[str, float] = field(default_factory=lambda: {"train": 0.7, "val": 0.15, "test": 0.15})
    split: str = GROUPED
    data: str = "fracatlas"
    reported_on: str = "test"
    pretrained_models: tuple[str, ...] = ()

    def with_model(self, name: str) -> Recipe:
        """The same recipe for another of its models.

        Raises:
            UnknownName: the recipe is not made for that model.
        """
        if name not in (self.model, *self.models):
            raise UnknownName(f"model of the recipe {self.key}", name, {self.model, *self.models})
        changes = dict(self.overrides.get(name, {}))
        sources = {**self.sources, **changes.pop("sources", {})}
        return replace(self, model=name, sources=sources, **changes)

    def as_run(self) -> dict[str, Any]:
        """The recipe as plain data, for a run record or a card."""
        left_out = {"models", "overrides", "sources"} | ({"continues"} if not self.continues else set())
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    def identity(self) -> str:
        """What two runs must share to be one run: every field that training depends on, as sha256 hex."""
        essentials = {name: value for name, value in asdict(self).items() if name not in _WORDS}
        for name in ("frozen", "committee", "rotate", "continues"):  # checkpoints are older than these fields
            if not essentials[name]:
                del essentials[name]
        return hashlib.sha256(repr(sorted(essentials.items())).encode()).hexdigest()

    def smoke(self) -> Recipe:
        """The same recipe, small enough to run in under a minute on two cores."""
        from fracture_core.models import MODELS

        size = self.size if MODELS[self.model].fixed_size else min(self.size, 64)
        return replace(self, size=size, epochs=1, batch=8, accumulate=1, copies=1)

    def deviations(self, *, data: str, split: str, pretrained: bool, missing: int = 0) -> list[str]:
        """Why a run's figures cannot be set beside the paper's as like with like; empty where they can.

        Args:
            data: name of the data set of the run.
            split: kind of its split.
            pretrained: whether it started from trained weights.
            missing: films that the publisher's table names and that the run did not have.
        """
        if not self.paper:
            return ["no paper reports this recipe"]
        reasons = []
        if self.data == "private":
            reasons.append(f"the paper's data is not public; this run is on {data}")
        elif data != self.data:
            reasons.append(f"the paper's data is {self.data}; this run is on {data}")
        elif missing:
            reasons.append(f"{missing} films of the data set were not at hand")
        if split == GROUPED and self.split == GROUPED:
            reasons.append("the paper's division of the films is not published; here no duplicate crosses the split")
        elif split != self.split:
            reasons.append(f"the paper's figures are of its {self.split} split; this run's is {split}")
        if self.reported_on != "test":
            reasons.append(f"the paper's figures are of {self.reported_on}; these are of test")
        if self.model in self.pretrained_models and not pretrained:
            reasons.append("the paper started from pretrained weights; this run started from random ones")
        if self.models and self.model not in self.paper_models:
            reasons.append("the paper does not use this model")
        return reasons

    @property
    def paper_models(self) -> tuple[str, ...]:
        """Those of ``models`` that the paper itself trains."""
        from fracture_core.models import MODELS

        return tuple(name for name in self.models if self.paper in MODELS[name].papers)
