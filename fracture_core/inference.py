"""From a film to a calibrated answer.

``load_classifier`` joins weights, card, pipeline and gate into a ``Classifier``; ``Classifier.predict`` answers one
film, ``predict_many`` answers many and survives bad files. A classifier holds no state between calls, so any number
of users may share one.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fracture_core import weights
from fracture_core.domain import Gate, Verdict, load_gate
from fracture_core.errors import FractureError, UnknownName, WeightsError
from fracture_core.imaging import Radiograph, read_image
from fracture_core.metrics import OperatingPoint
from fracture_core.models import build_model
from fracture_core.models.folding import fold_batch_norm
from fracture_core.models.fusing import fuse_activations
from fracture_core.preprocessing import Pipeline, Prepared, build_pipeline
from fracture_core.weights import Card

log = logging.getLogger(__name__)

FRACTURED, NOT_FRACTURED, UNCERTAIN, NOT_ANSWERED = "fractured", "not fractured", "uncertain", "not answered"


@dataclass(frozen=True, eq=False)
class View:
    """What the network saw of a film and made of it; shared by the answer and its explanation.

    Attributes:
        prepared: the input with its geometry.
        features: float32 (1, C, h, w), the last feature map (an inference tensor).
        logits: float32 (2,), class 0 not fractured, class 1 fractured.
        seconds: wall time of preprocessing and forward pass.
    """

    prepared: Prepared
    features: Tensor
    logits: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Prediction:
    """A classifier's answer on one film.

    Attributes:
        probability: calibrated probability of a fracture, in [0, 1].
        finding: "fractured" at or above the specific threshold, "not fractured" below the sensitive one,
            "uncertain" between; "not answered" on what is not a limb radiograph.
        call: the two-way answer at the chosen operating point, "fractured" or "not fractured".
        operating_point: the rule's name.
        domain: whether the film looks like a limb radiograph at all.
        model: name of the weights.
        seconds: wall time from decoded film to answer.
    """

    probability: float
    finding: str
    call: str
    operating_point: str
    domain: Verdict
    model: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """One line of ``predict_many``: a film with its prediction, or the error that stands in its place."""

    index: int
    name: str
    radiograph: Radiograph | None = None
    view: View | None = None
    prediction: Prediction | None = None
    error: FractureError | None = None


class Classifier:
    """Trained weights with everything that is needed to use them.

    >>> classifier = load_classifier()
    >>> prediction = classifier.predict(read_image("film.png"))  # doctest: +SKIP
    """

    def __init__(self, card: Card, model: nn.Module, gate: Gate) -> None:
        self.card = card
        model = model.eval().requires_grad_(False)
        self.model: Any = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.gate = gate
        self.pipeline: Pipeline = build_pipeline(card.pipeline, size=card.size, **card.pipeline_options)

    @property
    def name(self) -> str:
        return self.card.name

    def alone(self, number: int) -> Classifier:
        """One network of a committee as a classifier, with the committee's calibration and thresholds."""
        return Classifier(self.card, self.model.alone(number), self.gate)

    def operating_point(self, name: str) -> OperatingPoint:
        """A threshold with what it gives on test films.

        Raises:
            UnknownName: the card has no such operating point.
        """
        points = self.card.operating_points
        if name not in points:
            raise UnknownName("operating point", name, points)
        return points[name]

    def view(self, radiograph: Radiograph) -> View:
        """Run the network once on a film."""
        return self.views([radiograph])[0]

    def views(self, radiographs: list[Radiograph]) -> list[View]:
        """Run the network once on a batch of films; ``seconds`` is each film's share."""
        began = time.perf_counter()
        prepared = [self.pipeline(radiograph.pixels) for radiograph in radiographs]
        inputs = torch.from_numpy(np.stack([one.input for one in prepared]))
        with torch.inference_mode():
            features = self.model.forward_features(inputs.contiguous(memory_format=torch.channels_last))
            logits = self.model.forward_head(features).float().numpy()
        seconds = (time.perf_counter() - began) / len(radiographs)
        return [View(one, features[index : index + 1], logits[index], seconds) for index, one in enumerate(prepared)]

    def predict(
        self, radiograph: Radiograph, *, operating_point: str = "balanced", view: View | None = None
    ) -> Prediction:
        """Answer one film.

        Args:
            operating_point: "balanced", "sensitive" or "specific": sets the two-way ``call``.
            view: the network's run on this film, when there is one already.

        Raises:
            UnknownName: the card has no such operating point.
        """
        threshold = self.operating_point(operating_point).threshold
        points = self.card.operating_points
        began = time.perf_counter()
        domain = self.gate.judge(radiograph)
        seconds = time.perf_counter() - began
        view = view or self.view(radiograph)
        probability = float(self.card.calibration(view.logits[1] - view.logits[0]))
        if not domain.in_domain:
            finding = NOT_ANSWERED
        elif probability >= points["specific"].threshold:
            finding = FRACTURED
        elif probability < points["sensitive"].threshold:
            finding = NOT_FRACTURED
        else:
            finding = UNCERTAIN
        return Prediction(
            probability=probability,
            finding=finding,
            call=FRACTURED if probability >= threshold else NOT_FRACTURED,
            operating_point=operating_point,
            domain=domain,
            model=self.name,
            seconds=seconds + view.seconds,
        )


