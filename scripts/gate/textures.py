"""Plain grounds, noise, textures and plain shapes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from scripts.gate.parts import blob, blurred, canvas, grained, pick, speckle, spectrum, unit


def blank(rng: Generator) -> np.ndarray:
    """One tone, hardly any slope or grain, an empty field, or a soft light."""
    height, width = canvas(rng)
    x, kind = np.full((height, width), rng.uniform(0, 1)), int(rng.integers(6))
    if kind == 1:
        return grained(rng, x, rng.uniform(0.002, 0.02))
    if kind == 2:
        return x + np.linspace(-0.1, 0.1, width) * rng.uniform(0.02, 1)
    if kind == 3:
        x[:] = 0
        x[height // 8 : -height // 8, width // 8 : -width // 8] = rng.uniform(0.1, 1)
    if kind == 4:
        y, z = np.mgrid[:height, :width]
        x = np.clip(1 - np.hypot(y / height - 0.5, z / width - 0.5) * rng.uniform(0.2, 1.6), 0, 1)
    return grained(rng, np.round(x), 0.004) if kind == 5 else x


def gradient(rng: Generator) -> np.ndarray:
    height, width = canvas(rng)
    y, x = np.mgrid[:height, :width] / max(height, width)
    angle = rng.uniform(0, 6.3)
    linear = rng.random() < 0.5
    field = x * np.cos(angle) + y * np.sin(angle) if linear else np.hypot(y - rng.random(), x - rng.random())
    return grained(rng, unit(field) ** np.exp(rng.normal(0, 0.5)), rng.choice([0, 0.01, 0.05]))


def noise(rng: Generator) -> np.ndarray:
    """Uniform, Gaussian, blurred or binary."""
    shape, kind = canvas(rng), int(rng.integers(4))
    if kind == 0:
        return rng.random(shape)
    if kind == 1:
        return grained(rng, np.full(shape, 0.5), 0.2)
    if kind == 2:
        return unit(blurred(rng.standard_normal(shape), rng.uniform(0.5, 12)))
    return rng.random(shape) < rng.uniform(0.02, 0.9)


def other_noise(rng: Generator) -> np.ndarray:
    """Poisson, salt and pepper, exponential, of several octaves, of lines, of blocks, speckle."""
    height, width = canvas(rng)
    kind = int(rng.integers(7))
    if kind == 0:
        return rng.poisson(rng.uniform(0.3, 20), (height, width)) / 40
    if kind == 1:
        grain = rng.random((height, width))
        return np.where(grain < 0.1, 0, np.where(grain > 0.9, 1, rng.random()))
    if kind == 2:
        return unit(rng.exponential(size=(height, width)))
    if kind == 3:
        fall, size = rng.uniform(0.3, 1), (width, height)
        layers = [rng.random((2**octave + 1, 2**octave + 1)) * fall**octave for octave in range(1, 7)]
        return unit(np.sum([cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in layers], axis=0))
    if kind == 4:
        return unit(rng.standard_normal((height, 1)) + 0.3 * rng.standard_normal((height, width)))
    if kind == 5:
        side = int(rng.integers(3, 40))
        coarse = rng.random((height // side + 1, width // side + 1))
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return speckle(rng, (height, width), 2)


def clouds(rng: Generator) -> np.ndarray:
    return spectrum(rng, *canvas(rng), rng.uniform(0.4, 2.6)) ** np.exp(rng.normal(0, 0.4))


def pattern(rng: Generator) -> np.ndarray:
    """Checks, stripes, waves or dots."""
    height, width = canvas(rng)
    y, x = np.mgrid[:height, :width]
    period, angle, kind = rng.uniform(6, 90), rng.uniform(0, 6.3), int(rng.integers(4))
    u, v = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    if kind == 0:
        x = (u // period + v // period) % 2
    elif kind == 1:
        x = u // period % 2
    elif kind == 2:
        x = 0.5 + 0.5 * np.sin(2 * np.pi * u / period)
    else:
        x = np.hypot(u % period - period / 2, v % period - period / 2) < period * rng.uniform(0.15, 0.45)
    return grained(rng, x * rng.uniform(0.4, 1), rng.choice([0, 0.03]))


def leaves(rng: Generator) -> np.ndarray:
    """Shapes of all sizes, each with its texture, covering one another: photographs' statistics without objects."""
    shape = canvas(rng)
    textures = [spectrum(rng, *shape, slope) for slope in (0.8, 1.3, 1.8)]
    x, round_ = np.full(shape, rng.random(), np.float32), rng.random() < 0.4
    radii = np.minimum(rng.pareto(1.6, int(rng.integers(20, 260))) * 8 + 4, min(shape) / 2.2)
    for radius in sorted(radii, reverse=True):
        centre = (float(rng.integers(shape[1])), float(rng.integers(shape[0])))
        if round_:
            mask = blob(rng, shape, centre, (radius, radius * rng.uniform(0.3, 1)), wobble=rng.uniform(0, 0.3))
        else:
            angle = np.sort(rng.uniform(0, 6.3, int(rng.integers(3, 7))))
            corners = np.array(centre) + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
            mask = cv2.fillPoly(np.zeros(shape, np.uint8), [corners.astype(np.int32)], 1).astype(bool)
        x[mask] = rng.random() + (pick(rng, textures)[mask] - 0.5) * rng.uniform(0, 0.9)
    if rng.random() < 0.6:
        x = x * (0.5 + 0.5 * spectrum(rng, *shape, 2.2))
    return grained(rng, blurred(x, rng.uniform(0, 1.5)), rng.uniform(0, 0.03))


