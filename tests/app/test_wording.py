"""What the pages say of a figure."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from fracture_core import weights
from fracture_core.domain import Verdict
from fracture_core.inference import Prediction
from fracture_core.metrics import Estimate, Subgroup
from fracture_core.model_card.sources import Sources
from ui import frame
from ui.results import counts
from ui.wording import BLUE, ENOUGH, FINDINGS, GRAY, INK, answer_line, by_region, text_colour

THEME = tomllib.loads((Path(__file__).resolve().parents[2] / ".streamlit/config.toml").read_text())["theme"]


def channels(colour: str) -> list[float]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]


def contrast(one: list[float], other: list[float]) -> float:
    """Of two colours, as WCAG 2 counts it; words need 4.5."""
    parts = [[c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in x] for x in (one, other)]
    low, high = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in parts)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["backgroundColor", "secondaryBackgroundColor"])
def test_captions_and_links_are_read_on_either_theme(theme: str, ground: str) -> None:
    own = THEME | THEME[theme]
    text, paper = channels(own["textColor"]), channels(own[ground])
    caption = [0.6 * ink + 0.4 * below for ink, below in zip(text, paper, strict=True)]  # as Streamlit fades them
    assert contrast(caption, paper) >= 4.5
    assert contrast(channels(own["primaryColor"]), paper) >= 4.5


@pytest.mark.parametrize("dark", [True, False])
def test_findings_are_read_on_either_theme(dark: bool) -> None:
    paper = channels(THEME["dark" if dark else "light"]["backgroundColor"])
    for colour in (*(said.colour for said in FINDINGS.values()), GRAY):
        assert contrast(channels(text_colour(colour, dark=dark)), paper) >= 4.5


def test_white_is_read_on_the_buttons_and_ink_on_the_counts() -> None:
    assert f"background: {BLUE};" in frame._STYLE
    assert contrast(channels(BLUE), [255, 255, 255]) >= 4.5
    assert all(contrast(channels(INK), channels(shade)) >= 4.5 for _, shade in counts.SHADES)
    assert THEME["light"]["textColor"] == INK


def region(name: str, *, fractured: int, whole: int) -> Subgroup:
    found, cleared = Estimate(0.71, 0.47, 0.9, fractured), Estimate(0.97, 0.95, 0.99, whole)
    return Subgroup(name, fractured + whole, fractured, Estimate(0.9, 0.8, 1.0, 38), found, cleared)


def test_each_region_is_told_with_its_intervals() -> None:
    said = by_region([region("leg", fractured=28, whole=243), region("hand", fractured=ENOUGH, whole=ENOUGH)])
    figures = "71\u00a0% [47–90] and 97\u00a0% [95–99]"
    assert said.splitlines()[1:] == [f"- leg: {figures}", f"- hand: {figures}"]


@pytest.mark.parametrize(("fractured", "whole"), [(ENOUGH - 1, 200), (200, ENOUGH - 1), (0, 0)])
def test_a_region_of_few_films_is_not_told(fractured: int, whole: int) -> None:
    assert by_region([region("hip", fractured=fractured, whole=whole)]) == ""


def test_the_default_model_tells_its_weak_region() -> None:
    assert "- leg: " in by_region(Sources(weights.load_card(weights.DEFAULT)).regions)


def test_a_refused_film_has_no_probability_and_a_models_name_is_no_markup() -> None:
    answer = Prediction(0.97, "fractured", "fractured", "balanced", Verdict(True, 0.2, ""), "default", 0.1)
    assert "Mine &lt;b&gt;: " in answer_line("Mine <b>", answer)
    assert "probability 0.97" in answer_line("Mine", answer)
    refused = Prediction(
        0.97, "not answered", "fractured", "balanced", Verdict(False, 2.0, "A page."), "default", 0.1
    )
    assert "probability" not in answer_line("Mine", refused)
    assert "does not look like a limb radiograph" in answer_line("Mine", refused)
