"""What reporting guidelines ask, and what a model card answers.

Each item names the topics that it asks for; the document's blocks name those that they cover. An item is answered
when all of its topics are covered, partly when some are, and else not: nobody ticks a box by hand. Items that
cannot apply to a stored set of weights say why.
"""

from __future__ import annotations

from dataclasses import dataclass

from fracture_core.model_card.document import ANSWERED, INAPPLICABLE, PARTLY, UNANSWERED, Document, Judgement
from fracture_core.model_card.topics import TOPICS


@dataclass(frozen=True)
class Item:
    """An item of a guideline.

    Attributes:
        number: as the guideline counts.
        wording: what it asks, in our words.
        topics: names of ``TOPICS``, all of which answer it.
        inapplicable: why it cannot apply; empty if it can.
    """

    number: str
    wording: str
    topics: tuple[str, ...]
    inapplicable: str = ""


@dataclass(frozen=True)
class Guideline:
    """A reporting guideline: where it is published, and its items in order."""

    name: str
    citation: str
    items: tuple[Item, ...]


def item(number: str, wording: str, topics: str = "", *, inapplicable: str = "") -> Item:
    """An item; ``topics`` are names with spaces between."""
    assert bool(topics) != bool(inapplicable), f"item {number} asks for topics or cannot apply"
    return Item(number, wording, tuple(topics.split()), inapplicable)


def guidelines() -> dict[str, Guideline]:
    """Name → guideline."""
    from fracture_core.model_card.claim import CLAIM
    from fracture_core.model_card.stard import STARD_AI
    from fracture_core.model_card.tripod import TRIPOD_AI

    return {guideline.name: guideline for guideline in (CLAIM, TRIPOD_AI, STARD_AI)}


def judge(document: Document) -> tuple[Judgement, ...]:
    """Every item of every guideline, judged by what the document covers."""
    covered = document.covered()
    return tuple(
        _judged(guideline.name, each, covered) for guideline in guidelines().values() for each in guideline.items
    )


def _judged(guideline: str, asked: Item, covered: dict[str, str]) -> Judgement:
    if asked.inapplicable:
        return Judgement(guideline, asked.number, asked.wording, INAPPLICABLE, (), asked.inapplicable)
    found = [topic for topic in asked.topics if topic in covered]
    missing = [TOPICS[topic] for topic in asked.topics if topic not in covered]
    verdict = UNANSWERED if not found else PARTLY if missing else ANSWERED
    where = tuple(dict.fromkeys(covered[topic] for topic in found))
    return Judgement(guideline, asked.number, asked.wording, verdict, where, "; ".join(missing))


def tally(checklist: tuple[Judgement, ...]) -> dict[str, dict[str, int]]:
    """Guideline → verdict → number of items; verdicts that do not occur are 0."""
    counts = {name: dict.fromkeys((ANSWERED, PARTLY, UNANSWERED, INAPPLICABLE), 0) for name in guidelines()}
    for judgement in checklist:
        counts[judgement.guideline][judgement.verdict] += 1
    return counts
