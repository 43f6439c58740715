"""``python -m scripts.suite``: every model of every paper, one training after another or several at once.

What is done already is passed over; what was stopped goes on from its checkpoint. The order is that of ``plan``:
first one seed of everything, the quick ones first, so that stopping early leaves the most.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from fracture_core.models import MODELS
from fracture_core.recipes import RECIPES, Recipe
from fracture_core.results import RUNS, cut_short, read_outlines

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 20.0  # s that a training is given to end once the time is up


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        recipe, model, data, split: as ``train.py`` takes them; ``data`` is "fracatlas" or "multiregion".
    """

    recipe: str
    model: str
    data: str
    split: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.recipe}-{self.model}-{self.data}-{self.split}-seed{self.seed}"

    def command(self, folders: Mapping[str, Path], *, output: Path, work: Path, extra: Sequence[str]) -> list[str]:
        """The training's command line; weights go to ``output/weights/NAME``, the record to ``output/runs``."""
        places = {
            "--data": folders[self.data],
            "--runs": output / "runs",
            "--weights": output / "weights" / self.name,
        }
        options = [str(part) for pair in places.items() for part in pair]
        return [
            *(sys.executable, str(ROOT / "train.py"), self.recipe, "--model", self.model),
            *("--split", self.split, "--seed", str(self.seed), "--work", str(work), "--resume", "--form", "auto"),
            *options,
            *extra,
        ]


def plan(datas: Sequence[str], *, recipes: Sequence[str] = (), seeds: int = 1) -> list[Job]:
    """Every model of every paper's recipes on the data at hand, seed by seed, small models first.

    Recipes of the multi-region set run as published and clean, the others over groups of FracAtlas. What differs from
    another in its name alone (the paper's SE-ResNet-50 is the ablation's too) is trained once.
    """
    found: dict[tuple[str, str], tuple[Recipe, str, str]] = {}
    for recipe in RECIPES.values():
        if not recipe.paper or (recipes and recipe.key not in recipes):
            continue
        data = "multiregion" if recipe.data == "multiregion" else "fracatlas"
        splits = ("published", "clean") if data == "multiregion" else ("grouped",)
        if data in datas:
            for one, split in product(map(recipe.with_model, models_of(recipe)), splits):
                found.setdefault((replace(one, key="").identity(), split), (one, data, split))
    jobs = sorted(found.values(), key=lambda job: _cost(job[0]))
    return [Job(recipe.key, recipe.model, data, split, seed) for seed in range(seeds) for recipe, data, split in jobs]


def _cost(recipe: Recipe) -> float:
    """What an order by time needs, roughly."""
    return MODELS[recipe.model].parameters * recipe.size**2 * recipe.epochs * recipe.copies


def recorded(folder: Path = RUNS, *, whole: bool = False) -> set[str]:
    """Names of the jobs that have a record, or one that was not cut short."""
    return {job_name(outline) for outline in read_outlines(folder).runs if not (whole and cut_short(outline))}


def job_name(outline: Mapping[str, Any]) -> str:
    """The name of a record's job; what its id says before that is when it began."""
    return str(outline["id"]).partition("-")[2]


def models_of(recipe: Recipe) -> Sequence[str]:
    """Those to train by a recipe: a trial or an ablation is of the paper's own models alone, without stand-ins."""
    main = recipe.key == recipe.paper
    return (recipe.models if main else recipe.paper_models) or (recipe.model,)


def run(
    jobs: Sequence[Job], commands: Mapping[Job, list[str]], *, output: Path, at_once: int, seconds: float | None
) -> dict[str, str]:
    """Run the jobs, ``at_once`` of them at any time, until all are done or the time is up.

    Returns:
        Job name → "done", "done before", "failed", "stopped" (its checkpoint is kept) or "not begun".
    """
    logs, marks = output / "logs", output / "done"
    for folder in (logs, marks):
        folder.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + seconds if seconds is not None else float("inf")
    outcome = {job.name: "done before" if (marks / job.name).exists() else "not begun" for job in jobs}
    waiting = [job for job in jobs if outcome[job.name] == "not begun"]
    running: dict[Job, subprocess.Popen[bytes]] = {}
    while (waiting and time.monotonic() < ends) or running:
        while waiting and len(running) < at_once and time.monotonic() < ends:
            job = waiting.pop(0)
            with (logs / f"{job.name}.log").open("ab") as log:
                running[job] = subprocess.Popen(commands[job], stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
        for job, code in _ended(running):
            outcome[job.name] = "done" if code == 0 else "failed"
            if code == 0:
                (marks / job.name).touch()
            print(f"{outcome[job.name]:8} {job.name}", flush=True)
        if time.monotonic() >= ends:
            for job in list(running):
                _stop(running.pop(job))
                outcome[job.name] = "stopped"
                print(f"stopped  {job.name}", flush=True)
        time.sleep(0.2)
    return outcome


def _ended(running: dict[Job, subprocess.Popen[bytes]]) -> Iterator[tuple[Job, int]]:
    for job, process in list(running.items()):
        code = process.poll()
        if code is not None:
            del running[job]
            yield job, code


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.suite", description=__doc__)
    parser.add_argument("--fracatlas", type=Path, metavar="DIR")
    parser.add_argument("--multiregion", type=Path, metavar="DIR")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="for records, weights and logs")
    parser.add_argument("--work", type=Path, metavar="DIR", help="for decoded films and checkpoints; OUTPUT/work")
    parser.add_argument("--recipe", action="append", default=[], metavar="KEY", help="this one, may be repeated")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1, help="trainings at any time; they share the machine")
    parser.add_argument("--minutes", type=float, help="stop then; trainings that run keep their checkpoints")
    parser.add_argument(
        "--missing",
        action="store_true",
        help="only those of which results/runs has no record, or one that was cut short",
    )
    parser.add_argument("--list", action="store_true", help="show the plan and stop")
    parser.add_argument("--smoke", action="store_true", help="tiny trainings that show that everything works")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    folders = {
        name: folder.resolve()
        for name, folder in (("fracatlas", options.fracatlas), ("multiregion", options.multiregion))
        if folder is not None
    }
    if not folders:
        print("Name a data set: --fracatlas DIR, --multiregion DIR or both.", file=sys.stderr)
        return 2
    jobs = plan(list(folders), recipes=options.recipe, seeds=options.seeds)
    if options.missing and jobs:
        done = recorded(whole=True)
        jobs = [job for job in jobs if job.name not in done]
        if not jobs:
            print("Every training of the plan has its record.")
            return 0
    if options.list or not jobs:
        print("\n".join(job.name for job in jobs) or "No recipe of that name for this data.")
        return 0 if jobs else 2
    output = options.output.resolve()
    if options.smoke:  # what a tiny training leaves must not stand for a whole one
        output /= "smoke"
    work = (options.work or output / "work").resolve()
    for each in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):  # else every training decodes with all processors
        os.environ.setdefault(each, str(max(1, (os.cpu_count() or 1) // options.at_once)))
    commands = {
        job: job.command(folders, output=output, work=work, extra=["--smoke"] if options.smoke else [])
        for job in jobs
    }
    for job in jobs if options.smoke else ():  # train.py lets a tiny training replace no weights
        if not (output / "done" / job.name).exists():
            shutil.rmtree(output / "weights" / job.name, ignore_errors=True)
    seconds = options.minutes * 60 if options.minutes is not None else None
    outcome = run(jobs, commands, output=output, at_once=options.at_once, seconds=seconds)
    (output / "outcome.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    return 0 if set(outcome.values()) <= {"done", "done before"} else 3


if __name__ == "__main__":
    raise SystemExit(main())
