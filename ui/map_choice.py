"""Which map a page shows of a model."""

from __future__ import annotations

import streamlit as st

from fracture_core.models import MODELS
from fracture_core.weights import Card

METHOD = "method"  # key of the choice, in the session and in the address


def maps_of(card: Card) -> list[str]:
    """The methods that explain a model, the one that suits it best first."""
    from fracture_core.explain import methods_for

    return methods_for(points=card.model in MODELS and MODELS[card.model].points)


def best_map(card: Card) -> str:
    return maps_of(card)[0]


def fitting_map(card: Card, method: str) -> str:
    """The method asked for, or the model's best one where it cannot be had of this model."""
    return method if method in maps_of(card) else best_map(card)


def choose_map(card: Card) -> str:
    """Ask for a method, that of the address or the best one at first."""
    from fracture_core.explain import METHODS

    known = maps_of(card)
    if st.session_state.get(METHOD) not in known:
        st.session_state.pop(METHOD, None)  # another model's
    return str(
        st.selectbox(
            "Map",
            known,
            format_func=lambda name: METHODS[name].title,
            key=METHOD,
            bind="query-params",
            help="How the map is computed from the network's last feature maps.",
        )
    )
