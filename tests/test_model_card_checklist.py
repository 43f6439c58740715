"""The checklist: whole, counted as the guidelines count, and derived from the document alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from model_cards_made import build, made

from fracture_core.model_card import (
    ANSWERED,
    INAPPLICABLE,
    PARTLY,
    UNANSWERED,
    Document,
    Paragraph,
    Section,
    guidelines,
    judge,
    model_card,
    tally,
)
from fracture_core.model_card.topics import TOPICS
from fracture_core.weights import Card


def judged(document: Document, guideline: str, number: str):
    return next(each for each in document.checklist if (each.guideline, each.number) == (guideline, number))


def numbers(guideline: str) -> list[str]:
    return [item.number for item in guidelines()[guideline].items]


def test_every_item_is_there_once_and_in_order() -> None:
    assert numbers("CLAIM 2024") == [str(number) for number in range(1, 45)]
    for name, last, letters in (
        ("TRIPOD+AI", 27, {"3": 3, "5": 2, "6": 3, "8": 3, "9": 3, "12": 7, "18": 6, "20": 3, "23": 2, "27": 3}),
        ("STARD-AI", 40, {"15": 4, "16": 3, "17": 2, "26": 2, "40": 2}),
    ):
        expected = []
        for number in map(str, range(1, last + 1)):
            parts = letters.get(number, 0)
            expected += [number + "abcdefg"[part] for part in range(parts)] if parts else [number]
        assert numbers(name) == expected


@pytest.mark.parametrize("guideline", ["CLAIM 2024", "TRIPOD+AI", "STARD-AI"])
def test_every_item_asks_for_known_topics_or_says_why_it_cannot_apply(guideline: str) -> None:
    for item in guidelines()[guideline].items:
        assert bool(item.topics) != bool(item.inapplicable)
        assert set(item.topics) <= set(TOPICS), item.number
        assert item.wording and not item.wording.endswith(".")


def test_every_topic_is_asked_for_and_every_block_covers_a_known_one() -> None:
    asked = {topic for guideline in guidelines().values() for item in guideline.items for topic in item.topics}
    assert set(build().covered()) <= set(TOPICS)
    assert set(TOPICS) - asked == {"label_noise"}, "asked for by no guideline, and worth saying"


def test_an_answer_names_sections_that_are_in_the_document() -> None:
    document = build()
    titles = {section.title for section in document.sections} | {"Summary"}
    for each in document.checklist:
        assert set(each.where) <= titles
        assert bool(each.where) == (each.verdict in (ANSWERED, PARTLY))
        assert bool(each.missing) == (each.verdict != ANSWERED)


@pytest.mark.parametrize(
    ("guideline", "number", "absent", "after"),
    [
        ("TRIPOD+AI", "12g", "calibration", PARTLY),
        ("TRIPOD+AI", "12e", "calibration", PARTLY),
        ("CLAIM 2024", "38", "metrics", PARTLY),
        ("CLAIM 2024", "20", "split", UNANSWERED),
        ("STARD-AI", "15c", "operating_points", UNANSWERED),
        ("STARD-AI", "30", "operating_points", UNANSWERED),
        ("CLAIM 2024", "40", None, ANSWERED),
    ],
)
def test_an_item_falls_with_what_answers_it(guideline: str, number: str, absent: str | None, after: str) -> None:
    before = judged(build(), guideline, number)
    assert before.verdict == ANSWERED
    changed = judged(build(**{absent: None} if absent else {}), guideline, number)
    assert changed.verdict == after
    assert after == ANSWERED or changed.missing


def test_taking_the_calibration_out_is_said_to_be_missing() -> None:
    assert judged(build(), "CLAIM 2024", "38").verdict == ANSWERED
    without = judged(build(calibration=None), "CLAIM 2024", "38")
    assert without.verdict == PARTLY
    assert without.missing == TOPICS["calibration_error"]


@pytest.mark.parametrize(
    ("guideline", "number"),
    [
        *(("CLAIM 2024", number) for number in ("11", "13", "18", "21", "33", "44")),
        *(("TRIPOD+AI", number) for number in ("3c", "10", "14", "17", "18a", "18b", "18c", "18d", "19")),
        *(("STARD-AI", number) for number in ("6", "22", "26a", "29", "36", "37", "38", "39")),
    ],
)
def test_what_nobody_wrote_down_is_not_answered(guideline: str, number: str) -> None:
    assert judged(build(), guideline, number).verdict == UNANSWERED


def test_a_judgement_looks_at_the_document_and_not_at_the_card() -> None:
    document = build()
    empty = replace(document, sections=())
    assert {each.verdict for each in judge(empty)} == {UNANSWERED, INAPPLICABLE}
    funded = Section("funding", "Funding", (Paragraph("Nobody paid.", covers=("funding",)),))
    paid = {
        each.number: each for each in judge(replace(document, sections=(funded,))) if each.guideline == "CLAIM 2024"
    }
    assert paid["44"].verdict == ANSWERED and paid["44"].where == ("Funding",)


def test_maps_against_experts_answer_the_item_on_explanations() -> None:
    assert judged(build(), "CLAIM 2024", "31").verdict == PARTLY
    data = made()
    half = {"value": 0.4, "low": 0.3, "high": 0.5, "n": 20}
    record = {
        "weights": data["sha256"],
        "date": "2026-11-20",
        "parts": {
            "test": {
                "gradcam": {
                    "area": half | {"value": 0.01},
                    "pointing": half,
                }
            }
        },
    }
    document = model_card(Card("made", data), localisation=record)
    assert judged(document, "CLAIM 2024", "31").verdict == ANSWERED


def test_counts_add_up() -> None:
    counts = tally(build().checklist)
    assert {name: sum(found.values()) for name, found in counts.items()} == {
        "CLAIM 2024": 44,
        "TRIPOD+AI": 52,
        "STARD-AI": 48,
    }


def test_citations_name_journal_and_year() -> None:
    for guideline in guidelines().values():
        assert re.search(r"\(20\d\d\)$", guideline.citation)
