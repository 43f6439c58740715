"""Which films a run sees: who is trained on, who decides, who is tested, and what is kept for the next run."""

from __future__ import annotations

import hashlib
import logging
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from fracture_core import audit
from fracture_core.audit import Companion, companion, fingerprint_of
from fracture_core.datasets import DataSet, Division, divide, open_data
from fracture_core.errors import DataSetError, FractureError
from fracture_core.preprocessing import build_pipeline
from fracture_core.recipes import GROUPED, Recipe
from fracture_core.runs.options import Options
from fracture_core.training import Films, decode_films, joined

SMOKE_FILMS = 48  # of each class in each split, in a smoke run
log = logging.getLogger(__name__)


def divided(data: DataSet, recipe: Recipe, options: Options) -> tuple[Division, int, Companion | None]:
    """Who is trained on, who decides, who is tested; how many duplicate pairs were found; and what trains along."""
    published = any(case.split for case in data.cases)
    kind = options.split or (recipe.split if published else GROUPED)
    kind = "folds" if options.folds else kind

    def alone() -> tuple[np.ndarray, int]:
        groups, pairs = audit.film_groups(data)
        return groups, len(pairs)

    groups, pairs = kept_groups(alone, [data], options)
    log.info("%d films, %d groups, %d duplicate pairs", len(data.cases), len(set(groups.tolist())), pairs)
    # the division is the same for every seed, so that runs differ in their training alone
    folds = options.folds or 5
    division = divide(data, groups, kind=kind, shares=recipe.shares, seed=0, fold=options.fold or 0, folds=folds)
    if options.also is None:
        return division, pairs, None
    other = smoke_part(open_data(options.also)) if options.smoke else open_data(options.also)
    across, _ = kept_groups(lambda: (audit.groups_across(data, other), 0), [data, other], options)
    also = companion(data, other, across)
    if not also.exposures:
        raise DataSetError(
            f"Nothing of '{other.name}' can train along: {also.shared} of its exposures are in '{data.name}' too, "
            f"and the copies of {also.contradictory} differ in label. Name another data set, or leave out --also."
        )
    log.info("%d exposures of %s train along, %d are in %s", len(also.exposures), other.name, also.shared, data.name)
    return division, pairs, also


def kept_groups(
    find: Callable[[], tuple[np.ndarray, int]], sets: Sequence[DataSet], options: Options
) -> tuple[np.ndarray, int]:
    """Groups and pairs as ``find`` gives them, kept in ``--work`` for the next run on the same films.

    The file's name tells all that groups follow from: neither a patient corrected in a table nor a film replaced by
    another of its size changes the fingerprint.
    """
    if options.work is None or options.smoke:
        return find()
    names = "-".join(one.name for one in sets)
    told = [[(case.patient, case.region) for case in one.cases] for one in sets]
    beside = digest([(one.neighbours, cases, written(one)) for one, cases in zip(sets, told, strict=True)])
    place: Path = options.work / f"groups-{names}-{fingerprint_of(sets)[:8]}-{beside}.npz"
    if place.is_file():
        try:
            with np.load(place) as kept:
                return kept["groups"], int(kept["pairs"])
        except (OSError, EOFError, ValueError, LookupError, BadZipFile, zlib.error):
            log.warning("the groups kept in %s are damaged: they are found once more", place.name)
    groups, pairs = find()
    unfinished = place.with_name(f"{place.stem}.{os.getpid()}.partial.npz")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    np.savez(unfinished, groups=groups, pairs=pairs)
    unfinished.replace(place)
    return groups, pairs


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


def decoded(data: DataSet, also: Companion | None, recipe: Recipe, options: Options) -> Films:
    """The films as the network sees them, those that train along behind the others."""
    pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
    films = decode_films(data, pipeline, cache=cache_place(options, data, recipe))
    if also is None:
        return films
    return joined(films, decode_films(also.data, pipeline, cache=cache_place(options, also.data, recipe)))


def cache_place(options: Options, data: DataSet, recipe: Recipe) -> Path | None:
    """Where decoded films are kept: nowhere without ``--work``, nor in a smoke run.

    The folder's name tells the experts' outlines too, as their masks are kept with the films, and when the films were
    written.
    """
    if options.work is None or options.smoke:
        return None
    pipeline = "-".join([recipe.pipeline, *(str(v) for values in recipe.pipeline_options.values() for v in values)])
    outlines = [[polygon.tolist() for polygon in case.polygons] for case in data.cases]
    beside = digest((outlines, written(data)))
    folder: Path = options.work / f"{data.name}-{pipeline}-{recipe.size}-{data.fingerprint()[:8]}-{beside}"
    return folder


def written(data: DataSet) -> list[int]:
    """When each film's file was last written: a film corrected in place may keep its name, its label and its size.

    A copied data set has other times; then what was kept is computed once more.
    """
    return [case.path.stat().st_mtime_ns for case in data.cases]


def checkpoint_place(
    options: Options, data: DataSet, also: Companion | None, recipe: Recipe, division: Division
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


def run_name(options: Options, data: DataSet, also: Companion | None, recipe: Recipe, division: Division) -> str:
    """What tells a run from others, in a file's name."""
    films = data.name if also is None else f"{data.name}+{also.data.name}"
    return f"{recipe.key}-{recipe.model}-{films}-{part_of_data(division)}-seed{options.seed}"


def digest(facts: object) -> str:
    """Plain data in a file's name: 8 hex digits of the sha256 over its ``repr``."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:8]


def part_of_data(division: Division) -> str:
    """A division in a file's name."""
    name = f"fold{division.fold}of{division.folds}" if division.folds else division.kind
    return name if division.part is None else f"{name}-part{division.part}of{division.parts}"
