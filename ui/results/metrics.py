"""Metrics: bars and tables of claims and of what we measured, counts of each run, and the table of all runs."""

from __future__ import annotations

import streamlit as st

from fracture_core.metrics import Estimate
from fracture_core.results import METRICS as PUBLISHED_METRICS
from fracture_core.results import Beside, OutOfFold, complete_folds, flat_run, pool, set_beside
from fracture_core.results.trials import Trial, gain, trials
from ui import figures, loaders
from ui.results import bars, counts, printed
from ui.results.choice import OURS, Shown
from ui.results.marks import METRICS, counted, model_title, split_mark


def section(shown: Shown) -> None:
    """The tab."""
    _published(shown)
    with loaders.error_boundary():
        counts.section(shown)
    with loaders.error_boundary():
        _cross_validated(shown)
    with loaders.error_boundary():
        _trials(shown)
    with loaders.error_boundary():
        _all_runs(shown)


@st.fragment
def _published(shown: Shown) -> None:
    """Claims beside ours, a chart and the tables for each paper."""
    with loaders.error_boundary():
        every = {metric: _beside(shown, metric) for metric in METRICS}
        models = list(dict.fromkeys(one.model for found in every.values() for one in found))
        if not models:
            st.info("No paper is chosen, and no run is left. Choose a paper above.")
            return
        chosen_models, chosen_metrics = _choose(models)
        for key in (*shown.papers, ""):
            found = {
                metric: [one for one in every[metric] if one.paper == key and one.model in chosen_models]
                for metric in chosen_metrics
            }
            if any(one.printed or one.measured for part in found.values() for one in part):
                st.subheader(key or "Our own model", anchor=False)
                given = {metric: part for metric, part in found.items() if any(o.printed or o.measured for o in part)}
                bars.chart(key, given, shown.papers.get(key))
                if key:
                    printed.tables(shown.papers[key], given, models=chosen_models)


def _beside(shown: Shown, metric: str) -> list[Beside]:
    return set_beside(shown.papers, shown.rows, shown.outlines, metric=metric, counted=counted(shown.papers))


def _choose(models: list[str]) -> tuple[list[str], list[str]]:
    """Which models and statistics; all where none is chosen."""
    left, right = st.columns(2)
    with left:
        chosen = st.multiselect(
            "Models",
            models,
            format_func=model_title,
            placeholder="all models",
            key="models",
            bind="query-params",
        )
    with right:
        metrics = st.pills(
            "Statistics",
            list(METRICS),
            selection_mode="multi",
            default=list(METRICS),
            format_func=METRICS.__getitem__,
            key="statistics",
            bind="query-params",
        )
    return chosen or models, metrics or list(METRICS)


SCREEN = (
    "model",
    "paper",
    "recipe",
    "data",
    "split",
    "fold",
    "date",
    "n",
    "auc",
    "accuracy_at_half",
    "precision_at_half",
    "recall_at_half",
    "f1_at_half",
    *(f"published_{name}" for name in PUBLISHED_METRICS if name in METRICS),
    "published_split",
    "epochs",
    "comparable",
    "why",
    "commit",
    "id",
)
"""The columns on the screen; the CSV holds them all."""


OUT_OF_FOLD = {
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ece": "calibration error",
}


def _all_runs(shown: Shown) -> None:
    st.subheader("All runs", anchor=False)
    if not shown.rows:
        st.info("No run of these papers yet. Train one: `python train.py --list` names the recipes.")
        return
    st.caption(
        "A click on a column's head sorts by it. The CSV holds every statistic with the ends of its interval; those "
        "at probability 0.5 are what the papers count."
    )
    figures.table(
        all_runs(shown),
        key="all-runs",
        name="runs",
        column_order=SCREEN,
        placeholder="",
        column_config={
            "model": st.column_config.TextColumn(pinned=True),
            "why": st.column_config.TextColumn("why not", width="large"),
            **{
                name: st.column_config.NumberColumn(name.replace("_at_half", " at 0.5"), format="%.3f")
                for name in SCREEN
                if name == "auc" or name.endswith("_at_half")
            },
            **{
                f"published_{name}": st.column_config.NumberColumn(f"claimed {name}", format="%.4g")
                for name in METRICS
            },
            "published_split": st.column_config.TextColumn("claimed on"),
        },
    )


