"""Train a recipe: ``python train.py lisbon2023 --model resnet34 --data DIR --work DIR``.

Films are divided by group, the model is fitted on ``train``, the best epoch, the calibration and every threshold are
chosen on ``val``, and ``test`` is read once, at the end. Written are the weights with their card and, unless it is a
smoke run, one immutable record under ``results/runs``. Under ``torchrun`` the same command trains in many processes.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import statistics
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fracture_core import __version__
from fracture_core.errors import FractureError
from fracture_core.memory import keep_freed_memory
from fracture_core.models import MODELS
from fracture_core.provenance import commit
from fracture_core.recipes import GROUPED, PUBLISHED, RECIPES, Recipe, get_recipe

if TYPE_CHECKING:
    from lightning import Fabric

    from fracture_core.datasets import DataSet, Division
    from fracture_core.training import FitResult

ROOT = Path(__file__).resolve().parent
SMOKE_FILMS = 48  # of each class in each split, in a smoke run
log = logging.getLogger("train")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py", description="Train a recipe and write weights, card and record."
    )
    parser.add_argument("recipe", nargs="?", help="a recipe's name; see --list")
    parser.add_argument("--list", action="store_true", help="show the recipes and stop")
    parser.add_argument("--model", help="one of the recipe's models; without it, its first")
    parser.add_argument("--data", type=Path, help="folder of a data set (see python -m fracture_core data)")
    parser.add_argument(
        "--pretrained",
        type=Path,
        metavar="FILE",
        help="safetensors file of backbone weights in timm's names; or 'timm': fetch its ImageNet weights",
    )
    parser.add_argument("--weights", type=Path, help="folder to write model.safetensors and card.json to")
    parser.add_argument("--runs", type=Path, default=ROOT / "results" / "runs", help="folder of the run records")
    parser.add_argument("--work", type=Path, help="folder for decoded films and checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --work, if there is one")
    parser.add_argument("--seed", type=int, default=0)
    how = parser.add_argument_group("division of the films")
    how.add_argument(
        "--split",
        choices=(GROUPED, "clean", PUBLISHED),
        help="over groups; over groups with one film of each different file; or as the publisher divided. Without "
        "it as the recipe says, and over groups where the data has no published division",
    )
    how.add_argument("--folds", type=int, help="cross-validation: this many folds over groups, with --fold the test")
    how.add_argument("--fold", type=int, default=0)
    change = parser.add_argument_group("changes of the recipe (kept in the record)")
    change.add_argument("--epochs", type=int)
    change.add_argument("--size", type=int, help="side of the input, pixels")
    change.add_argument("--batch", type=int)
    change.add_argument("--accumulate", type=int, help="parts each batch is computed in, for a small memory")
    change.add_argument("--copies", type=int, help="how often a film comes in an epoch")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--accelerator", default="auto", choices=("auto", "cpu", "gpu"))
    machine.add_argument("--precision", default="bf16-mixed", choices=("bf16-mixed", "32-true", "64-true"))
    machine.add_argument("--smoke", action="store_true", help="a tiny run that shows that everything works")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    rank = int(os.environ.get("RANK", "0"))
    logging.basicConfig(
        level=logging.INFO if rank == 0 else logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    logging.getLogger("lightning").setLevel(logging.WARNING)
    try:
        if options.list or options.recipe is None:
            print(listing())
            return 0
        if options.data is None:
            raise FractureError("Name the data set's folder: --data DIR.")
        keep_freed_memory()
        run(options)
    except FractureError as error:
        if rank == 0:
            print(f"train.py: {error}", file=sys.stderr)
        return 2
    return 0


def listing() -> str:
    """The recipes and the models each is made for, as text."""
    lines = []
    for recipe in RECIPES.values():
        models = [recipe.with_model(name) for name in recipe.models or (recipe.model,)]
        lines.append(f"{recipe.key:24} {recipe.title}")
        for each in sorted(models, key=lambda each: each.model != recipe.model):
            lines.append(f"{'':24}   {each.model}, {each.size} px, {each.epochs} epochs of batch {each.batch}")
    return "\n".join(lines)


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """The recipe as asked for, model and changes included."""
    recipe = get_recipe(options.recipe)
    recipe = recipe.with_model(options.model) if options.model else recipe.with_model(recipe.model)
    changed = {name: getattr(options, name) for name in ("epochs", "size", "batch", "accumulate", "copies")}
    changed = {name: value for name, value in changed.items() if value is not None}
    if any(value < 1 for value in changed.values()):
        raise FractureError("Epochs, size, batch, accumulate and copies are counted from 1.")
    recipe = replace(recipe, **changed)
    return recipe.smoke() if options.smoke else recipe


def run(options: argparse.Namespace) -> dict[str, Any] | None:
    """One run from data to record; returns the record (None in all processes but the first)."""
    from fracture_core import weights
    from fracture_core.datasets import TEST, TRAIN, VAL, open_data
    from fracture_core.evaluation import evaluate
    from fracture_core.preprocessing import build_pipeline
    from fracture_core.results import write_record
    from fracture_core.training import decode_films, fit, leave, make_fabric, predict_logits

    recipe = chosen_recipe(options)
    began, code = datetime.now(UTC), commit()  # of the program that runs, whatever is committed while it does
    fabric = make_fabric(accelerator=options.accelerator, precision=options.precision)
    first = fabric.global_rank == 0
    pretrained = starting_weights(options, recipe, fabric)

    data = smoke_part(open_data(options.data)) if options.smoke else open_data(options.data)
    division, duplicates = cast(
        "tuple[Division, int]", fabric.broadcast(divided(data, recipe, options) if first else None)
    )
    parts = {name: division.indices(name) for name in (TRAIN, VAL, TEST)}
    pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
    cache, checkpoint = places(options, data, recipe, division)
    if not first:
        fabric.barrier()  # until the first process has decoded the films
    films = decode_films(data, pipeline, cache=cache)
    if first:
        fabric.barrier()
    result = fit(
        recipe,
        films,
        train=parts[TRAIN],
        val=parts[VAL],
        seed=options.seed,
        pretrained=pretrained,
        checkpoint=checkpoint,
        fabric=fabric,
        progress=sys.stderr.isatty(),
    )
    leave(fabric)
    if not first:
        return None

    weights.round_to_shipped(result.model)  # what is measured is what is shipped
    logits = {name: predict_logits(result.model, films, parts[name], pipeline=pipeline) for name in (VAL, TEST)}
    labels = {name: films.labels[parts[name]] for name in (VAL, TEST)}
    tested = [data.cases[index] for index in parts[TEST]]
    figures, probabilities = evaluate(logits, labels, division.groups[parts[TEST]], tested)
    facts = {
        "title": f"{recipe.title}: {recipe.model}" if recipe.paper else recipe.title,
        "recipe": recipe.as_run(),
        "model": recipe.model,
        "pipeline": recipe.pipeline,
        "pipeline_options": dict(recipe.pipeline_options),
        "size": recipe.size,
        "mean": pipeline.mean,
        "std": pipeline.std,
        "labels": ["not fractured", "fractured"],
        **figures,
        "split": split_facts(data, division, parts),
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint(),
            "films": len(data.cases),
            "missing": data.absent,
            "damaged": films.damaged,
            "duplicate_pairs": duplicates,
            "notes": list(data.notes),
            "attribution": data.attribution,
        },
        "examples": examples(data, parts[TEST]),
        "pretrained": pretrained.name if pretrained else None,
        "best_epoch": result.best_epoch,
        "seed": options.seed,
        **cost(result, fabric.world_size, options.precision),
        "comparable": comparable(recipe, data, division, options),
        "commit": code,
        "version": __version__,
        "date": began.date().isoformat(),
        "licence": "Apache-2.0",
        "attribution": [data.attribution, *backbone_attribution(pretrained)],
    }
    if options.weights is not None:
        weights.save(result.model, facts, options.weights)
    part_of_run = f"fold{division.fold}of{division.folds}" if division.folds else division.kind
    shown = [(name, index) for name in (VAL, TEST) for index in parts[name]]
    record = {
        "id": f"{began:%Y%m%dT%H%M%SZ}-{recipe.key}-{recipe.model}-{data.name}-{part_of_run}-seed{options.seed}",
        "schema": 2,
        **facts,
        "curves": [asdict(row) for row in result.history],
        "epochs_run": len(result.history),
        "cases": {
            "id": [data.cases[index].id for _, index in shown],
            "split": [name for name, _ in shown],
            "label": [int(films.labels[index]) for _, index in shown],
            "group": [int(division.groups[index]) for _, index in shown],
            "region": [data.cases[index].region for _, index in shown],
            "score": [round(float(p), 5) for name in (VAL, TEST) for p in probabilities[name]],
        },
    }
    auc = figures["metrics"]["auc"]
    log.info("test AUC %.4f [%.4f, %.4f], n %d", auc["value"], auc["low"], auc["high"], auc["n"])
    if not options.smoke:
        log.info("record %s", write_record(record, folder=options.runs).name)
    return record


def divided(data: DataSet, recipe: Recipe, options: argparse.Namespace) -> tuple[Division, int]:
    """Who is trained on, who decides, who is tested; and the number of duplicate pairs that were found."""
    from fracture_core.audit import film_groups
    from fracture_core.datasets import divide

    published = any(case.split for case in data.cases)
    kind = options.split or (recipe.split if published else GROUPED)
    kind = "folds" if options.folds else kind
    groups, pairs = film_groups(data)
    log.info("%d films, %d groups, %d duplicate pairs", len(data.cases), len(set(groups.tolist())), len(pairs))
    # the division is the same for every seed, so that runs differ in their training alone
    folds = options.folds or 5
    division = divide(data, groups, kind=kind, shares=recipe.shares, seed=0, fold=options.fold, folds=folds)
    return division, len(pairs)


def smoke_part(data: DataSet) -> DataSet:
    """A few films of each class in each published split, spread over the data set."""
    kinds: dict[tuple[str | None, int], list[int]] = {}
    for index, case in enumerate(data.cases):
        kinds.setdefault((case.split, case.label), []).append(index)
    wanted = {split: SMOKE_FILMS * (1 if split else 3) for split, _ in kinds}
    kept = [
        index
        for (split, _), members in kinds.items()
        for index in members[:: max(len(members) // wanted[split], 1)][: wanted[split]]
    ]
    return replace(data, cases=tuple(data.cases[index] for index in sorted(kept)))


def starting_weights(options: argparse.Namespace, recipe: Recipe, fabric: Fabric) -> Path | None:
    """The file of backbone weights that the user named or wants fetched; None for a start from scratch."""
    import torch

    from fracture_core.models.imagenet import TIMM, imagenet_file

    if options.pretrained != Path(TIMM):
        return cast("Path | None", options.pretrained)
    folder = options.work if options.work is not None else Path(torch.hub.get_dir())
    if fabric.global_rank == 0:
        imagenet_file(recipe.model, folder=folder)
    fabric.barrier()
    return imagenet_file(recipe.model, folder=folder)


def places(
    options: argparse.Namespace, data: DataSet, recipe: Recipe, division: Division
) -> tuple[Path | None, Path | None]:
    """Where decoded films and checkpoints are kept: nowhere without ``--work``, nor in a smoke run."""
    restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    if options.work is None:
        if options.resume:
            raise FractureError("A run goes on from the folder it kept its checkpoint in: name it with --work DIR.")
        return None, None
    if options.smoke:
        return None, None
    pipeline = "-".join([recipe.pipeline, *(str(v) for values in recipe.pipeline_options.values() for v in values)])
    cache = options.work / f"{data.name}-{pipeline}-{recipe.size}-{data.fingerprint()[:8]}"
    kind = f"fold{division.fold}of{division.folds}" if division.folds else division.kind
    name = f"{recipe.key}-{recipe.model}-{data.name}-{kind}-seed{options.seed}.ckpt"
    checkpoint = options.work / name
    if checkpoint.exists() and not (options.resume or restarted):
        raise FractureError(
            f"The checkpoint '{name}' of an earlier run is in '{options.work}'. "
            "Go on from it with --resume, or delete it."
        )
    return cache, checkpoint


def split_facts(data: DataSet, division: Division, parts: dict[str, Any]) -> dict[str, Any]:
    """How the films were divided, in a small table: one letter for each case in the data set's order."""
    labels = data.labels
    return {
        "kind": division.kind,
        "rule": division.rule,
        "seed": division.seed,
        "fold": division.fold,
        "folds": division.folds,
        "counts": {name: {"films": len(part), "fractured": int(labels[part].sum())} for name, part in parts.items()},
        "crossing": division.crossing,
        "letters": division.letters,
    }


