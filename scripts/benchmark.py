"""``python -m scripts.benchmark``: writes docs/benchmark.md, the report on all runs, from the records alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fracture_core.audit.worth import difference, leak_worths
from fracture_core.metrics import Estimate
from fracture_core.models import MODELS
from fracture_core.recipes import RECIPES
from fracture_core.results import (
    FAST_LOADER,
    FIXED,
    LOADER,
    OURS,
    Beside,
    Measured,
    Paper,
    complete_folds,
    cut_short,
    load_published,
    machine,
    pool,
    read_outlines,
    read_run,
    read_speeds,
    read_training_speeds,
    scored_films,
    set_beside,
    table,
)
from fracture_core.results.trials import gain, trials
from scripts.suite import job_name, plan, recorded

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmark.md"
METRICS = {"accuracy": "accuracy", "auc": "AUC"}
OUT_OF_FOLD = {
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ece": "calibration error",
}
PAPER_COLUMNS = (
    "model",
    "data, split",
    "epochs",
    "start",
    "test films (groups)",
    "accuracy: claim",
    "ours",
    "AUC: claim",
    "ours",
    "outcome",
)
SPEED_COLUMNS = (
    "model",
    "input",
    "machine",
    "precision",
    "one film, ms",
    "films/s (batch)",
    "peak memory, MB",
    "parameters, millions",
)

Outlines = Mapping[str, Mapping[str, Any]]


def report() -> str:
    """The whole report as markdown."""
    papers = load_published()
    runs = read_outlines().runs
    outlines = {run["id"]: run for run in runs}
    rows = sorted(table(runs, papers), key=lambda row: row.id, reverse=True)
    beside = {metric: set_beside(papers, rows, outlines, metric=metric) for metric in METRICS}
    sections = (
        _head(outlines),
        _outcomes(beside),
        _papers(papers, beside, outlines),
        _out_of_fold(runs),
        _leak(runs, papers),
        _trials(runs),
        _missing(runs),
        _speed(),
        _training_speed(),
    )
    return "\n".join(line for section in sections for line in section)


def _head(outlines: Outlines) -> Iterator[str]:
    machines = sorted({str(run.get("hardware")) for run in outlines.values()})
    scratch = sum(run.get("pretrained") is None for run in outlines.values())
    yield "# All five papers, run"
    yield ""
    yield "Written by `python -m scripts.benchmark` from `results/`; nothing here is typed."
    yield ""
    yield (
        f"{len(outlines)} runs, on {'; '.join(machines)}. {scratch} started from random weights and "
        f"{len(outlines) - scratch} from pretrained ones. Two papers started from pretrained weights and do not say "
        "whose; `train.py --pretrained FILE` or `--pretrained timm` gives ImageNet's where there is a network."
    )
    yield (
        "Accuracy is at probability one half, as the papers count; brackets hold 95 % intervals, by groups of films "
        "that share a patient or a copy; how many there are says how much a test is worth. A split is *grouped* "
        "where no copy and no neighbouring film crosses it, *clean* where besides of equal files one is kept (turned "
        "copies stay, all on one side), *published* where it is the publisher's."
    )
    yield ""


def _outcomes(beside: Mapping[str, list[Beside]]) -> Iterator[str]:
    """How many claims lie within, above and below the interval of ours."""
    yield "## What reproduced, and what did not"
    yield ""
    yield from _head_of("statistic", "pairs of claim and run", "within our interval", "above it", "below it")
    for metric, title in METRICS.items():
        found = [_verdict(one, measured) for one in beside[metric] for measured in one.measured]
        counts = [found.count(verdict) for verdict in ("within", "claim above", "claim below")]
        yield f"| {title} | {sum(counts)} | " + " | ".join(map(str, counts)) + " |"
    yield ""
    yield (
        "A claim above our interval may be owed to what differs: the reasons stand in each line. It is no proof "
        "against the claim where the data or the start differ; the data audit and the claims audit are."
    )
    yield ""


def _verdict(beside: Beside, measured: Measured) -> str:
    if beside.claimed is None:
        return ""
    if beside.claimed > measured.estimate.high:
        return "claim above"
    return "claim below" if beside.claimed < measured.estimate.low else "within"


def _papers(papers: Mapping[str, Paper], beside: Mapping[str, list[Beside]], outlines: Outlines) -> Iterator[str]:
    by_place = {(one.paper, one.model): one for one in beside["auc"]}
    for key in (*papers, ""):
        yield f"## {key or 'Our own model'}"
        yield ""
        yield from _head_of(*PAPER_COLUMNS)
        reasons: dict[str, None] = {}
        for one in beside["accuracy"]:
            if one.paper != key:
                continue
            auc = by_place[one.paper, one.model]
            if not one.measured:
                yield _line(_title(one.model), "not run", "", "", "", one.printed, "", auc.printed, "", "")
            of_auc = {measured.run.id: measured for measured in auc.measured}
            for measured in one.measured:
                run = measured.run
                other = of_auc.get(run.id)
                verdicts = {METRICS["accuracy"]: _verdict(one, measured)}
                verdicts |= {METRICS["auc"]: _verdict(auc, other)} if other else {}
                outline = outlines[run.id]
                yield _line(
                    _title(one.model) if key else f"{_title(one.model)} (`{run.recipe}`)",
                    f"{run.data}, {run.split} {run.fold}".rstrip(),
                    str(run.epochs or ""),
                    _start(outline),
                    _tested(run.id),
                    one.printed,
                    _figure(measured.estimate),
                    auc.printed,
                    _figure(other.estimate) if other else "",
                    "; ".join(f"{name}: {verdict}" for name, verdict in verdicts.items() if verdict),
                )
                if key and run.why:
                    reasons[f"{_title(one.model)}: {run.why}"] = None
        yield ""
        if reasons:
            yield "Not like with like:"
            yield ""
            yield from (f"- {reason}." for reason in reasons)
            yield ""


def _tested(run: str) -> str:
    """How many films a run was tested on, and how many groups they make."""
    films = scored_films(read_run(run))
    return f"{len(films.ids)} ({len(np.unique(films.groups))})"


def _start(outline: Mapping[str, Any]) -> str:
    """From which weights, and with which draw where it is not the first."""
    start = "scratch" if outline.get("pretrained") is None else "pretrained"
    return f"{start}, seed {outline['seed']}" if outline.get("seed") else start


def _out_of_fold(runs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Cross-validations of which every fold was run; the films are read from the whole records."""
    found = [pool([read_run(run["id"]) for run in folds]) for folds in complete_folds(runs)]
    if not found:
        return
    yield "## Cross-validated"
    yield ""
    yield (
        "Every film scored by the fold that had not seen it; sensitivity and specificity at each fold's own "
        "threshold."
    )
    yield ""
    yield from _head_of("recipe", "model", "data", "folds", "films", *OUT_OF_FOLD.values())
    for one in found:
        figures = [_figure(one.metrics[name]) for name in OUT_OF_FOLD]
        yield _line(one.recipe, _title(one.model), one.data, str(len(one.runs)), str(one.films), *figures)
    yield ""


