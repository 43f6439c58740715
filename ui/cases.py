"""The films that readers read: where each comes from, and its bytes when they are asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from fracture_core.annotations import FilmEntry, Store
from fracture_core.errors import FractureError
from ui.films import Film

PRACTICE = "practice"  # a source of synthetic films, drawn when they are asked for
FRACATLAS = "fracatlas"  # a source of films under $FRACTURE_DATA
PRACTICE_FILMS = 8
_SESSION = "own_films"  # session: sha256 → Film, forgotten with the page


@st.cache_data(show_spinner="Drawing the practice films")
def practice_films() -> list[tuple[FilmEntry, Film]]:
    """Synthetic films with and without a fracture."""
    from fracture_core import phantom

    made = []
    for number in range(PRACTICE_FILMS):
        region = phantom.REGIONS[number % len(phantom.REGIONS)]
        kind = list(phantom.KINDS)[number % len(phantom.KINDS)] if number % 3 else None
        drawn = phantom.radiograph(seed=100 + number, region=region, fracture=kind)
        content = phantom.to_png(drawn)
        name = f"practice {number + 1}.png"
        height, width = drawn.pixels.shape
        digest = hashlib.sha256(content).hexdigest()
        entry = FilmEntry(digest, name, width, height, source=f"{PRACTICE}:{number}")
        made.append((entry, Film(digest[:16], name, content, "synthetic")))
    return made


def fracatlas_root() -> Path | None:
    """FracAtlas under ``$FRACTURE_DATA``; None where it is not."""
    root = Path(os.environ.get("FRACTURE_DATA", "")) / "fracatlas"
    return root if (root / "dataset.csv").is_file() else None


@st.cache_data(show_spinner="Choosing films of FracAtlas")
def fracatlas_films(count: int, *, seed: int) -> list[FilmEntry]:
    """Films of FracAtlas, half of them fractured, drawn by ``seed``."""
    from fracture_core.datasets import read_fracatlas
    from fracture_core.interchange.film_files import film_entry

    root = fracatlas_root()
    assert root is not None, "asked only where FracAtlas is"
    cases = read_fracatlas(root).cases
    rng = np.random.default_rng(seed)
    chosen = []
    for label in (0, 1):
        of_class = [case for case in cases if case.label == label]
        chosen += [of_class[index] for index in rng.permutation(len(of_class))[: count // 2]]
    return [replace(film_entry(case.path), source=f"{FRACATLAS}:{case.id}") for case in chosen]


def own_films(files: Iterable[tuple[str, bytes]]) -> tuple[list[FilmEntry], list[str]]:
    """Films that a reader brought, held by this page alone; and for each that is left out of them, why."""
    from fracture_core.imaging import read_image

    held: dict[str, Film] = st.session_state.setdefault(_SESSION, {})
    entries: dict[str, FilmEntry] = {}
    told = []
    for name, content in files:
        try:
            film = read_image(content, name=name)
        except FractureError as error:
            told.append(f"{name}: {error}")
            continue
        if film.sha256 in entries:
            told.append(f"{name}: it is the same film as {entries[film.sha256].name}, which is in the list once.")
            continue
        entries[film.sha256] = FilmEntry(film.sha256, name, film.width, film.height, film.spacing)
        held[film.sha256] = Film(film.sha256[:16], name, content)
    return list(entries.values()), told


def film_of(entry: FilmEntry, store: Store) -> Film:
    """The film of a work list's entry.

    Raises:
        FractureError: it is not at hand any more; the message says how to bring it back.
    """
    origin = entry.source.partition(":")[0]
    held: dict[str, Film] = st.session_state.setdefault(_SESSION, {})
    if entry.sha256 in held:
        return held[entry.sha256]
    if origin == PRACTICE:
        return next(film for made, film in practice_films() if made.sha256 == entry.sha256)
    root = fracatlas_root() if origin == FRACATLAS else None
    of_its_name = [root / "images" / folder / entry.name for folder in ("Fractured", "Non_fractured")] if root else []
    for path in of_its_name:
        content = _same_file(path, entry)
        if content is not None:
            return Film(entry.sha256[:16], entry.name, content, "FracAtlas")
    content = store.film_content(entry.sha256) or (_same_file(Path(entry.source), entry) if entry.source else None)
    if content is not None:
        return Film(entry.sha256[:16], entry.name, content)
    if any(path.is_file() for path in of_its_name):
        raise FractureError(
            f"The file '{entry.name}' of FracAtlas is not the film that this list was made with: put the publisher's "
            "file back into the folder that FRACTURE_DATA names. The readings of it are safe."
        )
    if origin == FRACATLAS:
        raise FractureError(
            f"The film '{entry.name}' is of FracAtlas, which is not on this server: set FRACTURE_DATA to the folder "
            "that holds it. The readings of it are safe."
        )
    raise FractureError(
        f"The film '{entry.name}' was not kept. Drop it again under 'New work list': its readings are safe and are "
        "found by the film's content."
    )


def _same_file(path: Path, entry: FilmEntry) -> bytes | None:
    """The content of the file that a film was taken from, if it is still the same one."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    return content if hashlib.sha256(content).hexdigest() == entry.sha256 else None


def held_by_page(entry: FilmEntry, store: Store) -> bool:
    """Whether a film is gone when this page is closed."""
    return not entry.source and store.film_content(entry.sha256) is None
