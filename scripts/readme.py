"""``python -m scripts.readme``: writes the README's result table from the installed models' cards."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fracture_core import weights
from fracture_core.metrics import Estimate
from fracture_core.weights import Card

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- results: written by scripts/readme.py -->", "<!-- end of results -->"


def row(card: Card) -> str:
    """One model's line: test AUC, calibration error, and the balanced operating point, with 95 % intervals."""
    metrics, point = card.metrics, card.operating_points["balanced"]
    test = card.data["split"]["counts"]["test"]
    cells = [
        f"`{card.name}`: {card.title}",
        f"{test['films']} ({test['fractured']} fractured)",
        metrics["auc"].decimal(),
        point.sensitivity.percent(),
        point.specificity.percent(),
        metrics["ece"].decimal(),
    ]
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    """The result table of all installed models as markdown."""
    cards = [weights.load_card(name) for name in weights.installed()]
    head = "| model | test films | AUC | sensitivity | specificity | calibration error |"
    return "\n".join([head, "|---|---|---|---|---|---|", *map(row, cards)])


def gate() -> str:
    """What the gate before the models refuses, in a sentence."""
    card = json.loads((weights.weights_root() / "gate" / "gate.json").read_text(encoding="utf-8"))
    others, films = (Estimate(**card["measured"][key]) for key in ("pictures_refused", "test_films_refused"))
    return (
        f"Pictures that are no limb radiographs are not answered: of {others.n} photographs, pages, blanks, noise, "
        f"MR and CT slices {others.percent(places=1)} are refused, of {films.n} held-out films "
        f"{films.percent(places=1)}."
    )


def with_table(text: str) -> str:
    """The README with its table replaced."""
    block = f"{BEGIN}\n{table()}\n\n{gate()}\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: block, text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
