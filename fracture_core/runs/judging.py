"""What a trained network is worth: it is judged, and its weights, card and record are written."""

from __future__ import annotations

import logging
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fracture_core import __version__, training, weights
from fracture_core.audit import Companion
from fracture_core.datasets import TEST, TRAIN, VAL, DataSet, Division
from fracture_core.evaluation import evaluate
from fracture_core.metrics import Calibration, roc_auc, summarise
from fracture_core.models import MODELS
from fracture_core.preprocessing import build_pipeline
from fracture_core.recipes import Recipe
from fracture_core.results import write_record
from fracture_core.runs.films import run_name
from fracture_core.runs.options import AUTO, CHANGES, Options, stages
from fracture_core.training import Films, FitResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """What the recipes of a run share.

    Attributes:
        division: who was trained on, who decides and who is tested; ``parts`` are the members' own divisions in a
            committee whose validation rotated, else empty.
        duplicates: pairs of films that show the same.
        films: decoded; those that trained ``also`` stand behind the data set's.
        pretrained: the file of weights it started from, None from scratch.
        device, processes, began, code: where, in how many, when, and by which commit of the program it was trained.
    """

    options: Options
    data: DataSet
    division: Division
    parts: Sequence[Division] = ()
    duplicates: int
    films: Films
    also: Companion | None
    pretrained: Path | None
    device: torch.device
    processes: int
    began: datetime
    code: str | None

    def answers(self, model: nn.Module, recipe: Recipe, indices: np.ndarray) -> np.ndarray:
        """Logits of films, (len(indices), 2)."""
        pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
        return training.predict_logits(model, self.films, indices, pipeline=pipeline, device=self.device)

    def validated(self, model: Any, recipe: Recipe) -> np.ndarray:
        """Logits of the validation films; of a committee whose validation rotated, each film is answered by the
        member that has not seen it."""
        shown = self.division.indices(VAL)
        if not self.parts:
            return self.answers(model, recipe, shown)
        logits = np.zeros((len(shown), 2), np.float32)
        for number, part in enumerate(self.parts):
            mine = part.indices(VAL)
            logits[np.searchsorted(shown, mine)] = self.answers(model.alone(number), recipe, mine)
        return logits


