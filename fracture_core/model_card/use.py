"""The section on intended use and limits: sentences that hold because a figure or a fact says so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from fracture_core import RESEARCH_ONLY
from fracture_core.metrics import Estimate, Subgroup
from fracture_core.model_card.data_sets import title_of
from fracture_core.model_card.document import Block, Paragraph, Points, Section
from fracture_core.model_card.sources import Sources, estimate
from fracture_core.models import MODELS

FEW = 10
"""Fewer films than this tell hardly anything of a rate: its interval spans half of what is possible."""

CHANCE = 0.5
"""The AUC of guessing."""

RELATED = 0.01
"""A larger share of test films with relatives in training makes the test no test of new films; ours."""


def use(sources: Sources) -> Section:
    """What the model is for, what it answers, and where that ends."""
    blocks: list[Block] = [
        Paragraph(
            f"{RESEARCH_ONLY} The model is there to show how a fracture classifier answers, how sure it is and where "
            "it fails. It has no place in the care of patients: its answer must not precede, steer or replace a "
            "reading that somebody acts upon.",
            covers=("intended_use", "workflow"),
        ),
        Paragraph(
            "It is meant for researchers, teachers and students who can judge a radiograph themselves, or are "
            "learning to, and who know that a calibrated probability is no diagnosis.",
            covers=("intended_users",),
        ),
        *_answers(sources),
        Points(tuple(limits(sources)), covers=("limits", "generalisability")),
    ]
    if sources.gate is not None:
        blocks.append(Paragraph(_refusals(sources.gate), covers=("input_quality",)))
    else:
        blocks.append(Paragraph("No gate is installed before it: it answers whatever picture it is shown."))
    blocks.append(
        Paragraph(
            "What would have to come next: a test on films from other hospitals, with the patients' age and sex "
            "recorded, against readers who do not know its answers.",
            covers=("next_steps",),
        )
    )
    return Section("use", "Intended use and limits", tuple(blocks))


def technique(sources: Sources) -> str:
    """The kind of network, for people."""
    spec = MODELS.get(sources.card.data.get("model", ""))
    return spec.title if spec is not None else str(sources.card.data.get("model") or "architecture not stated")


def _answers(sources: Sources) -> Iterator[Block]:
    labels = sources.get("labels")
    if labels != ["not fractured", "fractured"]:
        return
    yield Paragraph(
        f"A deep neural network ({technique(sources)}) answers one question of one film: how probable is it that "
        "the film shows a fracture? It does not say which bone is broken, how, or since when, and it knows nothing "
        "of the patient, of other views or of earlier films.",
        covers=("technique", "output", "predictors", "index_blinding"),
    )


def limits(sources: Sources) -> Iterator[str]:
    """One sentence for each limit that the facts show."""
    yield _origin(sources)
    if also := sources.get("also"):
        yield from along(also)
    yield _regions(sources)
    yield from _related(sources)
    yield from _errors(sources)
    yield from _thin(sources.subgroups)
    yield from _worse(sources)
    yield (
        "Age and sex of the patients are not recorded. Whether it serves children as well as adults, or women as "
        "well as men, is not known."
    )
    if sources.get("seed") is not None:
        yield (
            f"One training was measured (seed {sources.get('seed')}): how far the figures would vary from training "
            "to training is not known."
        )


def _origin(sources: Sources) -> str:
    facts, also = sources.data_set, sources.get("also") or {}
    origin = f" ({facts.origin})" if facts is not None and facts.origin else ""
    trained = f"It was trained on {sources.data_title}{origin}"
    trained += f" and on {title_of(also['name'])}" if also else ""
    told = [elsewhere(found) for found in sources.get("external") or ()]
    if told:
        return f"{trained}. {' '.join(told)}"
    return f"{trained}, and never tested on films from {'a third source' if also.get('held') else 'anywhere else'}."


def elsewhere(found: Mapping[str, Any], *, whose: str = "its") -> str:
    """How a model does on another source's films, in a sentence or two; ``found`` is one of a card's "external"."""
    auc, sensitivity, specificity = (
        estimate(found["metrics"][name]) for name in ("auc", "sensitivity", "specificity")
    )
    said = (
        f"On {found['films']} films from elsewhere ({title_of(found['name'])}, {found['fractured']} "
        f"fractured) {whose} AUC is {auc.decimal()}; it finds {sensitivity.percent()} of fractures and clears "
        f"{specificity.percent()} of whole bones."
    )
    if auc.low > CHANCE:
        return said
    return f"{said} That is no better than chance: its figures hold for films like those it was trained on alone."


def along(also: Mapping[str, Any]) -> Iterator[str]:
    """What trained along, and how a model does on the exposures of that source that were kept out, in sentences.

    Args:
        also: a card's field of that name.
    """
    yield (
        f"{also['exposures']} exposures of {title_of(also['name'])} trained along, {also['fractured']} of them "
        "fractured; what both data sets hold was left out."
    )
    if held := also.get("held"):
        auc, sensitivity, specificity = (estimate(held[name]) for name in ("auc", "sensitivity", "specificity"))
        yield (
            f"On {auc.n} more films of that source, kept out of training, its AUC is {auc.decimal()}; it finds "
            f"{sensitivity.percent()} of fractures and clears {specificity.percent()} of whole bones. That says "
            "little of films from a third source."
        )


def _regions(sources: Sources) -> str:
    if not sources.regions:
        return "The body regions of its films are not recorded: for which bones its figures hold is not known."
    named = ", ".join(f"{group.name} ({group.n})" for group in sources.regions)
    return f"Its test films show: {named}. No other part of the body was tested."


def _related(sources: Sources) -> Iterator[str]:
    crossing = sources.get("split", "crossing", "test")
    if crossing is not None and crossing > RELATED:
        yield (
            f"{100 * crossing:.0f} % of its test films have a copy or a near relative among the training films. "
            "Its figures therefore say little about films that it has not seen."
        )


def _errors(sources: Sources) -> Iterator[str]:
    for name, point in sources.points.items():
        found, cleared = point.sensitivity, point.specificity
        if math.isfinite(found.value) and math.isfinite(cleared.value):
            missed, alarms = round((1 - found.value) * found.n), round((1 - cleared.value) * cleared.n)
            yield (
                f"At the {name} operating point it misses {missed} of {found.n} fractures "
                f"and calls {alarms} of {cleared.n} films fractured that are not."
            )


def _thin(groups: tuple[Subgroup, ...]) -> Iterator[str]:
    """Subgroups too small to know the rates of."""
    for what, count, films in (
        ("sensitivity", lambda group: group.fractured, "fractured"),
        ("specificity", lambda group: group.n - group.fractured, "not fractured"),
    ):
        named = [f"{group.name} ({count(group)})" for group in groups if count(group) < FEW]
        if named:
            yield f"Fewer than {FEW} {films} test films, so that the {what} is hardly known: {', '.join(named)}."


def _worse(sources: Sources) -> Iterator[str]:
    """Subgroups whose whole interval lies below the figure of all films."""
    for what in ("auc", "sensitivity", "specificity"):
        overall = sources.metrics.get(what)
        if overall is None:
            continue
        named = [
            f"{group.name} ({_said(what, value)}, n {value.n})"
            for group in sources.subgroups
            if _enough(what, group) and (value := getattr(group, what)).high < overall.value
        ]
        if named:
            title = "AUC" if what == "auc" else what.capitalize()
            yield f"{title} lies below that of all films ({_said(what, overall)}): {', '.join(named)}."


def _enough(what: str, group: Subgroup) -> bool:
    counts = {"sensitivity": group.fractured, "specificity": group.n - group.fractured}
    return counts.get(what, min(counts.values())) >= FEW


def _said(what: str, value: Estimate) -> str:
    return value.decimal() if what == "auc" else value.percent()


def _refusals(gate: dict | object) -> str:  # type: ignore[type-arg]
    """What the gate does, with what was measured of it."""
    measured = gate.get("measured") or {} if isinstance(gate, dict) else {}
    parts = ["A gate stands before it: pictures that do not look like limb radiographs get no answer."]
    if "pictures_refused" in measured:
        others = estimate(measured["pictures_refused"])
        parts.append(f"Of {others.n} pictures of other kinds it refuses {others.percent(places=1)}.")
    if "test_films_refused" in measured:
        films = estimate(measured["test_films_refused"])
        parts.append(f"Of {films.n} held-out films it refuses {films.percent(places=1)}.")
    if "inverted_test_films_refused" in measured:
        films = estimate(measured["inverted_test_films_refused"])
        parts.append(f"Films shown as negatives, bone dark, are refused in {films.percent(places=1)}.")
    if "elsewhere_cautioned" in measured and "test_films_cautioned" in measured:
        own, others = estimate(measured["test_films_cautioned"]), estimate(measured["elsewhere_cautioned"])
        parts.append(
            "A film that looks unlike FracAtlas's gets its answer with a caution: "
            f"{own.percent(places=1)} of the held-out films and {others.percent(places=1)} of {others.n} films from "
            "elsewhere, the refused ones left out."
        )
    parts.append("It does not judge whether a film is sharp, well exposed or complete.")
    return " ".join(parts)
