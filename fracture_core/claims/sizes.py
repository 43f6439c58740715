"""What the number of images, and of either class among them, allows of a row's figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from fracture_core.claims.figures import CONVENTIONS, Interval
from fracture_core.claims.findings import Claim, Finding
from fracture_core.claims.matrices import READINGS, Fits, fitting, whole_numbers
from fracture_core.metrics import ConfusionMatrix, Estimate
from fracture_core.metrics.estimates import wilson

COUNTED = ("accuracy", "precision", "recall", "specificity", "f1")
"""Rates that follow from a confusion matrix."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search for a claim's confusion matrix came to.

    Attributes:
        claim: whose it is.
        n: images it was searched for.
        shortened: how figures are taken to be shortened, a name of ``figures.CONVENTIONS``.
        fits: reading by ``matrices.READINGS`` → matrices that fit.
        widest: as ``fits``, where each figure by itself may be rounded or cut off.
    """

    claim: Claim
    n: int
    shortened: str
    fits: Mapping[str, Fits]
    widest: Mapping[str, Fits]

    @property
    def readings(self) -> tuple[str, ...]:
        """Those under which some matrix fits, or may."""
        return tuple(reading for reading in READINGS if self.fits[reading].possible)

    @property
    def conceivable(self) -> frozenset[str]:
        """The readings that no way of shortening figures excludes."""
        return frozenset(reading for reading in READINGS if self.widest[reading].possible)

    @property
    def firm(self) -> bool:
        """Whether the one matrix is the only one however figures were shortened."""
        return self.matrix is not None and replace(self, fits=self.widest).matrix is not None

    @property
    def matrix(self) -> ConfusionMatrix | None:
        """The one matrix that fits, the claim's positive class as positive; None where none or several do."""
        if any(fits.possible and (not fits.exact or fits.count > 1) for fits in self.fits.values()):
            return None
        found = {
            fits.matrices[0].swapped() if reading == "negative" else fits.matrices[0]
            for reading, fits in self.fits.items()
            if fits.count
        }
        return found.pop() if len(found) == 1 else None

    @property
    def as_printed(self) -> ConfusionMatrix | None:
        """The one matrix with the class as positive that the figures take so."""
        matrix = self.matrix
        return matrix.swapped() if matrix is not None and self.readings[0] == "negative" else matrix

    @property
    def outcome(self) -> str:
        """How many matrices fit, in a sentence."""
        if self.matrix is not None:
            firm = "" if self.firm else f", if figures are {self.shortened}"
            return f"One matrix of {self.n:,} images alone fits{firm}."
        if not self.readings:
            return f"No matrix of {self.n:,} images fits."
        several = sum(fits.count for fits in self.fits.values())
        at_least = "" if all(fits.exact for fits in self.fits.values()) else "at least "
        why = "" if self.claim.positives is not None else ", the images of either class not being stated"
        if not several:
            return f"The confusion matrix cannot be named: not all of {self.n:,} images could be tried{why}."
        return f"The confusion matrix cannot be named: {at_least}{several:,} of {self.n:,} images fit{why}."

    @property
    def class_read(self) -> str:
        """The name of the class that the figures take as positive; empty unless it is one class's."""
        return dict(zip(READINGS[:2], self.claim.names, strict=True)).get(
            self.readings[0] if self.readings else "", ""
        )


def accuracy_of(claim: Claim) -> Estimate | None:
    """The accuracy with the interval that the independent images allow (Wilson); None without either."""
    figure, n = claim.sound.get("accuracy"), claim.independent
    if figure is None or not n:
        return None
    value = float(figure.value)
    return Estimate(value, *wilson(value * n, n), n)


def no_such_count(claim: Claim) -> Iterator[Finding]:
    """An accuracy that is no whole number of images."""
    figure = claim.sound.get("accuracy")
    if figure is None or not claim.sizes or any(whole_numbers(figure.either, n) for n in claim.sizes):
        return
    n = claim.sizes[0]
    below = int(figure.value * n)
    near = " and ".join(f"{k}/{n} is {_finer(figure.percent, Fraction(k, n))}" for k in (below, below + 1) if k <= n)
    yield claim.finding(
        "accuracy of no count",
        "impossible",
        f"{figure} is no whole number of {n:,} images, neither rounded nor cut off: {near}. "
        "Only a mean over folds or runs could be.",
        "accuracy",
    )


def _finer(percent: bool, value: Fraction) -> str:
    return f"{100 * float(value):.2f} %" if percent else f"{float(value):.4f}"


def search(claim: Claim) -> Search | None:
    """Look for the claim's confusion matrix: with figures rounded, else cut off, else each by itself.

    None without a number of images or with fewer than two rates to go by.
    """
    rates = {name: figure for name, figure in claim.sound.items() if name in COUNTED}
    if not claim.sizes or len(rates) < 2:
        return None
    sizes = claim.sizes if claim.positives is None else claim.sizes[:1]
    found = None
    for shortened, interval in CONVENTIONS.items():
        bounds: dict[str, Interval] = {name: interval(figure) for name, figure in rates.items()}
        for n in sizes:
            found = Search(
                claim=claim,
                n=n,
                shortened=shortened,
                fits=(fits := fitting(bounds, n=n, positives=claim.positives)),
                widest=fits,
            )
            if found.matrix is not None or (found.readings and claim.positives is not None):
                loose = {name: figure.either for name, figure in rates.items()}
                return replace(found, widest=fitting(loose, n=n, positives=claim.positives))
            if found.readings:
                return found
    return found


