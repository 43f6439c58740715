"""``python -m scripts.readme``: writes the README's result table from the installed models' cards."""

from __future__ import annotations

import re
from pathlib import Path

from fracture_core import weights
from fracture_core.metrics import Estimate
from fracture_core.weights import Card

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- results: written by scripts/readme.py -->", "<!-- end of results -->"


def share(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.0f} % [{100 * estimate.low:.0f}–{100 * estimate.high:.0f}]"


def row(card: Card) -> str:
    """One model's line: test AUC, calibration error, and the balanced operating point, with 95 % intervals."""
    metrics, point = card.metrics, card.operating_points["balanced"]
    test = card.data["split"]["counts"]["test"]
    cells = [
        f"`{card.name}`: {card.title}",
        f"{test['films']} ({test['fractured']} fractured)",
        f"{metrics['auc'].value:.3f} [{metrics['auc'].low:.3f}–{metrics['auc'].high:.3f}]",
        share(point.sensitivity),
        share(point.specificity),
        f"{metrics['ece'].value:.3f} [{metrics['ece'].low:.3f}–{metrics['ece'].high:.3f}]",
    ]
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    """The result table of all installed models as markdown."""
    cards = [weights.load_card(name) for name in weights.installed()]
    head = "| model | test films | AUC | sensitivity | specificity | calibration error |"
    return "\n".join([head, "|---|---|---|---|---|---|", *map(row, cards)])


def with_table(text: str) -> str:
    """The README with its table replaced."""
    block = f"{BEGIN}\n{table()}\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: block, text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
