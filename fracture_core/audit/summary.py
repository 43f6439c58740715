"""An audit's findings for the screen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from fracture_core.audit.leaks import Leak, split_names

if TYPE_CHECKING:
    from fracture_core.audit.findings import Audit

_SHOWN: Final = 5  # films named of each kind; audit.json holds them all
_CLASSES: Final = {None: "", 1: " fractured", 0: " not fractured"}


def summary(audit: Audit) -> str:
    """A dozen to thirty lines, one finding each."""
    sections = (_contents, _copies, _conflicts, _leaks, _patients, _damaged, _shortcuts, _notes)
    return "\n".join(line for section in sections for line in section(audit))


def share(part: int, whole: int) -> str:
    """``491 of 506 (97.0 %)``."""
    return f"{part:,} of {whole:,}" + (f" ({100 * part / whole:.1f} %)" if whole else "")


def _contents(audit: Audit) -> list[str]:
    cases = audit.data.cases
    splits = Counter(case.split for case in cases)
    lines = [
        f"{audit.data.name}: {len(cases):,} films",
        f"  fractured: {share(int(audit.data.labels.sum()), len(cases))}",
    ]
    if names := split_names([case.split for case in cases]):
        lines.append("  published splits: " + ", ".join(f"{name} {splits[name]:,}" for name in names))
    lines.append(f"  files on disk: {audit.stored:,}, of different bytes: {audit.different:,}")
    largest = max(Counter(audit.groups.tolist()).values(), default=0)
    lines.append(
        f"  groups to keep together in a split: {len(set(audit.groups.tolist())):,} (largest: {largest} films)"
    )
    return lines


def _copies(audit: Audit) -> list[str]:
    pairs = audit.pairs
    near, all_copies = (len(set(part.tolist())) for part in (audit.copies.by_near, audit.copies.by_rotation))
    lines = [
        "Copies",
        f"  pairs of duplicates: {pairs.total:,} (equal bytes {pairs.by_bytes:,}, equal pixels only "
        f"{pairs.by_pixels:,}, near {pairs.near:,}, near once mirrored or turned {pairs.turned:,})",
        f"  different pictures without duplicates: {share(near, len(audit.data.cases))}",
    ]
    if audit.rotated:
        lines.append(
            f"  without copies turned by any angle or cut as well: {share(all_copies, len(audit.data.cases))}"
        )
    return lines


def _conflicts(audit: Audit) -> list[str]:
    kinds = Counter(found.kind for found in audit.conflicts)
    turned = kinds.pop("rotation", 0)
    lines = [f"Copies with contradictory labels: {share(sum(kinds.values()), audit.pairs.total)} pairs"]
    if turned:
        lines.append(f"  and {turned:,} among copies turned by any angle or cut")
    ids = [case.id for case in audit.data.cases]
    for found in audit.conflicts[:_SHOWN]:
        lines.append(f"  {ids[found.fractured]} is fractured, {ids[found.sound]} is not ({found.kind})")
    return lines + _more(len(audit.conflicts))


def _leaks(audit: Audit) -> list[str]:
    if not audit.leaks:
        return []
    lines = [
        "Leaks between published splits (films with a copy: equal bytes / near duplicates too / turned ones too)"
    ]
    for leak in audit.leaks:
        later = split_names([leak.split, leak.other])[-1] == leak.split
        if later and leak.films:  # the other direction is in the file
            lines.append(_leak(leak))
    return lines


def _leak(leak: Leak) -> str:
    rest = " / ".join(
        f"{count:,} ({100 * count / leak.films:.1f} %)" for count in (leak.by_bytes, leak.by_near, leak.by_rotation)
    )
    return f"  {leak.split} in {leak.other},{_CLASSES[leak.label] or ' all'}: of {leak.films:,}: {rest}"


def _patients(audit: Audit) -> list[str]:
    patients = {case.patient for case in audit.data.cases} - {None}
    if not patients:
        return ["Patients: not named"]
    return [f"Patients: {len(patients):,}; with films in several splits: {share(len(audit.crossing), len(patients))}"]


def _damaged(audit: Audit) -> list[str]:
    total = len(audit.data.cases)
    cut = [found for found in audit.damaged if found.readable]
    unreadable = [found for found in audit.damaged if not found.readable]
    lines = [f"Cut films: {share(len(cut), total)}; unreadable: {share(len(unreadable), total)}"]
    if cut:
        least = min(cut, key=lambda found: found.rows_read)
        left, name = 100 * least.rows_read, audit.data.cases[least.case].id
        lines.append(f"  rows that are left of the most damaged: {left:.0f} % ({name})")
    for found in unreadable[:_SHOWN]:
        lines.append(f"  {audit.data.cases[found.case].id}: {found.reason}")
    return lines + _more(len(unreadable))


def _shortcuts(audit: Audit) -> list[str]:
    if not audit.shortcuts:
        return []
    lines = ["Telling the label without looking at the bone: AUC (0.5 is chance)"]
    return lines + [f"  {found.feature}: {found.auc.decimal()}" for found in audit.shortcuts]


def _notes(audit: Audit) -> list[str]:
    notes = audit.data.notes
    return ["The publisher's files"] * bool(notes) + [f"  {note}" for note in notes[:_SHOWN]] + _more(len(notes))


def _more(count: int) -> list[str]:
    return [f"  and {count - _SHOWN:,} more"] if count > _SHOWN else []
