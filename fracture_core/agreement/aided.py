"""What the machine's answer changes: the same readers on the same films, unaided and aided."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fracture_core.agreement.accuracy import called
from fracture_core.agreement.columns import NOT_READ, ORDER, Column, current, finding_codes, stack
from fracture_core.agreement.consensus import majority_findings
from fracture_core.agreement.sums import resampled_interval, share
from fracture_core.metrics import ROUNDS, Estimate, McNemar, mcnemar
from fracture_core.metrics.resampling import resampled_weights

if TYPE_CHECKING:
    from fracture_core.annotations.readings import Reading

UNAIDED, AIDED = 0, 1


@dataclass(frozen=True, eq=False)
class PairedReadings:
    """Readings of N films by R readers, both unaided (place 0) and aided (place 1).

    Attributes:
        findings: int (2, N, R) codes, ``NOT_READ`` in both places where one of the two is missing.
        confidence: float (2, N, R) in the finding, 0 to 100; nan where not said or not read.
        seconds: float (2, N, R) spent; nan where not read.
    """

    films: tuple[str, ...]
    readers: tuple[str, ...]
    findings: np.ndarray
    confidence: np.ndarray
    seconds: np.ndarray


def pair_readings(readings: Iterable[Reading]) -> PairedReadings:
    """Every reader's unaided and aided reading of each film, where there are both."""
    found: dict[tuple[str, str], dict[bool, Reading]] = {}
    for reading in current(readings):
        found.setdefault((reading.film, reading.reader), {})[reading.aided] = reading
    both = {key: (pair[False], pair[True]) for key, pair in found.items() if len(pair) == 2}
    films, readers = (tuple(sorted({key[part] for key in both})) for part in (0, 1))
    shape = (2, len(films), len(readers))
    findings, confidence, seconds = np.full(shape, NOT_READ), np.full(shape, math.nan), np.full(shape, math.nan)
    row, column = ({name: place for place, name in enumerate(names)} for names in (films, readers))
    for (film, reader), pair in both.items():
        place = (slice(None), row[film], column[reader])
        findings[place] = finding_codes(reading.finding for reading in pair)
        confidence[place] = [math.nan if r.confidence is None else r.confidence for r in pair]
        seconds[place] = [reading.seconds for reading in pair]
    return PairedReadings(films, readers, findings, confidence, seconds)


def truth_by(
    pairs: PairedReadings, columns: Sequence[Column], films: Sequence[str], *, reference: str | None = None
) -> np.ndarray:
    """Int (N, R): what each reader is held against on each film, 1 fractured, 0 not, -1 not known.

    Args:
        columns: everyone's unaided findings of ``films``.
        reference: whose findings are the truth; that reader is then held against nobody. None takes the majority of
            the other readers: held against a vote of their own, the unaided reading could not be wrong.
    """
    found = np.full((len(pairs.films), len(pairs.readers)), -1)
    for place, reader in enumerate(pairs.readers):
        others = [column for column in columns if column.name != reader and column.kind == "reader"]
        if reference is not None:
            others = [column for column in columns if column.name == reference != reader]
        if others:
            said = dict(zip(films, majority_findings(stack(others)), strict=True))
            codes = np.array([said.get(film, NOT_READ) for film in pairs.films])
            found[codes == ORDER.index("fracture"), place] = 1
            found[codes == ORDER.index("none"), place] = 0
    return found


@dataclass(frozen=True)
class Change:
    """A mean over paired readings, unaided and aided, and the difference aided − unaided.

    ``by_film`` holds these readers and resamples the films: what other films would show. ``by_reader_and_film``
    resamples both: what other readers on other films would. Ends are nan where there is nothing to resample: fewer
    than two films (or groups), or readers in the latter; or all resamples alike. ``n`` of both is the number of
    paired readings.
    """

    unaided: float
    aided: float
    by_film: Estimate
    by_reader_and_film: Estimate


@dataclass(frozen=True)
class ReaderChange:
    """One reader's calls that only the aid put right (``first_only``) or wrong (``second_only``).

    ``difference`` of each is aided − unaided. Sensitivity is on fractured films, specificity on the others.
    """

    reader: str
    accuracy: McNemar
    sensitivity: McNemar
    specificity: McNemar


@dataclass(frozen=True)
class AidedEffect:
    """The aid's effect over all readers, and reader by reader; confidence in points of 100."""

    sensitivity: Change
    specificity: Change
    confidence: Change
    seconds: Change
    readers: tuple[ReaderChange, ...]


