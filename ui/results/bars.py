"""Grouped bars, statistic by statistic: claims hollow, ours filled with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from fracture_core.results import Beside, Mark, Paper, marks
from ui import figures
from ui.results.headline import data
from ui.results.marks import (
    LEGEND,
    LEGEND_LINE,
    METRICS,
    SplitMark,
    claim_words,
    doubts_of,
    legend_lines,
    lines,
    looks,
    measured_words,
    model_title,
    of_data,
    short_title,
)
from ui.wording import BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, YELLOW_GRAY

MODEL_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW_GRAY)
DOUBT = "A cross: the claims audit holds something against it. "


def chart(paper: str, found: Mapping[str, Sequence[Beside]], published: Paper | None) -> None:
    """The bars of one paper, or of runs of no paper.

    Args:
        found: statistic → its models; the same models for every statistic.
    """
    figures.show(
        draw(found, published),
        key=f"bars-{paper or 'ours'}",
        name=f"claimed-and-measured-{paper or 'ours'}",
        data=[row for part in found.values() for row in data(part)],
        note=note(found, published),
    )


def note(found: Mapping[str, Sequence[Beside]], published: Paper | None) -> str:
    """What the bars are of, claims and ours, with the data sets and splits named."""
    measured = {
        f"{of_data(mark)} (n {mark.measured[0].run.n})"
        for part in found.values()
        for one in part
        for mark in marks(one.measured, most=1)
    }
    ours = "Filled, measured: " + "; ".join(sorted(measured)) + "." if measured else "None of these was run yet."
    if any(mark.mean for part in found.values() for one in part for mark in marks(one.measured, most=1)):
        ours += " Of several runs, the mean, and their range in place of an interval."
    if published is None:
        return ours
    splits = {one.claim.split for part in found.values() for one in part if one.claim is not None and one.printed}
    of = " and ".join(sorted("split not stated" if split == "not stated" else split for split in splits))
    return f"Hollow, claimed: {published.data.name}" + (f", {of}. " if of else ". ") + DOUBT + ours


def draw(found: Mapping[str, Sequence[Beside]], published: Paper | None) -> go.Figure:
    """A group of bars for each statistic; a colour for each model."""
    figure, names = go.Figure(), [METRICS[metric] for metric in found]
    drawn = looks(mark for part in found.values() for one in part for mark in marks(one.measured, most=1))
    for number, model in enumerate(dict.fromkeys(one.model for part in found.values() for one in part)):
        colour = MODEL_COLOURS[number % len(MODEL_COLOURS)]
        own = {metric: next((one for one in part if one.model == model), None) for metric, part in found.items()}
        if any(one is not None and one.claimed is not None for one in own.values()):
            figure.add_trace(_claimed(own, names, colour=colour, published=published))
        for mark in _kinds(own):
            figure.add_trace(_measured(own, names, like=mark, colour=colour, look=drawn[mark.data, mark.split]))
    figure.update_layout(
        barmode="group",
        height=300 + LEGEND_LINE * legend_lines(figure),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        bargap=0.18,
        bargroupgap=0.06,
        legend=LEGEND,
        hoverlabel={"align": "left"},
        xaxis={"fixedrange": True},
        yaxis={"range": [0, 1.06], "fixedrange": True, "zeroline": False},
    )
    return figure


def _kinds(own: Mapping[str, Beside | None]) -> list[Mark]:
    """One mark for each set of bars that the model needs: a run, or the mean of many."""
    found = {_which(mark): mark for one in own.values() if one is not None for mark in marks(one.measured, most=1)}
    return list(found.values())


def _which(mark: Mark) -> tuple[Any, ...]:
    return (mark.data, mark.split, mark.mean) + (() if mark.mean else (mark.measured[0].run.id,))


def _claimed(
    own: Mapping[str, Beside | None], names: Sequence[str], *, colour: str, published: Paper | None
) -> go.Bar:
    words, values, crosses, model = [], [], [], ""
    for metric, one in own.items():
        given = one is not None and one.claim is not None and one.claimed is not None and published is not None
        values.append(one.claimed if given and one is not None else None)
        words.append("")
        crosses.append("")
        if given and one is not None and one.claim is not None and published is not None:
            found = doubts_of(published.key, one.claim, metric)
            crosses[-1] = "×" if found else ""
            words[-1] = claim_words(one.claim, metric, allowed=one.allowed, found=found)
        model = one.model if one is not None else model
    return go.Bar(
        x=list(names),
        y=values,
        name=f"{short_title(model)}, claimed",
        text=crosses,
        textposition="outside",
        cliponaxis=False,
        marker={"color": "rgba(0,0,0,0)", "line": {"color": colour, "width": 2}},
        customdata=[f"{lines(model_title(model))}<br>{word}" for word in words],
        hovertemplate="%{customdata}<extra></extra>",
        offsetgroup=f"{model} claimed",
    )


def _measured(
    own: Mapping[str, Beside | None], names: Sequence[str], *, like: Mark, colour: str, look: SplitMark
) -> go.Bar:
    which, model = _which(like), next(one.model for one in own.values() if one is not None)
    found = [
        next((mark for mark in marks(one.measured, most=1) if _which(mark) == which), None)
        if one is not None
        else None
        for one in own.values()
    ]
    return go.Bar(
        x=list(names),
        y=[mark.value if mark else None for mark in found],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [mark.high - mark.value if mark else None for mark in found],
            "arrayminus": [mark.value - mark.low if mark else None for mark in found],
            "thickness": 1.5,
            "width": 3,
            "color": GRAY,
        },
        name=lines(f"{short_title(model)}, measured, {look.name}"),
        marker={
            "color": colour + look.fill,
            "line": {"color": colour, "width": 1},
            "pattern": {
                "shape": look.pattern,
                "fillmode": "overlay",
                "fgcolor": colour if look.fill else "rgba(255,255,255,0.65)",
            },
        },
        customdata=[f"{lines(model_title(model))}<br>{measured_words(mark)}" if mark else "" for mark in found],
        hovertemplate="%{customdata}<extra></extra>",
        offsetgroup="|".join(str(part) for part in (model, *which)),
    )
