"""The claims audit on the results page: the papers' findings, the rebuilt matrices, and a table of your own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import streamlit as st

from fracture_core.claims import (
    GRAVE,
    SEVERITIES,
    Audit,
    Audited,
    Finding,
    Search,
    accuracy_of,
    audit_paper,
    audit_table,
)
from fracture_core.claims.table import example, ignored_columns, read_claims_table
from ui import figures, loaders

ICONS = {
    "impossible": ":material/block:",
    "contradiction": ":material/compare_arrows:",
    "suspicious": ":material/help:",
    "note": ":material/info:",
}


def section(papers: Sequence[str] | None = None) -> None:
    """The audit of the named papers, or of all, and under it that of a user's own table."""
    with loaders.error_boundary():
        _published([key for key in loaders.papers() if papers is None or key in papers])
    st.subheader("Audit your own table")
    with loaders.error_boundary():
        _own()


@cache
def _audit(key: str) -> Audit:
    return audit_paper(loaders.papers()[key])


# The papers ----------------------------------------------------------------------------------------------


def _published(keys: Sequence[str]) -> None:
    if not keys:
        st.info("No paper is chosen. Choose one above to see its claims audited.", icon=":material/filter_alt:")
        return
    audits = {key: _audit(key) for key in keys}
    st.markdown(_summary(list(audits.values()), len(keys)))
    st.caption(
        "Arithmetic alone: a printed figure counts as every value it can be rounded or cut off from. "
        + " ".join(f"{ICONS[name]} {name}: {meaning}" for name, meaning in SEVERITIES.items())
    )
    for key, audit in audits.items():
        paper = loaders.papers()[key]
        grave = sum(finding.severity in GRAVE for finding in audit.findings)
        label = f"**{key}** · {paper.title} · {_counted(grave, 'finding')}"
        with st.expander(label, expanded=len(keys) == 1):
            _findings(audit)
            _matrices(key, audit)
            _undecided(audit)
            _accuracies(key, audit)


def _summary(audits: Sequence[Audit], papers: int) -> str:
    rows = [row for audit in audits for row in audit.rows]
    carrying = sum(any(finding.severity in GRAVE for finding in row.findings) for row in rows)
    found = [finding for audit in audits for finding in audit.findings]
    counts = ", ".join(
        f"{number} {name}" for name in GRAVE if (number := sum(finding.severity == name for finding in found))
    )
    return (
        f"**{carrying} of {_counted(len(rows), 'printed row')}** of {_counted(papers, 'paper')} "
        f"carry a finding graver than a note (findings: {counts or 'none'})."
    )


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _findings(audit: Audit) -> None:
    if not audit.findings:
        st.markdown(":material/check: Nothing found: the figures can stand as they are printed.")
    for finding in audit.findings:
        st.markdown(_line(finding))


def _line(finding: Finding) -> str:
    about = ", ".join(filter(None, (finding.model or "The whole paper", finding.split)))
    return (
        f"{ICONS[finding.severity]} **{_plain(finding.severity.capitalize())}** · {_plain(about)}: "
        f"{_plain(finding.sentence)}  \n:gray[{_plain(finding.where)}]"
    )


def _plain(text: str) -> str:
    """A user's names must not turn into formatting."""
    for sign in "\\`*_{}[]()<>#$|~:":
        text = text.replace(sign, f"\\{sign}")
    return text


def _matrices(key: str, audit: Audit) -> None:
    if not audit.rebuilt:
        return
    st.markdown("**Rebuilt confusion matrices**: the only whole numbers that give the printed figures")
    columns = st.columns(min(3, len(audit.rebuilt)))
    for place, found in enumerate(audit.rebuilt):
        with columns[place % len(columns)]:
            _matrix(f"{key}-matrix-{place}", found)


def _matrix(key: str, found: Search) -> None:
    matrix, (positive, negative) = found.matrix, found.claim.names
    assert matrix is not None, "only rebuilt ones are shown"
    st.markdown(_plain(found.claim.model))
    rows = [
        {"truth": positive, f"called {positive}": int(matrix.tp), f"called {negative}": int(matrix.fn)},
        {"truth": negative, f"called {positive}": int(matrix.fp), f"called {negative}": int(matrix.tn)},
    ]
    figures.table(rows, key=key, name=f"{key}")
    said = f"n {found.n:,}."
    if found.class_read:
        said += f" Its precision, recall and F1 are of “{found.class_read}”."
    if not found.firm:
        said += f" Taken as {found.shortened}."
    st.caption(_plain(said))


def _undecided(audit: Audit) -> None:
    for row in audit.rows:
        if row.search is not None and row.search.matrix is None and row.search.readings:
            st.caption(_plain(f"{row.claim.model}: {row.search.outcome}"))


def _accuracies(key: str, audit: Audit) -> None:
    rows = [row for row in map(_accuracy, audit.rows) if row]
    if rows:
        st.markdown("**Accuracy with the 95 % interval that the number of images allows** (Wilson)")
        figures.table(rows, key=f"{key}-intervals", name=f"{key}-intervals")


def _accuracy(row: Audited) -> dict[str, object] | None:
    estimate = accuracy_of(row.claim)
    if estimate is None:
        return None
    return {
        "model": row.claim.model,
        "split": row.claim.split,
        "as printed": row.claim.figures["accuracy"].printed,
        "accuracy": estimate.decimal(),
        "n": estimate.n,
    }


# A table of your own -------------------------------------------------------------------------------------


@st.fragment
def _own() -> None:
    st.markdown(
        "Paste a table or drop a CSV file: a heading, and a line for each model on one test (not a mean over folds "
        "or seeds). Keep the figures as they are printed; their last place counts. With `n`, `positives` and "
        "`negatives` the audit looks for the confusion matrix too. Nothing is kept."
    )
    dropped = st.file_uploader("CSV file", type=["csv", "tsv", "txt"], key="claims-file", max_upload_size=1)
    text = st.text_area(
        "Or paste it here",
        key="claims-text",
        height=160,
        placeholder="model,accuracy,precision,recall,f1,n,positives,negatives",
    )
    left, right, _ = st.columns([1, 1, 2])
    left.button("Fill in an example", key="claims-example", on_click=_fill_in, width="stretch")
    right.download_button(
        "Template", example(), "claims.csv", "text/csv", key="claims-template", on_click="ignore", width="stretch"
    )
    if dropped is not None:
        text = dropped.getvalue().decode("utf-8", errors="replace")
    if not text.strip():
        st.info("No table yet. Paste one, drop a file, or fill in the example.", icon=":material/table:")
        return
    with loaders.error_boundary():
        _audited(text)


def _fill_in() -> None:
    st.session_state["claims-text"] = example()


def _audited(text: str) -> None:
    audit = audit_table(read_claims_table(text))
    carrying = sum(any(finding.severity in GRAVE for finding in row.findings) for row in audit.rows)
    st.markdown(f"**{carrying} of {_counted(len(audit.rows), 'row')}** carry a finding graver than a note.")
    if ignored := ignored_columns(text):
        st.caption(_plain(f"Columns not used: {', '.join(ignored)}."))
    _findings(audit)
    _matrices("own", audit)
    _undecided(audit)
    _accuracies("own", audit)
