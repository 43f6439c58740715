"""What an audit found, a view at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from ui import figures, loaders
from ui.data_audit import pairs
from ui.data_audit.charts import later_leaks, leak_figure, leak_rows, shortcut_figure
from ui.data_audit.choosing import Chosen, downloads

VIEW = "audit_view"


def findings(chosen: Chosen) -> None:
    """Figures, then the chosen view, then the audit as files."""
    with loaders.error_boundary():
        contents(chosen.plain)
    view = st.segmented_control(
        "Look at", list(_VIEWS), default=next(iter(_VIEWS)), key=VIEW, bind="query-params", required=True
    )
    with loaders.error_boundary():
        _VIEWS[view](chosen)
    with loaders.error_boundary():
        downloads(chosen)


def contents(audit: Mapping[str, Any]) -> None:
    """The audit's figures at a glance; they are counts of all films, not samples, so they have no interval."""
    films, files = audit["films"], audit["files"]
    different = audit["pictures"]["without_rotated_copies"]
    figures_ = [
        ("Films", f"{films:,}", f"{audit['fractured']:,} fractured, {audit['not_fractured']:,} not"),
        ("Different files", f"{files['different']:,}", f"of {files['stored']:,} stored, by their bytes"),
        (
            "Different pictures",
            f"{different:,}",
            f"{_share(different, films)} of the films, once copies count as one",
        ),
        (
            "Groups",
            f"{audit['groups']['count']:,}",
            f"films that a split must keep together; the largest has {audit['groups']['largest']:,}",
        ),
    ]
    for column, (name, value, meaning) in zip(st.columns(len(figures_)), figures_, strict=True):
        with column:
            st.metric(name, value)
            st.caption(meaning)
    said = []
    if audit["splits"]:
        said.append("Published splits: " + ", ".join(f"{name} {count:,}" for name, count in audit["splits"].items()))
    else:
        said.append("No published split")
    if audit["patients"]:
        crossing = len(audit["patients_crossing_splits"])
        said.append(f"{audit['patients']:,} patients named, {crossing:,} of them with films in several splits")
    else:
        said.append("patients not named")
    if audit.get("missing"):
        said.append(f"{audit['missing']:,} films of the publisher's table were not there when it was audited")
    st.caption(". ".join(part[0].upper() + part[1:] for part in said) + ".")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


def splits(chosen: Chosen) -> None:
    """Films of a published split that have a copy in another."""
    leaks = later_leaks(chosen.plain["leaks"])
    if not leaks:
        st.info(
            "This data set has no published split, so nothing can leak between its parts. Splits drawn here keep "
            "copies together, by the groups above.",
            icon=":material/info:",
        )
        return
    worst = max(leaks, key=lambda leak: leak["by_rotation"] / leak["films"])
    if worst["by_rotation"]:
        st.markdown("**Films that a model was judged on and had a copy of elsewhere**, as a share of their split.")
    else:
        st.success("No film of a published split has a copy in another.", icon=":material/check:")
    figures.show(
        leak_figure(leaks),
        key="leaks",
        name=f"{chosen.plain['name']}-leaks",
        data=leak_rows(leaks),
        note="Each film is counted under the strictest kind of copy it has in the other split. All films are "
        "counted, none sampled, so the shares have no interval.",
    )
    _crossing_patients(chosen)


def _crossing_patients(chosen: Chosen) -> None:
    crossing = chosen.plain["patients_crossing_splits"]
    if crossing:
        st.markdown(f"**{len(crossing):,} patients have films in several splits.**")
        figures.table(
            [{"patient": patient["patient"], **patient["splits"]} for patient in crossing],
            key="crossing",
            name=f"{chosen.plain['name']}-patients",
        )


def shortcuts(chosen: Chosen) -> None:
    """How well the label can be told without looking at the bone."""
    found = chosen.plain["shortcuts"]
    if not found:
        st.info("Shortcuts were not measured: that takes readable films of both classes.", icon=":material/info:")
        return
    st.markdown(
        "**Telling the label without looking at the bone.** Far from chance, a model may score by the scanner or the "
        "archive and not by the fracture."
    )
    figures.show(
        shortcut_figure(found),
        key="shortcuts",
        name=f"{chosen.plain['name']}-shortcuts",
        data=found,
        note=f"AUC with its 95 % interval, resampled by group; n {found[0]['n']:,} films. A single feature is taken "
        "in the direction that helps it; 'all together' is a logistic model, scored on groups it was not fitted to.",
    )


def notes(chosen: Chosen) -> None:
    """What the publisher's files contradict each other in, and whose they are."""
    told = chosen.plain["notes"]
    if told:
        figures.table([{"note": note} for note in told], key="notes", name=f"{chosen.plain['name']}-notes")
    else:
        st.success("The publisher's own files agree with each other.", icon=":material/check:")
    st.text(chosen.plain["attribution"])


_VIEWS: dict[str, Callable[[Chosen], None]] = {
    "Splits": splits,
    "Duplicates": pairs.duplicates,
    "Label conflicts": pairs.conflicts,
    "Damaged files": pairs.damaged,
    "Shortcuts": shortcuts,
    "Notes": notes,
}
