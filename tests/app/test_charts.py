"""Figures of the Classify page."""

from __future__ import annotations

from fracture_core import weights
from fracture_core.domain import Verdict
from fracture_core.inference import Prediction
from ui.charts import answers_strip


def said(probability: float) -> Prediction:
    return Prediction(probability, "fractured", "fractured", "balanced", Verdict(True, 0.0, ""), "default", 0.1)


def test_a_model_that_has_not_answered_keeps_its_place() -> None:
    card = weights.load_card()
    waiting, whole = (answers_strip([(card, said(0.9)), (card, other)]) for other in (None, said(0.2)))
    assert waiting.layout.height == whole.layout.height
    assert len(waiting.layout.shapes) == len(whole.layout.shapes) == 6
    assert (list(waiting.data[0].y), list(whole.data[0].y)) == ([0], [0, 1])
    assert list(whole.data[0].x) == [0.9, 0.2]


def test_many_strips_stand_closer() -> None:
    card = weights.load_card()
    few, many = (answers_strip([(card, said(0.5))] * count).layout.height for count in (3, 8))
    assert many < few / 3 * 8
