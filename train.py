"""Train a recipe: ``python train.py lisbon2023 --model resnet34 --data DIR --work DIR``.

Films are divided by group, the model is fitted on ``train``, the best epoch, the calibration and every threshold are
chosen on ``val``, and ``test`` is read once, at the end. Written are the weights with their card and, unless it is a
smoke run, one immutable record under ``results/runs``. A committee's members are trained one after another, each with
a record of its own. Under ``torchrun`` the same command trains in many processes.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fracture_core import __version__
from fracture_core.errors import FractureError
from fracture_core.memory import keep_freed_memory
from fracture_core.models import MODELS
from fracture_core.provenance import commit
from fracture_core.recipes import GROUPED, PUBLISHED, RECIPES, Recipe, get_recipe
from fracture_core.weights import FORMS, FP16

if TYPE_CHECKING:
    from lightning import Fabric
    from torch import nn

    from fracture_core.datasets import DataSet, Division
    from fracture_core.training import Films, FitResult

ROOT = Path(__file__).resolve().parent
SMOKE_FILMS = 48  # of each class in each split, in a smoke run
AUTO = "auto"  # the form of weights is chosen by the validation films
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
    parser.add_argument(
        "--form",
        choices=(*FORMS, AUTO),
        default=FP16,
        help="how --weights are stored: in 16 bits, in 8, or in 8 where the validation films' AUC stays",
    )
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
        if options.form != FP16 and options.weights is None:
            raise FractureError("Name the folder to store the weights in: --weights DIR.")
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


def chosen_recipes(options: argparse.Namespace) -> list[Recipe]:
    """The recipe as asked for, model and changes included; a committee's members come before it."""
    asked = get_recipe(options.recipe)
    asked = asked.with_model(options.model or asked.model)
    return [changed(recipe, options) for recipe in (*map(get_recipe, asked.committee), asked)]


