"""The page's first picture: one model's score as published, and on films that it cannot have seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from fracture_core.audit import Half, LeakWorth, leak_worths
from fracture_core.metrics import Estimate
from fracture_core.models import MODELS
from ui import figures, loaders
from ui.data_audit.worth_chart import CLAIM, CLEAN, NAMES, PUBLISHED, claimed, figure
from ui.wording import told_apart

CHOICE = "leak_of"  # session and address: recipe and model
_NOTE = (
    "Whiskers are 95 % intervals, hollow is as the paper prints it. Dotted is what takes no model: always the "
    "commoner answer for accuracy, chance for the AUC. Accuracy is at probability one half, as the papers count."
)


def opening(audits: Mapping[str, Mapping[str, Any]]) -> None:
    """Two bars, as published and clean, with what lies between them."""
    divided = {name for name, audit in audits.items() if audit["splits"]}
    worths = leak_worths(loaders.runs().runs, loaders.papers(), divided=divided)
    if not worths:
        st.info(
            "No model has been run on a data set that its publisher divided. Make both runs with "
            "`python train.py multiregion2024 --model custom_cnn --data DIR --split published`, then with "
            "`--split clean`; the picture appears by itself.",
            icon=":material/info:",
        )
        return
    worth = _chosen(worths)
    figures.show(
        figure(worth), key="leak-worth", name=f"leak-{worth.recipe}-{worth.model}", data=rows(worth), note=_NOTE
    )
    for sentence in sentences(worth):
        st.markdown(sentence)
    if leak := leak_sentence(audits.get(worth.data)):
        st.markdown(leak)
    for half, split, gap in (
        (worth.published, "published", "as the publisher divided the films"),
        (worth.clean, "clean", "on a split that no copy of a film crosses"),
    ):
        if half is None:
            st.info(
                f"This model has not been run {gap} yet, so one side is empty. The run is made with the command "
                "below, DIR being the data set's folder; its record completes the picture.",
                icon=":material/hourglass_empty:",
            )
            st.code(worth.command(split), language="bash", wrap_lines=True)


def _chosen(worths: Sequence[LeakWorth]) -> LeakWorth:
    by_name = {f"{worth.recipe} {worth.model} {worth.data}": worth for worth in worths}
    if len(by_name) == 1:
        return worths[0]
    name = st.selectbox(
        "Model",
        list(by_name),
        format_func=told_apart({name: _line(worth) for name, worth in by_name.items()}).__getitem__,
        key=CHOICE,
        bind="query-params",
    )
    return by_name[name]


def _line(worth: LeakWorth) -> str:
    title = _title(worth)
    by = "" if worth.recipe in title else f" by {worth.recipe}"
    return title + by + ("" if worth.complete else " (one half run)")


def _title(worth: LeakWorth) -> str:
    """The model's name as pages show it."""
    return MODELS[worth.model].title if worth.model in MODELS else worth.model


def rows(worth: LeakWorth) -> list[dict[str, Any]]:
    """The picture's numbers, a row for each bar and one for each gap."""
    found: list[dict[str, Any]] = [
        {"score": name, "of": CLAIM, "value": value} for name, value in claimed(worth).items()
    ]
    for title, half in ((PUBLISHED, worth.published), (CLEAN, worth.clean)):
        if half is not None:
            about = {"split": half.split, "run": half.run}
            found += [_row(name, title, score) | about for name, score in half.scores.items()]
    for name in NAMES:
        gap = worth.gap(name)
        if gap is not None:
            found.append(_row(name, f"{PUBLISHED} less {CLEAN.lower()}", gap))
    return found


def _row(name: str, of: str, score: Estimate) -> dict[str, Any]:
    return {"score": name, "of": of, "value": score.value, "low": score.low, "high": score.high, "n": score.n}


def sentences(worth: LeakWorth) -> list[str]:
    """The picture in words; every figure with its films and 95 % interval."""
    said = [
        f"**{_title(worth)}** by the recipe of {worth.recipe}. {_half_words('As published', worth.published)}"
        f"{_half_words('Clean', worth.clean)}".strip()
    ]
    gaps = [(NAMES[name], gap) for name in NAMES if (gap := worth.gap(name)) is not None]
    if gaps:
        words = " and ".join(f"**{signed(gap)}** in {name if name == 'AUC' else name.lower()}" for name, gap in gaps)
        said.append(
            f"The leak is worth {words}. The two test sets are of different films, so the scores are taken as "
            "independent; the interval follows from theirs (square-and-add)."
        )
    if worth.differs:
        said.append(
            f"Beside the split, the two runs differ in {', '.join(worth.differs)}: the gap is not the leak's alone."
        )
    return said


def _half_words(title: str, half: Half | None) -> str:
    if half is None:
        return ""
    scores = ", ".join(
        f"{name if name == 'AUC' else name.lower()} {half.scores[metric].decimal()}"
        for metric, name in NAMES.items()
        if metric in half.scores
    )
    films = "" if half.films is None else f" (n {half.films:,})"
    return f"{title}: {scores}{films}. "


def signed(gap: Estimate) -> str:
    """``+0.215 [+0.070 to +0.372]``."""
    if math.isnan(gap.value):
        return "an unmeasured difference"
    return f"{gap.value:+.3f} [{gap.low:+.3f} to {gap.high:+.3f}]"


def leak_sentence(audit: Mapping[str, Any] | None) -> str:
    """What leaks from train to test by the audit, in words; "" where nothing is known of it."""
    leaks = audit["leaks"] if audit is not None else ()
    wanted = ("test", "train", None)
    leak = next((leak for leak in leaks if (leak["split"], leak["other"], leak["label"]) == wanted), None)

    if leak is None or not leak["films"]:
        return ""
    of = leak["films"]
    return (
        f"The leak: of the {of:,} published test films, {leak['by_bytes']:,} ({100 * leak['by_bytes'] / of:.1f} %) "
        f"are a training film byte for byte, and {leak['by_rotation']:,} ({100 * leak['by_rotation'] / of:.1f} %) "
        "once near, turned and cut copies are counted."
    )
