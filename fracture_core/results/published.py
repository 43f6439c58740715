"""What the five papers print: every figure of their result tables and of the results in their text.

``results/published.json`` holds each figure twice, as a number and exactly as printed; a number that cannot
stand (a misprint) is null beside its printed text. Facts a paper's text does not state are null or "not
stated". Figures that a running text quotes from other work are left out; gupta2024's table of earlier work is
in, each row marked ``cited``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fracture_core.errors import FractureError

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published.json"

METRICS = ("accuracy", "precision", "recall", "f1", "auc", "loss")
"""The one vocabulary of published figures. All lie in [0, 1] but the loss, which is 0 or more.

"Recall" is the share found of whatever class the paper counts as positive (``Paper.positive_class``): our
sensitivity only where that class is the fractured one.
"""

SPLITS = ("test", "validation", "not stated", "train")
"""What a row was measured on, from the most to the least telling."""


@dataclass(frozen=True, kw_only=True)
class Restated:
    """One of a row's figures at another place of the paper, exactly as printed there."""

    metric: str
    printed: str
    where: str


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One model's figures on one split.

    Attributes:
        model: its name as printed; "not named" where the paper leaves it open.
        model_key: the name in ``models.MODELS``; None for a model that is not named or not the paper's own.
        split: one of ``SPLITS``.
        epoch: after which the figures hold, counted from 1; None for the end of training.
        cited: authors and year of the earlier work that a paper quotes; empty for its own results.
        metrics: name by ``METRICS`` → value; None for a misprint.
        printed: name as printed → figure as printed; in the order of ``metrics``.
        where: the place in the paper.
        note: what a reader must know of it; may be empty.
        elsewhere: the same figures where the paper prints them again.
    """

    model: str
    model_key: str | None
    split: str
    epoch: int | None
    cited: str
    metrics: Mapping[str, float | None]
    printed: Mapping[str, str]
    where: str
    note: str
    elsewhere: tuple[Restated, ...] = ()

    def as_printed(self, metric: str) -> str:
        """A figure as the paper prints it, "90.23" say.

        Raises:
            KeyError: the row does not hold that metric.
        """
        return dict(zip(self.metrics, self.printed.values(), strict=True))[metric]


@dataclass(frozen=True, kw_only=True)
class Release:
    """A data set as its publisher releases it: what the papers that use it leave out.

    Attributes:
        images, fractured, not_fractured: counts of images; None where they were not counted.
        splits: a part of the published split → "fractured" and "not_fractured" → images.
        source: where the counts come from, in words.
    """

    images: int
    fractured: int | None
    not_fractured: int | None
    splits: Mapping[str, Mapping[str, int]]
    source: str


@dataclass(frozen=True, kw_only=True)
class PublishedData:
    """The data of a paper, as the paper states them.

    Attributes:
        name: for people.
        images, fractured, not_fractured: counts of images; None where not stated.
        split: the paper's words, or "not stated".
        counts: "train", "validation", "test" → images, as far as stated.
        note: what a reader must know of them; may be empty.
        augmented: "train", "validation", "test" → images after augmentation, where the paper grew that part.
        release: the data set itself, not the paper's words on it; None for private data.
    """

    name: str
    images: int | None
    fractured: int | None
    not_fractured: int | None
    split: str
    counts: Mapping[str, int]
    note: str
    augmented: Mapping[str, int] = field(default_factory=dict)
    release: Release | None = None


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One paper and its figures.

    Attributes:
        key: the paper's name in this project, as recipes use it.
        title, authors, venue: as its text states them.
        year: of publication; None where the text does not say.
        doi_or_url: None where the text has none.
        data: see ``PublishedData``.
        positive_class: "fractured", "not fractured" or "not stated".
        f1_formula: where the paper defines F1 as the harmonic mean of precision and recall; empty if nowhere.
        rows: in the order of the text.
    """

    key: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    venue: str
    doi_or_url: str | None
    data: PublishedData
    positive_class: str
    f1_formula: str
    rows: tuple[PublishedRow, ...]

    def result(self, model_key: str) -> PublishedRow | None:
        """The paper's own last word on a model: test before validation, "not stated" and train; None if none."""
        own = [row for row in self.rows if row.model_key == model_key and not row.cited and row.epoch is None]
        return min(own, key=lambda row: SPLITS.index(row.split), default=None)


def load_published(path: Path = PUBLISHED) -> dict[str, Paper]:
    """Paper key → paper.

    Raises:
        FractureError: the file is missing or damaged.
    """
    try:
        papers = json.loads(path.read_text(encoding="utf-8"))["papers"]
        return {key: _paper(key, stored) for key, stored in papers.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise FractureError(f"The published figures '{path.name}' cannot be read: restore the file.") from error


def _paper(key: str, stored: dict[str, Any]) -> Paper:
    return Paper(
        **stored
        | {
            "key": key,
            "authors": tuple(stored["authors"]),
            "data": _data(stored["data"]),
            "rows": tuple(_row(row) for row in stored["rows"]),
        }
    )


def _data(stored: dict[str, Any]) -> PublishedData:
    release = stored.get("release")
    return PublishedData(**stored | {"release": None if release is None else Release(**release)})


def _row(stored: dict[str, Any]) -> PublishedRow:
    return PublishedRow(**stored | {"elsewhere": tuple(Restated(**again) for again in stored.get("elsewhere", ()))})
