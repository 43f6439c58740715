"""Papers as claims, and the checks that need more of a paper than one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fracture_core.claims.figures import RATES, WORDS, Figure, read_figure
from fracture_core.claims.findings import Claim, Finding
from fracture_core.claims.sizes import accuracy_of
from fracture_core.metrics.estimates import share_difference
from fracture_core.results.published import Paper, PublishedRow

CLASSES = ("fractured", "not fractured")
PARTS = ("train", "validation", "test")


def claims_of(paper: Paper) -> list[Claim]:
    """One claim for each row of a paper, in its order; figures given in words alone are left out."""
    return [_claim(paper, place, row) for place, row in enumerate(paper.rows)]


def _claim(paper: Paper, place: int, row: PublishedRow) -> Claim:
    data, release = paper.data, paper.data.release
    figures = {name: _figure(row, name) for name in row.metrics if name in RATES}
    about = Claim(
        paper=paper.key,
        model=row.model,
        split=row.split,
        where=row.where,
        row=place,
        names=CLASSES,
        stated_positive=paper.positive_class.replace("not stated", ""),
        f1_formula=paper.f1_formula,
        figures={name: figure for name, figure in figures.items() if figure is not None},
    )
    if row.cited:  # of other images, by others' definitions
        return replace(about, f1_formula="", stated_positive="")
    original, grown = data.counts.get(row.split), data.augmented.get(row.split)
    sizes = tuple(n for n in (grown, original) if n)
    counted = release.splits.get(row.split) if release else None
    if counted:
        positives, negatives = counted["fractured"], counted["not_fractured"]
        return replace(
            about, sizes=(positives + negatives,), independent=original, positives=positives, negatives=negatives
        )
    whole = release if release and release.fractured is not None else data
    share = whole.fractured / whole.images if whole.fractured is not None and whole.images else None
    return replace(
        about,
        sizes=sizes,
        independent=original,
        share=share,
        share_of=data.name if release else "the paper's whole data set",
        share_images=whole.images,
    )


def _figure(row: PublishedRow, name: str) -> Figure | None:
    """With the scale that the stored value tells."""
    printed, value = row.as_printed(name), row.metrics[name]
    figure = read_figure(name, printed)
    if figure is None or value is None:
        return figure
    return read_figure(name, printed, percent=abs(float(figure.value) - value) > 1e-9 or figure.percent)


def paper_findings(paper: Paper, claims: Sequence[Claim]) -> Iterator[Finding]:
    """What no row shows by itself."""
    for place, row in enumerate(paper.rows):
        yield from restated(row, claims[place])
    yield from repeats_training(paper, claims)
    yield from of_no_model(paper, claims)
    yield from more_than_released(paper)
    yield from grown_test(paper)
    yield from not_told_apart(paper, claims)


def _of_paper(
    paper: Paper, kind: str, severity: str, sentence: str, *, split: str = "", **figures: object
) -> Finding:
    return Finding(
        paper=paper.key,
        model="",
        split=split,
        kind=kind,
        severity=severity,
        sentence=sentence,
        figures=tuple((name.replace("_", " "), str(value)) for name, value in figures.items()),
        where="its description of the data",
    )


def restated(row: PublishedRow, claim: Claim) -> Iterator[Finding]:
    """Two figures for one thing that no value rounds to."""
    for again in row.elsewhere:
        first = claim.figures.get(again.metric)
        second = read_figure(again.metric, again.printed)
        if first is None or second is None or first.either.meets(second.either):
            continue
        yield claim.finding(
            "conflicting figures",
            "contradiction",
            f"{claim.model}: {WORDS[again.metric]} {first.printed} in {row.where}, but {again.printed} in "
            f"{again.where}. One of the two is wrong, or they are different experiments, which is not said.",
            again.metric,
        )


def repeats_training(paper: Paper, claims: Sequence[Claim]) -> Iterator[Finding]:
    """Test accuracies that are the training accuracies, for every model that has both."""
    pairs = []
    for place, row in enumerate(paper.rows):
        if row.split != "test" or row.model_key is None or row.epoch is not None:
            continue
        training = [
            (other.epoch or 0, claims[index].sound["accuracy"])
            for index, other in enumerate(paper.rows)
            if other.model_key == row.model_key and other.split == "train" and "accuracy" in claims[index].sound
        ]
        if training and "accuracy" in claims[place].sound:
            pairs.append((claims[place], max(training, key=lambda pair: pair[0])[1]))
    same = [claim for claim, figure in pairs if claim.sound["accuracy"].value == figure.value]
    for claim, figure in pairs:
        if claim in same:
            yield claim.finding(
                "test is training",
                "suspicious",
                f"Test {claim.sound['accuracy']} is the training accuracy too ({figure.printed}), as for {len(same)} "
                f"of the {len(pairs)} models that have both: one of the two may have been printed for the other.",
                "accuracy",
            )


def of_no_model(paper: Paper, claims: Sequence[Claim]) -> Iterator[Finding]:
    """Figures without a model's name that none of the paper's models has."""
    named = [place for place, row in enumerate(paper.rows) if row.model_key and row.split == "test"]
    for place, row in enumerate(paper.rows):
        if not row.model.startswith("not named") or row.split not in ("test", "not stated") or not named:
            continue
        mine = claims[place].sound
        if mine and not any(_alike(mine, claims[at].sound) for at in named):
            listed = " and ".join(map(str, mine.values()))
            yield claims[place].finding(
                "of no model",
                "suspicious",
                f"{listed}: no model is named, and none of the {len(named)} whose test figures are printed has this.",
                *mine,
            )


def _alike(figures: Mapping[str, Figure], others: Mapping[str, Figure]) -> bool:
    """Whether all figures are among the others, as far as their places tell."""
    return all(name in others and figure.either.meets(others[name].either) for name, figure in figures.items())


def more_than_released(paper: Paper) -> Iterator[Finding]:
    """Another number of images than the data set holds."""
    data = paper.data
    if data.release is None or data.images is None or data.images == data.release.images:
        return
    yield _of_paper(
        paper,
        "images",
        "contradiction",
        f"The paper states {data.images:,} images; {data.name} holds {data.release.images:,} "
        f"({data.release.source}).",
        images_stated=data.images,
        images_released=data.release.images,
    )


def grown_test(paper: Paper) -> Iterator[Finding]:
    """Validation or test images that were multiplied by augmentation."""
    for part in ("test", "validation"):
        before, after = paper.data.counts.get(part), paper.data.augmented.get(part)
        if before and after and after > before:
            yield _of_paper(
                paper,
                "grown test",
                "suspicious",
                f"Augmentation was applied to the {part} images too: {before:,} became {after:,}, altered copies of "
                f"one another. The {part} set tells as much as {before:,} images, and intervals here rest on these.",
                split=part,
                images_before=before,
                images_after=after,
            )


def not_told_apart(paper: Paper, claims: Sequence[Claim]) -> Iterator[Finding]:
    """Models whose accuracies differ by no more than the number of images allows by chance."""
    measured = []
    for place, row in enumerate(paper.rows):
        estimate = accuracy_of(claims[place])
        stated = row.split in paper.data.counts
        if row.split == "test" and row.model_key and row.epoch is None and estimate is not None and stated:
            measured.append((claims[place], estimate))
    if len(measured) < 2:
        return
    best, top = max(measured, key=lambda pair: pair[1].value)
    for claim, estimate in measured:
        gap = share_difference(top.value * top.n, top.n, estimate.value * estimate.n, estimate.n)
        if claim is not best and gap.low <= 0:
            yield claim.finding(
                "not told apart",
                "note",
                f"{claim.sound['accuracy']} against {best.model}'s {best.sound['accuracy'].printed}: on {top.n:,} "
                f"images the difference is {100 * gap.value:.1f} points [{_signed(gap.low)} to {_signed(gap.high)}], "
                "if the two err independently, so it may be chance.",
                "accuracy",
            )


def _signed(difference: float) -> str:
    return f"{100 * difference:.1f}".replace("-", "−")
