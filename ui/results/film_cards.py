"""Films as small cards that wrap to the width at hand, or by name where the films are not at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from fracture_core.errors import FractureError
from ui import data_films, figures
from ui.films import SELECTED, tray
from ui.wording import FINDINGS

if TYPE_CHECKING:
    from fracture_core.datasets import Case
    from fracture_core.weights import Card

PAGE = 12  # cards
WIDTH = 150  # px of a picture: two cards side by side on a phone


@dataclass(frozen=True)
class FilmCard:
    """What a card says of a film.

    Attributes:
        id: of the film in its data set.
        label: 1 fractured, 0 not fractured.
        region: body region; empty where not stated.
        scores: name of the run ("" for the only one) → calibrated probability.
    """

    id: str
    label: int
    region: str
    scores: Mapping[str, float]

    @property
    def place(self) -> str:
        """The body region; empty where the data set states none."""
        from fracture_core.datasets.class_folders import NOT_STATED

        return "" if self.region == NOT_STATED else self.region

    @property
    def row(self) -> dict[str, Any]:
        """The card as a line of a table."""
        scores = {f"score of {name}" if name else "score": score for name, score in self.scores.items()}
        return {"film": self.id, "region": self.region, "truth": truth(self.label), **scores}


@dataclass(frozen=True)
class Look:
    """How films are shown: where they lie, with experts' outlines or without, and whose heatmaps over them.

    Attributes:
        films: id → case; empty where the films are not at hand.
        outlines: draw the experts' outlines.
        maps: name of the run → card of its weights, for each map to draw; empty for the bare film.
    """

    films: Mapping[str, Case]
    outlines: bool = False
    maps: tuple[tuple[str, Card], ...] = ()


def truth(label: int) -> str:
    """A label in words."""
    return "fractured" if label else "not fractured"


def choose_look(runs: Mapping[str, Mapping[str, Any]], *, key: str) -> Look:
    """Ask how the films of some runs of one data set are shown.

    Args:
        runs: name → outline of the run.
        key: of the choices in the address.
    """
    data = str((next(iter(runs.values())).get("data") or {}).get("name") or "")
    try:
        films = data_films.films_at_hand(data)
    except FractureError as error:
        st.info(str(error), icon=":material/hide_image:")
        return Look({})
    row = st.container(horizontal=True, vertical_alignment="center")
    outlined = any(case.polygons for case in films.values())
    outlines = outlined and row.toggle(
        "Experts' outlines", value=True, key=f"{key}_outlines", bind="query-params", help="Drawn in blue."
    )
    cards = {name: data_films.card_of(run) for name, run in runs.items()}
    maps = tuple((name, card) for name, card in cards.items() if card is not None)
    without = [name for name, card in cards.items() if card is None]
    if maps and row.toggle(
        "Show heatmaps",
        key=f"{key}_maps",
        bind="query-params",
        help="The map that suits the run's weights best. A film without colours has a blank map.",
    ):
        whose = f"of {maps[0][0]} only" if without and maps[0][0] else ""
        if whose:
            row.caption(f"Maps {whose}: the weights of {without[0]} are not installed.")
        return Look(films, bool(outlines), maps)
    if not maps:
        row.caption(
            "No heatmaps: the run's weights are not installed."
            if len(runs) == 1
            else "No heatmaps: the weights of neither run are installed."
        )
    return Look(films, bool(outlines))


def paged(cards: Sequence[FilmCard], *, key: str) -> Sequence[FilmCard]:
    """The cards of the page that is open, with the way to the others under the place where they will stand."""
    pages = -(-len(cards) // PAGE)
    if pages <= 1:
        return cards
    chosen = min(int(st.session_state.get(key) or 1), pages)
    page = st.pagination(pages, default=chosen, key=key, bind="query-params")
    return cards[(page - 1) * PAGE : page * PAGE]


def show_cards(cards: Iterable[FilmCard], look: Look, *, key: str) -> None:
    """Draw cards; films that are not at hand by name, as a table."""
    cards = list(cards)
    if not look.films:
        figures.table([card.row for card in cards], key=f"{key}-names", name=key)
        return
    if not look.maps:
        _draw(cards, look, key)
        return
    with st.spinner("Looking where the model looked; switch the heatmaps off to stop", show_time=True):
        _draw(cards, look, key)


def _draw(cards: Sequence[FilmCard], look: Look, key: str) -> None:
    place = st.container(horizontal=True, gap="medium")
    several = max(1, len(look.maps))
    for card in cards:
        with place.container(width=several * WIDTH + (several - 1) * 8, gap="xxsmall"):
            _card(card, look, f"{key}-open-{card.id}")


def _card(card: FilmCard, look: Look, key: str) -> None:
    case = look.films.get(card.id)
    said = FINDINGS[truth(card.label)]
    if case is None:
        st.caption("This film is not in the data set here.")
    else:
        _pictures(card, case, look)
    scores = " · ".join(f"{name} {score:.2f}".strip() for name, score in card.scores.items())
    st.markdown(f"**{said.symbol} {scores}**")
    st.caption(f"{_plain(card.id)}  \n{', '.join(part for part in (card.place, truth(card.label)) if part)}")
    if case is not None and st.button(
        "Open", key=key, type="tertiary", icon=":material/radiology:", help="Open this film in Classify"
    ):
        _open(case, card)


def _pictures(card: FilmCard, case: Case, look: Look) -> None:
    words = ", ".join(part for part in (f"Film {card.id}", card.place, truth(card.label)) if part)
    try:
        if not look.maps:
            st.image(data_films.picture(case, outlines=look.outlines), width="stretch", alt=words)
            return
        row = st.container(horizontal=True, gap="small") if len(look.maps) > 1 else st.container()
        for name, weights in look.maps:
            drawn = data_films.picture(case, outlines=look.outlines, card=weights)
            row.image(
                drawn,
                width=WIDTH,
                caption=name or None,
                alt=f"{words}, with the heatmap{f' of {name}' if name else ''}",
            )
    except FractureError as error:
        st.caption(str(error))


def _open(case: Case, card: FilmCard) -> None:
    """Lay the film into this visitor's tray, and go to Classify."""
    film = data_films.as_film(case, note=f"{truth(card.label)} by its data set")
    tray().add(film)
    st.session_state[SELECTED] = film.key
    st.switch_page("reading/classify.py", query_params={})  # without it, choices bound to the address are in the way


def _plain(text: str) -> str:
    """A file's name as markdown leaves it alone."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()#+-!|~$:<>" else character for character in text)