def at_operating_point(prediction: Prediction, card: Card, operating_point: str) -> Prediction:
    """The same answer called at another operating point, without running anything again."""
    threshold = card.operating_points[operating_point].threshold
    call = FRACTURED if prediction.probability >= threshold else NOT_FRACTURED
    return replace(prediction, call=call, operating_point=operating_point)


def load_classifier(name: str = weights.DEFAULT, *, root: Path | None = None, folded: bool = True) -> Classifier:
    """Load installed weights by name, ready to answer on the CPU.

    Args:
        folded: batch norm and activations are joined to the convolutions, for speed; False keeps the network as it
            was trained, for whoever looks into its layers.

    Raises:
        UnknownName: no such weights are installed.
        WeightsError: the weights or their card are missing, damaged or do not fit their architecture.
    """
    card = weights.load_card(name, root=root)
    model = build_model(card.model)
    try:
        model.load_state_dict(weights.load_state(card, root=root))
    except RuntimeError as error:
        raise WeightsError(
            f"The weights of model '{name}' do not fit the architecture '{card.model}': restore the folder "
            "from the repository, or train again."
        ) from error
    model.eval()
    return Classifier(card, fuse_activations(fold_batch_norm(model)) if folded else model, load_gate())


BATCH = 2  # films; larger ones are slower on a CPU, where each layer's memory is then mapped anew (19 films/s for 26)

Source = bytes | str | os.PathLike[str] | tuple[str, bytes]


def predict_many(
    classifier: Classifier,
    sources: Iterable[Source],
    *,
    operating_point: str = "balanced",
    batch: int = BATCH,
    workers: int = 2,
) -> Iterator[Outcome]:
    """Answer many films in the order given; a film that cannot be read gives its error and the rest go on.

    Films are decoded ahead in ``workers`` threads, at most two batches of them at a time, so memory stays bounded
    however many there are. The first batch is a single film: the first answer comes at once.

    Args:
        sources: paths, bytes, or (name, bytes) pairs; an iterator is drawn from as answers are taken.
        batch: films per forward pass.
        workers: threads that decode.

    Yields:
        one ``Outcome`` per source.
    """
    classifier.operating_point(operating_point)  # an unknown name fails here and not on every film
    waiting: deque[tuple[int, str, Future[Radiograph]]] = deque()
    numbered = enumerate(sources)
    with ThreadPoolExecutor(workers) as pool:

        def fill() -> None:
            while len(waiting) < 2 * batch:
                item = next(numbered, None)
                if item is None:
                    return
                index, source = item
                name, content = source if isinstance(source, tuple) else (_source_name(source, index), source)
                waiting.append((index, name, pool.submit(read_image, content, name=name)))

        fill()
        size = 1
        while waiting:
            ready = [waiting.popleft() for _ in range(min(size, len(waiting)))]
            fill()
            yield from _answer(classifier, ready, operating_point=operating_point)
            size = batch


def _source_name(source: object, index: int) -> str:
    return f"film {index + 1}" if isinstance(source, bytes) else Path(str(source)).name


def _answer(
    classifier: Classifier, ready: list[tuple[int, str, Future[Radiograph]]], *, operating_point: str
) -> Iterator[Outcome]:
    films: dict[int, Radiograph] = {}
    errors: dict[int, FractureError] = {}
    for index, _, future in ready:
        try:
            films[index] = future.result()
        except FractureError as error:
            errors[index] = error
        except Exception:
            log.exception("a decoder failed on film %d", index)
            errors[index] = FractureError("This file could not be opened: its decoder failed. Save it again as PNG.")
    views = dict(zip(films, classifier.views(list(films.values())), strict=True)) if films else {}
    for index, name, _ in ready:
        if index in errors:
            yield Outcome(index, name, error=errors[index])
            continue
        film, view = films[index], views[index]
        prediction = classifier.predict(film, operating_point=operating_point, view=view)
        yield Outcome(index, name, film, view, prediction)
