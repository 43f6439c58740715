"""What arithmetic allows of a row's figures, however many images there were.

Each check is a function of a claim that yields findings. P, R, S, F and A are precision, recall, specificity, F1
and accuracy; every comparison is of the intervals that the printed figures stand for (``claims.figures``).

**F ≤ (P + R) / 2, always.** For one class F is the harmonic mean of P and R, which is never above their
arithmetic mean: (P + R) / 2 − 2PR / (P + R) = (P − R)² / 2(P + R) ≥ 0. An average of classes, folds or images
with weights wᵢ ≥ 0 that sum to 1, the same for all three figures, keeps it, being linear:
Σ wᵢFᵢ ≤ Σ wᵢ(Pᵢ + Rᵢ)/2 = (P̄ + R̄)/2. That covers macro (equal weights), weighted (by class size) and
cross-validated averages; the "macro F1" that is the harmonic mean of P̄ and R̄ keeps it as one class does (both are
in use: Opitz and Burst, arXiv 1911.03347), and in a micro average P = R = F. A class whose P or R is undefined has
F = 0 and P, R ≥ 0, so counting the undefined as 0 or 1, or leaving it out of P̄ or R̄ (which only raises them), keeps
it too. Leaving a class that is never called out of F̄ as well does not, since R̄ counts it: with two classes that is
one answer to all images, with P̄ = A, F̄ = 2P̄ / (P̄ + 1), and R̄ = 1/2 if macro, A if weighted; of more than two
classes all are taken to be counted.

**A ≥ F / (2 − F), with two classes,** if F is of one class or an average of the classes' F1s. F / (2 − F) is
Jaccard's J = TP / (TP + FP + FN), and A = (TP + TN) / (TP + FP + FN + TN) ≥ J, since adding TN to both parts of a
fraction at most 1 does not lower it. It holds for either class as the positive one, so A ≥ Σ wᵢJᵢ, and J is convex
in F, so Σ wᵢJᵢ ≥ F̄ / (2 − F̄). The harmonic mean of weighted averages keeps it: their R̄ is A and P̄ ≤ 1, so
F ≤ 2A / (1 + A).

**A ≥ 2 − 1/F, with two classes,** if F is the harmonic mean of macro averages, which J does not bind: TP 285, FN 665
and TN 50 have F = 0.587 at A = 0.335. F ≤ (P̄ + R̄) / 2, a quarter of the sum of both classes' P and R. Each of
these is convex in FP as long as e = FP + FN stays, so the sum is largest where FP or FN is 0. It is then
2 + TP / (TP + e) + TN / (TN + e), concave in TP as long as TP + TN stays, so largest where they are equal: with A and
e as shares of the images, 2 + 2A / (A + 2e) = 4 / (2 − A). One answer to all images has R̄ = 1/2 and, however the
undefined P is counted, P̄ ≤ (1 + A) / 2, so (P̄ + R̄) / 2 ≤ (2 + A) / 4 ≤ 1 / (2 − A) too. From F = 2/3 on 2 − 1/F is
at least J, which so binds every F1 there.

**A lies between R and S, with two classes,** being their mean weighted by class sizes. If the R printed is the macro
average R̄ = (R + S) / 2, the recall itself is 2R̄ − S; if it is the weighted one, it is A. If the S printed is the
macro average too, it equals R̄, and the two leave A open.

**R·S ≤ AUC ≤ 1 − (1 − R)(1 − S),** since the curve rises and passes (1 − S, R). With hard labels the curve is two
straight lines and AUC = (R + S) / 2, the macro recall. If both printed are macro averages m, R + S = 2m, and what is
left is 2m − 1 ≤ AUC ≤ 2m.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from fracture_core.claims.figures import WORDS, Interval
from fracture_core.claims.findings import Claim, Finding

ONE = Fraction(1)


def harmonic(p: Fraction, r: Fraction) -> Fraction:
    """2pr / (p + r); 0 where both are 0."""
    return 2 * p * r / (p + r) if p + r else Fraction(0)


def harmonic_of(p: Interval, r: Interval) -> Interval:
    """All harmonic means of values in two intervals; it grows with either."""
    return Interval(harmonic(p.low, r.low), harmonic(p.high, r.high))


def partner(f1: Interval, other: Interval) -> Interval | None:
    """The precision that an F1 and a recall imply for one class, or the recall of F1 and precision: FR / (2R − F).

    None where the two leave it open. It grows with F and falls with R.
    """
    if 2 * other.low <= f1.high:
        return None
    low, high = (f * r / (2 * r - f) for f, r in ((f1.low, other.high), (f1.high, other.low)))
    return Interval(low, min(ONE, high)) if low <= 1 else None


def not_a_rate(claim: Claim) -> Iterator[Finding]:
    """A value outside 0 to 1, or 0 to 100 %: a misprint, with what it should have been where that follows."""
    for name, figure in claim.figures.items():
        if not figure.outside:
            continue
        sentence = f"{figure} is no rate: it lies outside 0 to 1 and 0 to 100 %, a misprint."
        used = [name]
        other = {"precision": "recall", "recall": "precision"}.get(name, "")
        known = claim.intervals("f1", other)
        implied = partner(known[0], known[1]) if known else None
        if implied:
            f1, rate = claim.sound["f1"], claim.sound[other]
            middle = partner(Interval(f1.value, f1.value), Interval(rate.value, rate.value))
            about = f"about {float(middle.low):.2f} " if middle else ""
            sentence += (
                f" {f1} with {rate} implies a {WORDS[name]} of {about}"
                f"({float(implied.low):.3f} to {float(implied.high):.3f}), if they are of one class."
            )
            used += ["f1", other]
        yield claim.finding("not a rate", "impossible", sentence, *used)


def f1_above_mean(claim: Claim) -> Iterator[Finding]:
    """F1 above (P + R) / 2: no class and no average of both allows it (proof at the head of this module)."""
    known = claim.intervals("f1", "precision", "recall")
    if not known:
        return
    f1, p, r = known
    one_answer = (r.holds(Fraction(1, 2)) or r.meets(p)) and f1.meets(harmonic_of(p, Interval(ONE, ONE)))
    if f1.low > (p.high + r.high) / 2 and not one_answer:
        figure, precision, recall = (claim.sound[name] for name in ("f1", "precision", "recall"))
        mean = (precision.value + recall.value) / 2
        yield claim.finding(
            "f1 above mean",
            "impossible",
            f"{figure} is above the mean of {precision} and {recall}, {figure.like(mean)}. F1 cannot exceed it, "
            "for one class or for any average of classes alike.",
            "f1",
            "precision",
            "recall",
        )


def f1_not_harmonic(claim: Claim) -> Iterator[Finding]:
    """F1 that is not the harmonic mean of P and R, though an average could have it."""
    known = claim.intervals("f1", "precision", "recall")
    if not known or any(f1_above_mean(claim)):
        return
    names = ("f1", "precision", "recall")
    figure, precision, recall = (claim.sound[name] for name in names)
    mean = figure.like(harmonic(precision.value, recall.value))
    said = f"{figure} is not the harmonic mean of {precision} and {recall}, {mean}"
    if not known[0].meets(harmonic_of(*known[1:])):
        if claim.f1_formula:
            sentence = (
                f"{said}, as which the paper defines it ({claim.f1_formula}). It is possible only as an average of "
                "classes (macro, weighted), folds or runs, which the paper does not say."
            )
            yield claim.finding("f1 not harmonic", "contradiction", sentence, *names)
        else:
            sentence = (
                f"{said}: possible only as an average of classes (macro, weighted), folds or runs, which is not "
                "stated."
            )
            yield claim.finding("f1 not harmonic", "suspicious", sentence, *names)
    elif not figure.rounded.meets(harmonic_of(precision.rounded, recall.rounded)):
        sentence = f"{said}, if figures are rounded. It is if digits were cut off instead, or if F1 is an average."
        yield claim.finding("f1 cut off", "note", sentence, *names)


def accuracy_below_jaccard(claim: Claim) -> Iterator[Finding]:
    """Accuracy below F1 / (2 − F1): impossible with two classes, unless F1 is the harmonic mean of macro averages."""
    known = claim.intervals("accuracy", "f1")
    if not known:
        return
    accuracy, f1 = known
    least = f1.low / (2 - f1.low)
    if accuracy.high >= least:
        return
    rates = claim.intervals("precision", "recall")
    harmonic_macro = accuracy.high >= 2 - 1 / f1.low and (rates is None or f1.meets(harmonic_of(*rates)))
    figure = claim.sound["accuracy"]
    sentence = (
        f"With two classes, {claim.sound['f1']} needs an accuracy of at least {figure.like(least)} "
        f"(F1 / (2 − F1)); {figure} is below it."
    )
    if harmonic_macro:
        sentence += " Possible only if F1 is the harmonic mean of macro precision and recall, which is not stated."
    severity = "impossible" if claim.two_classes and not harmonic_macro else "suspicious"
    yield claim.finding("accuracy below f1", severity, sentence, "accuracy", "f1")


def accuracy_not_between(claim: Claim) -> Iterator[Finding]:
    """Accuracy that is no mean of recall and specificity, whichever average either is."""
    known = claim.intervals("accuracy", "recall", "specificity")
    if not known:
        return
    accuracy, r, s = known
    own = Interval(2 * r.low - s.high, 2 * r.high - s.low)  # the recall, if the one printed is the macro average
    if accuracy.meets(r) or r.meets(s):  # the weighted average, or both macro averages
        return
    if accuracy.high < min(r.low, s.low, own.low) or accuracy.low > max(r.high, s.high, own.high):
        yield claim.finding(
            "accuracy not between",
            "impossible" if claim.two_classes else "suspicious",
            f"With two classes, accuracy is a mean of recall and specificity; {claim.sound['accuracy']} does not lie "
            f"between {claim.sound['recall']} and {claim.sound['specificity']}.",
            "accuracy",
            "recall",
            "specificity",
        )


def auc_of_labels(claim: Claim) -> Iterator[Finding]:
    """AUC that is the macro recall to at least three places, as hard labels give."""
    auc, recall, specificity = (claim.sound.get(name) for name in ("auc", "recall", "specificity"))
    if auc is None or recall is None or auc.unit > Fraction(1, 1000) or recall.unit > Fraction(1, 1000):
        return
    places = len(str(max(auc.unit, recall.unit).denominator)) - 1
    why = "the AUC was computed from hard labels, not from scores"
    if auc.value == recall.value:
        yield claim.finding(
            "auc equals recall",
            "suspicious",
            f"{auc} equals {recall} to {places} places, as happens when {why}, and the recall is the macro average.",
            "auc",
            "recall",
        )
    elif specificity is not None and specificity.unit <= Fraction(1, 1000):
        r, s = recall.either, specificity.either
        if auc.either.meets(Interval((r.low + s.low) / 2, (r.high + s.high) / 2)):
            yield claim.finding(
                "auc equals macro recall",
                "suspicious",
                f"{auc} is the mean of {recall} and {specificity} to {places} places, as happens when {why}.",
                "auc",
                "recall",
                "specificity",
            )


def auc_off_the_point(claim: Claim) -> Iterator[Finding]:
    """AUC that no curve through the operating point has, if all are of one class and of the same scores.

    A weighted or micro average of recall is the accuracy, and no place on the curve: where both are printed alike,
    nothing is said.
    """
    known = claim.intervals("auc", "recall", "specificity")
    accuracy = claim.intervals("accuracy")
    if not known or (accuracy and accuracy[0].meets(known[1])):
        return
    auc, r, s = known
    own = Interval(max(Fraction(0), 2 * r.low - s.high), min(ONE, 2 * r.high - s.low))
    least = min(r.low, own.low) * s.low
    most = 1 - (1 - max(r.high, own.high)) * (1 - s.high)
    if r.meets(s):  # they may both be macro averages
        least, most = min(least, max(Fraction(0), 2 * r.low - 1)), max(most, min(ONE, 2 * r.high))
    if auc.high < least or auc.low > most:
        figure = claim.sound["auc"]
        yield claim.finding(
            "auc off the point",
            "suspicious",
            f"A curve through {claim.sound['recall']} and {claim.sound['specificity']} has an AUC between "
            f"{figure.like(least)} and {figure.like(most)}; {figure} does not, so it is of other scores or images, "
            "unless recall is a weighted average of classes.",
            "auc",
            "recall",
            "specificity",
        )


BOUNDS = (
    not_a_rate,
    f1_above_mean,
    f1_not_harmonic,
    accuracy_below_jaccard,
    accuracy_not_between,
    auc_of_labels,
    auc_off_the_point,
)
"""Every check of this module, in the order of its findings."""
