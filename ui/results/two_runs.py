"""Two runs on the films that both were tested on: tests, and the films on which they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from fracture_core.metrics import Estimate, proportion
from fracture_core.results import ResultRow
from fracture_core.results.comparing import ComparedFilm, RunComparison, compare_runs
from ui import figures, loaders
from ui.results.choice import Shown, run_labels
from ui.results.film_cards import FilmCard, choose_look, paged, show_cards, truth
from ui.results.gallery import choose_point, has_labels
from ui.wording import FINDINGS, GRAY

A, B = "A", "B"
PARTS = {"Only A right": "first_only", "Only B right": "second_only", "Both wrong": "both_wrong"}


def section(shown: Shown) -> None:
    """Choose two runs, and see how sure their difference is and which films make it."""
    rows = {row.id: row for row in shown.rows}
    if len(rows) < 2:
        st.info(
            "Two runs are needed to compare. Choose more papers above, or train one: `python train.py --list` names "
            "the recipes."
        )
        return
    left, right = st.columns(2)
    first = _choose(left, "Run A", _with_a_partner_first(list(rows), shown.outlines), rows, key="errors_a")
    others = _likest_first([run for run in rows if run != first], shown.outlines, first)
    second = _choose(right, "Run B", others, rows, key="errors_b")
    records = [loaders.run(first), loaders.run(second)]
    for name, record in zip((A, B), records, strict=True):
        if not has_labels(record):
            st.info(
                f"The record of run {name} does not hold its films' labels (it is of the first generation). "
                "Choose a newer run.",
                icon=":material/info:",
            )
            return
    point = choose_point(records, key="errors_point")
    compared = _compared(first, second, point, str(loaders.runs_folder()))
    st.markdown(_common(compared))
    _statistics(compared)
    left, right = st.columns([3, 2], gap="large")
    with left:
        figures.show(
            scatter(compared, [f"{name}: {_short(rows[run])}" for name, run in ((A, first), (B, second))]),
            key="errors-scatter",
            name="two-runs-scores",
            data=[_row(film) for film in compared.films],
            note="Each point is a film; dashed lines are the thresholds. Above or right of a run's line, it says "
            "fractured.",
        )
    with right:
        _square(compared)
    _films(compared, {A: shown.outlines[first], B: shown.outlines[second]})


def _choose(place: Any, label: str, runs: Sequence[str], rows: Mapping[str, ResultRow], *, key: str) -> str:
    return str(place.selectbox(label, runs, format_func=run_labels(rows).__getitem__, key=key, bind="query-params"))


def _with_a_partner_first(runs: Sequence[str], outlines: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Runs of which another one read the same data come first: only these can be compared."""
    of = [_data(outlines[run]) for run in runs]
    return sorted(runs, key=lambda run: not (_data(outlines[run])[0] and of.count(_data(outlines[run])) > 1))


def _likest_first(runs: Sequence[str], outlines: Mapping[str, Mapping[str, Any]], first: str) -> list[str]:
    """Runs of the same data and division first, then those of the same data."""

    def unlike(run: str) -> tuple[bool, bool]:
        return _data(outlines[run]) != _data(outlines[first]), _split(outlines[run]) != _split(outlines[first])

    return sorted(runs, key=unlike)


def _data(outline: Mapping[str, Any]) -> tuple[str, bool]:
    """What is compared like with like: the data set, and whether the record holds labels at all."""
    return str((outline.get("data") or {}).get("name") or ""), outline.get("schema", 1) >= 2


def _split(outline: Mapping[str, Any]) -> tuple[Any, ...]:
    split = outline.get("split") or {}
    return tuple(split.get(name) for name in ("kind", "rule", "seed", "fold", "folds"))


def _short(row: ResultRow) -> str:
    return ", ".join(part for part in (row.model, row.recipe) if part)


@st.cache_data(show_spinner="Comparing the two runs", max_entries=64)
def _compared(first: str, second: str, point: str, folder: str) -> RunComparison:
    """Records never change, so the ids and their folder say it all."""
    return compare_runs(loaders.run(first), loaders.run(second), point=point)


def _common(compared: RunComparison) -> str:
    films, fractured = len(compared.films), sum(film.label for film in compared.films)
    tested = compared.tested
    parts = [
        f"**{films} films** ({fractured} fractured) are test films in both runs: of A's {tested[0]} and "
        f"B's {tested[1]}."
    ]
    parts += [
        f"Of {one}'s test films, {other} was trained on {where.get('train', 0)} and validated on "
        f"{where.get('val', 0)}."
        for one, other, where in ((A, B, compared.first_in_second), (B, A, compared.second_in_first))
        if where is not None and where.get("test", 0) < sum(where.values())
    ]
    if films < max(tested):
        parts.append("Only the common ones are compared: a film that a run learnt from proves nothing.")
    if compared.contradictory:
        parts.append(f"{compared.contradictory} more are left out: the two records label them differently.")
    if not compared.same_data:
        parts.append("The runs read the data set in different states; films are matched by name.")
    return " ".join(parts)


