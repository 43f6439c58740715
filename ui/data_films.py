"""Films of known data sets by their id, where they are at hand: small pictures, experts' outlines and heatmaps."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from fracture_core.errors import DataSetError, FractureError
from fracture_core.model_card.sources import belongs
from ui import loaders
from ui.films import Film
from ui.map_choice import best_map

if TYPE_CHECKING:
    import numpy as np

    from fracture_core.datasets import Case, DataSet
    from fracture_core.weights import Card

SIDE = 220  # px of a small picture, black around the film
OUTLINE = (86, 180, 233)  # ``ui.wording.SKY``, RGB: it reads on film and on the map's purples and yellows
_KEPT = 600  # small pictures: some 50 kB each


def films_at_hand(data: str) -> Mapping[str, Case]:
    """The films of a data set by the ids that run records name them with.

    Args:
        data: the data set's name, "fracatlas" say.

    Raises:
        DataSetError: they are not on this server; the message says how to bring them.
    """
    if data not in _folders():
        raise DataSetError(f"The films of '{data or 'this data set'}' are not kept by this server: names only.")
    folder, table = _folders()[data]
    root = Path(os.environ.get("FRACTURE_DATA", "")) / folder
    if not os.environ.get("FRACTURE_DATA") or not root.is_dir():
        raise DataSetError(
            f"The films are not on this server: set FRACTURE_DATA to the folder that holds '{folder}' to see them."
        )
    index = root / table
    return _by_id(data, root, index.stat().st_mtime_ns if index.is_file() else 0)


def _folders() -> dict[str, tuple[str, str]]:
    """Data set's name → its folder under ``$FRACTURE_DATA``, and the table in it that changes with its films."""
    return {"fracatlas": ("fracatlas", "dataset.csv"), "multiregion": ("multi_region", "index.csv")}


def _reader(data: str) -> Callable[[Path], DataSet]:
    from fracture_core.datasets import read_fracatlas, read_multiregion

    return {"fracatlas": read_fracatlas, "multiregion": read_multiregion}[data]


@lru_cache(maxsize=4)
def _by_id(data: str, root: Path, _changed: int) -> dict[str, Case]:
    return {case.id: case for case in _reader(data)(root).cases}


def card_of(run: Mapping[str, Any]) -> Card | None:
    """The card of the installed weights that a run made; None where they are not installed."""
    if not run.get("calibration"):
        return None
    try:
        cards = loaders.cards()
    except FractureError:
        return None  # the sidebar says why
    return next((card for card in cards if belongs(run, card)), None)


def as_film(case: Case, *, note: str = "") -> Film:
    """The film itself, as Classify takes it.

    Raises:
        DataSetError: its file is gone.
    """
    try:
        return Film(f"data-{case.id}", case.path.name, case.path.read_bytes(), note)
    except OSError as error:
        raise DataSetError(f"The film '{case.path.name}' is not there any more: restore the data set.") from error


def picture(case: Case, *, outlines: bool = False, card: Card | None = None) -> str:
    """A film as a small square picture, as a data URL.

    Args:
        outlines: whether the experts' outlines are drawn, where the data set has some.
        card: of the weights whose heatmap lies over the film; loads torch.

    Raises:
        FractureError: the film cannot be read, or the weights cannot.
    """
    import numpy as np

    from fracture_core import overlay

    small, height, width = _small(str(case.path), _changed(case))
    drawn = np.repeat(small[..., None], 3, axis=2)
    if card is not None:
        heat = _heat(str(case.path), _changed(case), card.name, card.identity, small.shape)
        drawn = overlay.blend(small / np.float32(255), heat)
    if outlines:
        drawn = _outlined(
            drawn, [polygon * (drawn.shape[1] / width, drawn.shape[0] / height) for polygon in case.polygons]
        )
    return overlay.data_url(overlay.encode_jpeg(_squared(drawn), quality=85), "image/jpeg")


def _changed(case: Case) -> int:
    try:
        return case.path.stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def _small(path: str, changed: int) -> tuple[np.ndarray, int, int]:
    """A film shrunk to uint8 (h, w) within ``SIDE``, and its own height and width."""
    from fracture_core import overlay
    from fracture_core.imaging import read_image

    film = read_image(path)
    return overlay.to_uint8(overlay.fit_within(film.pixels, SIDE)), film.height, film.width


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def _heat(path: str, changed: int, name: str, identity: str, shape: tuple[int, int]) -> np.ndarray:
    """A model's map of the class "fractured" over a film drawn at ``shape``, float16 in [0, 1]."""
    import numpy as np

    from fracture_core.explain import explain
    from fracture_core.imaging import read_image

    classifier = loaders.classifier(name)
    return explain(classifier, read_image(path), method=best_map(classifier.card)).drawn(shape).astype(np.float16)


def _outlined(drawn: np.ndarray, polygons: list[np.ndarray]) -> np.ndarray:
    """Outlines, each (N, 2) in the picture's pixels, with a dark rim so that they read on bone as on black."""
    import cv2
    import numpy as np

    drawn = np.ascontiguousarray(drawn)
    fine = 4  # bits of a pixel's fraction
    rings = [np.round(polygon * 2**fine).astype(np.int32)[:, None] for polygon in polygons]
    for colour, thickness in (((0, 0, 0), 3), (OUTLINE, 1)):
        cv2.polylines(drawn, rings, True, colour, thickness, cv2.LINE_AA, fine)
    return drawn


def _squared(drawn: np.ndarray) -> np.ndarray:
    import numpy as np

    height, width = drawn.shape[:2]
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    square[top : top + height, left : left + width] = drawn
    return square
