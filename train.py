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
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
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

    from fracture_core.audit import Companion
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
    how.add_argument(
        "--also",
        type=Path,
        metavar="DIR",
        help="a second data set that trains along; what both hold is left out, and three in ten of its exposures "
        "are kept for a check afterwards",
    )
    how.add_argument(
        "--member", type=int, help="of a committee, train this one alone (with --work), for the rest later"
    )
    change = parser.add_argument_group("changes of the recipe (kept in the record)")
    change.add_argument("--epochs", type=int)
    change.add_argument("--size", type=int, help="side of the input, pixels")
    change.add_argument("--batch", type=int)
    change.add_argument("--accumulate", type=int, help="parts each batch is computed in, for a small memory")
    change.add_argument("--copies", type=int, help="how often a film comes in an epoch")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--accelerator", default="auto", choices=("auto", "cpu", "gpu"))
    machine.add_argument("--precision", default="bf16-mixed", choices=("bf16-mixed", "32-true", "64-true"))
    machine.add_argument("--compile", action="store_true", help="fuse operations first (torch.compile)")
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
    also: Companion | None
    pretrained: Path | None
    device: Any
    processes: int
    began: datetime
    code: str | None


def run(options: argparse.Namespace) -> dict[str, Any] | None:
    """One run from data to record; returns the record (None in all processes but the first, or for one member)."""
    from fracture_core.datasets import TRAIN, VAL, open_data, rotated
    from fracture_core.training import fit, join, leave, make_fabric

    *members, recipe = chosen_recipes(options)
    began, code = datetime.now(UTC), commit()  # of the program that runs, whatever is committed while it does
    fabric = make_fabric(accelerator=options.accelerator, precision=options.precision)
    first = fabric.global_rank == 0
    pretrained = starting_weights(options, (members or [recipe])[0], fabric)

    data = smoke_part(open_data(options.data)) if options.smoke else open_data(options.data)
    division, duplicates, also = cast(
        "tuple[Division, int, Companion | None]", fabric.broadcast(divided(data, recipe, options) if first else None)
    )
    if not first:
        fabric.barrier()  # until the first process has decoded the films
    films = decoded(data, also, recipe, options)
    if first:
        fabric.barrier()
    whole, divisions = division, [division] * max(len(members), 1)
    if recipe.rotate:
        whole, divisions = rotated(division, data, parts=recipe.rotate, members=len(members))
    trained = list(zip(members or [recipe], divisions, strict=True))
    if options.member is not None:
        trained = one_member(trained, options)
    results = [
        fit(
            one,
            films,
            train=part.indices(TRAIN),
            val=part.indices(VAL),
            extra=[copies + len(data.cases) for copies in also.exposures] if also else (),
            seed=options.seed,
            pretrained=pretrained,
            checkpoint=checkpoint_place(options, data, also, one, part),
            fabric=fabric,
            compiled=options.compile,
            progress=sys.stderr.isatty(),
        )
        for one, part in trained
    ]
    leave(fabric)
    if not first or options.member is not None:
        return None

    setting = Setting(
        options,
        data,
        whole,
        duplicates,
        films,
        also,
        pretrained,
        fabric.device,
        fabric.world_size,
        began=began,
        code=code,
    )
    records = [
        finish(replace(setting, division=part), member, result)
        for (member, part), result in zip(trained, results, strict=True)
        if members
    ]
    result = join(recipe, results) if members else results[0]
    return finish(setting, recipe, result, weights_to=options.weights, members=records)


def one_member(
    trained: Sequence[tuple[Recipe, Division]], options: argparse.Namespace
) -> list[tuple[Recipe, Division]]:
    """The committee's member that is asked for."""
    if len(trained) < 2 or options.work is None:
        raise FractureError("--member trains one network of a committee, and keeps it in the folder --work DIR.")
    if not 0 <= options.member < len(trained):
        raise FractureError(f"There is no member {options.member}: count from 0 to {len(trained) - 1}.")
    return [trained[options.member]]


