"""The films that a run calls wrongly, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from fracture_core.metrics import proportion
from fracture_core.results import ScoredFilms, scored_films
from fracture_core.results.comparing import FilmError, threshold_of, worst_errors
from ui import figures, loaders
from ui.results.choice import Shown, run_labels
from ui.results.film_cards import FilmCard, Look, choose_look, paged, show_cards
from ui.wording import FINDINGS, OPERATING_POINTS

ALL = "all regions"


def section(shown: Shown) -> None:
    """Choose a run, and see its false negatives and false positives side by side."""
    rows = {row.id: row for row in shown.rows}
    if not rows:
        st.info("No run of these papers yet. Train one: `python train.py --list` names the recipes.")
        return
    run = st.selectbox(
        "Run",
        list(rows),
        format_func=run_labels(rows).__getitem__,
        key="errors_run",
        bind="query-params",
    )
    _of_run(str(run), shown.outlines[str(run)])


@st.fragment
def _of_run(run: str, outline: Mapping[str, Any]) -> None:
    with loaders.error_boundary():
        record = loaders.run(run)
        if not has_labels(record):
            st.info(
                "This record does not hold its films' labels (it is of the first generation). Choose a newer run.",
                icon=":material/info:",
            )
            return
        films = scored_films(record)
        row = st.container(horizontal=True)
        with row:
            point = choose_point([record], key="errors_point")
            region = _region(films)
        threshold = threshold_of(record, point)
        missed, alarms = (
            [film for film in errors if region in (ALL, film.region)] for errors in worst_errors(record, threshold)
        )
        of_class = [
            sum(label == kind and region in (ALL, of) for label, of in zip(films.labels, films.regions, strict=True))
            for kind in (1, 0)
        ]
        st.caption(
            f"Test films at threshold {threshold:.2f}: {record['operating_points'][point].get('rule', '')}. "
            "Intervals are exact 95 % ones that take films as independent."
        )
        look = choose_look({"": outline}, key="errors")
        for column, kind, errors, trials in zip(
            st.columns(2, gap="large"), ("fractured", "not fractured"), (missed, alarms), of_class, strict=True
        ):
            with column:
                _errors(errors, kind=kind, trials=trials, look=look)
        if look.films and (missed or alarms):
            with st.expander("All of them as a table", icon=":material/table:"):
                rows = [card_of_error(film).row for film in [*missed, *alarms]]
                figures.table(rows, key="errors-table", name=f"errors-{run}")


def _errors(errors: Sequence[FilmError], *, kind: str, trials: int, look: Look) -> None:
    said, share = FINDINGS[kind], proportion(len(errors), trials)
    fractured = kind == "fractured"
    st.markdown(f"#### {said.symbol} {'Missed fractures' if fractured else 'False alarms'}")
    if not trials:
        st.caption(f"No test film here is {kind}.")
        return
    happened = "fractured films missed" if fractured else "other films called fractured"
    st.markdown(f"{len(errors)} of {trials} {happened}, {share.percent()}")
    if errors:
        cards = paged(
            [card_of_error(film) for film in errors], key=f"errors_page_{'missed' if fractured else 'alarms'}"
        )
        show_cards(cards, look, key="missed-fractures" if fractured else "false-alarms")


def card_of_error(film: FilmError) -> FilmCard:
    """An error as a card."""
    return FilmCard(film.id, film.label, film.region, {"": film.score})


def _region(films: ScoredFilms) -> str:
    regions = sorted(set(films.regions))
    if len(regions) < 2:
        return ALL
    return str(st.selectbox("Region", [ALL, *regions], key="errors_region", bind="query-params", width=180))


def choose_point(records: Sequence[Mapping[str, Any]], *, key: str) -> str:
    """Ask at which operating point; of those that all records hold."""
    points = [
        name for name in OPERATING_POINTS if all(name in (record.get("operating_points") or {}) for record in records)
    ]
    if not points:
        return next(iter(OPERATING_POINTS))  # ``threshold_of`` says that there is none
    return str(
        st.segmented_control(
            "Operating point",
            points,
            default=points[0],
            required=True,
            format_func=lambda name: OPERATING_POINTS[name][0],
            key=key,
            bind="query-params",
            help="Where the line between the two answers is drawn. Thresholds were chosen on validation films.",
        )
    )


def has_labels(record: Mapping[str, Any]) -> bool:
    """Whether a whole record holds its films' labels."""
    return bool(record.get("cases"))
