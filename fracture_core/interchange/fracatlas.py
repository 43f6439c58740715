"""FracAtlas's own outlines as the readings of one more reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fracture_core.annotations.readings import FilmEntry, Reading
from fracture_core.interchange.fields import reading_id
from fracture_core.interchange.film_files import film_entry
from fracture_core.marks import Mark

if TYPE_CHECKING:
    from fracture_core.datasets import Case, DataSet

READER = "FracAtlas"
PUBLISHED = datetime(2023, 8, 5, tzinfo=UTC)  # abedeen2023; the readings themselves are not dated


def fracatlas_readings(dataset: DataSet) -> list[tuple[FilmEntry, Reading]]:
    """Each film with the finding of the publisher's table and, where that is "fracture", the experts' outlines.

    The outlines fit the films as they are shown, turned upright by their EXIF orientation, whatever size the
    publisher's file states for the few that are turned.

    Films with the same bytes are one film, by the name that comes first; its note names the others. Where their
    labels differ the finding is "uncertain".

    Raises:
        UnreadableImage: a file's header tells no size.
    """
    films: dict[str, tuple[FilmEntry, list[Case]]] = {}
    for case in dataset.cases:
        film = film_entry(case.path)
        films.setdefault(film.sha256, (film, []))[1].append(case)
    return [(film, _reading(film, cases)) for film, cases in films.values()]


def _reading(film: FilmEntry, cases: list[Case]) -> Reading:
    first, labels = cases[0], {case.label for case in cases}
    notes = []
    if len(cases) > 1:
        notes.append("the same film as " + ", ".join(case.path.name for case in cases[1:]))
    if len(labels) > 1:
        notes.append("its copies' labels differ")
    if labels == {0} and first.polygons:
        notes.append(f"the table says not fractured, yet {len(first.polygons)} regions are outlined")
    polygons = next((case.polygons for case in cases if case.label == 1), ())
    marks = [
        Mark("polygon", tuple((float(x), float(y)) for x, y in polygon), id=str(place))
        for place, polygon in enumerate(polygons, 1)
    ]
    finding = "uncertain" if len(labels) > 1 else "fracture" if first.label == 1 else "none"
    reading = Reading(
        id="",
        film=film.sha256,
        reader=READER,
        finding=finding,
        confidence=None,
        marks=tuple(marks),
        note="; ".join(notes),
        shown="nothing",
        started=PUBLISHED,
        committed=PUBLISHED,
        seconds=0.0,
        origin="imported from FracAtlas's masks (CC BY 4.0)",
    )
    return replace(reading, id=reading_id(reading))
