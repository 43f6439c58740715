"""What readers together say: by majority, and by STAPLE, which weighs each by how good it seems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fracture_core.agreement.columns import NOT_READ, ORDER, Column, FilmMarks, stack
from fracture_core.agreement.panel import category_counts
from fracture_core.agreement.regions import Shape
from fracture_core.errors import FractureError
from fracture_core.marks import region_mask

# Specificity is the share of pixels outside the fracture left unmarked: over a whole film it is near 1 for everybody.
# So only the surroundings count: half the regions' own extent on each side, at least 16 pixels (not stated; ours).
MARGIN, LEAST_MARGIN = 0.5, 16


def majority_findings(codes: np.ndarray) -> np.ndarray:
    """Int (N,) the finding most readers give, from codes (N, R).

    Where findings tie for most votes the consensus is "uncertain"; ``NOT_READ`` where nobody read the film.
    """
    votes = category_counts(codes, len(ORDER))
    most = votes.max(axis=1, keepdims=True)
    tied = (votes == most).sum(axis=1) > 1
    found = np.where(tied, ORDER.index("uncertain"), votes.argmax(axis=1))
    return np.where(most[:, 0] == 0, NOT_READ, found)


def consensus_column(columns: Sequence[Column], *, name: str = "consensus") -> Column:
    """The readers' majority finding of each film as a column, without marks."""
    return Column(name, majority_findings(stack(columns)), kind="consensus")


def reader_masks(readers: Sequence[FilmMarks], shape: Shape) -> np.ndarray:
    """Bool (R, H, W): the regions of each reader who read the film; an empty mask where nothing was marked."""
    masks = [region_mask(marks, shape) for marks in readers if marks is not None]
    return np.stack(masks) if masks else np.zeros((0, *shape), dtype=bool)


def majority_mask(masks: np.ndarray) -> np.ndarray:
    """Bool (H, W): pixels that more than half of R readers mark, from (R, H, W); a tie is not marked."""
    masks = np.asarray(masks, dtype=bool)
    return np.asarray(2 * masks.sum(axis=0) > len(masks))


@dataclass(frozen=True, eq=False)
class Staple:
    """A consensus by STAPLE.

    Attributes:
        probability: float32, the shape of one mask: that the pixel belongs to the fracture; 0 outside ``window``.
        sensitivity, specificity: one per reader, over the pixels of the window; nan where they cannot be
            estimated (fewer than two readers, or nothing to tell them apart by).
        window: (top, bottom, left, right) of the pixels that took part.
    """

    probability: np.ndarray
    sensitivity: tuple[float, ...]
    specificity: tuple[float, ...]
    window: tuple[int, int, int, int]

    @property
    def mask(self) -> np.ndarray:
        """Bool: pixels more likely fracture than not."""
        return self.probability > 0.5


def staple(masks: np.ndarray, *, margin: float = MARGIN, least_margin: int = LEAST_MARGIN) -> Staple:
    """Simultaneous truth and performance level estimation of R readers' masks (R, H, W), R at least 1.

    Warfield et al., IEEE Trans. Med. Imaging 23:903, 2004, over a window around the union of all marks: its
    bounding box and, on each side, ``margin`` times the box's extent, at least ``least_margin`` pixels. Readers
    with an empty mask take part: they saw nothing. The estimate is that of SimpleITK's ``STAPLEImageFilter``, at a
    hundredth of its time.

    Two readers alone hardly tell who of them errs: their rates are then more the method's than theirs.
    With one reader the consensus is that reader's mask. With nothing marked it is empty.

    Raises:
        FractureError: there is no reader.
    """
    masks = np.asarray(masks, dtype=bool)
    if not len(masks):
        raise FractureError("Nobody has read this film: a consensus needs a reading.")
    window = _window(np.any(masks, axis=0), margin, least_margin)
    top, bottom, left, right = window
    probability = np.zeros(masks.shape[1:], dtype=np.float32)
    inner, sensitivity, specificity = staple_pixels(masks[:, top:bottom, left:right].reshape(len(masks), -1))
    probability[top:bottom, left:right] = inner.reshape(bottom - top, right - left)
    return Staple(probability, sensitivity, specificity, window)


def staple_pixels(decisions: np.ndarray) -> tuple[np.ndarray, tuple[float, ...], tuple[float, ...]]:
    """STAPLE of R readers' decisions (R, P) on any P pixels: probability float32 (P,), sensitivity, specificity.

    STAPLE knows no neighbourhood: pixels on which everybody decided alike have the same probability, so the
    estimate runs over the few kinds of pixels there are, and pixels of many films may be joined to rate readers
    over all of them.
    """
    decisions = np.asarray(decisions, dtype=bool)
    readers, unknown = len(decisions), (math.nan,) * len(decisions)
    marked = np.asarray(np.any(decisions, axis=0))
    probability = marked.astype(np.float32)
    if readers == 1 or not marked.any() or decisions.all():
        return probability, unknown, unknown
    assert readers < 63, "a kind of pixel is a whole number of one bit per reader"
    bits = 2 ** np.arange(readers)
    kinds, kind, pixels = np.unique(bits @ decisions[:, marked], return_inverse=True, return_counts=True)
    said = (kinds[:, None] & bits) > 0
    nobody = np.zeros((1, readers), dtype=bool)
    likely, sensitivity, specificity = _expectation_maximisation(
        np.concatenate([said, nobody]), np.append(pixels, np.count_nonzero(~marked)).astype(float)
    )
    probability[:] = likely[-1]
    probability[marked] = likely[kind]
    return probability, tuple(map(float, sensitivity)), tuple(map(float, specificity))


def _expectation_maximisation(said: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Warfield et al. (2004), maximisation and expectation in turn, prior and start those of SimpleITK's filter: the
    share of the readers who marked a kind of pixel.

    Args:
        said: bool (K, R), kinds of pixels by who marked them.
        pixels: float (K,), how many there are of each.
    """
    likely = said.mean(axis=1)  # where it starts decides which of several optima it ends in
    prior = float(pixels @ likely / pixels.sum())
    sensitivity = specificity = np.zeros(said.shape[1])
    for _ in range(10_000):  # it converges long before; a bound against never ending
        inside, outside = pixels * likely, pixels * (1 - likely)
        before = sensitivity, specificity
        sensitivity, specificity = inside @ said / inside.sum(), outside @ ~said / outside.sum()
        fracture = prior * np.where(said, sensitivity, 1 - sensitivity).prod(axis=1)
        other = (1 - prior) * np.where(said, 1 - specificity, specificity).prod(axis=1)
        likely = np.divide(fracture, fracture + other, out=likely, where=fracture + other > 0)
        if max(np.abs(before[0] - sensitivity).max(), np.abs(before[1] - specificity).max()) < 1e-12:
            break
    return likely, sensitivity, specificity


def _window(union: np.ndarray, margin: float, least_margin: int) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) around what is marked; empty where nothing is."""
    edges: list[int] = []
    for axis, size in enumerate(union.shape):
        marked = np.flatnonzero(union.any(axis=1 - axis))
        if not len(marked):
            return 0, 0, 0, 0
        first, last = int(marked[0]), int(marked[-1]) + 1
        around = max(least_margin, math.ceil(margin * (last - first)))
        edges += [max(0, first - around), min(size, last + around)]
    return edges[0], edges[1], edges[2], edges[3]
