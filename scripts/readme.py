"""``python -m scripts.readme``: writes the README's tables from the installed models' cards and records."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fracture_core import weights
from fracture_core.metrics import Estimate
from fracture_core.weights import Card

README = Path(__file__).resolve().parent.parent / "README.md"
LOCALISATION = README.parent / "results" / "localisation"


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
    others, films, odd, elsewhere = (
        Estimate(**card["measured"][key])
        for key in ("pictures_refused", "test_films_refused", "test_films_cautioned", "elsewhere_cautioned")
    )
    return (
        f"Pictures that are no limb radiographs are not answered: of {others.n} photographs, pages, blanks, noise, "
        f"MR and CT slices {others.percent(places=1)} are refused, of {films.n} held-out films "
        f"{films.percent(places=1)}. A film that looks unlike FracAtlas's is answered with a caution: "
        f"{odd.percent(places=1)} of the held-out films and {elsewhere.percent(places=1)} of {elsewhere.n} films "
        "from elsewhere, the refused ones left out."
    )


def other_sources() -> str:
    """What the default model is worth on films of other sources, and what others have learnt from them."""
    from fracture_core.model_card.use import along, elsewhere

    found = weights.load_card().data.get("external", [])
    broader = [card for name in weights.installed() if "also" in (card := weights.load_card(name)).data]
    said = [" ".join(elsewhere(one, whose="the default model's") for one in found)]
    said += [f"`{card.name}` learnt from more films: {' '.join(along(card.data['also']))}" for card in broader]
    return "\n\n".join(filter(None, said))


def localisation() -> str:
    """How well the default model's maps find what experts outlined, as markdown."""
    from fracture_core.localisation import from_plain, markdown_table

    record = json.loads((LOCALISATION / f"{weights.DEFAULT}.json").read_text(encoding="utf-8"))
    card = weights.load_card()
    assert record["weights"] == card.sha256, "the record is of other weights: run localise --record again"
    return (
        f"The default model's maps against FracAtlas's experts, on the test films that they outlined "
        f"({record['date']}):\n\n{markdown_table(from_plain(record['parts']['test']))}\n\n"
        "Chance is a peak placed at random, or a map that is lit everywhere."
    )


def block(name: str, text: str, body: str) -> str:
    """The text with what stands between the marks called ``name`` replaced."""
    begin, end = f"<!-- {name}: written by scripts/readme.py -->", f"<!-- end of {name} -->"
    return re.sub(
        f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n{body}\n{end}", text, flags=re.DOTALL
    )


def with_table(text: str) -> str:
    """The README with its tables replaced."""
    return block(
        "localisation", block("results", text, f"{table()}\n\n{gate()}\n\n{other_sources()}".rstrip()), localisation()
    )


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
