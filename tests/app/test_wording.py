"""What the pages say of a figure."""

from __future__ import annotations

import pytest

from fracture_core import weights
from fracture_core.domain import Verdict
from fracture_core.inference import Prediction
from fracture_core.metrics import Estimate, Subgroup
from fracture_core.model_card.sources import Sources
from ui.wording import ENOUGH, answer_line, by_region


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
