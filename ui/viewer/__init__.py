"""The radiograph viewer: film and heatmap in the browser, with zoom and a slider from film to map.

Opacity, threshold and colours live in the browser: changing them costs the server nothing. Large films are scaled to
``LONGEST`` pixels for the screen; coordinates stay those of the source.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st

from fracture_core import overlay

LONGEST = 1600  # px of the film sent to the browser
LONGEST_MAP = 512  # px of the map; it is smooth, and enlarged by the browser

_HERE = Path(__file__).resolve().parent
_component = st.components.v2.component(
    "fracture_viewer",
    html='<div class="viewer"></div>',
    css=(_HERE / "viewer.css").read_text(encoding="utf-8"),
    js=(_HERE / "viewer.js").read_text(encoding="utf-8"),
)


def viewer(picture: dict[str, Any], *, key: str, heat: dict[str, Any] | None = None) -> None:
    """Show a film, with a map over it.

    Args:
        picture: from ``encode_film``.
        heat: from ``encode_heat``; None shows the film alone.
    """
    _component(data={**picture, "heat": heat, "tables": colour_tables()}, key=key)


def encode_film(pixels: np.ndarray, *, label: str, spacing: tuple[float, float] | None) -> dict[str, Any]:
    """A film as the viewer takes it: JPEG for the screen, size in source pixels, millimetres when known."""
    screen = overlay.to_uint8(overlay.fit_within(pixels, LONGEST))
    height, width = pixels.shape
    return {
        "film": overlay.data_url(overlay.encode_jpeg(screen, quality=92), "image/jpeg"),
        "width": width,
        "height": height,
        "label": label,
        "spacing": list(spacing) if spacing else None,
    }


def encode_heat(heat: np.ndarray, *, title: str, flat: bool) -> dict[str, Any]:
    """A map (float (H, W) in [0, 1], over the film) as the viewer takes it."""
    return {
        "image": overlay.data_url(overlay.encode_png(overlay.to_uint8(heat)), "image/png"),
        "title": title,
        "flat": flat,
    }


def map_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width at which a film's map is sent to the browser."""
    scale = min(1.0, LONGEST_MAP / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def colour_tables() -> dict[str, str]:
    """The colour maps as base64 of 256 RGB triples."""
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    return {
        name: base64.b64encode(cv2.cvtColor(cv2.applyColorMap(ramp, code), cv2.COLOR_BGR2RGB).tobytes()).decode(
            "ascii"
        )
        for name, code in overlay.COLOUR_MAPS.items()
    }
