"""The papers' tables as they print them, misprints and all, and every figure beside ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from fracture_core.results import Beside, Mark, Paper, marks
from ui import figures
from ui.results.marks import METRICS, doubts, model_title, of_data, printed


def tables(paper: Paper, found: Mapping[str, Sequence[Beside]], *, models: Collection[str]) -> None:
    """Both tables of one paper.

    Args:
        found: statistic → claims and runs of the models that are chosen.
        models: those models; rows of models that are not ours are shown all the same.
    """
    st.markdown("As printed")
    figures.table(
        as_printed(paper, models=models),
        key=f"printed-{paper.key}",
        name=f"{paper.key}-as-printed",
        placeholder="",
        column_config={
            "model": st.column_config.TextColumn(pinned=True),
            "audit": st.column_config.TextColumn(width="medium"),
            "note": st.column_config.TextColumn(width="large"),
        },
    )
    with st.expander("Every figure beside ours"):
        figures.table(
            beside_ours(found),
            key=f"beside-{paper.key}",
            name=f"{paper.key}-beside-ours",
            placeholder="",
            column_config={
                "model": st.column_config.TextColumn(pinned=True),
                "claimed": st.column_config.TextColumn("claimed, as printed"),
                "not comparable": st.column_config.TextColumn("why not comparable", width="large"),
            },
        )


def as_printed(paper: Paper, *, models: Collection[str]) -> list[dict[str, Any]]:
    """A paper's rows, each figure exactly as printed; a misprint stands, with "(sic)"."""
    rows = [row for row in paper.rows if row.model_key is None or row.model_key in models]
    columns = list(dict.fromkeys(metric for row in rows for metric in row.metrics))
    lines = [
        {
            "model": row.model,
            "split": row.split,
            **{_heading(metric): printed(row, metric) if metric in row.metrics else "" for metric in columns},
            "epoch": row.epoch,
            "cited from": row.cited,
            "audit": " ".join(one.sentence for one in doubts(paper.key, row)),
            "where": row.where,
            "note": row.note,
        }
        for row in rows
    ]
    empty = [name for name in ("epoch", "cited from", "audit", "note") if not any(line[name] for line in lines)]
    return [{name: value for name, value in line.items() if name not in empty} for line in lines]


def _heading(metric: str) -> str:
    return METRICS.get(metric, metric.capitalize())


def beside_ours(found: Mapping[str, Sequence[Beside]]) -> list[dict[str, Any]]:
    """A line for every claim and run: as printed, ours with its interval, and what each is of."""
    rows: list[dict[str, Any]] = []
    for metric, part in found.items():
        for one in part:
            if not one.printed and not one.measured:
                continue
            claim = {
                "model": model_title(one.model),
                "statistic": METRICS[metric],
                "claimed": printed(one.claim, metric) if one.claim is not None and one.printed else "not given",
                "claimed on": ("split not stated" if one.claim.split == "not stated" else one.claim.split)
                if one.claim is not None
                else "",
            }
            ours = [_ours(mark) for mark in marks(one.measured)] or [{"measured": "not run yet"}]
            rows += [{**claim, **line} for line in ours]
    order = list(dict.fromkeys(row["model"] for row in rows))
    return sorted(rows, key=lambda row: order.index(row["model"]))


def _split(one: Beside) -> str:
    split = one.claim.split if one.claim is not None and one.printed else ""
    return "split not stated" if split == "not stated" else split


def _ours(mark: Mark) -> dict[str, Any]:
    first = mark.measured[0]
    mean = f"{mark.value:.3f}, {mark.low:.3f} to {mark.high:.3f} in {len(mark.measured)} runs"
    return {
        "measured": mean if mark.mean else first.estimate.decimal(),
        "n": first.estimate.n,
        "of": first.what,
        "data and split": of_data(mark),
        "epochs": first.run.epochs,
        "comparable": not first.why,
        "not comparable": first.why,
        "runs": " ".join(part.run.id for part in mark.measured),
    }
