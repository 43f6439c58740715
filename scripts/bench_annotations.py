"""``python -m scripts.bench_annotations``: what the annotation store costs with 10,000 films read by three."""

from __future__ import annotations

import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from fracture_core.annotations import FINDINGS, FilmEntry, Reading, Store, open_store
from fracture_core.marks import Mark

FILMS, READERS, ROUNDS = 10_000, ("Anna", "Boris", "Chen"), 9
LIST = "all films"
BEGAN = datetime(2025, 3, 1, 9, tzinfo=UTC)


def made_films(count: int) -> list[FilmEntry]:
    """Films that nobody took."""
    return [
        FilmEntry(hashlib.sha256(f"film {index}".encode()).hexdigest(), f"film {index:05}.png", 2304, 2880)
        for index in range(count)
    ]


def made_readings(films: list[FilmEntry], readers: tuple[str, ...], *, seed: int) -> list[Reading]:
    """One reading of each film by each reader, with one or two marks each."""
    rng = np.random.default_rng(seed)
    readings = []
    for index, film in enumerate(films):
        for reader in readers:
            corners = rng.uniform(0, film.width, (int(rng.integers(1, 3)), 2, 2)).tolist()
            marks = tuple(Mark("box", ((a, b), (c, d))) for (a, b), (c, d) in corners)
            started = BEGAN + timedelta(minutes=index)
            readings.append(
                Reading(
                    id="",
                    film=film.sha256,
                    reader=reader,
                    finding=FINDINGS[rng.integers(3)],
                    confidence=int(rng.integers(101)),
                    marks=marks,
                    note="",
                    shown="nothing",
                    started=started,
                    committed=started + timedelta(seconds=30),
                    seconds=30.0,
                )
            )
    return readings


def fill(store: Store, count: int, readers: tuple[str, ...] = READERS, *, seed: int = 0) -> list[FilmEntry]:
    """Films, readers, one work list of all, and every film read by every reader."""
    films = made_films(count)
    store.add_films(films)
    for reader in readers:
        store.add_reader(reader)
    store.create_worklist(LIST, [film.sha256 for film in films], readers, seed=seed)
    store.import_readings(made_readings(films, readers, seed=seed))
    return films


def main() -> None:
    """On a fresh SQLite file, or in the empty database that the first argument names."""
    with tempfile.TemporaryDirectory() as folder:
        place = sys.argv[1] if len(sys.argv) > 1 else str(Path(folder) / "annotations.db")
        with open_store(place) as store:
            measure(store)


def measure(store: Store) -> None:
    began = time.perf_counter()
    films = fill(store, FILMS)
    print(f"{FILMS} films × {len(READERS)} readers brought in: {time.perf_counter() - began:.1f} s")
    reader, film = READERS[0], films[FILMS // 2].sha256
    draft = store.draft(film, reader, "nothing")

    def save() -> None:
        nonlocal draft
        draft = store.save_draft(draft)

    def commit() -> None:
        store.commit(replace(store.draft(film, reader, "nothing"), finding="none"))

    tasks: dict[str, Callable[[], object]] = {
        "items of a reader": lambda: store.items(LIST, reader),
        "progress of a reader": lambda: store.progress(LIST, reader),
        "table of the work list": lambda: store.table(LIST),
        "table of everything": store.table,
        "readings of one film": lambda: store.readings(film=film),
        "history of one film": lambda: store.history(film),
        "all readings with their marks": store.readings,
        "open a draft": lambda: store.draft(film, reader, "nothing"),
        "save a draft": save,
        "open and commit": commit,
    }
    for name, task in tasks.items():
        seconds = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            task()
            seconds.append(time.perf_counter() - began)
        print(f"  {name:32} {statistics.median(seconds) * 1000:7.1f} ms  (slowest {max(seconds) * 1000:.1f})")


if __name__ == "__main__":
    main()
