"""Where films come in: dropped, taken from the page's address, or chosen among samples."""

from __future__ import annotations

import streamlit as st

from fracture_core.errors import FractureError
from fracture_core.weights import Card
from ui.films import PAUSED, Film, Tray, fracatlas_samples, sample, synthetic_samples, thumbnail_of, uploaded_film

_ROUND = "upload_round"  # session: renewing the uploader's key empties it

_LARGE = """
<style>
[data-testid="stFileUploaderDropzone"] {
  min-height: 10rem; flex-direction: column; align-items: center !important; justify-content: center; gap: 0.6rem;
  border: 2px dashed #7A828A;
}
[data-testid="stFileUploaderDropzone"] > * { flex: 0 0 auto; }
[data-testid="stFileUploaderDropzoneInstructions"] { justify-content: center; }
</style>
"""
_SMALL = "<style>/* as it comes */</style>"  # takes the other's place at once; that would else stay for the whole run


def drop_zone(films: Tray) -> None:
    """Where films are dropped; what they are is told from their content, so any ending, or none, will do."""
    empty = not films.films
    st.html(_LARGE if empty else _SMALL)
    heading = st.empty()  # what is not said still has its place, so that what follows keeps its own
    if empty:
        heading.title("Is this bone fractured?", anchor=False)
    key = f"upload-{st.session_state.setdefault(_ROUND, 0)}"

    def take() -> None:
        for file in st.session_state[key]:
            films.add(uploaded_film(file.name, file.getvalue()))
        st.session_state.pop(PAUSED, None)
        st.session_state[_ROUND] += 1  # the films are listed below, not in the drop zone

    st.file_uploader(
        "Drop one radiograph or many here: DICOM, PNG, JPEG, TIFF, BMP or WebP, up to 200 MB each",
        accept_multiple_files=True,
        key=key,
        on_change=take,
        label_visibility="visible" if empty else "collapsed",
    )
    promise = st.empty()
    if empty:
        promise.caption(
            ":material/lock: Nothing leaves this machine, nothing is kept: films are forgotten with this page."
        )


def take_film_from_address(films: Tray, card: Card) -> None:
    """Open the sample named in the page's address, so that a view of it can be shared.

    The browser's Back and Forward change the address too: another sample gives way to the one named, but films that
    were dropped stay, and then it is the address that gives way.
    """
    key = st.query_params.get("film")
    if not key or key in films.films:
        return
    if any(not film.note for film in films.films.values()):
        st.query_params.pop("film")
        return
    try:
        named = sample(key, card.data.get("examples", []))
    except FractureError as error:
        st.query_params.pop("film")
        st.info(str(error), icon=":material/info:")
    else:
        films.clear()
        films.add(named)


def samples(films: Tray, card: Card) -> None:
    """Films to try when none is at hand."""

    def take(film: Film) -> None:
        films.add(film)
        st.query_params["film"] = film.key

    st.subheader("Or try one of these", anchor=False)
    offered = [*synthetic_samples(), *fracatlas_samples(card.data.get("examples", []))]
    row = st.container(horizontal=True)
    for film in offered:
        with row.container(width=148, gap="xsmall"):
            st.image(thumbnail_of(film), width="stretch", alt=film.note)
            st.button("Open", key=f"take-{film.key}", on_click=take, args=(film,), width="stretch", help=film.note)
            st.caption(film.note)
