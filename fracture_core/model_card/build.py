"""The builder: from a card, and what belongs to it, to the document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fracture_core.model_card.checklist import judge
from fracture_core.model_card.data_sets import title_of
from fracture_core.model_card.document import Document, KeyFact, Paragraph, Section
from fracture_core.model_card.evidence import explanation, failures
from fracture_core.model_card.making import data, licence, making
from fracture_core.model_card.measured import calibration, performance, subgroups, thresholds
from fracture_core.model_card.sources import Sources
from fracture_core.model_card.use import technique, use
from fracture_core.weights import Card

POINT = "balanced"


def model_card(
    card: Card,
    record: Mapping[str, Any] | None = None,
    localisation: Mapping[str, Any] | None = None,
    *,
    gate: Mapping[str, Any] | None = None,
) -> Document:
    """A weight file's model card.

    Args:
        card: of the weights; fields that it lacks are said to be missing.
        record: the whole run record that belongs to it (``sources.find_record``); gives films, failures and charts.
        localisation: the record of its maps against experts (``sources.find_localisation``).
        gate: the card of the gate before the models (``sources.find_gate``).
    """
    sources = Sources(card, record, localisation, gate)
    sections = (
        use(sources),
        data(sources),
        making(sources),
        thresholds(sources),
        performance(sources),
        calibration(sources),
        subgroups(sources),
        explanation(sources),
        failures(sources),
        licence(sources),
    )
    summary = _summary(sources)
    lead = Section("summary", "Summary", (summary,))
    title = str(card.data.get("title") or card.name)
    document = Document(
        name=card.name,
        title=title,
        summary=summary.text,
        key_facts=_key_facts(sources),
        sections=sections,
        identity=_identity(sources),
    )
    judged = judge(replace(document, sections=(lead, *sections)))
    return replace(document, checklist=judged)


def _summary(sources: Sources) -> Paragraph:
    also = sources.get("also")
    trained = " and ".join([sources.data_title, *([title_of(also["name"])] if also else [])])
    parts = [f"{technique(sources)}, trained on {trained} to tell films with a fracture from others."]
    covers = ["technique", "summary"]
    auc, films, fractured = sources.metrics.get("auc"), sources.count("test"), sources.count("test", "fractured")
    if auc is not None and math.isfinite(auc.value):
        parts.append(f"Its AUC on {auc.n} test films is {auc.decimal()} (95 % interval).")
        covers.append("accuracy_named")
    if films is not None and fractured is not None:
        parts.append(f"{fractured} of the {films} test films show a fracture.")
    return Paragraph(" ".join(parts), covers=tuple(covers))


def _key_facts(sources: Sources) -> tuple[KeyFact, ...]:
    facts = []
    auc, ece, point = sources.metrics.get("auc"), sources.metrics.get("ece"), sources.points.get(POINT)
    if auc is not None:
        facts.append(_fact("AUC", f"{auc.value:.3f}", f"{auc.low:.3f}–{auc.high:.3f}, n {auc.n}"))
    if point is not None:
        for label, value in (("Sensitivity", point.sensitivity), ("Specificity", point.specificity)):
            shown = f"{100 * value.value:.0f} %"
            facts.append(_fact(label, shown, f"{100 * value.low:.0f}–{100 * value.high:.0f} %, n {value.n}, {POINT}"))
    if ece is not None:
        facts.append(_fact("Calibration error", f"{ece.value:.3f}", f"{ece.low:.3f}–{ece.high:.3f}, n {ece.n}"))
    films, fractured = sources.count("test"), sources.count("test", "fractured")
    if films is not None:
        facts.append(KeyFact("Test films", f"{films:,}", "" if fractured is None else f"{fractured:,} fractured"))
    return tuple(facts)


def _fact(label: str, value: str, detail: str) -> KeyFact:
    return KeyFact(label, "not measured", "") if "nan" in value else KeyFact(label, value, detail)


def _identity(sources: Sources) -> str:
    parts = [f"weights “{sources.card.name}”"]
    if sources.get("sha256"):
        parts.append(f"sha256 {str(sources.get('sha256'))[:16]}")
    parts += [f"{name} {sources.get(name)}" for name in ("version",) if sources.get(name)]
    parts += [str(sources.get("date"))] if sources.get("date") else []
    return ", ".join(parts)
