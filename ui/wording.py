"""Words and colours of findings and figures, the same on every page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from fracture_core.metrics import Estimate, OperatingPoint, Subgroup

if TYPE_CHECKING:
    from fracture_core.inference import Prediction

# Okabe and Ito's palette, told apart by colour-blind readers too
VERMILLION, GREEN, BLUE, SKY, ORANGE, PURPLE, YELLOW = (
    "#D55E00",
    "#009E73",
    "#0072B2",
    "#56B4E9",
    "#E69F00",
    "#CC79A7",
    "#F0E442",
)
YELLOW_GRAY, GRAY = "#A39A3A", "#7A828A"
INK = "#0E161E"
"""The light theme's text."""

_DARKER = {VERMILLION: "#B94F00", GREEN: "#007A59", YELLOW_GRAY: "#766F22", GRAY: "#5F676F"}


def text_colour(colour: str, *, dark: bool) -> str:
    """A colour as words are written in it: on white it must be darker than symbols need be."""
    return colour if dark else _DARKER.get(colour, colour)


@dataclass(frozen=True)
class Wording:
    """How a finding is said and drawn: never by colour alone."""

    text: str
    short: str
    symbol: str
    colour: str


FINDINGS = {
    "fractured": Wording("Fractured", "Fractured", "▲", VERMILLION),
    "not fractured": Wording("Not fractured", "Not fractured", "●", GREEN),
    "uncertain": Wording("Uncertain: have it read", "Uncertain", "◆", YELLOW_GRAY),
    "not answered": Wording("This does not look like a limb radiograph", "Not a limb radiograph", "■", GRAY),
}

OPERATING_POINTS = {
    "balanced": ("Balanced", "Misses and false alarms are about equally rare."),
    "sensitive": ("Sensitive", "Set to find at least 95 of 100 fractures; more false alarms."),
    "specific": ("Specific", "Set to clear at least 95 of 100 whole bones; more misses."),
}


def told_apart(labels: Mapping[str, str], *, digits: int | None = None) -> dict[str, str]:
    """Choice → its label; the choice itself, or its first ``digits``, is added to labels that several choices share.

    Of choices with one label a widget gives the last, whichever was meant.
    """
    often = Counter(labels.values())
    return {
        choice: label if often[label] == 1 else f"{label} · {choice[:digits]}" for choice, label in labels.items()
    }


def probability_words(probability: float) -> str:
    """Two places, and never 0 or 1: no film is certain."""
    if probability >= 0.995:
        return "over 0.99"
    return "under 0.01" if probability < 0.005 else f"{probability:.2f}"


def answer_line(who: str, prediction: Prediction) -> str:
    """HTML: what a model says of a film, in one line; no probability where it was refused."""
    said = FINDINGS[prediction.finding]
    sure = f", probability {probability_words(prediction.probability)}" if prediction.domain.in_domain else ""
    return (
        f"<div style='border-left:5px solid {said.colour};padding-left:0.7rem'>{escape(who)}: <b><span "
        f"aria-hidden='true' style='color:{said.colour}'>{said.symbol}</span> {said.text}</b>{sure}</div>"
    )


def meaning(point: OperatingPoint) -> str:
    """What an operating point gives, in one sentence."""
    return (
        f"the model finds {_share(point.sensitivity)} of fractures and clears {_share(point.specificity)} of whole "
        "bones"
    )


ENOUGH = 10
"""Films of each kind below which a body region's figures are not said beside an answer."""


def by_region(regions: Iterable[Subgroup]) -> str:
    """The same for each body region of the test films, as a list in markdown; empty where none has films enough.

    One threshold does not find fractures equally often in every region, and a film's region may be plain to its
    reader.
    """
    said = [
        f"- {region.name}: {_share(region.sensitivity)} and {_share(region.specificity)}"
        for region in regions
        if ENOUGH <= region.fractured <= region.n - ENOUGH
    ]
    return "\n".join(["By body region, fractures found and whole bones cleared:", *said]) if said else ""


def _share(share: Estimate) -> str:
    return share.percent().replace(" %", "\u00a0%")


FAINT = 0.04
"""The chance whose square root is the viewer's first "Hide below", 0.2: fainter evidence is not drawn at first."""


def likeliest_place(chance: float, finding: str) -> str:
    """What the brightest place of a map of evidence stands for, in a sentence or two; ``finding`` a prediction's."""
    if chance >= FAINT:
        said = "over 99" if chance >= 0.995 else f"{100 * chance:.0f}"  # no more certain than a probability
        return f"The brightest place lies in a fracture with a chance of {said} %, says the map."
    nowhere = f"No place of this film reaches a chance of {100 * FAINT:.0f} %"
    if finding in ("fractured", "uncertain"):
        return f"{nowhere}: the answer rests on the film as a whole. To see the strongest places, lower “Hide below”."
    return f"{nowhere}: there is nothing to draw."
