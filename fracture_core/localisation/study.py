"""All methods over a data set's outlined films, the network run once on each film."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fracture_core.datasets import Case
from fracture_core.errors import FractureError, UnknownName
from fracture_core.imaging import read_image
from fracture_core.localisation.films import Localisation, score_film
from fracture_core.localisation.regions import union
from fracture_core.localisation.scores import THRESHOLDS, best_threshold, dice_curve
from fracture_core.localisation.summary import summarise_localisation
from fracture_core.metrics import Estimate

if TYPE_CHECKING:
    from fracture_core.explain import Heatmap
    from fracture_core.inference import Classifier

log = logging.getLogger(__name__)

READER = "experts"  # whose outlines a data set's are
WORKERS = 2  # films at once

Progress = Callable[[int, int], None]
"""Called with the number of films done and their total."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Study:
    """What ``localise`` found.

    Attributes:
        rows: one for each film and method, film by film in the order given.
        methods: in the order given.
        thresholds: method → where its maps were cut; empty when nothing told, and Otsu's thresholds serve alone.
        tuned_on: validation films behind the thresholds; 0 when they were given or there are none.
        unreadable: film → a sentence on why it could not be scored.
    """

    rows: tuple[Localisation, ...]
    methods: tuple[str, ...]
    thresholds: dict[str, float]
    tuned_on: int
    unreadable: dict[str, str]

    def summary(self, split: str | None = None) -> dict[str, dict[str, Estimate]]:
        """Method → ``summarise_localisation`` of its films, of one split when one is named; empty without a film."""
        kept = [row for row in self.rows if split is None or row.split == split]
        by_method = {method: [row for row in kept if row.method == method] for method in self.methods}
        return {method: summarise_localisation(rows) for method, rows in by_method.items() if rows}


@dataclass(frozen=True, eq=False)
class _Looked:
    """A film's maps; small, since a map is kept as the grid it was computed on."""

    heatmaps: tuple[Heatmap, ...]
    spacing: tuple[float, float] | None


def localise(
    classifier: Classifier,
    cases: Sequence[Case],
    *,
    methods: Sequence[str] = ("gradcam",),
    groups: Sequence[int] | np.ndarray | None = None,
    threshold: float | Mapping[str, float] | None = None,
    validation: Sequence[Case] = (),
    unseen: Mapping[str, Classifier] | None = None,
    reader: str = READER,
    progress: Progress | None = None,
) -> Study:
    """Score each method's maps of the class "fractured" on the films that have outlines; others are passed over.

    Args:
        cases: ``Case.split`` is the film's part in the model's training and goes into its rows.
        methods: keys of ``explain.METHODS``.
        groups: (N,) one for each case; films of one patient or duplicate group share a number.
        threshold: where to cut the maps, in [0, 1], for all methods or each.
        validation: films on which each method's threshold is tuned where none is given; they may be among the cases.
        unseen: validation film → who looks at it for that in the classifier's place: of a committee's networks, the
            one that was not trained on it.
        progress: called from this thread; may raise to stop.

    Raises:
        UnknownName: a method does not exist.
        FractureError: no film has an outline.
    """
    from fracture_core.explain import METHODS

    for method in methods:
        if method not in METHODS:
            raise UnknownName("method", method, METHODS)
    assert groups is None or len(groups) == len(cases), "one group for each case"
    named = [case.id for case in cases] if groups is None else [str(group) for group in groups]
    outlined = [(case, group) for case, group in zip(cases, named, strict=True) if case.polygons]
    if not outlined:
        raise FractureError("No film has an outline to compare with. Choose a data set whose fractures are outlined.")
    study = _Run(classifier, tuple(methods), reader, unseen or {})
    tuning = [case for case in validation if case.polygons] if threshold is None else []
    count = _Counter(progress, len(tuning) + len(outlined))
    thresholds = _by_method(threshold, methods)
    curves = [curve for curve in count(_ordered(study.curves, tuning)) if curve is not None]
    if curves:
        best = [best_threshold(each) for each in zip(*curves, strict=True)]
        thresholds = dict(zip(methods, best, strict=True))
    scored = count(_ordered(lambda pair: study.rows(*pair, thresholds), outlined))
    rows = tuple(row for rows in scored for row in rows)
    return Study(rows, tuple(methods), thresholds, len(curves), dict(sorted(study.unreadable.items())))


def _by_method(threshold: float | Mapping[str, float] | None, methods: Sequence[str]) -> dict[str, float]:
    if threshold is None:
        return {}
    return dict(threshold) if isinstance(threshold, Mapping) else dict.fromkeys(methods, float(threshold))


class _Run:
    """One study at work; each film is looked at once, in whichever thread comes first."""

    def __init__(
        self, classifier: Classifier, methods: tuple[str, ...], reader: str, unseen: Mapping[str, Classifier]
    ) -> None:
        self.classifier, self.methods, self.reader, self.unseen = classifier, methods, reader, unseen
        self.unreadable: dict[str, str] = {}
        self._kept: dict[str, _Looked] = {}
        self._lock = threading.Lock()

    def curves(self, case: Case) -> list[np.ndarray] | None:
        """A validation film's Dice curve for each method; None when it cannot be read.

        Its maps are kept for its rows where they are the classifier's own.
        """
        another = self.unseen.get(case.id)
        try:
            looked = self._look(case, another or self.classifier)
            mask = union(case.polygons, looked.heatmaps[0].shape)
        except FractureError as error:
            log.debug("%s", error)
            return None
        if another is None:
            with self._lock:
                self._kept[case.id] = looked
        return [
            np.zeros(len(THRESHOLDS)) if heatmap.flat else dice_curve(heatmap.resized(heatmap.shape), mask)
            for heatmap in looked.heatmaps
        ]

    def rows(self, case: Case, group: str, thresholds: Mapping[str, float]) -> list[Localisation]:
        """A film's scores, one for each method; none when it cannot be read, which is noted."""
        with self._lock:
            kept = self._kept.pop(case.id, None)
        try:
            looked = kept or self._look(case, self.classifier)
            return [
                score_film(
                    heatmap.resized(heatmap.shape),
                    case.polygons,
                    film=case.id,
                    method=heatmap.method,
                    reader=self.reader,
                    group=group,
                    split=case.split or "",
                    spacing=looked.spacing,
                    threshold=thresholds.get(heatmap.method),
                )
                for heatmap in looked.heatmaps
            ]
        except FractureError as error:
            with self._lock:
                self.unreadable[case.id] = str(error)
            return []

    def _look(self, case: Case, classifier: Classifier) -> _Looked:
        from fracture_core.explain import explain

        film = read_image(case.path)
        view = classifier.view(film)
        maps = tuple(explain(classifier, film, method=method, view=view) for method in self.methods)
        return _Looked(maps, film.spacing)


class _Counter:
    """Tells how far the work is, over several passes."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, answers: Iterable[Answer]) -> Iterator[Answer]:
        for answer in answers:
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.total)
            yield answer


def _ordered(work: Callable[[Item], Answer], items: Sequence[Item]) -> Iterator[Answer]:
    """The answers in the items' order, a few at work at a time; what has not begun is dropped when stopped."""
    waiting: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
