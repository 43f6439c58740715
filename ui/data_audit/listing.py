"""An audit's long lists as entries that can be filtered and paged: pairs of copies, conflicts, damaged films."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fracture_core.datasets import Case
from fracture_core.datasets.vocabulary import label_of, split_of
from ui.wording import FINDINGS

EXACT, NEAR, TURNED, ROTATED = "exact", "near", "turned", "rotated"
KINDS = {
    EXACT: "Equal",
    NEAR: "Near",
    TURNED: "Mirrored or turned by quarters",
    ROTATED: "Turned by any angle, or cut",
}
_CONFLICTS = {"bytes": EXACT, "pixels": EXACT, "near": NEAR, "rotation": ROTATED}


@dataclass(frozen=True)
class Entry:
    """Films to be looked at, side by side where there are two.

    Attributes:
        kind: one of ``KINDS``; "" of a damaged film.
        films: ids, at most two.
        labels: of each film 1 fractured, 0 not, None where it is not known.
        splits: of each film; "" where it is not known or none is published.
        words: what is to be said of them.
    """

    kind: str
    films: tuple[str, ...]
    labels: tuple[int | None, ...]
    splits: tuple[str, ...]
    words: str

    @property
    def crosses(self) -> bool:
        """Whether the films lie in different published splits."""
        return len(set(self.splits) - {""}) > 1

    def captions(self) -> list[str]:
        """Of each film its id, split and label."""
        return [
            " · ".join(part for part in (film, split, label_words(label)) if part)
            for film, split, label in zip(self.films, self.splits, self.labels, strict=True)
        ]

    @property
    def finding(self) -> str:
        """Kind and words in one."""
        return ": ".join(part for part in (KINDS.get(self.kind, ""), self.words) if part)

    def row(self) -> dict[str, Any]:
        """The entry as one line of a table."""
        row: dict[str, Any] = {"finding": self.finding}
        for place, (film, split, label) in enumerate(zip(self.films, self.splits, self.labels, strict=True), 1):
            number = f" {place}" if len(self.films) > 1 else ""
            row |= {
                f"film{number}": film,
                f"split{number}": split or None,
                f"label{number}": label_words(label) or None,
            }
        return row


def label_words(label: int | None) -> str:
    """``▲ fractured``; "" where it is not known."""
    if label is None:
        return ""
    wording = FINDINGS["fractured" if label else "not fractured"]
    return f"{wording.symbol} {wording.text.lower()}"


def pairs(audit: Mapping[str, Any], cases: Mapping[str, Case]) -> list[Entry]:
    """Copies, one entry for each exact set and for each other pair; those across splits first within their kind."""
    found = [_exact(same, cases) for same in audit["exact"]]
    for pair in audit["near"]:
        kind, how = (TURNED, " once mirrored or turned") if pair["turned"] else (NEAR, "")
        found.append(_pair(kind, pair, cases, f"correlation {pair['correlation']:.3f}{how}"))
    for copy in audit["rotated"]:
        turn = f"turned by {copy['degrees']:.0f}°" + (", mirrored" if copy["mirrored"] else "")
        found.append(_pair(ROTATED, copy, cases, f"{turn}; correlation of fine detail {copy['correlation']:.3f}"))
    return sorted(found, key=lambda entry: (list(KINDS).index(entry.kind), not entry.crosses))


def _exact(same: list[str], cases: Mapping[str, Case]) -> Entry:
    """A set of equal films by its first and, if there is one, the first of another split."""
    split = split_of_film(same[0], cases)
    other = next((film for film in same[1:] if split_of_film(film, cases) != split), same[1])
    more = f"; {len(same):,} films are equal, two are shown" if len(same) > 2 else ""
    return _entry(EXACT, (same[0], other), cases, f"in every pixel{more}")


def _pair(kind: str, pair: Mapping[str, Any], cases: Mapping[str, Case], words: str) -> Entry:
    return _entry(kind, (pair["first"], pair["second"]), cases, words)


def _entry(kind: str, films: tuple[str, ...], cases: Mapping[str, Case], words: str) -> Entry:
    return Entry(
        kind,
        films,
        tuple(label_of_film(film, cases) for film in films),
        tuple(split_of_film(film, cases) for film in films),
        words,
    )


def conflicts(audit: Mapping[str, Any], cases: Mapping[str, Case]) -> list[Entry]:
    """Copies with contradictory labels, the strictest kind first."""
    found = []
    for conflict in audit["conflicts"]:
        films = (conflict["fractured"], conflict["not_fractured"])
        kind = _CONFLICTS.get(conflict["kind"], ROTATED)
        splits = tuple(split_of_film(film, cases) for film in films)
        words = {"bytes": "byte for byte", "pixels": "in every pixel"}.get(conflict["kind"], "")
        found.append(Entry(kind, films, (1, 0), splits, words))
    return sorted(found, key=lambda entry: list(KINDS).index(entry.kind))


def damaged(audit: Mapping[str, Any], cases: Mapping[str, Case]) -> list[Entry]:
    """Cut and unreadable films, the most damaged first."""
    found = []
    for film in sorted(audit["damaged"], key=lambda film: float(film["rows_read"])):
        left = f"{100 * film['rows_read']:.0f} % of the rows are left" if film["readable"] else "cannot be read"
        found.append(_entry("", (film["id"],), cases, left))
    return found


def split_of_film(film: str, cases: Mapping[str, Case]) -> str:
    """The published split of a film, by its data set or, where that is not at hand, by its id's first folder."""
    if film in cases:
        return cases[film].split or ""
    return (split_of(film.split("/")[0]) or "") if "/" in film else ""


def label_of_film(film: str, cases: Mapping[str, Case]) -> int | None:
    """The label of a film, likewise; its folders are read from the last."""
    if film in cases:
        return cases[film].label
    labels = (label_of(folder) for folder in reversed(film.split("/")[:-1]))
    return next((label for label in labels if label is not None), None)
