from __future__ import annotations

import threading

import numpy as np
import pytest

from fracture_core import weights
from fracture_core.domain import Verdict
from fracture_core.errors import FractureError, UnknownName, WeightsError
from fracture_core.imaging import Radiograph, read_image
from fracture_core.inference import (
    FRACTURED,
    NOT_ANSWERED,
    NOT_FRACTURED,
    UNCERTAIN,
    Classifier,
    at_operating_point,
    load_classifier,
    predict_many,
)
from fracture_core.phantom import radiograph, to_png


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier()


def film(seed: int, fracture: str | None = None) -> bytes:
    return to_png(radiograph(seed=seed, fracture=fracture))


class OpenGate:
    def judge(self, film: Radiograph) -> Verdict:
        return Verdict(True, 0.0, "")


class ClosedGate:
    def judge(self, film: Radiograph) -> Verdict:
        return Verdict(False, 2.0, "It is a photograph.")


def with_gate(classifier: Classifier, gate: object) -> Classifier:
    return Classifier(classifier.card, classifier.model, gate)  # type: ignore[arg-type]


def test_a_probability_is_calibrated_and_in_range(classifier: Classifier) -> None:
    radiograph_ = read_image(film(1), name="one.png")
    view = classifier.view(radiograph_)
    prediction = classifier.predict(radiograph_)
    by_hand = 1 / (
        1
        + np.exp(
            -((view.logits[1] - view.logits[0]) / classifier.card.calibration.temperature)
            - classifier.card.calibration.bias
        )
    )
    assert prediction.probability == pytest.approx(by_hand, abs=1e-6)
    assert prediction.model == "default"
    assert prediction.seconds > 0


@pytest.mark.parametrize(
    ("place", "finding"), [("below", NOT_FRACTURED), ("between", UNCERTAIN), ("above", FRACTURED)]
)
def test_the_finding_follows_the_two_thresholds(classifier: Classifier, place: str, finding: str) -> None:
    points = classifier.card.operating_points
    low, high = points["sensitive"].threshold, points["specific"].threshold
    wanted = {"below": low - 1e-3, "between": (low + high) / 2, "above": high + 1e-3}[place]
    calibration = classifier.card.calibration
    difference = (np.log(wanted / (1 - wanted)) - calibration.bias) * calibration.temperature
    open_ = with_gate(classifier, OpenGate())
    radiograph_ = read_image(film(1))
    view = open_.view(radiograph_)
    moved = type(view)(view.prepared, view.features, np.array([0.0, difference], np.float32), 0.0)
    assert open_.predict(radiograph_, view=moved).finding == finding


def test_what_is_no_limb_radiograph_is_not_answered(classifier: Classifier) -> None:
    prediction = with_gate(classifier, ClosedGate()).predict(read_image(film(1)))
    assert prediction.finding == NOT_ANSWERED
    assert prediction.domain.reason == "It is a photograph."


def test_the_call_follows_the_operating_point(classifier: Classifier) -> None:
    prediction = classifier.predict(read_image(film(2)))
    for name, point in classifier.card.operating_points.items():
        again = at_operating_point(prediction, classifier.card, name)
        assert (again.call == FRACTURED) == (prediction.probability >= point.threshold)
        assert again.probability == prediction.probability
    with pytest.raises(UnknownName, match="Choose from: balanced, sensitive, specific"):
        classifier.predict(read_image(film(2)), operating_point="lucky")


def test_many_films_keep_their_order_and_survive_bad_ones(classifier: Classifier) -> None:
    sources: list[tuple[str, bytes]] = [(f"{seed}.png", film(seed)) for seed in range(6)]
    sources.insert(0, ("empty.png", b""))
    sources.insert(3, ("notes.png", b"these are words, not pixels " * 20))
    outcomes = list(predict_many(classifier, sources, batch=3))
    assert [outcome.name for outcome in outcomes] == [name for name, _ in sources]
    assert [outcome.index for outcome in outcomes] == list(range(8))
    failed = [outcome.name for outcome in outcomes if outcome.error is not None]
    assert failed == ["empty.png", "notes.png"]
    for outcome in outcomes:
        assert (outcome.prediction is None) == (outcome.error is not None)
        if outcome.error is not None:
            assert isinstance(outcome.error, FractureError)


def test_a_batch_answers_as_single_films_do(classifier: Classifier) -> None:
    films = [film(seed) for seed in range(5)]
    together = [outcome.prediction for outcome in predict_many(classifier, films, batch=4)]
    for content, prediction in zip(films, together, strict=True):
        alone = classifier.predict(read_image(content))
        assert prediction is not None
        assert prediction.probability == pytest.approx(alone.probability, abs=1e-5)
        assert prediction.finding == alone.finding


def test_sources_are_drawn_as_answers_are_taken(classifier: Classifier) -> None:
    drawn = 0

    def endless():
        nonlocal drawn
        while True:
            drawn += 1
            yield film(drawn % 3)

    outcomes = predict_many(classifier, endless(), batch=2)
    next(outcomes)
    assert drawn <= 6, "an endless source must not be read to its end"
    outcomes.close()


def test_a_decoder_that_breaks_is_one_films_error(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    from fracture_core import inference

    real = inference.read_image

    def broken(source, *, name=None):
        if name == "cursed.png":
            raise RuntimeError("a decoder's own fault")
        return real(source, name=name)

    monkeypatch.setattr(inference, "read_image", broken)
    outcomes = list(predict_many(classifier, [("cursed.png", film(1)), ("fine.png", film(1))]))
    assert "could not be opened" in str(outcomes[0].error)
    assert outcomes[1].prediction is not None


def test_eight_readers_at_once_get_the_answers_of_one(classifier: Classifier) -> None:
    from fracture_core.explain import explain

    films = [read_image(film(seed, "oblique" if seed % 2 else None)) for seed in range(8)]
    alone = [(classifier.predict(one).probability, explain(classifier, one).grid) for one in films]
    together: list[tuple[float, np.ndarray] | None] = [None] * len(films)

    def read(index: int) -> None:
        together[index] = (
            classifier.predict(films[index]).probability,
            explain(classifier, films[index]).grid,
        )

    threads = [threading.Thread(target=read, args=(index,)) for index in range(len(films))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (probability, grid), found in zip(alone, together, strict=True):
        assert found is not None
        assert found[0] == pytest.approx(probability, abs=1e-6)
        np.testing.assert_allclose(found[1], grid, atol=1e-4)


def test_unknown_weights_are_named_with_those_there_are() -> None:
    with pytest.raises(UnknownName, match="default"):
        load_classifier("nonesuch")


def test_weights_of_another_architecture_are_refused(tmp_path, classifier: Classifier) -> None:
    from fracture_core.models import build_model

    weights.save(build_model("resnet18"), dict(classifier.card.data), tmp_path / "odd")
    with pytest.raises(WeightsError, match=f"do not fit the architecture '{classifier.card.model}'"):
        load_classifier("odd", root=tmp_path)
