"""A page for the viewer's own tests: phantom films, and the ways in which a page may disturb a drawing reader.

``?scene=edit`` (the default) draws; ``look`` only shows; ``pair`` shows two linked viewers.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fracture_core.marks import Mark
from fracture_core.phantom import radiograph
from ui.viewer import Drawn, Layer, confirm, drawn, encode_film, encode_heat, map_shape, viewer

WIDTH = 2400  # px: larger than what is sent for the screen


@st.cache_data
def film(seed: int) -> dict:
    phantom = radiograph(seed=seed, region="leg", fracture="oblique")
    height = round(phantom.pixels.shape[0] * WIDTH / phantom.pixels.shape[1])
    pixels = cv2.resize(phantom.pixels, (WIDTH, height), interpolation=cv2.INTER_CUBIC)
    spacing = phantom.spacing[0] * phantom.pixels.shape[1] / WIDTH
    return encode_film(np.clip(pixels, 0, 1), label=f"Film {seed}", spacing=(spacing, spacing))


@st.cache_data
def heat(seed: int, title: str, at: tuple[float, float]) -> dict:
    source = film(seed)
    height, width = map_shape((source["height"], source["width"]))
    y, x = np.mgrid[:height, :width]
    blob = np.exp(-(((x / width - at[0]) / 0.12) ** 2 + ((y / height - at[1]) / 0.08) ** 2))
    return encode_heat(blob.astype(np.float32), title=title, flat=False)


def others(seed: int) -> list[Layer]:
    phantom = radiograph(seed=seed, region="leg", fracture="oblique")
    scale = WIDTH / phantom.pixels.shape[1]
    truth = Mark("polygon", tuple((float(x * scale), float(y * scale)) for x, y in phantom.polygon), note="truth")
    low = np.array(truth.bounds[:2]) - 60
    high = np.array(truth.bounds[2:]) + 90
    box = Mark("box", ((float(low[0]), float(low[1])), (float(high[0]), float(high[1]))))
    return [Layer("Reader B", "#E69F00", (box,)), Layer("Consensus", "#009E73", (truth,), dashed=True)]


def told(value: Drawn | None) -> dict:
    if value is None:
        return {}
    marks = [mark.to_dict() for mark in value.marks]
    return {"revision": value.revision, "seconds": value.seconds, "film": value.film, "marks": marks}


def show(name: str, value: Drawn | None) -> None:
    st.html(f"<pre id='{name}' style='font-size:9px'>{json.dumps(told(value))}</pre>")


st.set_page_config(layout="wide")
st.html("<style>[data-testid=stMainBlockContainer] { padding-top: 1rem; }</style>")
scene = st.query_params.get("scene", "edit")
if scene == "pair":
    for column, seed in zip(st.columns(2), (4, 5), strict=True):
        with column:
            viewer(film(seed), key=f"pair {seed}", link="pair", layers=others(seed), heat=heat(seed, "A", (0.5, 0.5)))
elif scene == "look":
    maps = [heat(4, "ResNet", (0.4, 0.5)), heat(4, "DenseNet", (0.6, 0.5))]
    viewer(film(4), key="look", heats=maps, layers=others(4))
else:

    def heard() -> None:
        st.session_state.gestures = st.session_state.get("gestures", 0) + 1
        st.session_state.heard = drawn("edit")

    main, side = st.columns([4, 1])
    with side:
        st.button("Rerun")
        away = st.checkbox("Away")
        slow = st.checkbox("Slow")
        seed = st.selectbox("Film", [4, 5])
        if st.button("Replace marks"):
            st.session_state.served = (
                (Mark("box", ((100.0, 200.0), (700.0, 900.0)), id="served"),),
                st.session_state.heard.revision + 10 if "heard" in st.session_state else 10,
            )
    with main:
        if slow:
            time.sleep(1.5)
        if not away:
            marks, revision = st.session_state.get("served", ((), 0))
            layers = others(seed) if "layers" in st.query_params else []
            if "many" in st.query_params:
                st.write("A line above the film")
            value = viewer(
                film(seed), key="edit", marks=marks, revision=revision, layers=layers, on_change=heard, seconds=5.0
            )
            confirm("edit", revision=revision if value is None else value.revision, version=0)
            show("drawn", value)
            show("heard", st.session_state.get("heard"))
            st.html(f"<pre id='gestures'>{st.session_state.get('gestures', 0)}</pre>")