def finish(
    setting: Setting,
    recipe: Recipe,
    result: FitResult,
    *,
    weights_to: Path | None = None,
    members: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Judge a trained network, and write its record and, where asked to, its weights; returns the record.

    Args:
        members: a committee's, their records.
    """
    options, data, division, model = setting.options, setting.data, setting.division, result.model
    shown = {name: division.indices(name) for name in (VAL, TEST)}
    labels = {name: setting.films.labels[indices] for name, indices in shown.items()}

    def validation_auc(shipped: nn.Module) -> float:
        logits = setting.validated(shipped, recipe)
        return roc_auc(labels[VAL], logits[:, 1] - logits[:, 0])

    *before, _ = stages(recipe, options)
    form = options.form if weights_to is not None else weights.FP16  # a member's are stored with its committee's
    form = weights.choose_form(model, validation_auc) if form == AUTO else form
    weights.round_to_shipped(model, form)  # what is measured is what is shipped
    logits = {VAL: setting.validated(model, recipe), TEST: setting.answers(model, recipe, shown[TEST])}
    tested = [data.cases[index] for index in shown[TEST]]
    figures, probabilities = evaluate(logits, labels, division.groups[shown[TEST]], tested)
    facts = {
        **network_facts(recipe, form),
        **({"before": [one.as_run() for one in before]} if before else {}),
        "title": title(recipe, also=setting.also),
        **figures,
        "split": split_facts(data, division),
        "data": data_facts(setting),
        "examples": examples(data, shown[TEST]),
        **along(setting, recipe, model, figures),
        "pretrained": setting.pretrained.name if setting.pretrained else None,
        "best_epoch": None if members else result.best_epoch,
        **({"members": [{"id": one["id"], "best_epoch": one["best_epoch"]} for one in members]} if members else {}),
        "seed": options.seed,
        **cost(result, setting.processes, options),
        "comparable": comparable(setting, recipe),
        "commit": setting.code,
        "version": __version__,
        "date": setting.began.date().isoformat(),
        "licence": "Apache-2.0",
        "attribution": [
            data.attribution,
            *([setting.also.data.attribution] if setting.also else []),
            *backbone_attribution(setting.pretrained),
        ],
    }
    if weights_to is not None:
        weights.save(model, facts, weights_to, form=form)
    rows = [(name, index) for name in (VAL, TEST) for index in shown[name]]
    run_of = run_name(options, data, setting.also, recipe, division)
    record = {
        "id": f"{setting.began:%Y%m%dT%H%M%SZ}-{run_of}",
        "schema": 2,
        **facts,
        "curves": [] if members else [asdict(row) for row in result.history],  # each member's are in its own record
        "epochs_run": len(result.history),
        "cases": {
            "id": [data.cases[index].id for _, index in rows],
            "split": [name for name, _ in rows],
            "label": [int(setting.films.labels[index]) for _, index in rows],
            "group": [int(division.groups[index]) for _, index in rows],
            "region": [data.cases[index].region for _, index in rows],
            "score": [round(float(p), 7) for name in (VAL, TEST) for p in probabilities[name]],
        },
    }
    auc = figures["metrics"]["auc"]
    log.info("%s: test AUC %.4f [%.4f, %.4f], n %d", recipe.key, auc["value"], auc["low"], auc["high"], auc["n"])
    if figures["calibration"]["flat"]:
        log.warning(
            "%s: its score does not rise with fracture on the validation films, so every calibrated probability is "
            "close to their share of fractures: train it longer, or do not use it",
            recipe.key,
        )
    if not options.smoke:
        log.info("record %s", write_record(record, folder=options.runs).name)
    return record


def title(recipe: Recipe, *, also: Companion | None) -> str:
    """What the pages call it: by its network and what sets it apart from others of the kind."""
    network = MODELS[recipe.model].title
    if also is not None:
        return f"{network}, {also.data.name} too"
    return f"{network} ({recipe.key})" if recipe.paper else recipe.title


def network_facts(recipe: Recipe, form: str) -> dict[str, Any]:
    """What the network is and how a film must be shown to it."""
    pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
    return {
        "recipe": recipe.as_run(),
        "model": recipe.model,
        "pipeline": recipe.pipeline,
        "pipeline_options": dict(recipe.pipeline_options),
        "size": recipe.size,
        "form": form,
        "mean": pipeline.mean,
        "std": pipeline.std,
        "labels": ["not fractured", "fractured"],
    }


def data_facts(setting: Setting) -> dict[str, Any]:
    """Which films there were, and in what state."""
    data = setting.data
    return {
        "name": data.name,
        "fingerprint": data.fingerprint(),
        "films": len(data.cases),
        "missing": data.absent,
        "damaged": setting.films.damaged,
        "duplicate_pairs": setting.duplicates,
        "notes": list(data.notes),
        "attribution": data.attribution,
    }


def along(setting: Setting, recipe: Recipe, model: nn.Module, figures: dict[str, Any]) -> dict[str, Any]:
    """What trained along, and how the network does on the exposures of that source that were kept out."""
    also, labels, offset = setting.also, setting.films.labels, len(setting.data.cases)
    if also is None:
        return {}
    held = also.held_films + offset
    facts: dict[str, Any] = {
        "name": also.data.name,
        "fingerprint": also.data.fingerprint(),
        "exposures": len(also.exposures),
        "fractured": sum(int(labels[copies[0] + offset]) for copies in also.exposures),
        "films": sum(len(copies) for copies in also.exposures),
        "left_out": {"in_both": also.shared, "contradictory": also.contradictory},
    }
    if len(np.unique(labels[held])) < 2:
        return {"also": facts}
    logits = setting.answers(model, recipe, held)
    scores = Calibration(**figures["calibration"])(logits[:, 1] - logits[:, 0])
    threshold = figures["operating_points"]["balanced"]["threshold"]
    found = summarise(labels[held], scores, threshold=threshold)
    return {"also": facts | {"held": {name: asdict(value) for name, value in found.items()}}}


def split_facts(data: DataSet, division: Division) -> dict[str, Any]:
    """How the films were divided, in a small table: one letter for each case in the data set's order."""
    labels = data.labels
    parts = {TRAIN: division.trained, VAL: division.indices(VAL), TEST: division.indices(TEST)}
    return {
        "kind": division.kind,
        "rule": division.rule,
        "seed": division.seed,
        "fold": division.fold,
        "folds": division.folds,
        **({"part": division.part, "parts": division.parts} if division.parts else {}),
        "counts": {name: {"films": len(part), "fractured": int(labels[part].sum())} for name, part in parts.items()},
        "crossing": division.crossing,
        "letters": division.letters,
    }


def comparable(setting: Setting, recipe: Recipe) -> dict[str, Any]:
    """Whether the figures can be set beside the paper's as like with like, and if not, why."""
    data, options = setting.data, setting.options
    reasons = recipe.deviations(
        data=data.name,
        split=setting.division.kind,
        pretrained=options.pretrained is not None,
        missing=data.absent,
    )
    asked = {name: getattr(options, name) for name in CHANGES}
    reasons += [f"{name} {value} by choice" for name, value in asked.items() if value is not None]
    if setting.also is not None:
        reasons.append(f"{setting.also.data.name} trained along")
    return {"value": not reasons, "why": "; ".join(reasons)}


def cost(result: FitResult, processes: int, options: Options) -> dict[str, Any]:
    """What the training took."""
    return {
        "seconds": round(result.seconds, 1),
        "images_per_second": round(statistics.median(row.images_per_second for row in result.history), 2),
        "peak_memory_mb": round(result.peak_memory / 2**20),
        "hardware": hardware(),
        "processes": processes,
        "precision": f"{options.precision} training, float32 evaluation",
        "compiled": options.compile,
    }


def examples(data: DataSet, test: np.ndarray) -> list[str]:
    """Ids of test films to show as samples: the first fractured and the first whole hand, and a fractured leg."""
    cases = [data.cases[index] for index in test]
    wanted = (("hand", 1), ("hand", 0), ("leg", 1))
    found = (next((c.id for c in cases if (c.region, c.label) == kind), None) for kind in wanted)
    return [identifier for identifier in found if identifier is not None]


def backbone_attribution(pretrained: Path | None) -> list[str]:
    """Whose weights it started from."""
    if pretrained is None:
        return []
    if pretrained.name == "mobilenetv2_100_imagenet.safetensors":
        return ["ImageNet weights of MobileNetV2, Apache-2.0, derived from google-coral/test_data"]
    if pretrained.stem in {spec.imagenet for spec in MODELS.values()}:
        return [f"ImageNet weights {pretrained.stem}, as timm publishes them"]
    return [f"backbone weights from {pretrained.name}, as supplied"]


def hardware() -> str:
    """The machine, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} CPU threads, {platform.machine()}"
