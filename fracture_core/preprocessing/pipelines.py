"""Pipelines: a paper's steps in order, from film to network input, with the geometry carried along.

Every pipeline first makes one gray uint8 square, then augments it (training alone), copies it to three
channels and normalises. That square is what a training cache stores, and inference normalises the very same
gray levels, so the two agree exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fracture_core.errors import UnknownName
from fracture_core.preprocessing import geometry
from fracture_core.preprocessing.augmentations import (
    ColourJitter,
    GaussianNoise,
    RandomCentralCrop,
    RandomContrast,
    RandomHorizontalFlip,
    RandomRotation,
    RandomScaling,
    RandomTransform,
    RandomVerticalFlip,
)
from fracture_core.preprocessing.geometry import Shape
from fracture_core.preprocessing.regions import RoiMask, Segmentation
from fracture_core.preprocessing.transforms import (
    AnisotropicDiffusion,
    CannyEdges,
    CentralCrop,
    Clahe,
    CopyChannels,
    Gray,
    ImageNetNormalise,
    Letterbox,
    Normalise,
    Pad,
    Resize,
    SymmetricNormalise,
    Thumbnail,
    ToUint8,
    Transform,
    Triple,
    UnitNormalise,
    checked,
    normalise,
    shape_of,
)


@dataclass(frozen=True, eq=False)
class Stage:
    """One step's outcome, for display."""

    name: str  # the step, in plain words
    source: str  # where the paper states it
    image: np.ndarray  # uint8 in [0, 255] or float32 in [0, 1], (H, W) or (H, W, 3)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A film as a network receives it."""

    input: np.ndarray  # float32 (3, size, size)
    to_input: np.ndarray  # float64 (2, 3): source pixels → input pixels
    stages: tuple[Stage, ...] = ()  # one per step, empty unless asked for


@dataclass(frozen=True)
class Pipeline:
    """From a film to a network's input.

    ``steps`` are the deterministic ones, in order; the last two copy the channels and normalise.
    ``augmentations`` are drawn and applied just before those two, only when a seed is given.
    """

    name: str
    steps: tuple[Transform, ...]
    augmentations: tuple[RandomTransform, ...] = ()

    def __post_init__(self) -> None:
        assert isinstance(self.steps[-2], CopyChannels), "the last step but one copies the channels"
        assert isinstance(self.steps[-1], Normalise), "the last step normalises"
        height, width = self._result_shape((48, 64))
        assert height == width > 0, f"the input is a square, not {height} by {width}"

    def __call__(self, pixels: np.ndarray, *, seed: int | None = None, keep_stages: bool = False) -> Prepared:
        """Prepare ``pixels``, float32 (H, W) in [0, 1], bone bright; (H, W, 3) and uint8 are taken too.

        With ``seed`` the augmentations are applied, the same for the same seed; without, none is.
        Raises ``TypeError`` or ``ValueError`` for an array that is no image.
        """
        image = checked(pixels)
        matrix = geometry.identity()
        stages: list[Stage] = []
        for step in (*self.steps[:-2], *self._drawn(seed)):
            matrix = geometry.compose(matrix, step.matrix(shape_of(image)))
            image = step(image)
            if keep_stages:
                stages.append(Stage(step.name, step.source, step.display(image)))
        square = image
        for step in self.steps[-2:] if keep_stages else ():
            image = step(image)
            stages.append(Stage(step.name, step.source, step.display(image)))
        return Prepared(self._normalised(square), matrix, tuple(stages))

    def _normalised(self, square: np.ndarray) -> np.ndarray:
        """What the last two steps make of the gray square, channels first: uint8 (S, S) → float32 (3, S, S).

        There are 256 gray levels, so each is normalised once and looked up: a tenth of the time.
        """
        levels = normalise(np.arange(256, dtype=np.uint8)[None], mean=self.mean, std=self.std)[0]
        return np.take(np.ascontiguousarray(levels.T), square, axis=1)

    def cached(self, pixels: np.ndarray) -> np.ndarray:
        """The gray square, uint8 (size, size), from which the input is made: what a training cache stores.

        ``(cached / 255 - mean) / std``, copied to three channels, is the input of ``__call__``.
        """
        image = checked(pixels)
        for step in self.steps[:-2]:
            image = step(image)
        assert image.dtype == np.uint8 and image.ndim == 2, "the steps before the channels end in gray uint8"
        return np.ascontiguousarray(image)

    def geometry(self, shape: Shape) -> np.ndarray:
        """The affine of ``__call__`` without a seed, source (H, W) → input pixels: float64 (2, 3)."""
        matrix = geometry.identity()
        for step in self.steps:
            matrix = geometry.compose(matrix, step.matrix(shape))
            shape = step.result_shape(shape)
        return matrix

    @property
    def size(self) -> int:
        """Side of the input square, pixels."""
        return self._result_shape((1, 1))[0]

    @property
    def mean(self) -> Triple:
        """What the normalisation takes off each channel, in units of the full gray range."""
        return self._normalise.mean

    @property
    def std(self) -> Triple:
        """What the normalisation divides each channel by, in units of the full gray range."""
        return self._normalise.std

    @property
    def _normalise(self) -> Normalise:
        last = self.steps[-1]
        assert isinstance(last, Normalise)
        return last

    def _drawn(self, seed: int | None) -> tuple[Transform, ...]:
        if seed is None:
            return ()
        rng = np.random.default_rng(seed)
        return tuple(augmentation.draw(rng) for augmentation in self.augmentations)

    def _result_shape(self, shape: Shape) -> Shape:
        for step in self.steps:
            shape = step.result_shape(shape)
        return shape


