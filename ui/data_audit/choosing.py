"""Which audit is looked at: a known data set's, one made here of a folder, or one brought as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fracture_core.audit import parse_audit
from fracture_core.datasets import LAYOUTS, Case
from fracture_core.errors import DataSetError
from fracture_core.results import to_json
from ui.data_audit import running
from ui.data_audit.films_at_hand import cases_of

SOURCE, FOLDER, FILE = "audit_of", "audit_folder", "audit-file"  # keys; the first two stand in the address too
_OF_FOLDER, _OF_FILE = "folder", "file"
_TITLES = {"fracatlas": "FracAtlas", "multiregion": "Multi-region", _OF_FOLDER: "A folder", _OF_FILE: "An audit file"}
_LISTS = {
    "exact": "sets of equal films",
    "near": "near pairs",
    "rotated": "turned pairs",
    "conflicts": "conflicts",
    "damaged": "damaged films",
}
_UPLOADED = "audit_uploaded"  # session: name of the file and its audit
MOST_BYTES = 64 << 20
"""Of an uploaded audit; the largest so far, of 10,580 films, has 1.4 MB."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """An audit to show.

    Attributes:
        title: of the data set.
        plain: as ``read_audit`` gives it.
        cases: by id, where the films are at hand; else empty.
        report: ``audit.json`` as text.
        groups: ``groups.csv`` as text; empty where the audit was not made here.
    """

    title: str
    plain: Mapping[str, Any]
    cases: Mapping[str, Case]
    report: str
    groups: str = ""


def choose(audits: Mapping[str, Mapping[str, Any]]) -> Chosen | None:
    """Ask for the audit; None while there is none to show, having said what to do.

    Data sets with a published split come first: there a leak does harm.
    """
    audits = dict(sorted(audits.items(), key=lambda named: not named[1]["splits"]))
    source = st.segmented_control(
        "Data set",
        [*audits, _OF_FOLDER, _OF_FILE],
        default=next(iter(audits), _OF_FOLDER),
        format_func=title_of,
        key=SOURCE,
        bind="query-params",
        required=True,
    )
    if source in audits:
        plain = audits[source]
        return Chosen(title_of(source), plain, cases_of(source), to_json(dict(plain), indent=1))
    return _from_file() if source == _OF_FILE else _from_folder()


def title_of(name: str) -> str:
    """A data set as people call it."""
    return _TITLES.get(name, name)


def _from_folder() -> Chosen | None:
    folder = st.text_input(
        "Folder on the server",
        key=FOLDER,
        bind="query-params",
        placeholder="/data/fracatlas",
        help="Understood are: " + "; ".join(LAYOUTS) + ". Files are read, and nothing is written.",
    )
    job = running.current()
    if job is not None and not job.over:
        running.follow(job)
        return None
    if st.button("Audit this folder", type="primary", key="audit-begin", icon=":material/search:"):
        running.begin(folder)
        st.rerun()
    if job is None:
        st.caption("Every file is read once and compared with all others: about a minute for 4,000 films.")
        return None
    if job.state == running.FAILED:
        st.error(job.error, icon=":material/error:")
    elif job.state == running.STOPPED:
        of = f" after {job.done:,} of {job.total:,} files" if job.total else ""
        st.info(f"The audit of `{job.folder}` was stopped{of}. Begin again when you like.", icon=":material/stop:")
    if job.result is None:
        return None
    st.caption(f"Audit of `{job.folder}`, kept until this page is closed.")
    plain = job.result.plain
    return Chosen(
        title_of(plain["name"]), plain, job.result.cases, to_json(plain, indent=1), groups=job.result.groups
    )


def _from_file() -> Chosen | None:
    given = st.file_uploader(
        "audit.json",
        type=["json"],
        key=FILE,
        help="Written by python -m fracture_core audit DIR, on any machine. It holds figures and names of files.",
    )
    if given is not None:
        st.session_state.pop(_UPLOADED, None)
        st.session_state[_UPLOADED] = (given.name, uploaded(given.name, given.getvalue()))
    if _UPLOADED not in st.session_state:
        st.caption("Bring the file that `python -m fracture_core audit DIR` writes; it stays in this page's memory.")
        return None
    name, plain = st.session_state[_UPLOADED]
    st.caption(f"From `{name}`, kept until this page is closed.")
    return Chosen(title_of(plain["name"]), plain, cases_of(plain["name"]), to_json(plain, indent=1))


def uploaded(name: str, content: bytes) -> dict[str, Any]:
    """An audit brought as a file.

    Raises:
        DataSetError: it is too large, or no audit.
    """
    if len(content) > MOST_BYTES:
        raise DataSetError(f"'{name}' is larger than {MOST_BYTES >> 20} MB and no audit.json. Choose another file.")
    return parse_audit(content, name=name)


def downloads(chosen: Chosen) -> None:
    """The audit as files."""
    name = chosen.plain["name"]
    with st.container(horizontal=True):
        st.download_button(
            "audit.json",
            chosen.report,
            file_name=f"{name}-audit.json",
            mime="application/json",
            icon=":material/download:",
            key="audit-report",
            on_click="ignore",
        )
        if chosen.groups:
            st.download_button(
                "groups.csv",
                chosen.groups,
                file_name=f"{name}-groups.csv",
                mime="text/csv",
                icon=":material/download:",
                key="audit-groups",
                on_click="ignore",
            )
    if kept := chosen.plain.get("kept"):
        lists = ", ".join(
            f"{part['shown']:,} of {part['all']:,} {_LISTS.get(name, name)}" for name, part in kept.items()
        )
        st.caption(
            f"Long lists are kept in part here ({lists}), spread evenly; every count is of the whole. The command "
            "`python -m fracture_core audit DIR` writes them whole, with groups.csv."
        )
