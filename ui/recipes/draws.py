"""The random changes of training on a film: six draws, and six more for the asking."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fracture_core import overlay
from fracture_core.preprocessing import build_pipeline
from fracture_core.recipes import Augmentation, Recipe
from fracture_core.recipes.draws import apply, draw
from fracture_core.recipes.settings import augmentation_in_words
from ui import loaders
from ui.recipes.films import Shown, kept, pixels_of
from ui.recipes.steps import LONGEST

DRAWS = 6
WIDTH = 128  # px: six pictures side by side on a desk, two on a phone
_ROUND = "draws_round"  # session: how often was drawn again


def random_changes(shown: Shown, recipe: Recipe) -> None:
    """What the network sees of this film in training, drawn anew at the press of a button."""
    st.markdown("##### Random changes in training")
    words = augmentation_in_words(recipe.augmentation)
    if recipe.augmentation == Augmentation():
        st.caption("This recipe changes no film at random.")
        return
    st.caption(f"Drawn for each film each time it comes: {words}. Never in validation or test.")
    _six(shown, recipe)


@st.fragment
def _six(shown: Shown, recipe: Recipe) -> None:
    with loaders.error_boundary():
        again = int(st.session_state.setdefault(_ROUND, 0))
        rng = np.random.default_rng([again, *recipe.key.encode()])
        square = _square(shown, recipe)
        row = st.container(horizontal=True, gap="xsmall")
        for number in range(DRAWS):
            drawn = draw(recipe.augmentation, rng=rng)
            with row.container(width=WIDTH, gap="xxsmall"):
                gray = overlay.to_uint8(apply(drawn, square))
                picture = overlay.encode_jpeg(overlay.fit_within(gray, LONGEST // 2), quality=88)
                st.image(picture, width="stretch", alt=f"Draw {number + 1}: {drawn}")
                st.caption(str(drawn))
        st.button("Draw again", key="draw_again", icon=":material/casino:", on_click=_again)


def _again() -> None:
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _square(shown: Shown, recipe: Recipe) -> np.ndarray:
    """The film as the training cache holds it: float32 (S, S) in [0, 1]."""

    def compute() -> np.ndarray:
        options = dict(recipe.pipeline_options)
        square = build_pipeline(recipe.pipeline, size=recipe.size, **options).cached(pixels_of(shown.film))
        return square.astype(np.float32) / np.float32(255)

    name = f"square {recipe.pipeline} {recipe.size} {recipe.pipeline_options}"
    return kept(shown, name, compute, compute)