def _statistics(compared: RunComparison) -> None:
    found, by_group = compared.statistics, compared.statistics.by_group or {}
    shares = _shares(compared)
    rows = [
        {
            "": "AUC (DeLong)",
            "n": found.difference.n,
            A: found.first.decimal(),
            B: found.second.decimal(),
            "A − B [95 %]": signed(found.difference),
            "p": p_words(found.p),
            "A − B by group": signed(by_group.get("auc")),
        }
    ]
    for name in ("accuracy", "sensitivity", "specificity"):
        test = getattr(found, name)
        rows.append(
            {
                "": f"{name} (McNemar)",
                "n": test.n,
                A: shares[name][0].decimal(),
                B: shares[name][1].decimal(),
                "A − B [95 %]": signed(test.difference),
                "p": p_words(test.mid_p),
                "A − B by group": signed(by_group.get(name)),
            }
        )
    figures.table(rows, key="errors-statistics", name="two-runs-statistics")
    st.caption(
        f"{_verdict(compared)} Brackets hold 95 % intervals; McNemar's p is the mid-p. Both tests take films as "
        "independent; the differences by group, bootstrapped, do not: films of one patient or duplicate group are "
        "drawn together."
    )


def _shares(compared: RunComparison) -> dict[str, list[Estimate]]:
    """Each run's accuracy, sensitivity and specificity on the common films, exact intervals."""
    of = {
        "accuracy": compared.films,
        "sensitivity": [film for film in compared.films if film.label],
        "specificity": [film for film in compared.films if not film.label],
    }
    return {
        name: [
            proportion(sum(film.first_right for film in films), len(films)),
            proportion(sum(film.second_right for film in films), len(films)),
        ]
        for name, films in of.items()
    }


def _verdict(compared: RunComparison) -> str:
    if compared.better is not None:
        better, worse = (A, B) if compared.better == 0 else (B, A)
        return f"On these films {better} ranks better than {worse}, by either interval of the AUC."
    return "These films do not show that one ranks better than the other; that is no proof that they are equal."


def signed(estimate: Estimate | None) -> str:
    """A difference with its interval: ``+0.052 [−0.010, +0.113]``."""
    if estimate is None or any(math.isnan(x) for x in (estimate.value, estimate.low, estimate.high)):
        return "not measured"
    value, low, high = (f"{x:+.3f}".replace("-", "−") for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def p_words(p: float) -> str:
    """A p value to three places, never 0."""
    if math.isnan(p):
        return "not measured"
    return "under 0.001" if p < 0.001 else f"{p:.3f}"


def scatter(compared: RunComparison, names: Sequence[str]) -> go.Figure:
    """Scores of run A against those of run B, film by film, with both thresholds."""
    figure = go.Figure()
    for label in (0, 1):  # the fractured ones, fewer, on top
        films, said = [film for film in compared.films if film.label == label], FINDINGS[truth(label)]
        figure.add_scatter(
            x=[film.first for film in films],
            y=[film.second for film in films],
            mode="markers",
            name=said.text,
            marker={
                "color": said.colour,
                "symbol": "triangle-up" if label else "circle",
                "size": 10 if label else 7,
                "opacity": 0.8,
            },
            customdata=[(film.id, film.region) for film in films],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>A %{x:.2f}, B %{y:.2f}<extra>"
            + said.text
            + "</extra>",
        )
    line = {"color": GRAY, "dash": "dash", "width": 1.5}
    figure.add_vline(compared.thresholds[0], line=line)
    figure.add_hline(compared.thresholds[1], line=line)
    ends = [
        max(line, *scores) * 1.06
        for line, scores in zip(
            compared.thresholds,
            ([film.first for film in compared.films], [film.second for film in compared.films]),
            strict=True,
        )
    ]
    figure.update_layout(
        height=430,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        **{
            f"{axis}axis": {
                "title": f"score of {name}",
                "range": [-0.03 * end, end],
                "zeroline": False,
                "fixedrange": True,
            }
            for axis, name, end in zip("xy", names, ends, strict=True)
        },
    )
    return figure


def _square(compared: RunComparison) -> None:
    counts = [
        [len(compared.both_right), len(compared.first_only)],
        [len(compared.second_only), len(compared.both_wrong)],
    ]
    st.markdown("**Who is right, film by film**")
    st.table(
        {
            "": ["A right", "A wrong"],
            "B right": [str(row[0]) for row in counts],
            "B wrong": [str(row[1]) for row in counts],
        }
    )
    test = compared.statistics.accuracy
    st.caption(
        f"McNemar's test looks at the {test.first_only + test.second_only} films that only one run calls right: "
        f"p {p_words(test.p)} (exact), {p_words(test.mid_p)} (mid-p). Difference in accuracy, A − B: "
        f"{signed(test.difference)}, n {test.n}. Thresholds {compared.thresholds[0]:.2f} (A) and "
        f"{compared.thresholds[1]:.2f} (B), each chosen on the run's own validation films."
    )


@st.fragment
def _films(compared: RunComparison, outlines: Mapping[str, Mapping[str, Any]]) -> None:
    with loaders.error_boundary():
        part = st.segmented_control(
            "Films on which they differ",
            list(PARTS),
            default=next(iter(PARTS)),
            required=True,
            key="errors_part",
            bind="query-params",
        )
        films: Sequence[ComparedFilm] = getattr(compared, PARTS[str(part)])
        order = "both surest first" if part == "Both wrong" else "the scores furthest apart first"
        st.markdown(f"{len(films)} of {len(compared.films)} films, {order}.")
        if not films:
            return
        look = choose_look(outlines, key="errors")
        key = PARTS[str(part)].replace("_", "-")
        show_cards(paged([_card(film) for film in films], key=f"errors_page_{key}"), look, key=key)
        if look.films:
            with st.expander("All of them as a table", icon=":material/table:"):
                figures.table([_row(film) for film in films], key=f"{key}-table", name=f"two-runs-{key}")


def _card(film: ComparedFilm) -> FilmCard:
    return FilmCard(film.id, film.label, film.region, {A: film.first, B: film.second})


def _row(film: ComparedFilm) -> dict[str, Any]:
    return {**_card(film).row, "A right": film.first_right, "B right": film.second_right}
