"""Copies of a film turned by any angle, mirrored or not, or cut at an edge.

What lies in the disk that touches the frame's sides survives a turn about its centre, whatever becomes of the
corners. Sampled by radius and angle, a turn is a shift along the angle: its Fourier magnitudes do not change,
which proposes pairs, and one transform tries all angles at once, which confirms them (Fourier–Mellin
registration without the scale: Reddy and Chatterji, IEEE Trans. Image Process. 5:1266, 1996).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

# Thresholds: ours. In multi-region the pairs of turned copies exceed 0.995 and 0.955, other films stay below 0.985
# and 0.95. FracAtlas has other films that pass those; their detail stays below 0.79 upright and 0.82 turned, where
# the best of 512 turns is taken.
_PROPOSE: Final = 0.98
_CONFIRM: Final = 0.955
_DETAIL_UPRIGHT: Final = 0.80
_DETAIL_TURNED: Final = 0.84

_HARMONICS: Final = 16  # of the angle, from 0; finer ones are noise in thumbnails
_CHUNK: Final = 512  # pairs confirmed at once


@dataclass(frozen=True)
class RotatedCopy:
    """Two films of one exposure, one of them turned, mirrored or cut.

    Attributes:
        first, second: their places among the films compared, ``first`` before ``second``.
        degrees: turn of the first, anticlockwise, that gives the second, in (-180, 180]; of a film that is not
            square it is measured on the film squeezed into a square.
        mirrored: left and right change places before the turn.
        correlation: of the fine detail within the disk, after the turn.
    """

    first: int
    second: int
    degrees: float
    mirrored: bool
    correlation: float


def rotated_copies(views: np.ndarray, *, joined: np.ndarray | None = None) -> list[RotatedCopy]:
    """Copies under any rotation: as many pairs as it takes to join all films of an exposure, not all pairs.

    Args:
        views: uint8 (N, 2, 128, 128), of each film ``sketches.views_of``.
        joined: (N,) number shared by films already known as copies, among which no pair is looked for.
    """
    if len(views) < 2:
        return []
    group = np.arange(len(views)) if joined is None else np.array(joined)
    found: list[RotatedCopy] = []
    squares = views[:, 0]
    found += _copies(squares, group)
    if (views[:, 1] != squares).any():
        found += _copies(views[:, 1], group)
    return sorted(found, key=lambda copy: (copy.first, copy.second))


def _copies(images: np.ndarray, group: np.ndarray) -> list[RotatedCopy]:
    """Copies among (N, S, S); ``group`` is changed as films are joined, the likest first."""
    coarse = spectra(_halved(images), radii=28, angles=128)
    first, second = _candidates(coarse, group)
    found = []
    for start in range(0, len(first), _CHUNK):
        one, other = first[start : start + _CHUNK], second[start : start + _CHUNK]
        apart = group[one] != group[other]
        one, other = one[apart], other[apart]
        alike = _best_turn(coarse[one], coarse[other])[0] > _CONFIRM
        for copy in _confirmed(images, one[alike], other[alike]):
            if group[copy.first] != group[copy.second]:
                group[group == group[copy.second]] = group[copy.first]
                found.append(copy)
    return found


def _halved(images: np.ndarray) -> np.ndarray:
    count, side, _ = images.shape
    return images.reshape(count, side // 2, 2, side // 2, 2).mean(axis=(2, 4), dtype=np.float32)


def _candidates(spectrum: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs, likest first, whose magnitudes agree and that are not joined."""
    magnitude = np.abs(spectrum[:, :, :_HARMONICS])
    magnitude[:, :, 1:] *= np.sqrt(2)  # each stands for its negative frequency too
    rows = magnitude.reshape(len(magnitude), -1)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    found = []
    for start in range(0, len(rows), 1024):
        likeness = np.triu(rows[start : start + 1024] @ rows[start:].T, 1)
        one, other = np.nonzero(likeness > _PROPOSE)
        apart = group[one + start] != group[other + start]
        one, other = one[apart], other[apart]
        found.append((one + start, other + start, likeness[one, other]))
    first, second, likeness = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(-likeness, kind="stable")
    return first[order], second[order]


def _confirmed(images: np.ndarray, first: np.ndarray, second: np.ndarray) -> Iterator[RotatedCopy]:
    """The pairs whose fine detail agrees too: what bones of one kind share is coarse."""
    films, place = np.unique(np.concatenate([first, second]), return_inverse=True)
    fine = [image - cv2.GaussianBlur(image, (0, 0), 3) for image in images[films].astype(np.float32)]
    spectrum = spectra(np.array(fine).reshape(len(fine), *images.shape[1:]), radii=56, angles=256)
    likeness, degrees, mirrored = _best_turn(spectrum[place[: len(first)]], spectrum[place[len(first) :]])
    upright = ~mirrored & (np.abs(degrees) < 2)
    for pair in np.flatnonzero(likeness > np.where(upright, _DETAIL_UPRIGHT, _DETAIL_TURNED)):
        yield RotatedCopy(
            int(first[pair]), int(second[pair]), float(degrees[pair]), bool(mirrored[pair]), float(likeness[pair])
        )


def spectra(images: np.ndarray, *, radii: int, angles: int) -> np.ndarray:
    """Spectra along the angle of each film's disk, complex64 (N, radii, angles // 2 + 1).

    Rings weigh by their area; the disk has mean 0 and norm 1 (0 if even), so that products are correlations.
    """
    side = images.shape[-1]
    radius = np.linspace(3, side / 2 - 1.5, radii)[:, None]  # px; nearer the centre all angles are one pixel
    angle = 2 * np.pi * np.arange(angles) / angles
    columns = ((side - 1) / 2 + radius * np.cos(angle)).astype(np.float32)
    rows = ((side - 1) / 2 + radius * np.sin(angle)).astype(np.float32)
    weight = radius / radius.mean()
    found = np.empty((len(images), radii, angles // 2 + 1), np.complex64)
    for index, image in enumerate(images):
        disk = cv2.remap(image.astype(np.float32), columns, rows, cv2.INTER_LINEAR)
        disk = (disk - np.average(disk, weights=np.broadcast_to(weight, disk.shape))) * np.sqrt(weight)
        norm = float(np.linalg.norm(disk))
        found[index] = np.fft.rfft(disk / norm if norm > 1 else np.zeros_like(disk), axis=1)
    return found


def _best_turn(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Highest correlation of pairs of spectra over all turns, its turn in degrees, and whether it is mirrored."""
    angles = 2 * (first.shape[2] - 1)
    plain = np.fft.irfft((first * second.conj()).sum(axis=1), n=angles, axis=1)
    mirror = np.fft.irfft((first * second).sum(axis=1), n=angles, axis=1)
    mirrored = mirror.max(axis=1) > plain.max(axis=1)
    # mirrored left to right, angle a becomes 180 - a
    degrees = np.where(mirrored, 180 - mirror.argmax(axis=1) * 360 / angles, plain.argmax(axis=1) * 360 / angles)
    return np.maximum(plain.max(axis=1), mirror.max(axis=1)), 180 - (180 - degrees) % 360, mirrored
