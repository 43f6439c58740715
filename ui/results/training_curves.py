"""How a model learned: loss, accuracy and AUC over epochs, and what its paper says of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from fracture_core.results import Paper, PublishedRow
from ui import figures
from ui.results.drawn_runs import DrawnRun, lay_out

QUANTITIES = {"loss": "Loss", "accuracy": "Accuracy", "auc": "AUC"}
SPLITS = {"train": ("training", "dash"), "val": ("validation", "solid")}


def section(runs: Sequence[DrawnRun], papers: Mapping[str, Paper]) -> None:
    """Three charts, one for each quantity."""
    told = [run for run in runs if run.outline.get("curves")]
    for run in runs:
        if run not in told:
            why = "does not hold its epochs: there is no curve of it to draw."
            if run.outline.get("members"):
                why = "is of several networks, which learned apart: choose their runs above."
            st.info(f"The record of the run '{run.row.id}' {why}")
    if not told:
        return
    for column, quantity in zip(st.columns(3), QUANTITIES, strict=True):
        with column:
            st.markdown(f"**{QUANTITIES[quantity]} over epochs**")
            if not any(_curve(run, f"{split}_{quantity}")[0] for run in told for split in SPLITS):
                st.info("No chosen run recorded it.")
                continue
            figures.show(
                training_figure(told, quantity, papers),
                key=f"training-{quantity}",
                name=f"training-{quantity}",
                data=training_rows(told, quantity, papers),
            )
    st.caption(
        "Solid: validation films; dashed: training films, as the model saw them while it learned (changed at random, "
        "and with the recipe's weights in the loss). Large open mark: the epoch that was kept, the one with the best "
        "validation AUC. " + " ".join(kept_sentence(run) for run in told)
    )
    for sentence in paper_sentences(told, papers):
        st.markdown(sentence)


def kept_sentence(run: DrawnRun) -> str:
    """Which epoch of a run was kept, and what it reached on validation films."""
    kept = next((row for row in run.outline["curves"] if row.get("epoch") == run.outline.get("best_epoch")), None)
    if kept is None or not _known(kept.get("val_auc")):
        return ""
    films = (((run.outline.get("split") or {}).get("counts") or {}).get("val") or {}).get("films")
    on = f" on {films} validation films" if films else " on validation films"
    return f"{run.label}: epoch {kept['epoch']} of {len(run.outline['curves'])}, AUC {kept['val_auc']:.3f}{on}."


def paper_epochs(run: DrawnRun, papers: Mapping[str, Paper]) -> list[PublishedRow]:
    """What the run's paper says of the same model after certain epochs."""
    paper = papers.get(run.row.paper)
    rows = paper.rows if paper else ()
    return [row for row in rows if row.epoch is not None and row.model_key == run.row.model and not row.cited]


def paper_sentences(runs: Sequence[DrawnRun], papers: Mapping[str, Paper]) -> list[str]:
    """The papers' words on their own curves, one sentence for each paper and model."""
    sentences = {}
    for run in runs:
        rows = paper_epochs(run, papers)
        if rows:
            said = "; ".join(
                f"epoch {row.epoch}: {row.split} {metric} {row.as_printed(metric)}"
                for row in rows
                for metric in row.metrics
            )
            sentences[run.row.paper, run.row.model] = (
                f"Hollow stars, **{run.row.paper}** on its {rows[0].model}: {said} ({rows[0].where})."
            )
    return list(sentences.values())


def training_figure(runs: Sequence[DrawnRun], quantity: str, papers: Mapping[str, Paper]) -> go.Figure:
    """One quantity of ``QUANTITIES`` over epochs, on training and validation films."""
    figure, alone = go.Figure(), len(runs) == 1
    for run in runs:
        for split, (words, dash) in SPLITS.items():
            places, values = _curve(run, f"{split}_{quantity}")
            if places:
                figure.add_scatter(
                    x=places,
                    y=values,
                    mode="lines+markers",
                    line={"color": run.colour, "dash": dash, "width": 2},
                    marker={"symbol": run.symbol, "size": 5},
                    name=words if alone else run.label if split == "val" else f"{run.label}, {words}",
                    showlegend=alone or split == "val",
                    legendgroup="" if alone else run.row.id,
                    hovertemplate="epoch %{x}: %{y:.3f}",
                )
        places, values = _curve(run, f"val_{quantity}")
        if run.outline.get("best_epoch") in places:
            kept = run.outline["best_epoch"]
            figure.add_scatter(
                x=[kept],
                y=[values[places.index(kept)]],
                mode="markers",
                marker={"symbol": f"{run.symbol}-open", "size": 14, "color": run.colour, "line": {"width": 2}},
                name="kept" if alone else f"{run.label}, kept epoch",
                legendgroup="" if alone else run.row.id,
                showlegend=alone,
                hovertemplate="kept: epoch %{x}, %{y:.3f}",
            )
        said = [(row, row.metrics.get(quantity)) for row in paper_epochs(run, papers)]
        if any(_known(value) for _, value in said):
            figure.add_scatter(
                x=[row.epoch for row, value in said if _known(value)],
                y=[value for _, value in said if _known(value)],
                text=[f"{row.split}: {row.as_printed(quantity)}" for row, value in said if _known(value)],
                mode="markers",
                marker={"symbol": "star-open", "size": 12, "color": run.colour, "line": {"width": 2}},
                name=run.row.paper if alone else f"{run.row.paper}, {run.label}",
                legendgroup="" if alone else run.row.id,
                hovertemplate="as printed, epoch %{x}: %{text}",
            )
    lay_out(figure, height=340, x="epoch")
    figure.update_layout(showlegend=True)
    figure.update_xaxes(rangemode="tozero", tickformat="d")
    return figure


def training_rows(runs: Sequence[DrawnRun], quantity: str, papers: Mapping[str, Paper]) -> list[dict[str, Any]]:
    """The numbers behind ``training_figure``: a row for each run and epoch, and for each figure of a paper."""
    rows = [
        {
            "run": run.row.id,
            "epoch": epoch.get("epoch"),
            **{SPLITS[split][0]: epoch.get(f"{split}_{quantity}") for split in SPLITS},
            "kept": epoch.get("epoch") == run.outline.get("best_epoch"),
        }
        for run in runs
        for epoch in run.outline["curves"]
    ]
    printed = {
        (run.row.paper, row.epoch): {
            "run": f"{run.row.paper}, {row.model}, {row.split}, as printed",
            "epoch": row.epoch,
            "printed": row.as_printed(quantity),
        }
        for run in runs
        for row in paper_epochs(run, papers)
        if quantity in row.metrics
    }
    return [*rows, *printed.values()]


def _curve(run: DrawnRun, name: str) -> tuple[list[int], list[float]]:
    """Epochs and values, where the record has them: early records lack some."""
    known = [(row["epoch"], row[name]) for row in run.outline["curves"] if "epoch" in row and _known(row.get(name))]
    return [epoch for epoch, _ in known], [value for _, value in known]


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