def aided_effect(
    pairs: PairedReadings,
    truth: np.ndarray,
    *,
    positive: str = "fracture",
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> AidedEffect:
    """Paired changes in sensitivity, specificity, confidence and time per reading.

    Every reading counts alike. The two-way bootstrap draws readers and films each with replacement and weighs a
    reading by the product of the two draws (the pigeonhole bootstrap: Owen, Ann. Appl. Stat. 1:386, 2007); its
    intervals are if anything too wide. Where no call changed at all, or every one did alike, intervals of
    sensitivity and specificity are those of Bonett and Price for as many films (or groups) that did so.

    Args:
        truth: (N,), or (N, R) where it differs by reader: 1 fractured, 0 not, -1 unknown: such films count for
            confidence and time alone.
        positive: "fracture", or "uncertain" to count doubt as a call as well.
        groups: (N,) films of one patient or duplicate group share a number and are drawn together.
    """
    read = pairs.findings[UNAIDED] != NOT_READ
    truth = np.asarray(truth)
    truth = np.broadcast_to(truth if truth.ndim == 2 else truth[:, None], read.shape)
    calls = called(pairs.findings, positive=positive)

    def change(values: np.ndarray, cells: np.ndarray) -> Change:
        return _change(np.where(cells, values, 0), cells, groups=groups, rounds=rounds, seed=seed)

    def rate(right: np.ndarray, cells: np.ndarray) -> Change:
        return _unless_alike(change(right, cells), right, cells, groups)

    def complete(values: np.ndarray) -> np.ndarray:
        return read & ~np.isnan(values).any(axis=0)

    fractured, whole = read & (truth == 1), read & (truth == 0)
    readers = tuple(
        _reader_change(name, calls[:, :, place], truth[:, place], read[:, place])
        for place, name in enumerate(pairs.readers)
    )
    return AidedEffect(
        rate(calls, fractured),
        rate(~calls, whole),
        change(pairs.confidence, complete(pairs.confidence)),
        change(pairs.seconds, complete(pairs.seconds)),
        readers,
    )


def _change(values: np.ndarray, cells: np.ndarray, *, groups: np.ndarray | None, rounds: int, seed: int) -> Change:
    """Means of (2, N, R) values over the cells (N, R) that count, and their difference."""
    n = int(cells.sum())
    if not n:
        nothing = Estimate(math.nan, math.nan, math.nan, 0)
        return Change(math.nan, math.nan, nothing, nothing)
    films, readers = cells.any(axis=1), cells.any(axis=0)
    gain, cells = (values[AIDED] - values[UNAIDED])[films][:, readers], cells[films][:, readers].astype(float)
    groups = None if groups is None else np.asarray(groups)[films]
    times = np.concatenate(list(resampled_weights(cells.shape[1], rounds=rounds, seed=seed + 1)))
    by_film, by_both, start = [], [], 0
    for drawn in resampled_weights(len(cells), groups=groups, rounds=rounds, seed=seed):
        sums, counts = drawn @ gain, drawn @ cells
        by_film.append(share(sums.sum(axis=1), counts.sum(axis=1)))
        weights = times[start : start + len(drawn)]
        by_both.append(share((sums * weights).sum(axis=1), (counts * weights).sum(axis=1)))
        start += len(drawn)
    unaided, aided = (float(part.sum() / n) for part in values)
    units = len(cells) if groups is None else len(np.unique(groups))
    one_way = resampled_interval(np.concatenate(by_film), units)
    two_way = resampled_interval(np.concatenate(by_both), min(units, cells.shape[1]))
    difference = float(gain.sum() / n)
    return Change(unaided, aided, Estimate(difference, *one_way, n), Estimate(difference, *two_way, n))


def _unless_alike(change: Change, right: np.ndarray, cells: np.ndarray, groups: np.ndarray | None) -> Change:
    """Nothing changed, or everything alike, and so in every resample: an interval from their number instead."""
    before, after = right[UNAIDED][cells], right[AIDED][cells]
    if not cells.any() or np.ptp(after.astype(int) - before):
        return change
    films = np.flatnonzero(cells.any(axis=1))
    units = len(films if groups is None else np.unique(np.asarray(groups)[films]))
    safe = mcnemar(np.repeat(after[0], units), np.repeat(before[0], units)).difference
    estimate = replace(change.by_film, low=safe.low, high=safe.high)
    several = cells.any(axis=0).sum() > 1
    return replace(change, by_film=estimate, by_reader_and_film=estimate if several else change.by_reader_and_film)


def _reader_change(name: str, calls: np.ndarray, truth: np.ndarray, read: np.ndarray) -> ReaderChange:
    right = calls == (truth == 1)
    kinds = (read & (truth >= 0), read & (truth == 1), read & (truth == 0))
    return ReaderChange(name, *(mcnemar(right[AIDED, films], right[UNAIDED, films]) for films in kinds))
