"""A data set as a table of cases: where each film lies and what is known of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Case:
    """One film of a data set.

    Attributes:
        id: the film's name, unique in its data set; with its folders where names alone are not unique.
        path: where the file lies.
        label: 1 fractured, 0 not fractured, by the data set's table.
        region: body region in the data set's words; "mixed" when several are flagged.
        flags: the table's further yes/no columns that are set, of ``FRACATLAS_FLAGS``.
        polygons: expert fracture outlines, each float64 (N, 2) in source pixels (x, y).
        patient: a pseudonym that films of one patient share; None where the data set names no patients.
        split: "train", "val" or "test" as the publisher divided the films; None where none is published.
    """

    id: str
    path: Path
    label: int
    region: str
    flags: frozenset[str] = frozenset()
    polygons: tuple[np.ndarray, ...] = ()
    patient: str | None = None
    split: str | None = None


@dataclass(frozen=True, eq=False)
class DataSet:
    """Cases in a fixed order, with what their publisher asks to be said and what does not add up.

    Attributes:
        attribution: source and licence.
        notes: contradictions inside the publisher's own files, in words.
        missing: films that the publisher's table names and that are not on disk.
        published: films that the publisher released; None where that is not known.
        neighbours: films with consecutive numbers may be views of one patient, so that a split must not part them.
    """

    name: str
    root: Path
    cases: tuple[Case, ...]
    attribution: str
    notes: tuple[str, ...] = ()
    missing: int = 0
    published: int | None = None
    neighbours: bool = False

    @property
    def absent(self) -> int:
        """Released films that are not on disk, whether or not the table at hand still names them."""
        return max(self.missing, (self.published or 0) - len(self.cases))

    @property
    def labels(self) -> np.ndarray:
        """int64 (N,), 1 fractured."""
        return np.array([case.label for case in self.cases], dtype=np.int64)

    def fingerprint(self) -> str:
        """sha256 over ids, labels and file sizes: changes when a film is added, removed or relabelled."""
        digest = hashlib.sha256(self.name.encode("utf-8", "surrogateescape"))  # a file's name need not be UTF-8
        for case in self.cases:
            told = f"{case.id}\t{case.label}\t{case.path.stat().st_size}\n"
            digest.update(told.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
