"""Readings made up for the tests of import and export."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import strategies as st

from fracture_core.annotations import FINDINGS, SHOWN, FilmEntry, Reading
from fracture_core.marks import Mark

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def film(name: str = "wrist.png", width: int = 640, height: int = 480, seed: int = 0) -> FilmEntry:
    return FilmEntry(hashlib.sha256(f"{name} {seed}".encode()).hexdigest(), name, width, height)


def reading(of: FilmEntry, reader: str = "Ada", marks: Sequence[Mark] = (), **changes: object) -> Reading:
    told = {
        "id": f"{reader} on {of.name} {of.sha256[:4]}",
        "finding": "fracture" if marks else "none",
        "confidence": 80,
        "note": "",
        "shown": "nothing",
        "started": AT - timedelta(seconds=40),
        "committed": AT,
        "seconds": 31.25,
    }
    return Reading(**{**told, **changes}, film=of.sha256, reader=reader, marks=tuple(marks))  # type: ignore[arg-type]


MARKS = (
    Mark("box", ((10.5, 20.25), (110.125, 90.0)), id="a", note="cortex"),
    Mark("polygon", ((30.1, 40.2), (80.3, 45.4), (60.5, 99.6)), id="b"),
    Mark("freehand", ((200.0, 200.0), (220.7, 205.1), (215.2, 230.9), (201.0, 222.2)), id="c", label="callus"),
    Mark("point", ((300.75, 111.5),), id="d"),
)

_words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
_coordinate = st.floats(-40, 1200, allow_nan=False, width=64) | st.integers(-40, 1200).map(float)
_point = st.tuples(_coordinate, _coordinate)
_counts = {"box": (2, 2), "point": (1, 1), "polygon": (3, 9), "freehand": (3, 40)}


@st.composite
def marks(draw: st.DrawFn) -> Mark:
    kind = draw(st.sampled_from(sorted(_counts)))
    low, high = _counts[kind]
    points = draw(st.lists(_point, min_size=low, max_size=high))
    return Mark(kind, tuple(points), draw(_words) or "fracture", draw(_words), draw(_words))


@st.composite
def film_readings(draw: st.DrawFn) -> list[tuple[FilmEntry, list[Reading]]]:
    """A few films, some with one name, each read by some of three readers, aided and not."""
    films = []
    names = draw(st.lists(st.sampled_from(["a.png", "b.jpg", "a.dcm", "søm/ü 1.png"]), min_size=1, max_size=4))
    for number, name in enumerate(names):
        entry = film(name, draw(st.integers(1, 4000)), draw(st.integers(1, 4000)), seed=number)
        readings = []
        for reader in draw(st.lists(st.sampled_from(["Ada", "ada", "佐藤/2"]), unique=True)):
            for shown in draw(st.lists(st.sampled_from(SHOWN), unique=True, min_size=1)):
                readings.append(
                    reading(
                        entry,
                        reader,
                        draw(st.lists(marks(), max_size=4, unique_by=lambda mark: mark.id or id(mark))),
                        id=f"{number} {reader} {shown}",
                        finding=draw(st.sampled_from(FINDINGS)),
                        confidence=draw(st.none() | st.integers(0, 100)),
                        note=draw(_words),
                        shown=shown,
                        seconds=draw(st.floats(0, 1e6)),
                        supersedes=draw(st.none() | st.just("before")),
                    )
                )
        films.append((entry, readings))
    return films


def assert_same(found: Sequence[Reading], given: Sequence[Reading], *, within: float = 1e-6) -> None:
    """The same readings, whatever their order: all but the origin, and boxes by their corners."""
    found_by, given_by = {one.id: one for one in found}, {one.id: one for one in given}
    assert len(found) == len(found_by) and found_by.keys() == given_by.keys()
    for id_, wanted in given_by.items():
        got = found_by[id_]
        for name in (
            *("film", "reader", "finding", "confidence", "note", "shown"),
            *("started", "committed", "seconds", "supersedes"),
        ):
            assert getattr(got, name) == getattr(wanted, name), name
        assert got.origin.startswith("imported from ")
        assert [(m.kind, m.label, m.note, m.id) for m in got.marks] == [
            (m.kind, m.label, m.note, m.id) for m in wanted.marks
        ]
        for mark, original in zip(got.marks, wanted.marks, strict=True):
            np.testing.assert_allclose(mark.outline, original.outline, rtol=0, atol=within)
