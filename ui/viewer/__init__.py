"""The radiograph viewer: film, maps and marks in the browser, the same on every page.

The browser owns how a film is looked at (zoom, window, opacity, layers) and what is drawn on it; that costs the
server nothing. The server hears of every finished gesture. Large films are scaled to ``LONGEST`` pixels for the
screen; coordinates stay those of the source.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st

from fracture_core import overlay
from fracture_core.marks import Mark

LONGEST = 1600  # px of the film sent to the browser
LONGEST_MAP = 512  # px of the map; it is smooth, and enlarged by the browser
SKY = "#56B4E9"  # Okabe and Ito's

_HERE = Path(__file__).resolve().parent
# a module after those that it imports from
MODULES = (
    "geometry",
    "camera",
    "window",
    "stopwatch",
    "heat",
    "state",
    "drawing",
    "controls",
    "dress",
    "panel",
    "pointer",
    "keyboard",
    "viewer",
)
_IMPORT = re.compile(r'^import\s[^;]*?from\s"\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def joined(sources: Sequence[str]) -> str:
    """JavaScript modules as one: a component takes a single text. The names they share must be unlike."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", source)) for source in sources)


def script() -> str:
    """The viewer's JavaScript."""
    return joined([(_HERE / f"{name}.js").read_text(encoding="utf-8") for name in MODULES])


_component = st.components.v2.component(
    "fracture_viewer",
    html='<div class="viewer"></div>',
    css=(_HERE / "viewer.css").read_text(encoding="utf-8"),
    js=script(),
)


@dataclass(frozen=True)
class Layer:
    """Marks that are only shown, under a name and a colour, with a chip to switch them off.

    Attributes:
        shown: whether they are on at first.
        dashed: drawn with broken lines.
    """

    name: str
    colour: str
    marks: tuple[Mark, ...]
    shown: bool = True
    dashed: bool = False


@dataclass(frozen=True)
class Drawn:
    """What came back from the browser.

    Attributes:
        marks: all of the reader's marks, in source pixels.
        revision: counts gestures, from the ``revision`` that ``viewer`` was given.
        seconds: time in which the page was visible and its reader active, up to the last gesture, from the
            ``seconds`` that ``viewer`` was given.
        film: identity of the film they were drawn on, as ``encode_film`` gave it.
        version: that of the draft which ``confirm`` had told last at the last gesture; None before it has told any.
    """

    marks: tuple[Mark, ...]
    revision: int
    seconds: float
    film: str = ""
    version: int | None = None


def viewer(
    picture: Mapping[str, Any],
    *,
    key: str,
    heat: Mapping[str, Any] | None = None,
    heats: Sequence[Mapping[str, Any]] = (),
    layers: Sequence[Layer] = (),
    marks: Sequence[Mark] | None = None,
    colour: str = SKY,
    revision: int = 0,
    version: int | None = None,
    seconds: float = 0.0,
    link: str | None = None,
    on_change: Callable[[], None] | None = None,
) -> Drawn | None:
    """Show a film, with maps and marks over it, and let the reader draw.

    What the browser holds is taken while its revision is not below ``revision``; hand back ``Drawn.revision`` and
    raise it only to put other marks in place. A film shown anew after another one begins with ``marks``. Readings
    that must not see each other's marks need keys of their own.

    Args:
        picture: from ``encode_film``.
        key: of this viewer; what it holds is kept by it.
        heat: from ``encode_heat``; None shows no map.
        heats: more maps, of which one is seen at a time.
        layers: marks that are only shown.
        marks: those to begin with; None lets nothing be drawn.
        colour: of the reader's marks.
        revision: that of ``marks``.
        version: of the draft that ``marks`` are in. What the browser has drawn upon this very version, and the server
            has never heard of, stays though ``revision`` is above it.
        seconds: spent on this film before.
        link: viewers with the same link zoom and move together.
        on_change: called after a gesture, before the page runs; ``drawn(key)`` holds the gesture's result there.

    Returns:
        What was drawn on this film since it was opened; None before the first gesture.
    """
    maps = [*([heat] if heat is not None else []), *heats]
    known = None
    edit = None
    if marks is not None:
        opening = _opening(key, picture["identity"])
        known = _known(key, picture["identity"], opening, revision)
        # once the browser has told its marks they are left to it: the data stay the same, and are not sent again
        edit = {
            "marks": None if known else [mark.to_dict() for mark in marks],
            "revision": 0 if known else revision,
            "version": None if known else version,
            "seconds": 0.0 if known else seconds,
            "opening": opening,
            "colour": colour,
        }
    _component(
        data={
            **picture,
            "key": key,
            "heats": maps,
            "tables": colour_tables(),
            "layers": [_layer(layer) for layer in layers],
            "edit": edit,
            "link": link,
        },
        key=key,
        on_drawing_change=on_change or _nothing,
    )
    return known