def comparable(recipe: Recipe, data: DataSet, division: Division, options: argparse.Namespace) -> dict[str, Any]:
    """Whether the figures can be set beside the paper's as like with like, and if not, why."""
    reasons = recipe.deviations(
        data=data.name, split=division.kind, pretrained=options.pretrained is not None, missing=data.absent
    )
    changed = [name for name in ("epochs", "size", "batch", "copies") if getattr(options, name) is not None]
    reasons += [f"{name} {getattr(options, name)} by choice" for name in changed]
    return {"value": not reasons, "why": "; ".join(reasons)}


def cost(result: FitResult, processes: int, precision: str) -> dict[str, Any]:
    """What the training took."""
    return {
        "seconds": round(result.seconds, 1),
        "images_per_second": round(statistics.median(row.images_per_second for row in result.history), 2),
        "peak_memory_mb": round(result.peak_memory / 2**20),
        "hardware": hardware(),
        "processes": processes,
        "precision": f"{precision} training, float32 evaluation",
    }


def examples(data: DataSet, test: Any) -> list[str]:
    """Ids of test films to show as samples: the first fractured and the first whole hand, and a fractured leg."""
    cases = [data.cases[index] for index in test]
    wanted = (("hand", 1), ("hand", 0), ("leg", 1))
    found = (next((c.id for c in cases if (c.region, c.label) == kind), None) for kind in wanted)
    return [identifier for identifier in found if identifier is not None]


def backbone_attribution(pretrained: Path | None) -> list[str]:
    if pretrained is None:
        return []
    if pretrained.name == "mobilenetv2_100_imagenet.safetensors":
        return ["ImageNet weights of MobileNetV2, Apache-2.0, derived from google-coral/test_data"]
    if pretrained.stem in {spec.imagenet for spec in MODELS.values()}:
        return [f"ImageNet weights {pretrained.stem}, as timm publishes them"]
    return [f"backbone weights from {pretrained.name}, as supplied"]


def hardware() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} CPU threads, {platform.machine()}"


if __name__ == "__main__":
    raise SystemExit(main())