def no_matrix(found: Search) -> Iterator[Finding]:
    """No whole numbers give the row, however it is read."""
    claim = found.claim
    if found.readings:
        return
    names = tuple(name for name in COUNTED if name in claim.sound)
    images = f"{found.n:,} images"
    if claim.positives is not None:
        images += f" ({claim.positives:,} {claim.names[0]}, {claim.negatives:,} {claim.names[1]})"
    yield claim.finding(
        "no matrix",
        "impossible" if claim.two_classes else "suspicious",
        f"No confusion matrix of two classes over {images} gives {_listed(claim, names)}: not with either class as "
        "the positive one, nor as a macro, weighted or micro average, rounded or cut off. Only a mean over folds or "
        "runs could be so.",
        *names,
    )


def other_class(found: Search) -> Iterator[Finding]:
    """The row fits only if its positive class is not the one it names."""
    claim = found.claim
    if found.conceivable != {"negative"} or not claim.stated_positive or claim.positives is None:
        return
    if claim.stated_positive == found.class_read:
        return
    positive, negative = claim.names
    matrix = found.matrix
    recall = claim.sound.get("recall")
    sentence = f"The figures fit {claim.positives:,} {positive} and {claim.negatives:,} {negative} images only if "
    sentence += f"“{negative}” is the positive class, not “{claim.stated_positive}”, as stated."
    if recall is not None:
        sentence += f" Its {recall} is then the share of {negative} images that were cleared"
        if matrix is not None:
            sentence += (
                f"; of the {positive} ones the model found {matrix.tp:.0f} of {matrix.positives:.0f}, "
                f"{_share(matrix.tp, matrix.positives)}"
            )
        sentence += "."
    names = tuple(name for name in COUNTED if name in claim.sound)
    yield claim.finding("other class", "contradiction", sentence, *names)


def order_turned(rebuilt: Sequence[Search]) -> Iterator[Finding]:
    """The model of the lowest printed recall finds the most, since the recall is the other class's."""
    turned = [
        (found, found.claim.sound["recall"], found.matrix)
        for found in rebuilt
        if found.matrix is not None and found.readings == ("negative",) and "recall" in found.claim.sound
    ]
    if len(turned) < 2:
        return
    found, figure, matrix = min(turned, key=lambda one: one[1].value)
    finds = [other.tp / other.positives for _, _, other in turned]
    if matrix.tp / matrix.positives == max(finds) > min(finds):
        yield found.claim.finding(
            "order turned",
            "suspicious",
            f"{figure} makes it the worst of {len(turned)} at recall; by the rebuilt matrices it found the most "
            f"{found.claim.names[0]} images of them, {matrix.tp:.0f} of {matrix.positives:.0f}.",
            "recall",
        )


def only_average(found: Search) -> Iterator[Finding]:
    """The row fits as an average of both classes alone, and does not say so."""
    claim = found.claim
    if claim.positives is None or not found.conceivable or {"positive", "negative"} & found.conceivable:
        return
    names = tuple(name for name in COUNTED if name in claim.sound)
    yield claim.finding(
        "only average",
        "note",
        f"{_listed(claim, names)} can fit these images only as a {' or '.join(found.readings)} of both classes, "
        "not as the rates of one.",
        *names,
    )


def majority(claim: Claim) -> Iterator[Finding]:
    """Accuracy beside that of always naming the larger class."""
    figure = claim.sound.get("accuracy")
    share = Fraction(claim.positives, claim.n) if claim.positives is not None and claim.n else claim.share
    if figure is None or share is None or claim.split == "train":
        return
    larger = max(Fraction(share), 1 - Fraction(share))
    name = claim.names[0] if share > Fraction(1, 2) else claim.names[1]
    always = f"always answering “{name}” scores {figure.like(larger)}"
    always += "" if claim.positives is not None else f", where the classes are as in {claim.share_of}"
    estimate = accuracy_of(claim)
    if figure.either.high < larger:
        yield claim.finding("below majority", "suspicious", f"{figure} is below a rule: {always}.", "accuracy")
    elif estimate is not None and estimate.low <= larger:
        sentence = f"{figure} is not told apart from a rule by {estimate.n:,} images: {always}, and its 95 % interval"
        sentence += f" is {figure.like(estimate.low)} to {figure.like(estimate.high)}."
        yield claim.finding("near majority", "suspicious", sentence, "accuracy")
    elif larger >= Fraction(7, 10):
        yield claim.finding("majority", "note", f"{figure} is to be read against a rule: {always}.", "accuracy")


def _share(k: float, n: float) -> str:
    """With Wilson's interval, which needs no scipy: the page opens without it."""
    return Estimate(k / n, *wilson(k, n), round(n)).percent(places=1)


def _listed(claim: Claim, names: tuple[str, ...]) -> str:
    figures = [str(claim.sound[name]) for name in names]
    return ", ".join(figures[:-1]) + " and " + figures[-1] if len(figures) > 1 else figures[0]
