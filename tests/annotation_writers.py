"""What the annotation tests write, and the programs that write it at once or until they are killed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Protocol

from fracture_core.annotations import Draft, FilmEntry, StaleEdit, open_store
from fracture_core.marks import Mark

FILM = FilmEntry("a" * 64, "wrist.png", 640, 480, (0.1, 0.2), "a set/wrist.png")
OTHER = FilmEntry("b" * 64, "ankle.png", 800, 600)
BOX = Mark("box", ((1.25, 2.5), (30.0, 40.125)), note="Querfraktur – distal", id="m1")
OUTLINE = Mark("freehand", tuple((0.1 * step, 1 / (step + 3)) for step in range(40)), id="m2")
READERS = ("Anna", "Boris")


class Barrier(Protocol):
    def wait(self) -> object: ...


class Told(Protocol):
    def put(self, word: str, /) -> object: ...


def film_of(number: int) -> FilmEntry:
    return FilmEntry(hashlib.sha256(f"film {number}".encode()).hexdigest(), f"film {number}.png", 640, 480)


def marked(draft: Draft, number: int) -> Draft:
    """The draft with two marks more, which belong together, and a note that counts them."""
    fresh = (replace(BOX, id=f"{number}a"), replace(OUTLINE, id=f"{number}b"))
    marks = draft.marks + fresh
    return replace(draft, finding="fracture", marks=marks, note=str(len(marks)))


def write_until_killed(url: str, film: str, pipe: Connection) -> None:
    """Save, save, commit, correct, and so on; a line on the pipe after each that returned."""
    store, acknowledge = open_store(url), pipe.fileno()
    number = 0
    while True:
        draft = replace(store.draft(film, "Anna", "nothing"), marks=())
        for _ in range(2):
            number += 1
            draft = store.save_draft(marked(draft, number))
            os.write(acknowledge, f"draft {draft.version} {draft.marks[-1].id}\n".encode())
        reading = store.commit(draft)
        os.write(acknowledge, f"reading {reading.id} {reading.marks[-1].id}\n".encode())


def mark_at_once(url: str, film: str, name: str, count: int, barrier: Barrier) -> int:
    """Add ``count`` marks to one draft that others add to as well, opening it again whenever it is stale.

    Returns:
        How often an edit was refused.
    """
    refused = 0
    with open_store(url) as store:
        barrier.wait()
        for number in range(count):
            while True:
                draft = store.draft(film, "Anna", "nothing")
                try:
                    store.save_draft(replace(draft, marks=(*draft.marks, replace(BOX, id=f"{name}{number}"))))
                    break
                except StaleEdit:
                    refused += 1
    return refused


def open_at_once(url: str, name: str, barrier: Barrier, told: Told) -> None:
    """Open a store that is not there yet, at the same moment as others, and leave a reader in it."""
    barrier.wait()
    try:
        with open_store(url) as store:
            store.add_reader(name)
        told.put("opened")
    except Exception as error:  # told to the test, whatever it is
        told.put(repr(error))
