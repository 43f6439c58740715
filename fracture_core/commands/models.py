"""``models``: the installed weights, every architecture that can be trained, or one model's card."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fracture_core.commands.output import write_file
from fracture_core.errors import FractureError

if TYPE_CHECKING:
    from fracture_core.model_card import Document

ENDINGS = (".html", ".pdf", ".json")


def add(commands: argparse._SubParsersAction) -> None:
    """Join ``models`` to the command line."""
    command = commands.add_parser("models", help="list the installed models, or write a model's card")
    command.add_argument("--all", action="store_true", help="list the architectures that can be trained instead")
    command.add_argument("--card", metavar="NAME", help="show the model card of these installed weights")
    command.add_argument("--output", type=Path, metavar="FILE", help="write the card: .html, .pdf or .json")
    command.set_defaults(run=list_models)


def list_models(options: argparse.Namespace) -> int:
    """Print them, one a line, or a model's card; 3 when nothing is installed."""
    if options.card is not None:
        return _card(options.card, options.output)
    if options.output is not None:
        raise FractureError("Name the model whose card is to be written: --card NAME.")
    return _architectures() if options.all else _installed()


def _installed() -> int:
    from fracture_core import weights

    names = weights.installed()
    for name in names:
        card = weights.load_card(name)
        auc = card.metrics["auc"]
        print(f"{card.name:20} {card.title}; test AUC {auc.decimal()}, n {auc.n}")
    if not names:
        print("No model is installed: train one with 'python train.py'.", file=sys.stderr)
    return 0 if names else 3


def _architectures() -> int:
    from fracture_core.models import MODELS

    width = max(map(len, MODELS))
    for name, spec in MODELS.items():
        papers = f"; {', '.join(spec.papers)}" if spec.papers else ""
        print(f"{name:{width}}  {spec.title}; {spec.parameters / 1e6:.1f} million parameters{papers}")
    return 0


def _card(name: str, output: Path | None) -> int:
    from fracture_core.model_card import to_html, to_pdf

    if output is not None and output.suffix.lower() not in ENDINGS:
        raise FractureError(f"A card is written as {', '.join(ENDINGS)}: give '{output.name}' one of these endings.")
    document = _document(name)
    if output is None:
        print(_on_screen(document))
        return 0
    render: dict[str, Callable[[Document], bytes]] = {
        ".html": lambda document: to_html(document).encode(),
        ".pdf": to_pdf,
        ".json": lambda document: document.to_json().encode(),
    }
    write_file(output, render[output.suffix.lower()](document))
    return 0


def _document(name: str) -> Document:
    from fracture_core.model_card import find_gate, find_localisation, find_record, model_card
    from fracture_core.results import RUNS, read_outlines, read_run
    from fracture_core.weights import load_card

    card = load_card(name)
    runs = Path(os.environ.get("FRACTURE_RUNS") or RUNS)
    outline = find_record(card, read_outlines(runs).runs)
    record = read_run(outline["id"], folder=runs) if outline is not None else None
    return model_card(card, record, find_localisation(card), gate=find_gate())


def _on_screen(document: Document) -> str:
    """What to read first, the limits, and how much of each guideline is answered."""
    from fracture_core.model_card import Points, tally

    facts = [f"{fact.label}: {fact.value} ({fact.detail})" for fact in document.key_facts]
    limits = [text for block in document.section("use").blocks if isinstance(block, Points) for text in block.items]
    counts = [
        f"{guideline}: {', '.join(f'{count} {verdict}' for verdict, count in verdicts.items())}"
        for guideline, verdicts in tally(document.checklist).items()
    ]
    parts = [[document.title, document.identity, document.summary], facts, limits, counts]
    return "\n\n".join("\n".join(part) for part in parts if part)
