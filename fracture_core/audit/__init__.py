"""What a data set hides: films that come twice, labels that disagree, splits that leak, and shortcuts.

>>> from fracture_core.audit import audit, write_audit            # doctest: +SKIP
>>> found = audit(read_fracatlas("fracatlas"))                    # doctest: +SKIP
>>> print(found.summary())                                        # doctest: +SKIP

``audit`` finds it all at once; ``film_groups`` gives the groups over which splits are drawn. Each different
file is read once, however often a data set repeats it.
"""

from __future__ import annotations

from fracture_core.audit.companions import Companion, companion, fingerprint_of, groups_across
from fracture_core.audit.duplicates import DuplicatePair, near_duplicates
from fracture_core.audit.films import Film, Survey, survey
from fracture_core.audit.findings import Audit, Conflict, Damage, PairCounts, audit
from fracture_core.audit.groups import RUN, film_groups, neighbour_links
from fracture_core.audit.known import KnownAudits, abridged, known_audits, record_audit
from fracture_core.audit.leaks import CrossingPatient, Leak
from fracture_core.audit.rotations import RotatedCopy, rotated_copies
from fracture_core.audit.shortcuts import Shortcut, shortcuts
from fracture_core.audit.sketches import sketch
from fracture_core.audit.storage import groups_table, parse_audit, read_audit, write_audit
from fracture_core.audit.worth import Half, LeakWorth, difference, leak_worths

__all__ = [
    "RUN",
    "Audit",
    "Companion",
    "Conflict",
    "CrossingPatient",
    "Damage",
    "DuplicatePair",
    "Film",
    "Half",
    "KnownAudits",
    "Leak",
    "LeakWorth",
    "PairCounts",
    "RotatedCopy",
    "Shortcut",
    "Survey",
    "abridged",
    "audit",
    "companion",
    "difference",
    "film_groups",
    "fingerprint_of",
    "groups_across",
    "groups_table",
    "known_audits",
    "leak_worths",
    "near_duplicates",
    "neighbour_links",
    "parse_audit",
    "read_audit",
    "record_audit",
    "rotated_copies",
    "shortcuts",
    "sketch",
    "survey",
    "write_audit",
]
