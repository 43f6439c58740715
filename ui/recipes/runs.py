"""The runs of a recipe so far, from the run records alone."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import streamlit as st

from fracture_core.metrics import Estimate
from fracture_core.recipes import Recipe
from fracture_core.results import ResultRow, table
from ui import figures, loaders


def our_runs(recipe: Recipe, module: ModuleType) -> None:
    """A table of the recipe's runs, newest first; where there is none, how to make one."""
    records = loaders.runs()
    rows = table(records.runs, loaders.papers())
    own = sorted((row for row in rows if row.recipe == recipe.key), key=lambda row: row.id, reverse=True)
    keys = {each.key for each in module.RECIPES} - {recipe.key}
    others = sum(row.recipe in keys for row in rows)
    if not own:
        st.info(
            "No run of this recipe is recorded yet. The command above makes one: when it ends, it writes its record "
            "to `results/runs`, and the record appears here by itself.",
            icon=":material/info:",
        )
    else:
        figures.table([in_words(row) for row in own], key=f"{recipe.key}-runs", name=f"{recipe.key}-runs")
        st.caption(
            "On test films that neither training nor any choice has seen; brackets hold 95 % intervals. Accuracy is "
            "counted at probability one half, as the papers count."
        )
    if others:
        st.caption(f"{others} {'run is' if others == 1 else 'runs are'} of other variants of this paper.")
    for sentence in records.damaged.values():
        st.caption(f":material/warning: {sentence}")


def in_words(row: ResultRow) -> dict[str, Any]:
    """A run as a line of the table."""
    auc, accuracy = row.metrics.get("auc"), row.argmax.get("accuracy") or row.metrics.get("accuracy")
    return {
        "Date": row.date,
        "Model": row.model,
        "Data": row.data,
        "Split": ", ".join(filter(None, (row.split, row.fold_in_words))),
        "Epochs": row.epochs,
        "Test films": row.n if row.n is not None else getattr(auc, "n", None),
        "AUC": _said(auc),
        "Paper's AUC": _printed(row, "auc"),
        "Accuracy": _said(accuracy),
        "Paper's accuracy": _printed(row, "accuracy"),
        "Comparable": "yes" if row.comparable else "no",
        "Why not": row.why,
        "Record": row.id,
    }


def _said(estimate: Estimate | None) -> str:
    return "not measured" if estimate is None else estimate.decimal()


def _printed(row: ResultRow, metric: str) -> str:
    if row.published is None or metric not in row.published.metrics:
        return "none"
    return f"{row.published.as_printed(metric)} ({row.published.split})"