def confirm(key: str, *, revision: int, version: int) -> None:
    """Tell the browser up to which gesture a viewer's marks are kept, and as which version of the draft.

    What it has drawn above that it sends again. It is told beside the viewer, by an element of which nothing is
    seen: with the viewer's own data the film would be sent again.
    """
    st.html(f'<i class="viewer-kept" data-key="{html.escape(key)}" data-at="{revision} {version}"></i>')


def drawn(key: str) -> Drawn | None:
    """The last gesture's result of a viewer; for callbacks, which run before the page does."""
    state = (st.session_state.get(key) or {}).get("drawing")
    if not state or "marks" not in state:
        return None
    marks = tuple(Mark.from_dict(mark) for mark in state["marks"])
    return Drawn(marks, int(state["revision"]), float(state["seconds"]), str(state["film"]), state.get("version"))


def encode_film(
    pixels: np.ndarray, *, label: str, spacing: tuple[float, float] | None, identity: str | None = None
) -> dict[str, Any]:
    """A film as the viewer takes it: JPEG for the screen, size in source pixels, millimetres when known.

    Args:
        pixels: float (H, W) in [0, 1].
        spacing: row and column spacing in mm.
        identity: tells the film from others, such as its sha256; by default that of the picture.
    """
    content = overlay.encode_jpeg(overlay.to_uint8(overlay.fit_within(pixels, LONGEST)), quality=92)
    height, width = pixels.shape
    return {
        "film": overlay.data_url(content, "image/jpeg"),
        "identity": identity or hashlib.sha256(content).hexdigest(),
        "width": width,
        "height": height,
        "label": label,
        "spacing": list(spacing) if spacing else None,
    }


def encode_heat(heat: np.ndarray, *, title: str, flat: bool, knows_class: bool = True) -> dict[str, Any]:
    """A map (float (H, W) in [0, 1], over the film) as the viewer takes it."""
    return {
        "image": overlay.data_url(overlay.encode_png(overlay.to_uint8(heat)), "image/png"),
        "title": title,
        "flat": flat,
        "knowsClass": knows_class,
    }


def map_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width at which a film's map is sent to the browser."""
    scale = min(1.0, LONGEST_MAP / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


@cache
def colour_tables() -> dict[str, str]:
    """The colour maps as base64 of 256 RGB triples."""
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    return {
        name: base64.b64encode(cv2.cvtColor(cv2.applyColorMap(ramp, code), cv2.COLOR_BGR2RGB).tobytes()).decode(
            "ascii"
        )
        for name, code in overlay.COLOUR_MAPS.items()
    }


def _opening(key: str, identity: str) -> int:
    """Counts the films a viewer has shown in this session, so that one shown again is told from its first showing."""
    name = f"{key} opening"
    before, count = st.session_state.get(name, (identity, 0))
    if before != identity:
        count += 1
    st.session_state[name] = (identity, count)
    return int(count)


def _known(key: str, identity: str, opening: int, revision: int) -> Drawn | None:
    """What the browser has told of this showing of the film, unless the page has newer marks."""
    state = (st.session_state.get(key) or {}).get("drawing") or {}
    if (state.get("film"), state.get("opening")) != (identity, opening):
        return None
    told = drawn(key)
    return told if told is not None and told.revision >= revision else None


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "colour": layer.colour,
        "marks": [mark.to_dict() for mark in layer.marks],
        "shown": layer.shown,
        "dashed": layer.dashed,
    }


def _nothing() -> None:
    """The browser's state is kept only where something listens."""
