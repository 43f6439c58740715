"""One run from data to record."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Fabric

from fracture_core.audit import Companion
from fracture_core.commands.output import make_folder
from fracture_core.datasets import TRAIN, VAL, Division, open_data, rotated
from fracture_core.errors import FractureError
from fracture_core.models.imagenet import TIMM, imagenet_file
from fracture_core.provenance import commit
from fracture_core.recipes import Recipe
from fracture_core.runs.films import checkpoint_place, decoded, divided, smoke_part
from fracture_core.runs.judging import Setting, finish
from fracture_core.runs.options import Options, chosen_recipes, stages
from fracture_core.training import FitResult, fit, join, leave, make_fabric


def run(options: Options) -> dict[str, Any] | None:
    """One run from data to record; returns the record (None in all processes but the first, or for one member)."""
    *members, recipe = chosen_recipes(options)
    make_folders(options)
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
    # all before the first training: a later one's must not be refused when the earlier ones are done
    turns = [
        [(stage, checkpoint_place(options, data, also, stage, part)) for stage in stages(one, options)]
        for one, part in trained
    ]
    results = []
    for (_, part), stages_of_one in zip(trained, turns, strict=True):
        result = None
        for stage, checkpoint in stages_of_one:
            result = fit(
                stage,
                films,
                train=part.indices(TRAIN),
                val=part.indices(VAL),
                extra=[copies + len(data.cases) for copies in also.exposures] if also else (),
                seed=options.seed,
                pretrained=pretrained,
                before=result,
                checkpoint=checkpoint,
                fabric=fabric,
                compiled=options.compile,
                progress=sys.stderr.isatty(),
            )
        results.append(cast("FitResult", result))
    leave(fabric)
    if not first or options.member is not None:
        return None

    setting = Setting(
        options=options,
        data=data,
        division=whole,
        parts=tuple(part for _, part in trained) if recipe.rotate else (),
        duplicates=duplicates,
        films=films,
        also=also,
        pretrained=pretrained,
        device=fabric.device,
        processes=fabric.world_size,
        began=began,
        code=code,
    )
    records = [
        finish(replace(setting, division=part, parts=()), member, result)
        for (member, part), result in zip(trained, results, strict=True)
        if members
    ]
    result = join(recipe, results) if members else results[0]
    return finish(setting, recipe, result, weights_to=options.weights, members=records)


def make_folders(options: Options) -> None:
    """The folders that the run writes to, made and tried: after the training it would be too late.

    Raises:
        FractureError: one cannot be made or written to, or a smoke run's would be that of real weights.
    """
    if options.smoke and options.weights is not None and (options.weights / "card.json").exists():
        raise FractureError("A smoke run replaces no weights: name a new folder.")
    writes = options.member is None and os.environ.get("RANK", "0") == "0"  # of several processes the first alone
    results = [options.weights, None if options.smoke else options.runs] if writes else []
    for folder in filter(None, [options.work, *results]):
        make_folder(folder)
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise FractureError(
                f"Nothing can be written to the folder '{folder}': {error.strerror}. Choose another."
            ) from error


def one_member(trained: Sequence[tuple[Recipe, Division]], options: Options) -> list[tuple[Recipe, Division]]:
    """The committee's member that is asked for."""
    if len(trained) < 2 or options.work is None or options.member is None:
        raise FractureError("--member trains one network of a committee, and keeps it in the folder --work DIR.")
    if not 0 <= options.member < len(trained):
        raise FractureError(f"There is no member {options.member}: count from 0 to {len(trained) - 1}.")
    return [trained[options.member]]


def starting_weights(options: Options, recipe: Recipe, fabric: Fabric) -> Path | None:
    """The file of backbone weights that the user named or wants fetched; None for a start from scratch."""
    if recipe.frozen and options.pretrained is None and not options.smoke:
        raise FractureError(
            f"The first layers of {recipe.key} keep the weights they start with, which random ones are not worth: "
            f"name ImageNet weights of {recipe.model} with --pretrained FILE, TensorFlow's if there are any, or have "
            "timm's fetched with --pretrained timm."
        )
    if options.pretrained != Path(TIMM):
        return options.pretrained
    folder = options.work if options.work is not None else Path(torch.hub.get_dir())
    if fabric.global_rank == 0:
        imagenet_file(recipe.model, folder=folder)
    fabric.barrier()
    return imagenet_file(recipe.model, folder=folder)
