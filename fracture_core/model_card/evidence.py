"""The sections on explanations, against experts, and on the films that the model gets wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from fracture_core.localisation import SCORES, chance, from_plain, written
from fracture_core.metrics import Estimate
from fracture_core.model_card.document import Block, Paragraph, Section, Table
from fracture_core.model_card.sources import Sources
from fracture_core.results import ScoredFilms

WORST = 10
PARTS = {"test": "test films", "val": "validation films", "train": "training films", "all": "films of every part"}
METHODS = {"gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++", "hirescam": "HiResCAM", "layercam": "LayerCAM"}
"""The usual names of maps; ``explain.METHODS``, which has them all, needs torch."""


def explanation(sources: Sources) -> Section:
    """The maps, and how well they agree with what experts outlined."""
    title = "Explanation and its agreement with experts"
    method = Paragraph(
        "An answer is explained by a class-activation map: a heatmap of the places that weighed in it, not the "
        "outline of a fracture.",
        covers=("explanation",),
    )
    record = sources.localisation
    if record is None:
        return Section(
            "explanation",
            title,
            (method, Paragraph("How well its maps agree with experts has not been measured for these weights.")),
        )
    part = next(part for part in ("test", "all", *record["parts"]) if part in record["parts"])
    found = from_plain(record["parts"][part])
    blocks: list[Block] = [method]
    for name, summary in found.items():
        blocks += _against_experts(METHODS.get(name, name), summary, PARTS.get(part, part))
    attribution = (record.get("data") or {}).get("attribution")
    if attribution:
        blocks.append(Paragraph(f"Outlines: {attribution}. Measured on {record.get('date', 'a day not stated')}."))
    return Section("explanation", title, tuple(blocks))


def _against_experts(method: str, summary: Mapping[str, Estimate], part: str) -> Iterator[Block]:
    rows = []
    for name, score in SCORES.items():
        if name in summary:
            guess = chance(name, summary)
            rows.append(
                (score.title, written(name, summary[name]), _guess(name, guess), verdict(summary[name], guess))
            )
    films = summary["area"].n if "area" in summary else max(value.n for value in summary.values())
    yield Table(
        f"{method} against experts' outlines, {films} {part}",
        ("measure", "value [95 % interval]", "by chance", "so it is"),
        tuple(rows),
        "Chance: a peak placed at random, or a map lit everywhere.",
        covers=("explanation_measured",),
    )
    peak = summary.get("pointing")
    if peak is not None:
        yield Paragraph(
            f"The map's warmest point lies inside an outlined fracture on {peak.percent()} of {peak.n} {part}: "
            f"{verdict(peak, chance('pointing', summary)) or 'chance is not known'}."
        )


def _guess(name: str, guess: Estimate | None) -> str:
    if guess is None:
        return ""
    return f"{100 * guess.value:.1f} %" if SCORES[name].share else f"{guess.value:.3f}"


def verdict(value: Estimate, guess: Estimate | None) -> str:
    """A score beside chance, in words; "" where there is no chance to set it beside."""
    if guess is None or not np.isfinite([value.low, value.high, guess.value]).all():
        return ""
    if value.low > guess.value:
        return "better than chance"
    return "worse than chance" if value.high < guess.value else "no better than chance"


def failures(sources: Sources) -> Section:
    """The test films that the model gets most wrong, and where the misses are."""
    title, films, point = "Failure cases", sources.films, sources.points.get("balanced")
    if films is None or point is None:
        return Section(
            "failures",
            title,
            (Paragraph("No run record with the answers on single films belongs to these weights."),),
        )
    missed = (films.labels == 1) & (films.scores < point.threshold)
    alarms = (films.labels == 0) & (films.scores >= point.threshold)
    blocks = [
        *_worst("Missed fractures, the surest first", films, missed, films.scores),
        *_worst("False alarms, the surest first", films, alarms, -films.scores),
        *_spread(films, missed, alarms),
    ]
    return Section("failures", title, tuple(blocks))


def _worst(title: str, films: ScoredFilms, wrong: np.ndarray, order: np.ndarray) -> Iterator[Block]:
    found = np.flatnonzero(wrong)
    worst = found[np.argsort(order[found], kind="stable")][:WORST]
    if not len(worst):
        yield Paragraph(f"{title.partition(',')[0]}: none at the balanced operating point.", covers=("failures",))
        return
    rows = tuple((films.ids[i], films.regions[i] or "not stated", f"{films.scores[i]:.3f}") for i in worst)
    yield Table(
        title,
        ("film", "region", "probability of a fracture"),
        rows,
        f"{len(rows)} of {len(found)} at the balanced operating point.",
        covers=("failures",),
    )


def _spread(films: ScoredFilms, missed: np.ndarray, alarms: np.ndarray) -> Iterator[Block]:
    regions = Counter(films.regions)
    if set(regions) <= {"", "not stated"}:
        return
    truth = films.labels == 1
    rows = []
    for region, _ in regions.most_common():
        within = np.array([each == region for each in films.regions])
        rows.append(
            (
                region or "not stated",
                f"{(missed & within).sum()} of {(truth & within).sum()}",
                f"{(alarms & within).sum()} of {(~truth & within).sum()}",
            )
        )
    head = ("region", "fractures missed", "false alarms")
    yield Table("Errors by body region", head, tuple(rows), covers=("failures",))