def cells(rng: Generator) -> np.ndarray:
    from scipy.spatial import cKDTree

    height, width = canvas(rng)
    seeds = rng.uniform(size=(int(rng.integers(20, 500)), 2)) * [height, width]
    places = np.stack(np.mgrid[:height, :width], axis=-1)
    distance, nearest = cKDTree(seeds).query(places, k=2)
    kind = int(rng.integers(3))
    if kind == 0:
        return grained(rng, unit(distance[..., 0]), 0.02)
    if kind == 1:
        return grained(rng, unit(np.minimum(distance[..., 1] - distance[..., 0], 6)), 0.02)
    return grained(rng, rng.random(len(seeds))[nearest[..., 0]], 0.02)


def bricks(rng: Generator) -> np.ndarray:
    height, width = canvas(rng)
    h, w = int(rng.integers(10, 50)), int(rng.integers(20, 110))
    y, x = np.mgrid[:height, :width]
    x = x + y // h % 2 * (w // 2)
    tones = rng.random((height // h + 2, (width + w) // w + 3))[y // h, x // w]
    wall = np.where((y % h < 3) | (x % w < 3), 0.2, 0.4 + 0.4 * tones)
    return grained(rng, wall * (0.6 + 0.4 * spectrum(rng, height, width, 1.2)), 0.02)


def emblem(rng: Generator) -> np.ndarray:
    """A few plain shapes on a plain ground: icons, marks, masks."""
    shape = canvas(rng)
    x = np.full(shape, rng.choice([0, 1, rng.random()]))
    for _ in range(int(rng.integers(1, 7))):
        centre = (rng.uniform(0.2, 0.8) * shape[1], rng.uniform(0.2, 0.8) * shape[0])
        radii = (rng.uniform(0.06, 0.4) * shape[1], rng.uniform(0.06, 0.4) * shape[0])
        mask = blob(rng, shape, centre, radii, wobble=rng.uniform(0, 0.25))
        if rng.random() < 0.3:
            mask ^= cv2.erode(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
        x[mask] = rng.random()
    return blurred(x, rng.uniform(0, 1))


def wood(rng: Generator) -> np.ndarray:
    height, width = canvas(rng)
    bend = spectrum(rng, height, width, 2.2) * rng.uniform(6, 40)
    return unit(np.sin(np.arange(width) / rng.uniform(4, 20) + bend) + 0.6 * spectrum(rng, height, width, 1))


def weave(rng: Generator) -> np.ndarray:
    height, width = canvas(rng)
    y, x = np.mgrid[:height, :width] * (2 * np.pi / rng.uniform(5, 26))
    over = np.maximum(np.sin(x) * (np.sin(y / 2) > 0), np.sin(y) * (np.sin(x / 2) > 0))
    return grained(rng, unit(over), 0.05)


def marble(rng: Generator) -> np.ndarray:
    veins = np.sin(spectrum(rng, *canvas(rng), 1.9) * rng.uniform(8, 50))
    return unit(np.abs(veins) ** rng.uniform(0.2, 1.5))


def coral(rng: Generator) -> np.ndarray:
    """What reaction and diffusion leave behind: winding bands of one width."""
    x, width = rng.standard_normal((256, 256)), rng.uniform(1.2, 4)
    for _ in range(12):
        x = np.tanh(20 * (blurred(x, width) - blurred(x, width * 1.6)))
    return unit(cv2.resize(x, canvas(rng)))
