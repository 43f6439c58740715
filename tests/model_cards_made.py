"""Made model cards, and their words, for the tests of model cards."""

from __future__ import annotations

import json
from typing import Any

from fracture_core.model_card import Document, Paragraph, Points, Table, model_card
from fracture_core.weights import Card


def share(found: float, n: int, *, reach: float = 0.1) -> dict[str, Any]:
    value = found / n if n else None
    low, high = (0.0, 1.0) if value is None else (max(0.0, value - reach), min(1.0, value + reach))
    return {"value": value, "low": low, "high": high, "n": n}


def made(**changes: Any) -> dict[str, Any]:
    """A small card of an imaginary model on data that this package does not know; None takes a field out."""
    data = {
        "title": "A made model",
        "model": "resnet18",
        "pipeline": "lisbon2023",
        "size": 224,
        "sha256": "5e" * 32,
        "labels": ["not fractured", "fractured"],
        "calibration": {"temperature": 1.5, "bias": -0.25},
        "operating_points": {
            "balanced": {
                "threshold": 0.4,
                "rule": "a rule",
                "sensitivity": share(15, 20),
                "specificity": share(24, 30),
            }
        },
        "metrics": {"auc": share(43, 50), "ece": share(2, 50, reach=0.02), "sensitivity": share(15, 20)},
        "subgroups": [
            {
                "name": "wrist",
                "n": 30,
                "fractured": 4,
                "auc": share(20, 30),
                "sensitivity": share(1, 4),
                "specificity": share(20, 26),
                "reason": "",
            }
        ],
        "split": {
            "kind": "grouped",
            "rule": "by patient",
            "counts": {part: {"films": 50, "fractured": 20} for part in ("train", "val", "test")},
            "crossing": {"val": 0.0, "test": 0.0},
        },
        "data": {"name": "our_hospital", "films": 150, "damaged": 0, "attribution": "Our hospital, not published"},
        "seed": 3,
        "commit": "c" * 40,
        "date": "2026-11-20",
        "version": "0.1.0",
        "recipe": {"key": "own", "epochs": 2, "augmentation": {"rotation": 5.0}},
        "licence": "Apache-2.0",
    }
    data |= changes
    return {name: value for name, value in data.items() if value is not None}


def build(**changes: Any) -> Document:
    return model_card(Card("made", made(**changes)))


def words(document: Document, key: str | None = None) -> str:
    """Every word of a document, or of one section."""
    sections = document.sections if key is None else (document.section(key),)
    parts = []
    for section in sections:
        for block in section.blocks:
            if isinstance(block, Paragraph):
                parts.append(block.text)
            elif isinstance(block, Points):
                parts += block.items
            elif isinstance(block, Table):
                parts += [block.title, *block.head, *(cell for row in block.rows for cell in row), block.note]
            else:
                parts.append(json.dumps(block.__dict__, default=str))
    return "\n".join(parts)