def changed(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """A recipe with the command line's changes."""
    fields = {name: getattr(options, name) for name in ("epochs", "size", "batch", "accumulate", "copies")}
    fields = {name: value for name, value in fields.items() if value is not None}
    if any(value < 1 for value in fields.values()):
        raise FractureError("Epochs, size, batch, accumulate and copies are counted from 1.")
    recipe = replace(recipe, **fields)
    return recipe.smoke() if options.smoke else recipe


@dataclass(frozen=True, eq=False)
class Setting:
    """What all recipes of a run share."""

    options: argparse.Namespace
    data: DataSet
    division: Division
    duplicates: int
    films: Films
    pretrained: Path | None
    processes: int
    began: datetime
    code: str | None


def run(options: argparse.Namespace) -> dict[str, Any] | None:
    """One run from data to record; returns the record (None in all processes but the first)."""
    from fracture_core.datasets import TRAIN, VAL, open_data
    from fracture_core.preprocessing import build_pipeline
    from fracture_core.training import decode_films, fit, join, leave, make_fabric

    *members, recipe = chosen_recipes(options)
    began, code = datetime.now(UTC), commit()  # of the program that runs, whatever is committed while it does
    fabric = make_fabric(accelerator=options.accelerator, precision=options.precision)
    first = fabric.global_rank == 0
    pretrained = starting_weights(options, (members or [recipe])[0], fabric)

    data = smoke_part(open_data(options.data)) if options.smoke else open_data(options.data)
    division, duplicates = cast(
        "tuple[Division, int]", fabric.broadcast(divided(data, recipe, options) if first else None)
    )
    pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
    if not first:
        fabric.barrier()  # until the first process has decoded the films
    films = decode_films(data, pipeline, cache=cache_place(options, data, recipe))
    if first:
        fabric.barrier()
    results = [
        fit(
            one,
            films,
            train=division.indices(TRAIN),
            val=division.indices(VAL),
            seed=options.seed,
            pretrained=pretrained,
            checkpoint=checkpoint_place(options, data, one, division),
            fabric=fabric,
            progress=sys.stderr.isatty(),
        )
        for one in members or [recipe]
    ]
    leave(fabric)
    if not first:
        return None

    setting = Setting(
        options, data, division, duplicates, films, pretrained, fabric.world_size, began=began, code=code
    )
    records = [finish(setting, member, result) for member, result in zip(members, results, strict=False)]
    result = join(recipe, results) if members else results[0]
    return finish(setting, recipe, result, weights_to=options.weights, members=records)


def finish(
    setting: Setting,
    recipe: Recipe,
    result: FitResult,
    *,
    weights_to: Path | None = None,
    members: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Judge a trained network, and write its record and, where asked to, its weights; returns the record."""
    from fracture_core import weights
    from fracture_core.datasets import TEST, VAL
    from fracture_core.evaluation import evaluate
    from fracture_core.metrics import roc_auc
    from fracture_core.preprocessing import build_pipeline
    from fracture_core.results import write_record
    from fracture_core.training import predict_logits

    options, data, division, films = setting.options, setting.data, setting.division, setting.films
    pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
    parts = {name: division.indices(name) for name in (VAL, TEST)}

    def validation_auc(model: nn.Module) -> float:
        answers = predict_logits(model, films, parts[VAL], pipeline=pipeline)
        return roc_auc(films.labels[parts[VAL]], answers[:, 1] - answers[:, 0])

    form = options.form if weights_to is not None else FP16  # a member's weights are stored with its committee's
    form = weights.choose_form(result.model, validation_auc) if form == AUTO else form
    weights.round_to_shipped(result.model, form)  # what is measured is what is shipped
    logits = {name: predict_logits(result.model, films, part, pipeline=pipeline) for name, part in parts.items()}
    labels = {name: films.labels[part] for name, part in parts.items()}
    tested = [data.cases[index] for index in parts[TEST]]
    figures, probabilities = evaluate(logits, labels, division.groups[parts[TEST]], tested)
    facts = {
        "title": f"{recipe.title}: {recipe.model}" if recipe.paper else recipe.title,
        "recipe": recipe.as_run(),
        "model": recipe.model,
        "pipeline": recipe.pipeline,
        "pipeline_options": dict(recipe.pipeline_options),
        "size": recipe.size,
        "form": form,
        "mean": pipeline.mean,
        "std": pipeline.std,
        "labels": ["not fractured", "fractured"],
        **figures,
        "split": split_facts(data, division),
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint(),
            "films": len(data.cases),
            "missing": data.absent,
            "damaged": films.damaged,
            "duplicate_pairs": setting.duplicates,
            "notes": list(data.notes),
            "attribution": data.attribution,
        },
        "examples": examples(data, parts[TEST]),
        "pretrained": setting.pretrained.name if setting.pretrained else None,
        "best_epoch": None if members else result.best_epoch,
        **({"members": [{"id": one["id"], "best_epoch": one["best_epoch"]} for one in members]} if members else {}),
        "seed": options.seed,
        **cost(result, setting.processes, options.precision),
        "comparable": comparable(recipe, data, division, options),
        "commit": setting.code,
        "version": __version__,
        "date": setting.began.date().isoformat(),
        "licence": "Apache-2.0",
        "attribution": [data.attribution, *backbone_attribution(setting.pretrained)],
    }
    if weights_to is not None:
        weights.save(result.model, facts, weights_to, form=form)
    shown = [(name, index) for name in (VAL, TEST) for index in parts[name]]
    run_of = f"{recipe.key}-{recipe.model}-{data.name}-{part_of_data(division)}-seed{options.seed}"
    record = {
        "id": f"{setting.began:%Y%m%dT%H%M%SZ}-{run_of}",
        "schema": 2,
        **facts,
        "curves": [] if members else [asdict(row) for row in result.history],  # each member's are in its own record
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
    log.info("%s: test AUC %.4f [%.4f, %.4f], n %d", recipe.key, auc["value"], auc["low"], auc["high"], auc["n"])
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


def cache_place(options: argparse.Namespace, data: DataSet, recipe: Recipe) -> Path | None:
    """Where decoded films are kept: nowhere without ``--work``, nor in a smoke run."""
    if options.work is None or options.smoke:
        return None
    pipeline = "-".join([recipe.pipeline, *(str(v) for values in recipe.pipeline_options.values() for v in values)])
    folder: Path = options.work / f"{data.name}-{pipeline}-{recipe.size}-{data.fingerprint()[:8]}"
    return folder


def checkpoint_place(options: argparse.Namespace, data: DataSet, recipe: Recipe, division: Division) -> Path | None:
    """Where a run's checkpoint is kept: nowhere without ``--work``, nor in a smoke run."""
    restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    if options.work is None:
        if options.resume:
            raise FractureError("A run goes on from the folder it kept its checkpoint in: name it with --work DIR.")
        return None
    if options.smoke:
        return None
    name = f"{recipe.key}-{recipe.model}-{data.name}-{part_of_data(division)}-seed{options.seed}.ckpt"
    checkpoint: Path = options.work / name
    if checkpoint.exists() and not (options.resume or restarted):
        raise FractureError(
            f"The checkpoint '{name}' of an earlier run is in '{options.work}'. "
            "Go on from it with --resume, or delete it."
        )
    return checkpoint


def part_of_data(division: Division) -> str:
    """A division in a file's name."""
    return f"fold{division.fold}of{division.folds}" if division.folds else division.kind


def split_facts(data: DataSet, division: Division) -> dict[str, Any]:
    """How the films were divided, in a small table: one letter for each case in the data set's order."""
    from fracture_core.datasets import TEST, TRAIN, VAL

    labels = data.labels
    parts = {name: division.indices(name) for name in (TRAIN, VAL, TEST)}
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
