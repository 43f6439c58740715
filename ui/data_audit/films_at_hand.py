"""The films that an audit names, where this server has them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from fracture_core.datasets import Case, open_data
from fracture_core.errors import FractureError
from fracture_core.overlay import fit_within, to_uint8

FOLDERS = {"fracatlas": "fracatlas", "multiregion": "multi_region"}
"""Data set's name → its folder below ``$FRACTURE_DATA``."""
SIDE = 320  # px of each film in a picture
_GAP = 8  # px between the films of a pair


def cases_of(name: str) -> Mapping[str, Case]:
    """The cases of a known data set by id; none where ``$FRACTURE_DATA`` does not hold it."""
    root = os.environ.get("FRACTURE_DATA")
    if not root or name not in FOLDERS:
        return {}
    folder = Path(root) / FOLDERS[name]
    return _cases(str(folder)) if folder.is_dir() else {}


@st.cache_resource(show_spinner="Looking for the films", max_entries=4)
def _cases(folder: str) -> Mapping[str, Case]:
    try:
        return {case.id: case for case in open_data(folder).cases}
    except (FractureError, OSError):
        return {}


def pictured(cases: Sequence[Case | None]) -> np.ndarray:
    """Films side by side as one picture, uint8 (SIDE, width), each on a black square; gray where none can be read.

    One picture and not several, so that they stay side by side on a phone.
    """
    squares = [_square(str(case.path), _changed(case.path)) if case is not None else None for case in cases]
    gap = np.zeros((SIDE, _GAP), np.uint8)
    parts: list[np.ndarray] = []
    for square in squares:
        parts += [gap, np.full((SIDE, SIDE), 96, np.uint8) if square is None else square]
    return np.hstack(parts[1:])


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_data(show_spinner=False, max_entries=400)
def _square(path: str, _changed: int) -> np.ndarray | None:
    from fracture_core.imaging import read_image

    try:
        small = to_uint8(fit_within(read_image(path).pixels, SIDE))
    except (FractureError, OSError):
        return None
    square = np.zeros((SIDE, SIDE), np.uint8)
    height, width = small.shape
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    square[top : top + height, left : left + width] = small
    return square
