"""Which papers and runs the results page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fracture_core.models import MODELS
from fracture_core.results import Paper, ResultRow, table
from ui import loaders
from ui.wording import told_apart

PAPERS = "papers"  # key of the choice, in the session and in the address
OURS = "ours"  # stands for the runs of no paper


@dataclass(frozen=True, eq=False)
class Shown:
    """What the page shows.

    Attributes:
        papers: the chosen papers, by key.
        rows: the runs of these papers, and those of no paper where they are chosen; the newest first.
        outlines: run id → its record without the films.
    """

    papers: Mapping[str, Paper]
    rows: tuple[ResultRow, ...]
    outlines: Mapping[str, Mapping[str, Any]]


def choose() -> Shown:
    """Ask which papers; all of them at first."""
    papers, records = loaders.papers(), loaders.runs()
    for sentence in records.damaged.values():
        st.warning(sentence, icon=":material/warning:")
    chosen = st.pills(
        "Papers",
        [*papers, OURS],
        selection_mode="multi",
        default=[*papers, OURS],
        format_func=lambda key: "our own model" if key == OURS else key,
        key=PAPERS,
        bind="query-params",
    )
    rows = [row for row in table(records.runs, papers) if (row.paper or OURS) in chosen]
    rows.sort(key=lambda row: row.id, reverse=True)
    return Shown(
        papers={key: paper for key, paper in papers.items() if key in chosen},
        rows=tuple(rows),
        outlines={run["id"]: run for run in records.runs},
    )


def run_label(row: ResultRow) -> str:
    """A run in a list, told apart from the others at a glance."""
    title = MODELS[row.model].title if row.model in MODELS else row.model
    of = " ".join(part for part in (row.data, row.split, row.fold) if part)
    began = row.id.partition("-")[0]
    return " · ".join(part for part in (title, row.recipe, of, began) if part)


def run_labels(rows: Mapping[str, ResultRow]) -> dict[str, str]:
    """Run → its label; the id is added to labels that several runs share."""
    return told_apart({run: run_label(row) for run, row in rows.items()})


def pick_runs(shown: Shown, label: str, *, key: str, most: int, whole: bool = False) -> Sequence[ResultRow]:
    """Let some runs be chosen; the newest one at first. Empty where there is none.

    The address holds their ids, which outlast how a list calls them.

    Args:
        most: how many may be chosen.
        whole: at first rather the newest that is no fold of a cross-validation and no member of a committee.
    """
    by_id = {row.id: row for row in shown.rows}
    if not by_id:
        st.info("No run of these papers yet. Train one: `python train.py --list` names the recipes.")
        return []
    if key not in st.session_state:
        asked = [run for run in st.query_params.get_all(key) if run in by_id]
        at_first = sorted(by_id, key=lambda run: whole and bool(by_id[run].fold))
        st.session_state[key] = asked[:most] or at_first[:1]
    st.session_state[key] = [run for run in st.session_state[key] if run in by_id]
    chosen = st.multiselect(
        label, list(by_id), max_selections=most, format_func=run_labels(by_id).__getitem__, key=key
    )
    st.query_params[key] = chosen
    return [by_id[run] for run in chosen]
