"""The random transforms: each draws, from a generator, one deterministic transform with its own geometry.

So whatever chance decides, the drawn transform says where every pixel went, as any other step does.
Drawn transforms keep the image's shape and dtype, and fill with black what comes from outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from fracture_core.preprocessing import geometry
from fracture_core.preprocessing.geometry import Shape
from fracture_core.preprocessing.transforms import Transform, as_unit, like, shape_of

Range = tuple[float, float]

# What is drawn ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Unchanged(Transform):
    """Nothing happens: chance left the film as it is."""

    name: ClassVar[str] = "Left unchanged"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return image


@dataclass(frozen=True, kw_only=True)
class Flip(Transform):
    """Mirrored: left with right, or top with bottom."""

    name: ClassVar[str] = "Flip"
    axis: Literal["horizontal", "vertical"] = "horizontal"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(image[:, ::-1] if self.axis == "horizontal" else image[::-1])

    def matrix(self, shape: Shape) -> np.ndarray:
        signs = (-1.0, 1.0) if self.axis == "horizontal" else (1.0, -1.0)
        return geometry.about_centre(np.diag(signs), shape)


@dataclass(frozen=True, kw_only=True)
class Rotate(Transform):
    """Turned about the centre, counter-clockwise as seen, by ``degrees``."""

    name: ClassVar[str] = "Rotation"
    degrees: float = 0.0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return geometry.warp(image, self.matrix(shape_of(image)), shape_of(image))

    def matrix(self, shape: Shape) -> np.ndarray:
        cosine, sine = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        return geometry.about_centre(np.array([[cosine, sine], [-sine, cosine]]), shape)


@dataclass(frozen=True, kw_only=True)
class Scale(Transform):
    """Enlarged about the centre by ``factor`` (the rim is lost), or shrunk on black when below 1."""

    name: ClassVar[str] = "Scaling"
    factor: float = 1.0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return geometry.warp(image, self.matrix(shape_of(image)), shape_of(image))

    def matrix(self, shape: Shape) -> np.ndarray:
        return geometry.about_centre(np.eye(2) * self.factor, shape)


def adjust_tone(image: np.ndarray, *, brightness: float, contrast: float) -> np.ndarray:
    """Gray times ``brightness``, then its distance from the mean gray times ``contrast``."""
    unit = np.clip(as_unit(image) * np.float32(brightness), 0.0, 1.0)
    mean = unit.mean()
    return like(mean + (unit - mean) * np.float32(contrast), image)


@dataclass(frozen=True, kw_only=True)
class AdjustTone(Transform):
    """Brightness and contrast changed by a factor each."""

    name: ClassVar[str] = "Brightness and contrast"
    brightness: float = 1.0
    contrast: float = 1.0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return adjust_tone(image, brightness=self.brightness, contrast=self.contrast)


def add_noise(image: np.ndarray, *, sigma: float, seed: int) -> np.ndarray:
    """Gaussian noise of standard deviation ``sigma``, in units of the full gray range, added and clipped."""
    noise = np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32)
    return like(as_unit(image) + noise * np.float32(sigma), image)


@dataclass(frozen=True, kw_only=True)
class AddNoise(Transform):
    """Gaussian noise; ``seed`` fixes the grain."""

    name: ClassVar[str] = "Gaussian noise"
    sigma: float = 0.0
    seed: int = 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return add_noise(image, sigma=self.sigma, seed=self.seed)


# What draws -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RandomTransform:
    """An augmentation, for training alone: ``draw`` decides, the drawn transform acts."""

    name: ClassVar[str] = ""
    source: str = ""

    def draw(self, rng: np.random.Generator) -> Transform:
        """One deterministic transform, chosen by ``rng``."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class RandomHorizontalFlip(RandomTransform):
    """Mirrored left to right, or not."""

    name: ClassVar[str] = "Random horizontal flip"
    source: str = "multiregion2024, Data Preprocessing and Augmentation"
    probability: float = 0.5  # not stated; ours

    def draw(self, rng: np.random.Generator) -> Transform:
        flipped = rng.random() < self.probability
        return Flip(axis="horizontal", source=self.source) if flipped else Unchanged(source=self.source)


@dataclass(frozen=True, kw_only=True)
class RandomVerticalFlip(RandomTransform):
    """Mirrored top to bottom, or not."""

    name: ClassVar[str] = "Random vertical flip"
    source: str = "multiregion2024, Data Preprocessing and Augmentation"
    probability: float = 0.5  # not stated; ours

    def draw(self, rng: np.random.Generator) -> Transform:
        flipped = rng.random() < self.probability
        return Flip(axis="vertical", source=self.source) if flipped else Unchanged(source=self.source)


@dataclass(frozen=True, kw_only=True)
class RandomRotation(RandomTransform):
    """Turned by up to ``degrees`` either way."""

    name: ClassVar[str] = "Random rotation"
    source: str = "multiregion2024, Data Preprocessing and Augmentation; wang2024, Pre-processing"
    degrees: float = 15.0  # not stated; ours

    def draw(self, rng: np.random.Generator) -> Transform:
        return Rotate(degrees=rng.uniform(-self.degrees, self.degrees), source=self.source)


@dataclass(frozen=True, kw_only=True)
class RandomScaling(RandomTransform):
    """Enlarged or shrunk about the centre."""

    name: ClassVar[str] = "Random scaling"
    source: str = "wang2024, Pre-processing"
    factor: Range = (0.85, 1.15)  # not stated; ours

    def draw(self, rng: np.random.Generator) -> Transform:
        return Scale(factor=rng.uniform(*self.factor), source=self.source)


@dataclass(frozen=True, kw_only=True)
class RandomContrast(RandomTransform):
    """More or less contrast about the film's mean gray."""

    name: ClassVar[str] = "Random contrast"
    source: str = "wang2024, Pre-processing"
    contrast: Range = (0.8, 1.2)  # not stated; ours

    def draw(self, rng: np.random.Generator) -> Transform:
        return AdjustTone(contrast=rng.uniform(*self.contrast), source=self.source)


@dataclass(frozen=True, kw_only=True)
class ColourJitter(RandomTransform):
    """Brightness and contrast, the two parts of a colour jitter that a gray film can show."""

    name: ClassVar[str] = "Colour jitter"
    source: str = "multiregion2024, Data Preprocessing and Augmentation"
    brightness: Range = (0.8, 1.2)  # not stated; ours
    contrast: Range = (0.8, 1.2)  # not stated; ours

    def draw(self, rng: np.random.Generator) -> Transform:
        return AdjustTone(
            brightness=rng.uniform(*self.brightness),
            contrast=rng.uniform(*self.contrast),
            source=self.source,
        )


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(RandomTransform):
    """Noise of a standard deviation drawn from ``sigma``, in units of the full gray range."""

    name: ClassVar[str] = "Random Gaussian noise"
    source: str = "wang2024, Pre-processing"
    sigma: Range = (0.0, 0.04)  # not stated; ours

    def draw(self, rng: np.random.Generator) -> Transform:
        return AddNoise(sigma=rng.uniform(*self.sigma), seed=int(rng.integers(2**32)), source=self.source)


@dataclass(frozen=True, kw_only=True)
class RandomCentralCrop(RandomTransform):
    """A central part of random size, brought back to the full size: enlarging about the centre."""

    name: ClassVar[str] = "Random central crop"
    source: str = "gupta2024, Random Central Cropping"
    fraction: Range = (0.6, 1.0)  # of each side; not stated; ours

    def draw(self, rng: np.random.Generator) -> Transform:
        return Scale(factor=1.0 / rng.uniform(*self.fraction), source=self.source)
