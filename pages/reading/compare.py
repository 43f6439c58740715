"""Machine and readers side by side: one case with everyone's regions, or all cases with their agreement."""

from __future__ import annotations

import streamlit as st

from ui import loaders
from ui.comparing import case
from ui.comparing_all import overview
from ui.frame import chosen, room_for
from ui.readings_at_hand import ALL_CASES, ONE_CASE, choose_case, choose_list, choose_view, nothing_read, open_case

card, operating_point = chosen()
store = loaders.store()
if not store.count():
    nothing_read(store)
else:
    view = choose_view()
    first, second = st.columns([1, 2])
    with first:
        at_hand = choose_list(store)
    place = room_for(view, (ONE_CASE, ALL_CASES))
    if view == ONE_CASE:
        with second:
            film = choose_case(at_hand)
        with place, loaders.error_boundary():
            case(store.film(film), store.readings(film=film), store, card, operating_point)
    else:
        with place, loaders.error_boundary():
            clicked = overview(at_hand, store, card, operating_point)
        if clicked is not None:
            open_case(clicked)
            st.rerun()
