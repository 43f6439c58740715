"""What every page shares: settings in the sidebar, the error boundary, the footer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fracture_core import RESEARCH_ONLY, __version__
from fracture_core.errors import FractureError
from fracture_core.weights import Card
from ui import loaders
from ui.wording import BLUE, OPERATING_POINTS, meaning, told_apart

MODEL, POINT = "model", "point"  # keys of the sidebar's choices, in the session and in the address

_STYLE = """
<style>
[data-testid="stMainBlockContainer"] { padding-top: 2.6rem; padding-bottom: 2rem; }
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding-top: 4rem; } }
/* the dark theme's sky blue is for words on dark; white words need a darker ground, the light theme's */
button[data-testid^="stBaseButton-primary"]:enabled { background: %s; border-color: %s; color: white; }
button[data-testid^="stBaseButton-primary"]:enabled:hover { filter: brightness(0.88); }
[data-testid="stMultiSelectTagsContainer"] [data-tag] { background: %s; color: white; }
</style>
""".replace("%s", BLUE)


@contextmanager
def frame(*, answers: bool) -> Iterator[None]:
    """Draw sidebar and footer around a page's body.

    Args:
        answers: whether the page asks a model; torch is then loaded behind the visitor's back.
    """
    if answers:
        loaders.warm_up()
    st.html(_STYLE)
    card = None
    with st.sidebar, loaders.error_boundary():
        card = _settings()
    loaders.tell()
    with loaders.error_boundary():
        yield
    st.divider()
    weights = f" · model {card.name}, weights {card.sha256[:8]}" if card is not None else ""
    st.caption(f"{RESEARCH_ONLY} Version {__version__}{weights}.")


def _settings() -> Card:
    cards = {card.name: card for card in loaders.cards()}
    if not cards:
        loaders.classifier("default")  # raises the error that names the remedy
    name = st.selectbox(
        "Model",
        list(cards),
        format_func=told_apart({name: card.title for name, card in cards.items()}).__getitem__,
        key=MODEL,
        bind="query-params",
    )
    points = cards[name].operating_points
    st.radio(
        "Operating point",
        [point for point in OPERATING_POINTS if point in points],
        format_func=lambda point: OPERATING_POINTS[point][0],
        captions=[OPERATING_POINTS[point][1] for point in OPERATING_POINTS if point in points],
        key=POINT,
        bind="query-params",
        help="Where the line between the two answers is drawn. Thresholds were chosen on validation films.",
    )
    point = points[st.session_state[POINT]]
    st.caption(f"On {point.sensitivity.n + point.specificity.n} test films {meaning(point)} (95 % intervals).")
    return cards[name]


def room_for(view: str, views: Iterable[str]) -> DeltaGenerator:
    """The place of one of the views that take turns on a page.

    Each has a place of its own, and those of the others are emptied first: what stood there would fade beside this
    view until all of it is there.
    """
    places = {name: st.container() if name == view else st.empty() for name in views}
    return places[view]


def chosen() -> tuple[Card, str]:
    """The card and the operating point chosen in the sidebar.

    Raises:
        FractureError: no model is installed.
    """
    cards = {card.name: card for card in loaders.cards()}
    name = st.session_state.get(MODEL)
    if name not in cards:
        raise FractureError("No trained model is installed; see the note in the sidebar.")
    return cards[name], st.session_state[POINT]
