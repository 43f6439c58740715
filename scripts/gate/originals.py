"""Parts of photographs, slices and terrain models that installed packages bring along."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image

from scripts.gate.parts import Picture, cut, pick, unit


def matplotlib_data(name: str) -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "sample_data" / name


@cache
def photograph_of(name: str) -> np.ndarray:
    """Gray photograph in [0, 1]: ``china`` and ``flower`` of scikit-learn, any other a file of matplotlib."""
    if name in ("china.jpg", "flower.jpg"):
        from sklearn.datasets import load_sample_image

        colour = load_sample_image(name).astype(np.float32)
    else:
        colour = np.asarray(Image.open(matplotlib_data(name)).convert("RGB"), dtype=np.float32)
    return colour @ np.array([0.299, 0.587, 0.114], np.float32) / 255


def photograph(*names: str) -> Picture:
    """Parts of photographs without their colour, which would give them away."""

    def draw(rng: Generator) -> np.ndarray:
        return cut(rng, photograph_of(pick(rng, names))) ** np.exp(rng.normal(0, 0.25))

    return draw


@cache
def slice_of(name: str) -> np.ndarray:
    """A real CT or MR slice in [0, 1]: a file of matplotlib or one of pydicom's."""
    if name.endswith(".gz"):
        with gzip.open(matplotlib_data(name)) as stream:
            values = np.frombuffer(stream.read(), ">u2").reshape(256, 256).astype(np.float32)
    else:
        import pydicom

        path = Path(pydicom.__file__).parent / "data" / "test_files" / name
        values = pydicom.dcmread(path).pixel_array.astype(np.float32)
        values = values.reshape(-1, *values.shape[-2:])[0]
    low, high = np.percentile(values, (0.5, 99.5))
    return np.clip((values - low) / (high - low), 0, 1)


def scan(*names: str) -> Picture:
    """Parts of real slices, turned, with other windows and sizes."""

    def draw(rng: Generator) -> np.ndarray:
        x = slice_of(pick(rng, names))
        x = np.rot90(cut(rng, x, 0.6) if rng.random() < 0.6 else x, int(rng.integers(4)))
        low, high = rng.uniform(0, 0.3), rng.uniform(0.6, 1)
        x = np.clip((x - low) / (high - low), 0, 1)
        scale = rng.uniform(1, 2.5) * max(1, 128 / min(x.shape))
        return cv2.resize(np.ascontiguousarray(x), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)

    return draw


def relief(rng: Generator) -> np.ndarray:
    """Parts of two terrain models, as heights or lit from a side."""
    name, field = pick(rng, (("jacksboro_fault_dem.npz", "elevation"), ("topobathy.npz", "topo")))
    with np.load(matplotlib_data(name)) as file:
        heights = unit(file[field].astype(np.float32))
    return cut(rng, heights if rng.random() < 0.5 else unit(cv2.Sobel(heights, cv2.CV_32F, 1, 1)), 0.35)
