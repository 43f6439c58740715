"""Who reads what: the reader's name, the work list and where in it one is."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from fracture_core.annotations import FilmEntry, Store
from fracture_core.errors import FractureError
from ui import cases
from ui.loaders import callback

READER, LIST, FILM = "reader", "list", "case"  # keys in the session; the last two in the address too
_ROUND = "own_round"  # session: counts the lists taken
_LEFT_OUT = "own_left_out"  # session: the round, and why which of a reader's own films are not in its list


@dataclass(frozen=True)
class Desk:
    """A reader with a work list, its films in the reader's own order, and the one that is open."""

    reader: str
    worklist: str
    films: tuple[FilmEntry, ...]
    status: tuple[str, ...]
    at: int

    @property
    def film(self) -> FilmEntry:
        return self.films[self.at]


def desk(store: Store) -> Desk | None:
    """The reader's place, chosen at the top of the page; None until there is a reader and a list."""
    welcome = st.empty()
    left, middle, right = st.columns([2, 3, 4], vertical_alignment="bottom")
    with left:
        reader = st.selectbox(
            "Reader",
            store.readers(),
            index=None,
            key=READER,
            accept_new_options=True,
            placeholder="Name or pseudonym",
            help="Readings are kept under this name. A pseudonym will do.",
        )
    if not reader:
        with welcome.container():
            _welcome()
        return None
    reader = str(reader).strip()
    if reader not in store.readers():
        store.add_reader(reader)
    lists = [worklist.name for worklist in store.worklists() if reader in worklist.readers]
    with middle:
        worklist = st.selectbox(
            "Work list", lists, index=0 if lists else None, key=LIST, bind="query-params", placeholder="None yet"
        )
    with right:
        _new_list(store, reader)
    _tell_left_out(popover=False)
    if not worklist:
        _offers(store, reader)
        return None
    items = store.items(worklist, reader)
    names = [entry.sha256 for entry, _ in items]
    asked = st.query_params.get(FILM)
    at = names.index(asked) if asked in names else _first_open([status for _, status in items])
    st.query_params[FILM] = names[at]
    return Desk(reader, worklist, tuple(e for e, _ in items), tuple(s for _, s in items), at)


def progress(place: Desk, store: Store) -> None:
    """Where in the list one is, with the way back and forth."""
    counts = store.progress(place.worklist, place.reader)
    bar, back, forth = st.columns([6, 3, 3], vertical_alignment="center")
    last = place.at == len(place.films) - 1
    back.button(
        "Previous",
        on_click=go,
        args=(place, -1),
        disabled=place.at == 0,
        shortcut="PageUp",
        icon=":material/chevron_left:",
        width="stretch",
    )
    forth.button(
        "Next",
        on_click=go,
        args=(place, 1),
        disabled=last,
        shortcut="PageDown",
        icon=":material/chevron_right:",
        icon_position="right",
        width="stretch",
    )
    drafts = f", {counts.drafts} draft{'s' if counts.drafts != 1 else ''}" if counts.drafts else ""
    bar.progress(
        counts.committed / max(counts.total, 1),
        text=f"Film {place.at + 1} of {counts.total} · {counts.committed} committed{drafts}",
    )


def go(place: Desk, steps: int) -> None:
    """Open another film of the list."""
    st.query_params[FILM] = place.films[min(max(place.at + steps, 0), len(place.films) - 1)].sha256


def go_to_open(place: Desk) -> None:
    """Open the next film without a committed reading, or stay where all are read."""
    order = [*range(place.at + 1, len(place.films)), *range(place.at)]
    st.query_params[FILM] = place.films[next((i for i in order if place.status[i] != "committed"), place.at)].sha256


def _first_open(status: list[str]) -> int:
    return next((index for index, each in enumerate(status) if each != "committed"), 0)


def _welcome() -> None:
    st.title("Mark it like an expert", anchor=False)
    st.markdown(
        "Read films one after another, mark what you see, and find out afterwards where the machine and other "
        "readers agree. Give a name to begin: several readers can read the same list, each in an order of "
        "their own."
    )


