"""The results page: what the papers claim, what our runs measure, and what arithmetic says of the claims."""

from __future__ import annotations

import streamlit as st

from ui import claims_section, loaders
from ui.results import curves, errors, headline, metrics, speed, subgroups
from ui.results.choice import Shown, choose


def page() -> None:
    """The whole page; a tab's body runs only while it is open."""
    st.title("What is claimed, what is measured")
    shown = choose()
    with loaders.error_boundary():
        headline.section(shown)
    tabs = {
        "Metrics": metrics.section,
        "Curves": curves.section,
        "Errors": errors.section,
        "Subgroups": subgroups.section,
        "Speed": speed.section,
        "Claims audit": _claims,
    }
    for tab, section in zip(st.tabs(list(tabs), key="tab", bind="query-params"), tabs.values(), strict=True):
        if tab.open:
            with tab, loaders.error_boundary():
                section(shown)


def _claims(shown: Shown) -> None:
    claims_section.section(tuple(shown.papers))


__all__ = ["page"]