def decoded(data: DataSet, also: Companion | None, recipe: Recipe, options: argparse.Namespace) -> Films:
    """The films as the network sees them, those that train along behind the others."""
    from fracture_core.preprocessing import build_pipeline
    from fracture_core.training import decode_films, joined

    pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
    films = decode_films(data, pipeline, cache=cache_place(options, data, recipe))
    if also is None:
        return films
    return joined(films, decode_films(also.data, pipeline, cache=cache_place(options, also.data, recipe)))


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
    import numpy as np

    from fracture_core import weights
    from fracture_core.datasets import TEST, VAL, rotated
    from fracture_core.evaluation import evaluate
    from fracture_core.metrics import roc_auc
    from fracture_core.preprocessing import build_pipeline
    from fracture_core.results import write_record
    from fracture_core.training import predict_logits

    options, data, division, films = setting.options, setting.data, setting.division, setting.films
    pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
    shown = {name: division.indices(name) for name in (VAL, TEST)}
    labels = {name: films.labels[indices] for name, indices in shown.items()}

    def answers(model: nn.Module, indices: np.ndarray) -> np.ndarray:
        return predict_logits(model, films, indices, pipeline=pipeline, device=setting.device)

    def validated(model: Any) -> np.ndarray:
        """Of a committee whose validation rotated, each film is answered by the member that has not seen it."""
        if not recipe.rotate:
            return answers(model, shown[VAL])
        logits = np.zeros((len(shown[VAL]), 2), np.float32)
        _, parts = rotated(division, data, parts=recipe.rotate, members=len(members))
        for number, part in enumerate(parts):
            mine = part.indices(VAL)
            logits[np.searchsorted(shown[VAL], mine)] = answers(model.alone(number), mine)
        return logits

    def validation_auc(model: nn.Module) -> float:
        logits = validated(model)
        return roc_auc(labels[VAL], logits[:, 1] - logits[:, 0])

    form = options.form if weights_to is not None else FP16  # a member's weights are stored with its committee's
    form = weights.choose_form(result.model, validation_auc) if form == AUTO else form
    weights.round_to_shipped(result.model, form)  # what is measured is what is shipped
    logits = {VAL: validated(result.model), TEST: answers(result.model, shown[TEST])}
    tested = [data.cases[index] for index in shown[TEST]]
    figures, probabilities = evaluate(logits, labels, division.groups[shown[TEST]], tested)
    facts = {
        "title": f"{MODELS[recipe.model].title} ({recipe.key})" if recipe.paper else recipe.title,
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
        "examples": examples(data, shown[TEST]),
        **along(setting.also, films, len(data.cases), figures, partial(answers, result.model)),
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
        "attribution": [
            data.attribution,
            *([setting.also.data.attribution] if setting.also else []),
            *backbone_attribution(setting.pretrained),
        ],
    }
    if weights_to is not None:
        weights.save(result.model, facts, weights_to, form=form)
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
            "label": [int(films.labels[index]) for _, index in rows],
            "group": [int(division.groups[index]) for _, index in rows],
            "region": [data.cases[index].region for _, index in rows],
            "score": [round(float(p), 5) for name in (VAL, TEST) for p in probabilities[name]],
        },
    }
    auc = figures["metrics"]["auc"]
    log.info("%s: test AUC %.4f [%.4f, %.4f], n %d", recipe.key, auc["value"], auc["low"], auc["high"], auc["n"])
    if not options.smoke:
        log.info("record %s", write_record(record, folder=options.runs).name)
    return record


def divided(data: DataSet, recipe: Recipe, options: argparse.Namespace) -> tuple[Division, int, Companion | None]:
    """Who is trained on, who decides, who is tested; how many duplicate pairs were found; and what trains along."""
    from fracture_core.audit import companion, film_groups, groups_across
    from fracture_core.datasets import divide, open_data

    published = any(case.split for case in data.cases)
    kind = options.split or (recipe.split if published else GROUPED)
    kind = "folds" if options.folds else kind

    def alone() -> tuple[Any, int]:
        groups, pairs = film_groups(data)
        return groups, len(pairs)

    groups, pairs = kept_groups(alone, [data], options)
    log.info("%d films, %d groups, %d duplicate pairs", len(data.cases), len(set(groups.tolist())), pairs)
    # the division is the same for every seed, so that runs differ in their training alone
    folds = options.folds or 5
    division = divide(data, groups, kind=kind, shares=recipe.shares, seed=0, fold=options.fold, folds=folds)
    if options.also is None:
        return division, pairs, None
    other = smoke_part(open_data(options.also)) if options.smoke else open_data(options.also)
    across, _ = kept_groups(lambda: (groups_across(data, other), 0), [data, other], options)
    also = companion(data, other, across)
    log.info("%d exposures of %s train along, %d are in %s", len(also.exposures), other.name, also.shared, data.name)
    return division, pairs, also


