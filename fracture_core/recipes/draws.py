"""The random changes of training, drawn on single films for people to look at. No torch here.

The distributions and the order of steps are those of ``training.augmentation``, which changes whole batches on the
device; a test holds the two against each other. ``Augmentation.zoom``, which needs experts' regions, is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fracture_core.preprocessing import geometry
from fracture_core.recipes.base import Augmentation


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What chance decided for one film.

    Attributes:
        angle: degrees; ``scale`` a factor above 1 where the film is enlarged; ``shift`` shares of the side, right and
            down, in which the window moves.
        mirrored, upended: flipped left to right, top to bottom.
        gamma, gain, contrast: factors or exponents, 1 for no change; ``brightness`` added; ``noise`` a deviation.
        grain: the noise's seed.
    """

    angle: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    mirrored: bool = False
    upended: bool = False
    gamma: float = 1.0
    gain: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    noise: float = 0.0
    grain: int = 0

    def theta(self) -> np.ndarray:
        """float64 (2, 3): places in the result → places in the film, both in [-1, 1] as torch counts them."""
        cosine = math.cos(math.radians(self.angle)) / self.scale
        sine = math.sin(math.radians(self.angle)) / self.scale
        across, down = (-1 if self.mirrored else 1), (-1 if self.upended else 1)
        return np.array(
            [
                [cosine * across, -sine * down, 2 * self.shift[0]],
                [sine * across, cosine * down, 2 * self.shift[1]],
            ]
        )

    def __str__(self) -> str:
        said = [
            f"turned {abs(self.angle):.0f}°" if abs(self.angle) >= 0.5 else "",
            f"scaled × {self.scale:.2f}" if abs(self.scale - 1) >= 0.005 else "",
            "shifted" if any(abs(part) >= 0.005 for part in self.shift) else "",
            "mirrored" if self.mirrored else "",
            "upside down" if self.upended else "",
            f"gamma {self.gamma:.2f}" if abs(self.gamma - 1) >= 0.005 else "",
            f"gray levels × {self.gain:.2f}" if abs(self.gain - 1) >= 0.005 else "",
            f"contrast × {self.contrast:.2f}" if abs(self.contrast - 1) >= 0.005 else "",
            f"brightness {self.brightness:+.2f}" if abs(self.brightness) >= 0.005 else "",
            f"noise {100 * self.noise:.1f} %" if self.noise >= 0.0005 else "",
        ]
        return ", ".join(part for part in said if part) or "left as it is"


def draw(augmentation: Augmentation, *, rng: np.random.Generator) -> Drawn:
    """Draw the changes of one film."""

    def uniform(width: float) -> float:
        return float(rng.uniform(-width, width))

    scale = math.exp(uniform(math.log1p(augmentation.scale)))
    return Drawn(
        angle=uniform(augmentation.rotation),
        scale=scale / (1 - float(rng.uniform(0, augmentation.central_crop))),
        shift=(uniform(augmentation.shift), uniform(augmentation.shift)),
        mirrored=bool(rng.random() < augmentation.horizontal_flip),
        upended=bool(rng.random() < augmentation.vertical_flip),
        gamma=math.exp(uniform(math.log1p(augmentation.gamma))),
        gain=1 + uniform(augmentation.gain),
        contrast=1 + uniform(augmentation.contrast),
        brightness=uniform(augmentation.brightness),
        noise=float(rng.uniform(0, augmentation.noise)),
        grain=int(rng.integers(2**32)),
    )


def apply(drawn: Drawn, square: np.ndarray) -> np.ndarray:
    """Change a film: float32 (S, S) in [0, 1] → the same, black where it came from outside."""
    side = square.shape[0]
    if square.shape != (side, side) or square.dtype != np.float32:
        raise ValueError(f"expected a float32 square, got {square.dtype} {square.shape}")
    to_unit = geometry.compose(geometry.scaling(2 / side, 2 / side), geometry.translation(-1, -1))
    to_film = geometry.compose(to_unit, drawn.theta(), geometry.invert(to_unit))
    toned = geometry.warp(square, geometry.invert(to_film), (side, side))
    if drawn.gamma != 1:
        toned = np.clip(toned, 1e-4, 1) ** np.float32(drawn.gamma)
    if drawn.gain != 1:
        toned = np.clip(toned * np.float32(drawn.gain), 0, 1)
    mean = toned.mean()
    toned = (toned - mean) * np.float32(drawn.contrast) + mean + np.float32(drawn.brightness)
    if drawn.noise:
        grain = np.random.default_rng(drawn.grain).standard_normal(square.shape, dtype=np.float32)
        toned = toned + np.float32(drawn.noise) * grain
    return np.clip(toned, 0, 1).astype(np.float32, copy=False)
