"""Films side by side, a page of them at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from fracture_core.datasets import Case
from ui import figures
from ui.data_audit import listing
from ui.data_audit.choosing import Chosen
from ui.data_audit.films_at_hand import FOLDERS, pictured
from ui.data_audit.listing import KINDS, Entry

PAGE = 6  # entries at a time
_KIND, _ACROSS, _PAGE = "audit_kind", "audit_across", "audit_page"


def duplicates(chosen: Chosen) -> None:
    """Pairs of copies, by kind."""
    plain = chosen.plain
    found = listing.pairs(plain, chosen.cases)
    if not found:
        st.success("No film comes twice: no equal, near, mirrored, turned or cut copies.", icon=":material/check:")
        return
    counts = plain["pairs"]
    st.markdown(
        f"**{counted(counts['total'], 'duplicate pair')}**: {counts['by_bytes']:,} of equal bytes, "
        f"{counts['by_pixels']:,} of equal pixels only, {counts['near']:,} near and {counts['turned']:,} near once "
        "mirrored or turned by quarters. A set of equal films is one entry below, and so are two files that are near."
    )
    shown = _filtered(found, splits=bool(plain["splits"]), key="pairs")
    _paged(shown, chosen, key="pairs")


def conflicts(chosen: Chosen) -> None:
    """Copies of one exposure that the data set labels both ways."""
    found = listing.conflicts(chosen.plain, chosen.cases)
    if not found:
        st.success("No two copies of one film have different labels.", icon=":material/check:")
        return
    st.markdown(
        f"**{counted(_total(chosen, 'conflicts'), 'contradiction')}**: the same exposure is fractured on the left "
        "and not on the right. One of the two labels is wrong, whichever it is."
    )
    _paged(_filtered(found, splits=False, key="conflicts"), chosen, key="conflicts")


def damaged(chosen: Chosen) -> None:
    """Files that are cut off or cannot be read, the worst first."""
    found = listing.damaged(chosen.plain, chosen.cases)
    if not found:
        st.success("Every file can be read to its end.", icon=":material/check:")
        return
    st.markdown(
        f"**{counted(_total(chosen, 'damaged'), 'damaged film')}** of {chosen.plain['films']:,}. What is missing "
        "below the last whole row is filled with gray, which a classifier can learn."
    )
    reasons = {film["id"]: film["reason"] for film in chosen.plain["damaged"]}
    figures.table(
        [{**entry.row(), "reason": reasons[entry.films[0]]} for entry in found],
        key="damaged-table",
        name=f"{chosen.plain['name']}-damaged",
    )
    _paged(found, chosen, key="damaged", table=False)


def counted(count: int, thing: str) -> str:
    """``1 damaged film``, ``1,200 damaged films``."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def _total(chosen: Chosen, name: str) -> int:
    """Entries of a list, those that were left out of a recorded audit included."""
    kept: Mapping[str, Mapping[str, int]] = chosen.plain.get("kept", {})
    return kept.get(name, {}).get("all", len(chosen.plain[name]))


def _filtered(found: Sequence[Entry], *, splits: bool, key: str) -> list[Entry]:
    kinds = [kind for kind in KINDS if any(entry.kind == kind for entry in found)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            "Kind",
            ["", *kinds],
            format_func=lambda kind: (
                f"{KINDS[kind]} ({sum(entry.kind == kind for entry in found):,})" if kind else f"All ({len(found):,})"
            ),
            key=f"{_KIND}_{key}",
            bind="query-params",
            width=320,
        )
        across = splits and st.toggle("Only across published splits", key=f"{_ACROSS}_{key}", bind="query-params")
    return [entry for entry in found if kind in ("", entry.kind) and (entry.crosses or not across)]


def _paged(found: Sequence[Entry], chosen: Chosen, *, key: str, table: bool = True) -> None:
    """One page of films, or their names where the films are elsewhere; and all of them as a table."""
    name = f"{chosen.plain['name']}-{key}"
    if not found:
        st.info("Nothing of this kind. Choose another above.", icon=":material/filter_alt:")
        return
    if not any(film in chosen.cases for entry in found for film in entry.films):
        st.info(_elsewhere(chosen), icon=":material/hide_image:")
        if table:
            figures.table([entry.row() for entry in found], key=f"{key}-table", name=name)
        return
    pages = -(-len(found) // PAGE)
    page = _page(pages, key)
    here = found[(page - 1) * PAGE : page * PAGE]
    for start in range(0, len(here), 2):
        for column, entry in zip(st.columns(2), here[start : start + 2], strict=False):
            with column:
                _card(entry, chosen.cases)
    if table:
        with st.expander(f"All {len(found):,} as a table", icon=":material/table:"):
            figures.table([entry.row() for entry in found], key=f"{key}-table", name=name)


def _page(pages: int, key: str) -> int:
    if pages == 1:
        return 1
    name = f"{_PAGE}_{key}"
    if st.session_state.get(name, 1) > pages:  # another filter has fewer
        st.session_state[name] = pages
    page = st.number_input(
        f"Page of {pages:,}", min_value=1, max_value=pages, step=1, key=name, bind="query-params", width=180
    )
    return int(page)


def _card(entry: Entry, cases: Mapping[str, Case]) -> None:
    with st.container(border=True):
        st.image(
            pictured([cases.get(film) for film in entry.films]),
            width="stretch",
            alt=" beside ".join(entry.captions()),
        )
        sides = ("left: ", "right: ") if len(entry.films) > 1 else ("",)
        st.text("\n".join(side + caption for side, caption in zip(sides, entry.captions(), strict=True)))
        st.caption(entry.finding)


def _elsewhere(chosen: Chosen) -> str:
    name = chosen.plain["name"]
    if name in FOLDERS:
        return (
            f"The films are not on this server, so their names are listed. To see them, set FRACTURE_DATA to a "
            f"folder that holds the data set as '{FOLDERS[name]}'."
        )
    return (
        "The films are not on this server, so their names are listed. To see them, choose 'A folder' above and audit "
        "the folder that holds them."
    )