# The papers' pipelines --------------------------------------------------------------------------------------


def ours(*, size: int = 384) -> Pipeline:
    """Our own: nothing cut off, nothing distorted, scaled to [-1, 1]. Shrunk before it is quantised."""
    return Pipeline(
        name="ours",
        steps=(
            Gray(source="ours"),
            Letterbox(size=size),
            ToUint8(source="ours"),
            CopyChannels(source="ours"),
            SymmetricNormalise(),
        ),
        augmentations=(
            RandomHorizontalFlip(source="ours"),
            RandomRotation(source="ours"),
            RandomScaling(source="ours"),
            ColourJitter(source="ours"),
        ),
    )


def abirami2024(*, size: int = 224) -> Pipeline:
    """The paper states no preprocessing at all: the plainest that its networks are used with is ours."""
    source = "abirami2024: not stated; ours"
    return Pipeline(
        name="abirami2024",
        steps=(
            Gray(source=source),
            ToUint8(source=source),
            Resize(size=size, source=source),
            CopyChannels(source=source),
            ImageNetNormalise(source=source),
        ),
    )


def lisbon2023(*, size: int = 224) -> Pipeline:
    """Gray, uint8, CLAHE, thumbnail, padding, three channels: lisbon2023, section 3, Preprocessing Steps."""
    return Pipeline(
        name="lisbon2023",
        steps=(
            Gray(),
            ToUint8(),
            Clahe(),
            Thumbnail(size=size),
            Pad(size=size),
            CopyChannels(),
            UnitNormalise(source="lisbon2023: not stated; ours"),
        ),
    )


def multiregion2024(*, size: int = 224) -> Pipeline:
    """Three channels, resize, flips, rotation, jitter, ImageNet normalisation: multiregion2024.

    The paper copies the channels before it resizes; copying after gives the same and costs a third.
    """
    source = "multiregion2024, Data Preprocessing and Augmentation"
    return Pipeline(
        name="multiregion2024",
        steps=(
            Gray(source=source),
            ToUint8(source="multiregion2024: not stated; ours"),
            Resize(size=size),
            CopyChannels(source=source),
            ImageNetNormalise(),
        ),
        augmentations=(
            RandomHorizontalFlip(),
            RandomVerticalFlip(),
            RandomRotation(source=source),
            ColourJitter(),
        ),
    )


def wang2024(*, size: int = 224) -> Pipeline:
    """Resize, ROI mask, 0-1 scaling; noise, contrast, scaling and rotation at random: wang2024."""
    source, unstated = "wang2024, Pre-processing", "wang2024: not stated; ours"
    return Pipeline(
        name="wang2024",
        steps=(
            Gray(source="wang2024, Data collection"),
            ToUint8(source=unstated),
            Resize(size=size, source=source),
            RoiMask(),
            CopyChannels(source=unstated),
            UnitNormalise(),
        ),
        augmentations=(GaussianNoise(), RandomContrast(), RandomScaling(), RandomRotation(source=source)),
    )


# gupta2024 tried these and kept none. Crops act on the film, all else on the resized square, so that their
# constants, counted in pixels, mean the same on every film (not stated; ours).
REJECTED: dict[str, Transform | RandomTransform] = {
    "central_crop": CentralCrop(),
    "random_crop": RandomCentralCrop(),
    "clahe": Clahe(source="gupta2024, CLAHE Transform: constants not stated; those of lisbon2023"),
    "diffusion": AnisotropicDiffusion(),
    "canny": CannyEdges(),
    "segmentation": Segmentation(),
}


def gupta2024(*, size: int = 528, extra: Sequence[str] = ()) -> Pipeline:
    """Normalisation alone, no crop: gupta2024, Training & Results. 528 is EfficientNet-B6's own size.

    ``extra`` switches on, in the order given, transforms that the paper tried and rejected (``REJECTED``).
    Raises ``UnknownName`` for any other.
    """
    for name in extra:
        if name not in REJECTED:
            raise UnknownName("transform of gupta2024", name, REJECTED)
    chosen = [REJECTED[name] for name in extra]
    fixed = [transform for transform in chosen if isinstance(transform, Transform)]
    source = "gupta2024: not stated; ours"
    return Pipeline(
        name="gupta2024",
        steps=(
            Gray(source=source),
            ToUint8(source=source),
            *(step for step in fixed if isinstance(step, CentralCrop)),
            Resize(size=size, source=source),
            *(step for step in fixed if not isinstance(step, CentralCrop)),
            CopyChannels(source=source),
            ImageNetNormalise(source="gupta2024, Training & Results: constants not stated; ours"),
        ),
        augmentations=tuple(transform for transform in chosen if isinstance(transform, RandomTransform)),
    )


PIPELINES: dict[str, Callable[..., Pipeline]] = {
    "ours": ours,
    "abirami2024": abirami2024,
    "lisbon2023": lisbon2023,
    "multiregion2024": multiregion2024,
    "gupta2024": gupta2024,
    "wang2024": wang2024,
}


def build_pipeline(name: str, *, size: int | None = None, **options: object) -> Pipeline:
    """The pipeline called ``name``, its input ``size`` pixels square (by default the paper's).

    ``options`` go to the pipeline's builder: ``extra=("clahe",)`` for gupta2024.
    Raises ``UnknownName`` for a pipeline that does not exist.

    >>> build_pipeline("ours", size=384).size
    384
    """
    if name not in PIPELINES:
        raise UnknownName("pipeline", name, PIPELINES)
    return PIPELINES[name](**options) if size is None else PIPELINES[name](size=size, **options)
