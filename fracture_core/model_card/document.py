"""A model card as a document: built once, rendered for a screen, as HTML, as a PDF and as JSON.

Every block names the topics that it covers. The checklist is judged by these alone, so that it can call nothing
answered that the document does not say.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fracture_core.model_card.charts import Chart
from fracture_core.results import to_json

ANSWERED, PARTLY, UNANSWERED, INAPPLICABLE = "answered", "partly", "not answered", "not applicable"
VERDICTS = (ANSWERED, PARTLY, UNANSWERED, INAPPLICABLE)
SIGNS = {ANSWERED: "●", PARTLY: "◐", UNANSWERED: "○", INAPPLICABLE: "–"}
"""A sign for each verdict, beside its word."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of a section; ``covers`` are names of ``topics.TOPICS``."""

    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Paragraph(Block):
    """Sentences that belong together."""

    text: str


@dataclass(frozen=True)
class Points(Block):
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Pairs(Block):
    """Labelled facts: (label, value)."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table(Block):
    """Rows of text under a head; ``note`` says how to read them."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Picture(Block):
    """A chart as data, with a sentence that says what it shows."""

    title: str
    chart: Chart
    note: str


@dataclass(frozen=True)
class Section:
    """Blocks under a heading; ``key`` is its name in addresses and files."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class KeyFact:
    """A figure to be read first, with its interval and what it was measured on."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True)
class Judgement:
    """One item of a guideline, and what the document says of it.

    Attributes:
        guideline: the guideline's name, a key of ``checklist.GUIDELINES``.
        number: the item's number in it.
        wording: what it asks, in our words.
        verdict: one of ``VERDICTS``.
        where: titles of the sections that answer; empty if none does.
        missing: what is not said, or why the item does not apply; empty if all is answered.
    """

    guideline: str
    number: str
    wording: str
    verdict: str
    where: tuple[str, ...]
    missing: str


@dataclass(frozen=True)
class Document:
    """A model card.

    Attributes:
        name: of the weights.
        title: for people.
        summary: one paragraph.
        key_facts: what to read first.
        sections: in reading order.
        checklist: every item of every guideline, in their order.
        identity: weights, version and date in a line.
    """

    name: str
    title: str
    summary: str
    key_facts: tuple[KeyFact, ...]
    sections: tuple[Section, ...]
    identity: str
    checklist: tuple[Judgement, ...] = ()

    def covered(self) -> dict[str, str]:
        """Topic → title of the first section that covers it."""
        found: dict[str, str] = {}
        for section in self.sections:
            for block in section.blocks:
                for topic in block.covers:
                    found.setdefault(topic, section.title)
        return found

    def section(self, key: str) -> Section:
        """A section by its key.

        Raises:
            KeyError: the document has none of that key.
        """
        return {section.key: section for section in self.sections}[key]

    def plain(self) -> dict[str, Any]:
        """The document as plain data; every block says of what kind it is."""
        sections = [
            {
                "key": section.key,
                "title": section.title,
                "blocks": [{"kind": type(block).__name__.lower(), **asdict(block)} for block in section.blocks],
            }
            for section in self.sections
        ]
        return asdict(self) | {"sections": sections}

    def to_json(self) -> str:
        """Strict JSON of ``plain``."""
        return to_json(self.plain(), indent=1)
