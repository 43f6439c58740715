"""What a recipe says of itself: paper and figures, settings with their sources, deviations, commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from fracture_core.models import MODELS
from fracture_core.recipes import PUBLISHED, Recipe
from fracture_core.recipes.contract import Contract, command
from fracture_core.recipes.settings import IN_PART, OURS, STATED, settings
from fracture_core.results import METRICS, Paper, PublishedRow
from ui import figures

_ORIGINS = {STATED: "● stated", IN_PART: "◐ in part", OURS: "○ ours"}
_BADGES = {STATED: "green", IN_PART: "orange", OURS: "gray"}


# What it is -------------------------------------------------------------------------------------------


def what_it_is(recipe: Recipe, told: Contract, paper: Paper | None) -> None:
    """Citation, what was compared, on what data, and the figures it reports."""
    st.subheader(told.title, anchor="what")
    st.markdown(told.citation + (f" [{paper.doi_or_url}]({paper.doi_or_url})" if paper and paper.doi_or_url else ""))
    names = ", ".join(MODELS[name].title for name in recipe.paper_models or (recipe.model,))
    facts = [f"**Model{'s' if ',' in names else ''}:** {names}."]
    if paper is not None:
        facts.append(f"**Data:** {_data(paper)}")
    facts.append(f"**Stated:** {told.stated[:1].upper()}{told.stated[1:]}")
    facts.append(f"**Reported:** {told.reported[:1].upper()}{told.reported[1:]}")
    if MODELS[recipe.model].note:
        facts.append(f"**Left open for {MODELS[recipe.model].title}:** {MODELS[recipe.model].note}")
    st.markdown("\n\n".join(facts[:2] if paper is not None else facts))
    if paper is None:
        return
    own = [row for row in paper.rows if not row.cited]
    figures.table(_lines(own), key=f"{recipe.paper}-figures", name=f"{recipe.paper}-figures")
    st.caption("Figures as printed. Whether they can all stand is the claims audit's matter, on the Results page.")
    with st.expander("What the paper states", icon=":material/menu_book:"):
        st.markdown("\n\n".join(facts[2:]))
    cited = [row for row in paper.rows if row.cited]
    if cited:
        with st.expander("Earlier work that it quotes", icon=":material/format_quote:"):
            figures.table(_lines(cited), key=f"{recipe.paper}-cited", name=f"{recipe.paper}-cited")


def _data(paper: Paper) -> str:
    data = paper.data
    said = [data.name]
    if data.images is not None:
        said.append(f"{data.images:,} images" + (f", {data.fractured:,} fractured" if data.fractured else ""))
    said.append(f"division {data.split}")
    counts = ", ".join(f"{name} {count:,}" for name, count in data.counts.items())
    sentence = "; ".join([*said, counts] if counts else said) + "."
    return f"{sentence} {data.note}".strip()


def _lines(rows: Sequence[PublishedRow]) -> list[dict[str, Any]]:
    """Published figures as lines of a table; a metric that none of them gives is no column."""
    shown = [name for name in METRICS if any(name in row.metrics for row in rows)]
    return [_figures(row, shown) for row in rows]


def _figures(row: PublishedRow, shown: Sequence[str]) -> dict[str, Any]:
    return {
        "Work" if row.cited else "Model": row.cited or row.model,
        "Measured on": row.split if row.epoch is None else f"{row.split}, epoch {row.epoch}",
        **{_metric(name): row.as_printed(name) if name in row.metrics else "" for name in shown},
        "Where": row.where,
        "Note": row.note,
    }


def _metric(name: str) -> str:
    return {"auc": "AUC", "f1": "F1"}.get(name, name.capitalize())


# Settings ---------------------------------------------------------------------------------------------


def training_settings(recipe: Recipe) -> None:
    """Every setting that acts, with its source, and how many of them the paper states."""
    found = settings(recipe)
    with st.container(horizontal=True, gap="small"):
        for kind, colour in _BADGES.items():
            count = sum(setting.origin == kind for setting in found)
            if count or kind == STATED:
                st.badge(f"{count} {_ORIGINS[kind]}", color=colour)  # type: ignore[arg-type]
    rows = [
        {"Setting": each.name, "Value": each.value, "From": _ORIGINS[each.origin], "Source": each.source}
        for each in found
    ]
    figures.table(
        rows,
        key=f"{recipe.key}-{recipe.model}-settings",
        name=f"{recipe.key}-{recipe.model}-settings",
        height="content",
        column_config={
            name: st.column_config.TextColumn(width=width)
            for name, width in {"Setting": 175, "Value": 260, "From": 85, "Source": 330}.items()
        },
    )


# Deviations and commands ------------------------------------------------------------------------------


def deviations(recipe: Recipe, told: Contract) -> None:
    """What is done otherwise, and why a run's figures cannot be set beside the paper's, where they cannot."""
    st.markdown("\n".join(f"- {each}" for each in told.deviations))
    if not recipe.paper:
        return
    data = recipe.data if recipe.data != "private" else "fracatlas"
    split = recipe.split
    pretrained = recipe.model in recipe.pretrained_models
    reasons = recipe.deviations(data=data, split=split, pretrained=pretrained)
    if not reasons:
        st.markdown("A run by the command below can be set beside the paper's figures as like with like.")
        if split == PUBLISHED:
            st.caption("Like with like does not mean sound: see what is said above of films that are in both parts.")
        return
    st.markdown("So a run by the command below cannot be set beside the paper's figures as like with like:")
    st.markdown("\n".join(f"- {reason}" for reason in reasons))


def commands(recipe: Recipe, told: Contract) -> None:
    """The command for what is chosen above, how long it takes, and the module's other commands."""
    line = command(recipe, told)
    st.code(line, language="bash", wrap_lines=True)
    blanks = ["`DIR` is a folder of yours with the data set in its publisher's layout"]
    if "FILE" in line:
        blanks.append("`FILE` a safetensors file of ImageNet weights in timm's names; without it the run starts anew")
    st.markdown(f"Expected time: {told.expected_time}")
    st.caption(f"{'; '.join(blanks)}. Add `--smoke` for a run of a minute that shows that everything works.")
    others = [each for each in told.commands if each != line]
    if others:
        with st.expander("The paper's other commands", icon=":material/terminal:"):
            if told.commands_are:
                st.caption(f"{told.commands_are[:1].upper()}{told.commands_are[1:]}.")
            st.code("\n".join(told.commands), language="bash", wrap_lines=True)
