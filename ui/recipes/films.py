"""The film that a pipeline is shown on: a drawn one, one of FracAtlas, or the visitor's, which is kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import streamlit as st

from fracture_core import weights
from fracture_core.recipes import Recipe
from ui.films import Film, fracatlas_samples, synthetic_samples, uploaded_film

_HELD = "recipes_own_film"  # session: what was computed on the visitor's film, forgotten with the page
T = TypeVar("T")


@dataclass(frozen=True)
class Shown:
    """A film, and whether it is the visitor's own."""

    film: Film
    own: bool = False


def film_to_show(recipe: Recipe) -> Shown | None:
    """Ask for a film; None while there is none."""
    samples = {_label(film): film for film in sample_films(recipe)}
    left, right = st.columns(2, vertical_alignment="bottom")
    dropped = right.file_uploader(
        "Or a film of your own: DICOM, PNG, JPEG, TIFF, BMP or WebP",
        key="recipe_film",
        help="It stays on this machine, in this page's memory, and is forgotten with it.",
    )
    label = left.selectbox(
        "Film",
        list(samples),
        key="sample",
        bind="query-params",
        disabled=dropped is not None,
        help="Your own film is shown; remove it to choose here." if dropped is not None else None,
    )
    if dropped is not None:
        return Shown(uploaded_film(dropped.name, dropped.getvalue()), own=True)
    st.session_state.pop(_HELD, None)
    return Shown(samples[label]) if label is not None else None


def sample_films(recipe: Recipe) -> list[Film]:
    """Films that are at hand without asking; for the paper on CT a slice comes first."""
    slices = [_slice()] if recipe.pipeline == "wang2024" else []
    return [*slices, *synthetic_samples(), *fracatlas_samples(_examples())]


def _label(film: Film) -> str:
    """What tells a film from the others, in the list and in the address."""
    return f"{film.note} {film.name}" if film.key.startswith("fracatlas") else film.note


def _examples() -> list[str]:
    """FracAtlas films that the default model was not trained on."""
    if weights.DEFAULT not in weights.installed():
        return []
    return [str(name) for name in weights.load_card(weights.DEFAULT).data.get("examples", [])]


@st.cache_data(show_spinner=False)
def _slice() -> Film:
    from fracture_core import phantom

    slices = phantom.ct_series(seed=1, patient_id="synthetic", slices=3)
    return Film("sample-ct", "ankle_ct_synthetic.dcm", slices[1].data, "Ankle CT slice (synthetic)")


def pixels_of(film: Film) -> np.ndarray:
    """The film decoded: float32 (H, W) in [0, 1], bone bright.

    Raises:
        UnreadableImage: it cannot be decoded.
    """
    from fracture_core.imaging import read_image

    return read_image(film.content, name=film.name).pixels


def kept(shown: Shown, name: str, compute: Callable[[], T], cached: Callable[[], T]) -> T:
    """A result on a film: of a sample from the server's cache, of the visitor's own from the session alone.

    Args:
        name: of the result; the session holds those of one film.
        compute, cached: the work, plain and through ``st.cache_data``.
    """
    if not shown.own:
        return cached()
    key, results = st.session_state.get(_HELD, ("", {}))
    if key != shown.film.key:
        results = {}
        st.session_state[_HELD] = (shown.film.key, results)
    if name not in results:
        results[name] = compute()
    found: T = results[name]
    return found