def _offers(store: Store, reader: str) -> None:
    """Lists to begin with, where a reader has none."""
    st.markdown("**No work list yet.** Begin with one of these, or bring your own films above.")
    row = st.container(horizontal=True)
    row.button(
        f"{cases.PRACTICE_FILMS} practice films",
        on_click=_begin_practice,
        args=(store, reader),
        type="primary",
        help="Synthetic films, drawn for practice: no patient's.",
    )
    if cases.fracatlas_root() is not None:
        row.button(
            "60 films of FracAtlas",
            on_click=_begin_fracatlas,
            args=(store, reader),
            help="Half of them fractured by its experts, in an order of your own.",
        )


@callback
def _begin_practice(store: Store, reader: str) -> None:
    _begin(store, "Practice films", [entry for entry, _ in cases.practice_films()], reader)


@callback
def _begin_fracatlas(store: Store, reader: str) -> None:
    _begin(store, "60 films of FracAtlas", cases.fracatlas_films(60, seed=0), reader)


def _begin(store: Store, name: str, films: list[FilmEntry], reader: str) -> None:
    """Join a list, or make it; every reader that joins has the same films in another order."""
    store.add_films(films)
    if name in [worklist.name for worklist in store.worklists()]:
        store.assign(name, [reader])
    else:
        store.create_worklist(name, [film.sha256 for film in films], [reader], seed=0)
    _take(name)


def _take(name: str) -> None:
    """Open a list."""
    st.session_state[LIST] = name
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.session_state.pop(_LEFT_OUT, None)
    st.query_params.pop(FILM, None)


def _new_list(store: Store, reader: str) -> None:
    # a new key after each list: the popover closes, and the uploader is empty again
    with st.popover("New work list", icon=":material/add:", key=f"new-list-{st.session_state.setdefault(_ROUND, 0)}"):
        _own(store, reader)
        others = [worklist.name for worklist in store.worklists() if reader not in worklist.readers]
        if others:
            st.divider()
            joined = st.selectbox("Or read a list that other readers read", others, key="join")
            st.button("Join", on_click=_join, args=(store, str(joined), reader))
        st.divider()
        st.caption("Or one of these")
        st.button("Practice films", on_click=_begin_practice, args=(store, reader), key="new-practice")
        if cases.fracatlas_root() is not None:
            st.button("60 films of FracAtlas", on_click=_begin_fracatlas, args=(store, reader), key="new-fracatlas")


@callback
def _join(store: Store, name: str, reader: str) -> None:
    store.assign(name, [reader])
    _take(name)


def _own(store: Store, reader: str) -> None:
    round_ = st.session_state.setdefault(_ROUND, 0)
    files = st.file_uploader("Bring your own films", accept_multiple_files=True, key=f"own-{round_}")
    name = st.text_input("Name of the list", value="My films", key=f"own-name-{round_}")
    keep = st.toggle(
        "Keep the films with the readings",
        key=f"own-keep-{round_}",
        help="Off: the films are forgotten when this page is closed; your marks and readings stay either way.",
    )

    @callback
    def make() -> None:
        entries, told = cases.own_films((file.name, file.getvalue()) for file in files)
        if entries:
            store.add_films(entries)
            for entry in entries if keep else ():
                store.keep_film(entry.sha256, cases.film_of(entry, store).content, reader=reader)
            _begin(store, _free_name(store, name.strip() or "My films"), entries, reader)
        st.session_state[_LEFT_OUT] = (round_, told)

    st.button("Make the list", on_click=make, disabled=not files, type="primary")
    _tell_left_out(popover=True)


def _tell_left_out(*, popover: bool) -> None:
    """Which films are not in the list, and why: in the popover, or once on the page if a list was made of others."""
    round_, told = st.session_state.get(_LEFT_OUT, (None, []))
    if popover != (round_ == st.session_state[_ROUND]):
        return  # a list that was made has closed the popover
    if not popover:
        st.session_state.pop(_LEFT_OUT, None)
    for sentence in told:
        st.warning(sentence, icon=":material/warning:")


def _free_name(store: Store, name: str) -> str:
    """The name itself, or with a number behind it where another list has it."""
    taken = {worklist.name for worklist in store.worklists()}
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def missing_film(error: FractureError, place: Desk) -> None:
    """A film that is not at hand: say so, and let the reader go on."""
    st.warning(str(error), icon=":material/hide_image:")
    st.button("Next film", on_click=go, args=(place, 1), disabled=place.at == len(place.films) - 1)