def _leak(runs: Iterable[Mapping[str, Any]], papers: Mapping[str, Paper]) -> Iterator[str]:
    yield "## What the leak is worth"
    yield ""
    yield (
        "As published minus clean, of the same model and recipe; the two test sets differ, so the interval takes "
        "them as independent."
    )
    yield ""
    lines = []
    for worth in leak_worths(runs, papers):
        if worth.published is None or worth.clean is None:
            continue
        for metric, title in METRICS.items():
            one, other = worth.published.scores.get(metric), worth.clean.scores.get(metric)
            if one and other:
                lines.append(
                    _line(
                        _title(worth.model),
                        worth.data,
                        title,
                        _figure(one),
                        _figure(other),
                        _figure(difference(one, other)),
                    )
                )
    if not lines:
        yield "No model has been run in both ways yet."
    else:
        yield from _head_of("model", "data", "statistic", "as published", "clean", "difference")
        yield from lines
    yield ""


def _trials(runs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Runs that differ in one thing; each film is scored by both, so the records are read whole."""
    found = trials(runs)
    if not found:
        return
    yield "## What one change is worth"
    yield ""
    yield (
        "Two runs that differ in one thing, on the same test films: AUC of the changed one minus that of the other, "
        "paired by film, with intervals by group. One training each. The network named is the one that was run, "
        "which may be smaller than the paper's."
    )
    yield ""
    yield from _head_of("changed", "network", "as it was", "as changed", "AUC before", "after", "difference")
    for trial in found:
        gained = gain(trial, read_run)
        if gained is None:
            continue
        yield _line(
            trial.what,
            " and ".join(dict.fromkeys(_title(str(run["model"])) for run in trial.both)),
            *(f"`{name}`" for name in trial.names),
            *(_figure(Estimate(**run["metrics"]["auc"])) for run in trial.both),
            _figure(gained),
        )
    yield ""


def _missing(runs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What the papers' recipes ask for and no record answers, or answers in part."""
    runs = [run for run in runs if run["recipe"].get("paper") and run["recipe"]["key"] in RECIPES]
    yield "## What is missing"
    yield ""
    found = [*_not_run(runs), *_cut_short(runs), *_unrepeated(runs)]
    if all(speed.threads for speed in read_speeds()):
        found.append("Speed on a GPU: `python -m fracture_core speed --batch 64 --record` there.")
    yield from (f"- {one}" for one in found or ["Nothing: every model of every paper has its runs."])
    yield ""
    if found:
        yield (
            "Why: most of this needs a GPU for an hour or more, and one was at hand for minutes; the largest "
            "networks were trained on two processors instead, for as long as there was. `python -m scripts.suite "
            "--missing` trains whatever has no record yet, or none of full length."
        )
        yield ""


def _not_run(runs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    of_others = (run for run in runs if run["model"] not in RECIPES[run["recipe"]["key"]].paper_models)
    stand_ins = {run["recipe"]["key"]: _title(run["model"]) for run in of_others}
    done = recorded()
    for job in plan(["fracatlas", "multiregion"]):
        if job.name not in done:
            instead = f" ({stand_ins[job.recipe]} was run in its place)" if job.recipe in stand_ins else ""
            yield f"Not run: {_title(job.model)} by `{job.recipe}`, {job.data} {job.split}{instead}."


def _cut_short(runs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    whole = recorded(whole=True)
    for run in runs:
        less = cut_short(run)
        if less and job_name(run) not in whole:
            yield f"Cut short: {_title(run['model'])} by `{run['recipe']['key']}`, {', '.join(less)}."


def _unrepeated(runs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    seeds: dict[tuple[str, ...], set[int]] = {}
    for run in runs:
        kind = (run["recipe"]["key"], run["model"], run["data"]["name"], run["split"]["kind"])
        seeds.setdefault(kind, set()).add(run["seed"])
    once = sum(len(drawn) == 1 for drawn in seeds.values())
    if once:
        yield (
            f"Made with one draw of start and order alone: {once} of {len(seeds)} trainings. "
            "`python -m scripts.suite --seeds 3` makes three of each."
        )


def _speed() -> Iterator[str]:
    speeds = read_speeds()
    if not speeds:
        return
    yield "## Speed"
    yield ""
    yield from _head_of(*SPEED_COLUMNS)
    for speed in sorted(speeds, key=lambda speed: (speed.hardware, speed.precision, speed.latency_ms.value)):
        latency = speed.latency_ms
        yield _line(
            _title(speed.model),
            f"{speed.size} px",
            machine(speed),
            speed.precision,
            f"{latency.value:.1f} [{latency.low:.1f}–{latency.high:.1f}]",
            f"{speed.films_per_second:.1f} ({speed.batch})",
            f"{speed.peak_memory_mb:.0f}",
            f"{speed.parameters / 1e6:.1f}",
        )
    yield ""


def _training_speed() -> Iterator[str]:
    speeds = read_training_speeds()
    if not speeds:
        return
    yield "## Speed in training"
    yield ""
    yield (
        "`make bench-train`: images a second of this trainer, and how many times that is of its rivals in the same "
        "run: one batch in memory that never changes, which no way of feeding can beat, and DataLoaders with "
        "torchvision transforms."
    )
    yield ""
    yield from _head_of("model", "input", "batch", "films", "machine", "images/s", FIXED, LOADER, FAST_LOADER)
    for speed in sorted(speeds, key=lambda speed: (speed.hardware, speed.model)):
        yield _line(
            _title(speed.model),
            f"{speed.size} px",
            str(speed.batch),
            speed.films,
            machine(speed),
            f"{speed.images_per_second[OURS]:.0f}",
            *(f"{speed.against(rival):.2f} ×" for rival in (FIXED, LOADER, FAST_LOADER)),
        )
    yield ""


def _head_of(*columns: str) -> Iterator[str]:
    yield _line(*columns)
    yield "|" + "---|" * len(columns)


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _figure(estimate: Estimate) -> str:
    return estimate.decimal()


def _title(model: str) -> str:
    return MODELS[model].title if model in MODELS else model


def main() -> None:
    REPORT.write_text(report(), encoding="utf-8")


if __name__ == "__main__":
    main()
