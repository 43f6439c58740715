"""Model cards: what a set of weights is for, how it was made, what it is worth, and what nobody knows of it.

``model_card`` builds a ``Document`` from the weights' card and the records that belong to it; ``to_html`` and
``to_pdf`` render it, and ``Document.to_json`` writes it down. No torch here.
"""

from __future__ import annotations

from fracture_core.model_card.build import model_card
from fracture_core.model_card.checklist import Guideline, Item, guidelines, judge, tally
from fracture_core.model_card.document import (
    ANSWERED,
    INAPPLICABLE,
    PARTLY,
    SIGNS,
    UNANSWERED,
    VERDICTS,
    Document,
    Judgement,
    KeyFact,
    Pairs,
    Paragraph,
    Picture,
    Points,
    Section,
    Table,
)
from fracture_core.model_card.html import to_html
from fracture_core.model_card.pdf import to_pdf
from fracture_core.model_card.sources import belongs, find_gate, find_localisation, find_record

__all__ = [
    "ANSWERED",
    "INAPPLICABLE",
    "PARTLY",
    "SIGNS",
    "UNANSWERED",
    "VERDICTS",
    "Document",
    "Guideline",
    "Item",
    "Judgement",
    "KeyFact",
    "Pairs",
    "Paragraph",
    "Picture",
    "Points",
    "Section",
    "Table",
    "belongs",
    "find_gate",
    "find_localisation",
    "find_record",
    "guidelines",
    "judge",
    "model_card",
    "tally",
    "to_html",
    "to_pdf",
]
