"""A model card as a PDF of A4 pages, with an outline to leap by; equal documents give equal bytes."""

from __future__ import annotations

import threading

from fracture_core import RESEARCH_ONLY
from fracture_core.model_card.checklist import guidelines, tally
from fracture_core.model_card.document import Block, Document, Pairs, Paragraph, Picture, Points, Section, Table
from fracture_core.model_card.drawing import draw
from fracture_core.model_card.page import LEFT, PANEL, SOFT, WIDTH, Pages
from fracture_core.typography import printable, shorten, wrap, write

# reportlab's font faces keep one read position for all their users: one card is drawn at a time
_drawing = threading.Lock()

FACT, GAP, FACTS_IN_ROW = 52.0, 8.0, 5
SHRUNK = 0.78  # drawings on paper: words in them as small as a table's


def to_pdf(document: Document) -> bytes:
    """The document as the bytes of a PDF."""
    with _drawing:
        pages = Pages(f"Model card: {document.title}", document.identity)
        _head(pages, document)
        for section in document.sections:
            _section(pages, section)
        _checklist(pages, document)
        return pages.finish()


def _head(pages: Pages, document: Document) -> None:
    pages.text("Model card", 9.5, colour=SOFT)
    pages.y -= 2
    pages.text(document.title, 20, bold=True)
    pages.y -= 2
    pages.text(document.identity, 8.5, colour=SOFT)
    pages.y -= 8
    pages.text(RESEARCH_ONLY, 9.5, bold=True)
    pages.y -= 4
    pages.text(document.summary)
    pages.y -= 10
    _key_facts(pages, document)


def _key_facts(pages: Pages, document: Document) -> None:
    width = (WIDTH - GAP * (FACTS_IN_ROW - 1)) / FACTS_IN_ROW
    for start in range(0, len(document.key_facts), FACTS_IN_ROW):
        pages.need(FACT)
        for column, fact in enumerate(document.key_facts[start : start + FACTS_IN_ROW]):
            x, y = LEFT + column * (width + GAP), pages.y - FACT
            pages.canvas.setFillColor(PANEL)
            pages.canvas.roundRect(x, y, width, FACT, 4, stroke=0, fill=1)
            write(pages.canvas, x + 7, y + FACT - 13, shorten(printable(fact.label), width - 12, 8), 8, colour=SOFT)
            write(pages.canvas, x + 7, y + FACT - 31, shorten(printable(fact.value), width - 12, 15), 15, bold=True)
            detail = shorten(printable(fact.detail), width - 10, 6.8)
            write(pages.canvas, x + 7, y + 8, detail, 6.8, colour=SOFT)
        pages.y -= FACT + GAP


def _section(pages: Pages, section: Section) -> None:
    _heading(pages, section.key, section.title)
    for block in section.blocks:
        _block(pages, block)


def _heading(pages: Pages, key: str, title: str) -> None:
    pages.need(90)  # a heading is not left alone at the foot of a page
    pages.y -= 12
    pages.rule()
    pages.y -= 6
    pages.bookmark(key, title)
    pages.text(title, 13, bold=True)
    pages.y -= 4


def _block(pages: Pages, block: Block) -> None:
    if isinstance(block, Paragraph):
        pages.text(block.text)
    elif isinstance(block, Points):
        for text in block.items:
            _point(pages, text)
    elif isinstance(block, Pairs):
        _pairs(pages, block)
    elif isinstance(block, Table):
        _titled(pages, block.title, 50)
        pages.table(block.head, block.rows)
        if block.note:
            pages.y -= 2
            pages.text(block.note, 8, colour=SOFT)
    else:
        assert isinstance(block, Picture), "every block has its form"
        drawing = draw(block.chart)
        _titled(pages, block.title, SHRUNK * drawing.height + 30)
        pages.draw(drawing, scale=SHRUNK)
        pages.text(block.note, 8, colour=SOFT)
    pages.y -= 5


def _titled(pages: Pages, title: str, following: float) -> None:
    """A small heading that stays with what follows it."""
    pages.need(following + 20)
    pages.y -= 3
    pages.text(title, 8.5, bold=True, colour=SOFT)
    pages.y -= 3


def _point(pages: Pages, text: str) -> None:
    pages.need(13.2)
    write(pages.canvas, LEFT + 2, pages.y - 13.1, "–", 9.5, colour=SOFT)
    pages.text(text, indent=14)
    pages.y -= 1.5


def _pairs(pages: Pages, block: Pairs) -> None:
    label_width = 150.0
    for label, value in block.rows:
        lines = wrap(printable(value), WIDTH - label_width, 9)
        pages.need(12.4 * len(lines))
        write(pages.canvas, LEFT, pages.y - 12.4, shorten(printable(label), label_width - 8, 9), 9, colour=SOFT)
        for line in lines:
            pages.y -= 12.4
            write(pages.canvas, LEFT + label_width, pages.y, line, 9)


def _checklist(pages: Pages, document: Document) -> None:
    if not document.checklist:
        return
    pages.turn()
    _heading(pages, "checklist", "Checklist")
    pages.text(
        "What three reporting guidelines ask, and what this card answers. Derived from what the sections above say; "
        "wordings are ours, and an answer is no seal of quality."
    )
    counts = tally(document.checklist)
    for name, guideline in guidelines().items():
        rows = [
            (each.number, each.wording, each.verdict, "; ".join(each.where), each.missing)
            for each in document.checklist
            if each.guideline == name
        ]
        _titled(pages, name, 80)
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts[name].items())
        pages.text(f"{guideline.citation}: {said}.", 8.5)
        pages.y -= 4
        pages.table(("item", "asks for", "verdict", "where", "missing, or why not"), rows, size=7.5)
        pages.y -= 8
