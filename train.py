"""Train a recipe: ``python train.py ours --data DIR --weights weights/NAME``.

Films are split by group, the model is fitted on ``train``, the best epoch, the calibration and every
threshold are chosen on ``val``, and ``test`` is read once, at the end. Written are the weights with their
card and, unless it is a smoke run, one immutable record under ``results/runs``.
"""

from __future__ import annotations

import argparse
import logging
import platform
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from fracture_core import __version__
from fracture_core.datasets import DataSet
from fracture_core.errors import FractureError
from fracture_core.metrics import RULES, choose_thresholds, fit_calibration, operate, summarise
from fracture_core.recipes import RECIPES, get_recipe

ROOT = Path(__file__).resolve().parent
log = logging.getLogger("train")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py", description="Train a recipe and write weights, card and record."
    )
    parser.add_argument("recipe", nargs="?", help="a recipe's name; see --list")
    parser.add_argument("--list", action="store_true", help="show the recipes and stop")
    parser.add_argument("--data", type=Path, help="folder of FracAtlas in its publisher's layout")
    parser.add_argument("--pretrained", type=Path, help="safetensors file of backbone weights in timm's names")
    parser.add_argument("--weights", type=Path, help="folder to write model.safetensors and card.json to")
    parser.add_argument("--runs", type=Path, default=ROOT / "results" / "runs", help="folder of the run records")
    parser.add_argument(
        "--work", type=Path, help="folder for decoded films and checkpoints; a run found there goes on"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--accelerator", default="auto", choices=("auto", "cpu", "gpu"))
    parser.add_argument("--smoke", action="store_true", help="a tiny run that shows that everything works")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        if options.list or options.recipe is None:
            for recipe in RECIPES.values():
                facts = f"{recipe.model}, {recipe.size} px, {recipe.epochs} epochs"
                print(f"{recipe.key:16} {recipe.title}: {facts}")
            return 0
        if options.data is None:
            raise FractureError("Name the data set's folder: --data DIR.")
        run(options)
    except FractureError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    return 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """One run from data to record; returns the record."""
    from fracture_core import weights
    from fracture_core.audit import film_groups
    from fracture_core.datasets import grouped_split, read_fracatlas
    from fracture_core.preprocessing import build_pipeline
    from fracture_core.results import write_record
    from fracture_core.training import decode_films, fit, predict_logits

    recipe = get_recipe(options.recipe)
    recipe = recipe.smoke() if options.smoke else recipe
    began = datetime.now(UTC)

    data = read_fracatlas(options.data)
    fingerprint = data.fingerprint()
    groups, pairs = film_groups(data)
    strata = [f"{case.label}/{case.region}" for case in data.cases]
    split = grouped_split(groups, strata, shares=recipe.shares, seed=0)
    train, val, test = (np.flatnonzero(split == name) for name in ("train", "val", "test"))
    if options.smoke:
        train, val, test = train[:128], val[:128], test[:128]
    log.info("%d films, %d groups, %d duplicate pairs", len(data.cases), groups.max() + 1, len(pairs))

    pipeline = build_pipeline(recipe.pipeline, size=recipe.size)
    cache, checkpoint = None, None
    if options.work is not None:
        cache = options.work / f"{data.name}-{recipe.pipeline}-{recipe.size}-{fingerprint[:8]}.npz"
        if not options.smoke:
            checkpoint = options.work / f"{recipe.key}-{recipe.model}-seed{options.seed}.ckpt"
    films = decode_films(data, pipeline, cache=cache)
    result = fit(
        recipe,
        films,
        train=train,
        val=val,
        seed=options.seed,
        pretrained=options.pretrained,
        checkpoint=checkpoint,
        accelerator=options.accelerator,
        progress=sys.stderr.isatty(),
    )

    weights.round_to_shipped(result.model)  # what is measured is what is shipped
    val_logits = predict_logits(result.model, films, val, pipeline=pipeline)
    test_logits = predict_logits(result.model, films, test, pipeline=pipeline)
    calibration = fit_calibration(val_logits[:, 1] - val_logits[:, 0], films.labels[val])
    val_probability = calibration(val_logits[:, 1] - val_logits[:, 0])
    test_probability = calibration(test_logits[:, 1] - test_logits[:, 0])
    thresholds = choose_thresholds(films.labels[val], val_probability)
    metrics = summarise(films.labels[test], test_probability, threshold=thresholds["balanced"], groups=groups[test])
    facts = {
        "title": recipe.title,
        "recipe": recipe.as_run(),
        "model": recipe.model,
        "pipeline": recipe.pipeline,
        "size": recipe.size,
        "mean": pipeline.mean,
        "std": pipeline.std,
        "labels": ["not fractured", "fractured"],
        "calibration": asdict(calibration),
        "operating_points": {
            name: asdict(operate(films.labels[test], test_probability, threshold=value, rule=RULES[name]))
            for name, value in thresholds.items()
        },
        "metrics": {name: asdict(value) for name, value in metrics.items()},
        "subgroups": subgroups(data, test, films.labels[test], test_probability, thresholds["balanced"]),
        "split": {
            "rule": "grouped (near duplicates, neighbouring films), stratified by label and region, seed 0",
            "counts": {
                name: {"films": len(part), "fractured": int(films.labels[part].sum())}
                for name, part in (("train", train), ("val", val), ("test", test))
            },
        },
        "data": {
            "name": data.name,
            "fingerprint": fingerprint,
            "films": len(data.cases),
            "damaged": films.damaged,
            "duplicate_pairs": len(pairs),
            "notes": list(data.notes),
            "attribution": data.attribution,
        },
        "examples": examples(data, test),
        "pretrained": options.pretrained.name if options.pretrained else None,
        "best_epoch": result.best_epoch,
        "seed": options.seed,
        "seconds": round(result.seconds, 1),
        "hardware": hardware(),
        "precision": "bf16-mixed training, float32 evaluation",
        "commit": commit(),
        "version": __version__,
        "date": began.date().isoformat(),
        "licence": "Apache-2.0",
        "attribution": [data.attribution, *backbone_attribution(options.pretrained)],
    }
    if options.weights is not None:
        weights.save(result.model, facts, options.weights)
    record = {
        "id": f"{began:%Y%m%dT%H%M%SZ}-{recipe.key}-{recipe.model}-seed{options.seed}",
        **facts,
        "comparable": {"value": False, "why": "no paper reports this model on this split"},
        "curves": [asdict(row) for row in result.history],
        "scores": {
            data.cases[index].id: round(float(probability), 5)
            for part, values in ((val, val_probability), (test, test_probability))
            for index, probability in zip(part, values, strict=True)
        },
        "membership": {
            name: [data.cases[index].id for index in part] for name, part in (("val", val), ("test", test))
        },
    }
    if not options.smoke:
        log.info("record %s", write_record(record, folder=options.runs).name)
    log.info("test AUC %.4f [%.4f, %.4f]", metrics["auc"].value, metrics["auc"].low, metrics["auc"].high)
    return record


def examples(data: DataSet, test: np.ndarray) -> list[str]:
    """Ids of test films to show as samples: the first fractured and the first whole hand, and a fractured leg."""
    cases = [data.cases[index] for index in test]
    wanted = (("hand", 1), ("hand", 0), ("leg", 1))
    found = (next((c.id for c in cases if (c.region, c.label) == kind), None) for kind in wanted)
    return [identifier for identifier in found if identifier is not None]


def subgroups(
    data: Any, indices: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, threshold: float
) -> dict[str, Any]:
    """Sensitivity and specificity by body region and with hardware, on the films of ``indices``."""
    cases = [data.cases[index] for index in indices]
    names = sorted({case.region for case in cases})
    members = {name: np.array([case.region == name for case in cases]) for name in names}
    members["with hardware"] = np.array(["hardware" in case.flags for case in cases])
    return {
        name: {
            "films": int(member.sum()),
            **asdict(operate(labels[member], probabilities[member], threshold=threshold)),
        }
        for name, member in members.items()
    }


def backbone_attribution(pretrained: Path | None) -> list[str]:
    if pretrained is None:
        return []
    if pretrained.name == "mobilenetv2_100_imagenet.safetensors":
        return ["ImageNet weights of MobileNetV2, Apache-2.0, derived from google-coral/test_data"]
    return [f"backbone weights from {pretrained.name}, as supplied"]


def hardware() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} CPU threads, {platform.machine()}"


def commit() -> str | None:
    """The commit that trains, None outside a checkout or without git."""
    try:
        answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return answer.stdout.strip() or None


if __name__ == "__main__":
    raise SystemExit(main())
