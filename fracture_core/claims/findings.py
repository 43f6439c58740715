"""A claim, as one row of one table makes it, and what an audit finds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fracture_core.claims.figures import Figure, Interval

SEVERITIES = {
    "impossible": "No one test gives these figures; a mean over folds or runs may.",
    "contradiction": "Two statements that exclude each other.",
    "suspicious": "Possible, but not as a reader will take it.",
    "note": "To be known when weighing the figure.",
}
"""From the gravest on, each with its meaning."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, or to be known, of a claim.

    Attributes:
        paper: its key, or the name a user's table gives; may be empty.
        model, split: of the row; the model is empty where the finding is the whole paper's.
        kind: the check that found it, "f1 above mean" say.
        severity: one of ``SEVERITIES``.
        sentence: the finding, in words fit to show.
        figures: the printed figures it rests on, name as in ``figures.WORDS`` or a word, and text.
        where: the place in the paper or table.
        row: the place of the row among the paper's or the table's, counted from 0; None for the whole paper.
    """

    paper: str
    model: str
    split: str
    kind: str
    severity: str
    sentence: str
    figures: tuple[tuple[str, str], ...]
    where: str
    row: int | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One model's rates on one set of images, and what is known of those images.

    Attributes:
        paper, model, split, where: as of ``Finding``.
        row: its place among the paper's or the table's rows, counted from 0.
        figures: name by ``figures.RATES`` → figure, as far as it was printed as a number.
        sizes: numbers of images the rates may have been counted on, the stated one first; empty if unknown.
        independent: images that are not copies of each other; None if unknown. Intervals rest on these.
        positives, negatives: images of either class; None if unknown.
        share: of positives in the data set that the images come from, where their own counts are unknown.
        share_of: that data set's name.
        share_images: how many images it holds.
        names: what the positive and the negative class are called.
        stated_positive: the class whose recall it claims to be; empty if it does not say.
        f1_formula: where F1 is defined as the harmonic mean; empty if nowhere.
    """

    model: str
    figures: Mapping[str, Figure]
    paper: str = ""
    split: str = ""
    where: str = ""
    row: int | None = None
    sizes: tuple[int, ...] = ()
    independent: int | None = None
    positives: int | None = None
    negatives: int | None = None
    share: float | None = None
    share_of: str = ""
    share_images: int | None = None
    names: tuple[str, str] = ("positive", "negative")
    stated_positive: str = ""
    f1_formula: str = ""

    @property
    def n(self) -> int | None:
        return self.sizes[0] if self.sizes else None

    @property
    def two_classes(self) -> bool:
        """Whether the images are known to be of two classes, and not of more."""
        return self.positives is not None or self.share is not None

    @property
    def sound(self) -> Mapping[str, Figure]:
        """The figures that are rates at all."""
        return {name: figure for name, figure in self.figures.items() if not figure.outside}

    def intervals(self, *names: str) -> list[Interval] | None:
        """What figures can stand for, whether rounded or truncated; None unless all are there."""
        figures = [self.sound.get(name) for name in names]
        return None if None in figures else [figure.either for figure in figures if figure is not None]

    def finding(self, kind: str, severity: str, sentence: str, *names: str) -> Finding:
        """A finding of this claim that rests on some of its figures."""
        assert severity in SEVERITIES, f"no severity '{severity}'"
        return Finding(
            paper=self.paper,
            model=self.model,
            split=self.split,
            kind=kind,
            severity=severity,
            sentence=sentence[0].upper() + sentence[1:],
            figures=tuple((name, self.figures[name].printed) for name in names if name in self.figures),
            where=self.where,
            row=self.row,
        )
