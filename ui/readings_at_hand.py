"""Which readings the Compare page looks at, and what to do where there are none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import streamlit as st

from fracture_core.annotations import ReadingTable, Store
from ui import cases, loaders
from ui.wording import told_apart

CASE = "case"  # key of the open film in the address
ALL = "All readings"
ONE_CASE, ALL_CASES = "One case", "All cases"
_VIEW = "view"  # key of the choice between them
_DIGITS = 8  # of a film's sha256, to tell it from another of its name


@dataclass(frozen=True, eq=False)
class AtHand:
    """The readings of a work list, or of all films: as columns, quickly, without their marks."""

    worklist: str | None
    table: ReadingTable

    @cached_property
    def films(self) -> dict[str, str]:
        """sha256 → name of every film that was read."""
        return dict(zip(self.table.film, self.table.name, strict=True))

    @cached_property
    def marked(self) -> set[str]:
        """sha256 of the films that somebody marked."""
        return {film for film, marks in zip(self.table.film, self.table.marks, strict=True) if marks}

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """sha256 → who read the film."""
        found: dict[str, list[str]] = {}
        for film, reader in zip(self.table.film, self.table.reader, strict=True):
            if reader not in found.setdefault(film, []):
                found[film].append(reader)
        return found


def choose_list(store: Store) -> AtHand:
    """The readings to look at."""
    chosen = str(
        st.selectbox(
            "Readings of",
            [ALL, *(worklist.name for worklist in store.worklists())],
            key="compare-list",
            bind="query-params",
        )
    )
    worklist = None if chosen == ALL else chosen
    table = _table(store, worklist)
    if not len(table):
        st.info("Nobody has committed a reading of this list yet.", icon=":material/info:")
        st.stop()
    return AtHand(worklist, table)


def _table(store: Store, worklist: str | None) -> ReadingTable:
    """The list's readings, fetched anew only when there are more of them."""
    count = store.count()
    known, table = st.session_state.get("table", (None, None))
    if known != (worklist, count):
        table = store.table(worklist)
        st.session_state["table"] = ((worklist, count), table)
    found: ReadingTable = table
    return found


def choose_view() -> str:
    """One case or all of them."""
    if st.session_state.pop("open_case", False):
        st.session_state[_VIEW] = ONE_CASE
    chosen = st.segmented_control(
        "View",
        [ONE_CASE, ALL_CASES],
        default=ONE_CASE,
        key=_VIEW,
        required=True,
        label_visibility="collapsed",
        bind="query-params",
    )
    return str(chosen)


def choose_case(at_hand: AtHand) -> str:
    """The film that is open, its sha256: those with most readers first, and of these those that are marked."""
    order = sorted(
        at_hand.films,
        key=lambda film: (-len(at_hand.readers[film]), film not in at_hand.marked, at_hand.films[film]),
    )
    labels = {film: f"{at_hand.films[film]} ({', '.join(at_hand.readers[film])})" for film in order}
    asked = st.query_params.get(CASE)
    chosen = st.selectbox(
        "Case",
        order,
        index=order.index(asked) if asked in order else 0,
        format_func=told_apart(labels, digits=_DIGITS).__getitem__,
        key=f"case-{asked}",
    )
    if chosen != asked:
        st.query_params[CASE] = str(chosen)
    return str(chosen)


def open_case(film: str) -> None:
    """Show one film when the page is drawn next."""
    st.query_params[CASE] = film
    st.session_state["open_case"] = True


def nothing_read(store: Store) -> None:
    """The empty page: where readings come from."""
    st.title("Where machine and experts agree", anchor=False)
    st.markdown(
        "Nobody has read a film yet. Read some on the **Annotate** page, in several names if you like: this page "
        "then shows everyone's regions on the film with the machine's map, and who agrees with whom."
    )
    row = st.container(horizontal=True)
    if row.button("Read films", type="primary", icon=":material/draw:"):
        st.switch_page("reading/annotate.py", query_params={})  # bound choices in the address are in the way
    root = cases.fracatlas_root()
    if root is None:
        return

    @loaders.callback
    def bring() -> None:
        from fracture_core.datasets import read_fracatlas
        from fracture_core.interchange import fracatlas_readings

        with st.spinner("Reading FracAtlas's outlines"):
            found = fracatlas_readings(read_fracatlas(root))
            store.add_films([film for film, _ in found])
            for reader in {reading.reader for _, reading in found}:
                store.add_reader(reader)
            store.import_readings([reading for _, reading in found])

    row.button(
        "Bring in FracAtlas's own outlines",
        on_click=bring,
        icon=":material/download:",
        help="The data set's experts become the reader 'FracAtlas', with every film they outlined.",
    )