def kept_groups(
    find: Callable[[], tuple[Any, int]], sets: Sequence[DataSet], options: argparse.Namespace
) -> tuple[Any, int]:
    """Groups and pairs as ``find`` gives them, kept in ``--work`` for the next run on the same films."""
    import numpy as np

    from fracture_core.audit import fingerprint_of

    if options.work is None or options.smoke:
        return find()
    place: Path = options.work / f"groups-{'-'.join(one.name for one in sets)}-{fingerprint_of(sets)[:8]}.npz"
    if place.is_file():
        with np.load(place) as kept:
            return kept["groups"], int(kept["pairs"])
    groups, pairs = find()
    unfinished = place.with_name(f"{place.stem}.{os.getpid()}.partial.npz")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    np.savez(unfinished, groups=groups, pairs=pairs)
    unfinished.replace(place)
    return groups, pairs


def along(
    also: Companion | None, films: Films, offset: int, figures: dict[str, Any], answers: Callable[[Any], Any]
) -> dict[str, Any]:
    """What trained along, and how the network does on the exposures of that source that were kept out."""
    import numpy as np

    from fracture_core.metrics import Calibration, summarise

    if also is None:
        return {}
    held = also.held_films + offset
    facts: dict[str, Any] = {
        "name": also.data.name,
        "fingerprint": also.data.fingerprint(),
        "exposures": len(also.exposures),
        "fractured": sum(int(films.labels[copies[0] + offset]) for copies in also.exposures),
        "films": sum(len(copies) for copies in also.exposures),
        "left_out": {"in_both": also.shared, "contradictory": also.contradictory},
    }
    if len(np.unique(films.labels[held])) < 2:
        return {"also": facts}
    logits = answers(held)
    scores = Calibration(**figures["calibration"])(logits[:, 1] - logits[:, 0])
    threshold = figures["operating_points"]["balanced"]["threshold"]
    found = summarise(films.labels[held], scores, threshold=threshold)
    return {"also": facts | {"held": {name: asdict(value) for name, value in found.items()}}}


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

    if recipe.frozen and options.pretrained is None and not options.smoke:
        raise FractureError(
            f"The first layers of {recipe.key} keep the weights they start with, which random ones are not worth: "
            f"name ImageNet weights of {recipe.model} with --pretrained FILE, or have them fetched with "
            "--pretrained timm."
        )
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


def run_name(
    options: argparse.Namespace, data: DataSet, also: Companion | None, recipe: Recipe, division: Division
) -> str:
    """What tells a run from others, in a file's name."""
    films = data.name if also is None else f"{data.name}+{also.data.name}"
    return f"{recipe.key}-{recipe.model}-{films}-{part_of_data(division)}-seed{options.seed}"


def checkpoint_place(
    options: argparse.Namespace, data: DataSet, also: Companion | None, recipe: Recipe, division: Division
) -> Path | None:
    """Where a run's checkpoint is kept: nowhere without ``--work``, nor in a smoke run."""
    restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    if options.work is None:
        if options.resume:
            raise FractureError("A run goes on from the folder it kept its checkpoint in: name it with --work DIR.")
        return None
    if options.smoke:
        return None
    name = f"{run_name(options, data, also, recipe, division)}.ckpt"
    checkpoint: Path = options.work / name
    if checkpoint.exists() and not (options.resume or restarted):
        raise FractureError(
            f"The checkpoint '{name}' of an earlier run is in '{options.work}'. "
            "Go on from it with --resume, or delete it."
        )
    return checkpoint


def part_of_data(division: Division) -> str:
    """A division in a file's name."""
    name = f"fold{division.fold}of{division.folds}" if division.folds else division.kind
    return name if division.part is None else f"{name}-part{division.part}of{division.parts}"


def split_facts(data: DataSet, division: Division) -> dict[str, Any]:
    """How the films were divided, in a small table: one letter for each case in the data set's order."""
    import numpy as np

    from fracture_core.datasets import TEST, TRAIN, VAL

    labels = data.labels
    parts = {name: division.indices(name) for name in (TRAIN, VAL, TEST)}
    if division.parts and division.part is None:
        parts[TRAIN] = np.union1d(parts[TRAIN], parts[VAL])  # each of these trained all networks but one, or all
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