@st.cache_data(show_spinner="Putting the folds together", max_entries=64)
def _pooled(runs: tuple[str, ...], folder: str) -> OutOfFold:
    return pool([loaders.run(run) for run in runs])


def _cross_validated(shown: Shown) -> None:
    """The cross-validations of which every fold was run, each as one measurement."""
    chosen = [shown.outlines[row.id] for row in reversed(shown.rows)]
    folder = str(loaders.runs_folder())
    found = [_pooled(tuple(run["id"] for run in folds), folder) for folds in complete_folds(chosen)]
    if not found:
        return
    st.subheader("Cross-validated", anchor=False)
    st.caption(
        "Every film is scored by the fold that had not seen it. Rates are of answers at each fold's own threshold; "
        "brackets hold 95 % intervals by group."
    )
    figures.table(
        [
            {
                "recipe": one.recipe,
                "model": model_title(one.model),
                "data": one.data,
                "folds": len(one.runs),
                "films": one.films,
                "fractured": one.fractured,
                **{title: one.metrics[name].decimal() for name, title in OUT_OF_FOLD.items()},
            }
            for one in found
        ],
        key="cross-validated",
        name="cross-validated",
    )


@st.cache_data(show_spinner="Comparing runs film by film", max_entries=64)
def _gain(_trial: Trial, pair: tuple[str, str], folder: str) -> Estimate | None:
    return gain(_trial, loaders.run)


def _trials(shown: Shown) -> None:
    """Runs that differ in one thing: the papers' transforms and ablations, and the arithmetic."""
    folder = str(loaders.runs_folder())
    lines = []
    for trial in trials(shown.outlines[row.id] for row in shown.rows):
        before, after = (Estimate(**run["metrics"]["auc"]) for run in trial.both)
        was, changed = trial.names
        gained = _gain(trial, (trial.base["id"], trial.changed["id"]), folder)
        lines.append(
            {
                "as changed": changed,
                "difference": "" if gained is None else gained.decimal(),
                "as it was": was,
                "network": " and ".join(dict.fromkeys(model_title(run["model"]) for run in trial.both)),
                "AUC before": before.decimal(),
                "AUC after": after.decimal(),
                "what changed": trial.what,
            }
        )
    if not lines:
        return
    st.subheader("What one change is worth", anchor=False)
    st.caption(
        "Two runs that differ in one thing, on the same test films: the AUC of the changed one minus that of the "
        "other, paired by film; brackets hold 95 % intervals by group. One training each, so that a small difference "
        "may be chance even where its interval leaves zero out."
    )
    figures.table(
        lines,
        key="trials",
        name="one-change",
        column_config={"as changed": st.column_config.TextColumn(pinned=True)},
    )


def all_runs(shown: Shown) -> list[dict[str, object]]:
    """Every run with every statistic, as the CSV has it."""
    rows: list[dict[str, object]] = []
    for row in shown.rows:
        flat = {name.replace("argmax_", "at_half_"): value for name, value in flat_run(row).items()}
        outline = shown.outlines.get(row.id, {})
        rows.append(
            {
                **{name: value for name, value in flat.items() if not name.startswith("at_half_")},
                **counts.at_half(row),
                "model": model_title(row.model),
                "paper": row.paper or OURS,
                "split": split_mark(row.split).name if row.split else "",
                **{name: outline.get(name) for name in ("seed", "size", "hardware", "seconds", "peak_memory_mb")},
            }
        )
    return rows
