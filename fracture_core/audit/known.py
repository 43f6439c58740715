"""Audits of known data sets, kept with the repository: the figures whole, of long lists a part.

They are written by ``python -m fracture_core audit DIR --record``, never by hand.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fracture_core.audit.storage import as_dict, read_audit, replace_file
from fracture_core.errors import DataSetError, FractureError
from fracture_core.results import to_json

if TYPE_CHECKING:
    from fracture_core.audit.findings import Audit

AUDITS: Final = Path(__file__).resolve().parents[2] / "results" / "audits"
EXAMPLES: Final = 300
"""Entries of each list that a recorded audit keeps; ours."""
LISTS: Final = ("exact", "near", "rotated", "conflicts", "damaged")


@dataclass(frozen=True)
class KnownAudits:
    """Recorded audits.

    Attributes:
        audits: data set's name → plain data, as ``read_audit`` gives it.
        damaged: a sentence for each file that was passed over.
    """

    audits: Mapping[str, dict[str, Any]]
    damaged: tuple[str, ...] = ()


def abridged(audit: Mapping[str, Any], *, most: int = EXAMPLES) -> dict[str, Any]:
    """An audit's plain data with at most ``most`` entries in each list of films, spread evenly over it.

    Counts are untouched. ``kept`` says of each list that was shortened: "shown" of "all".
    """
    kept: dict[str, dict[str, int]] = {}
    parts: dict[str, list[Any]] = {}
    for name in LISTS:
        entries = audit[name]
        if len(entries) > most:
            kept[name] = {"shown": most, "all": len(entries)}
            parts[name] = [entries[place * len(entries) // most] for place in range(most)]
    return {**audit, **parts, **({"kept": kept} if kept else {})}


def record_audit(audit: Audit, folder: str | Path | None = None) -> Path:
    """Write an audit as ``NAME.json`` among the known ones, abridged; an earlier one is replaced.

    Raises:
        FractureError: the folder cannot be written to.
    """
    path = _folder(folder) / f"{audit.data.name}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, to_json(abridged(as_dict(audit))))
    except OSError as error:
        raise FractureError(f"'{path}' cannot be written: {error.strerror}. Choose another folder.") from error
    return path


def known_audits(folder: str | Path | None = None) -> KnownAudits:
    """The recorded audits of a folder, by data set; ``$FRACTURE_AUDITS`` or ``results/audits`` by default."""
    audits: dict[str, dict[str, Any]] = {}
    damaged: list[str] = []
    for path in sorted(_folder(folder).glob("*.json")):
        try:
            found = read_audit(path)
        except DataSetError as error:
            damaged.append(str(error))
        else:
            audits[found["name"]] = found
    return KnownAudits(audits, tuple(damaged))


def _folder(folder: str | Path | None) -> Path:
    return Path(folder or os.environ.get("FRACTURE_AUDITS") or AUDITS)
