"""The page of model cards: key figures first, then the card by subject, the checklist, and the card to take along."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache

import streamlit as st

from fracture_core import weights
from fracture_core.model_card import (
    INAPPLICABLE,
    SIGNS,
    UNANSWERED,
    VERDICTS,
    Document,
    Judgement,
    Pairs,
    Paragraph,
    Picture,
    Points,
    Section,
    Table,
    find_gate,
    find_localisation,
    find_record,
    guidelines,
    model_card,
    tally,
    to_html,
    to_pdf,
)
from fracture_core.weights import Card
from ui import figures, loaders
from ui.frame import MODEL
from ui.model_card_charts import figure, rows_of

CARD, TAB, FILTER = "card", "part", "verdict"  # keys of this page's choices, in the session and in the address
_FOLLOWED = "card_follows"  # the sidebar's model when the page was last drawn
CHECKLIST = "Checklist"
TABS = {
    "Use and limits": ("use",),
    "Data and training": ("data", "making"),
    "Performance": ("thresholds", "performance"),
    "Calibration": ("calibration",),
    "Subgroups": ("subgroups",),
    "Maps and failures": ("explanation", "failures"),
    CHECKLIST: (),
    "Licence and hash": ("licence",),
}
"""Tab → keys of the sections that stand in it."""


def page() -> None:
    """The whole page."""
    st.title("Model cards")
    st.caption("What each installed model is for, what it is worth, and what nobody knows of it.")
    names = weights.installed()
    if not names:
        st.info(
            "No model is installed yet, so there is no card to show. Restore the folder weights/, or train your own: "
            "`python train.py ours --data DIR --weights weights/default`.",
            icon=":material/badge:",
        )
        return
    card = weights.load_card(_chosen(names))
    document = _document(card)
    _head(document)
    _take_along(document)
    tabs = st.tabs(list(TABS), key=TAB, bind="query-params")
    for tab, (name, keys) in zip(tabs, TABS.items(), strict=True):
        if not tab.open:
            continue
        with tab, loaders.error_boundary():
            if name == CHECKLIST:
                _checklist(document)
            for key in keys:
                _section(document.section(key), titled=len(keys) > 1)


def _chosen(names: list[str]) -> str:
    """The model whose card is shown: the sidebar's, until another is chosen here."""
    followed = st.session_state.get(MODEL, names[0])
    followed = followed if followed in names else names[0]
    if len(names) == 1:
        return names[0]
    if st.session_state.get(_FOLLOWED, followed) != followed:
        st.session_state[CARD] = followed
    st.session_state[_FOLLOWED] = followed
    titles = {name: weights.load_card(name).title for name in names}
    return st.selectbox(
        "Model",
        names,
        index=names.index(followed),
        format_func=lambda name: f"{titles[name]} ({name})",
        key=CARD,
        bind="query-params",
    )


def _document(card: Card) -> Document:
    outline = find_record(card, loaders.runs().runs)
    run = None if outline is None else str(outline["id"])
    return _built(card.name, card.identity, run, str(find_localisation(card)), str(find_gate()))


@lru_cache(maxsize=16)
def _built(name: str, _identity: str, run: str | None, _localisation: str, _gate: str) -> Document:
    """A card's document, built again only when one of its sources changed."""
    card = weights.load_card(name)
    record = None if run is None else loaders.run(run)
    return model_card(card, record, find_localisation(card), gate=find_gate())


def _head(document: Document) -> None:
    st.subheader(document.title, anchor=False)
    st.markdown(plain(document.summary))
    with st.container(horizontal=True, gap="medium"):
        for fact in document.key_facts:
            detail = fact.detail.removesuffix(", balanced")
            st.metric(
                fact.label,
                fact.value,
                detail or None,
                delta_color="off",
                delta_arrow="off",
                help="At the balanced operating point." if detail != fact.detail else None,
                width="content",
            )
    st.caption(plain(f"Measured on test films, with 95 % intervals; {document.identity}."))


def _take_along(document: Document) -> None:
    """The card as files; a PDF is made once it is asked for."""
    stem = f"model-card-{document.name}"
    files = {
        "HTML": (lambda: to_html(document).encode(), "html", "text/html"),
        "PDF": (lambda: to_pdf(document), "pdf", "application/pdf"),
        "JSON": (lambda: document.to_json().encode(), "json", "application/json"),
    }
    with st.container(horizontal=True, gap="small"):
        for label, (make, ending, mime) in files.items():
            st.download_button(
                f"Card as {label}",
                make,
                file_name=f"{stem}.{ending}",
                mime=mime,
                key=f"card-{ending}",
                on_click="ignore",
                icon=":material/download:",
            )


def _section(section: Section, *, titled: bool) -> None:
    if titled:
        st.subheader(section.title, anchor=False)
    for number, block in enumerate(section.blocks):
        key = f"{section.key}-{number}"
        if isinstance(block, Paragraph):
            st.markdown(plain(block.text))
        elif isinstance(block, Points):
            st.markdown("\n".join(f"- {plain(text)}" for text in block.items))
        elif isinstance(block, Pairs):
            st.markdown("\n".join(f"- **{plain(label)}:** {plain(value)}" for label, value in block.rows))
        elif isinstance(block, Table):
            st.markdown(f"**{plain(block.title)}**")
            rows = [dict(zip(block.head, row, strict=True)) for row in block.rows]
            figures.table(rows, key=key, name=key, height="content")
            if block.note:
                st.caption(plain(block.note))
        else:
            assert isinstance(block, Picture), "every block has its form"
            st.markdown(f"**{plain(block.title)}**")
            figures.show(figure(block.chart), key=key, name=key, data=rows_of(block.chart), note=plain(block.note))


def _checklist(document: Document) -> None:
    st.markdown(
        "What three reporting guidelines ask, and what this card answers. Derived from what the card says; the "
        "wordings are ours, and an answer is no seal of quality."
    )
    counts = tally(document.checklist)
    figures.table(
        [{"guideline": name, "items": sum(found.values()), **found} for name, found in counts.items()],
        key="checklist-counts",
        name="checklist-counts",
    )
    chosen = st.segmented_control(
        "Guideline", list(counts), default=next(iter(counts)), required=True, key="guideline", bind="query-params"
    )
    verdict = st.segmented_control(
        "Show", ["all", *VERDICTS], default="all", required=True, key=FILTER, bind="query-params"
    )
    found = [
        judged for judged in document.checklist if judged.guideline == chosen and verdict in ("all", judged.verdict)
    ]
    if found:
        st.table([_line(judged) for judged in found], hide_index=True)
        csv = figures.to_csv([asdict(judged) | {"where": "; ".join(judged.where)} for judged in found])
        st.download_button(
            "These items as CSV", csv, f"checklist-{chosen}.csv", "text/csv", on_click="ignore", type="tertiary"
        )
    else:
        said = "nothing is left unanswered" if verdict == UNANSWERED else f"no item is {verdict}"
        st.info(f"{chosen}: {said}.")
    st.caption(plain(f"{guidelines()[chosen].citation}."))


def _line(judged: Judgement) -> dict[str, str]:
    """An item as a row in which long text may wrap."""
    notes = [f"In: {'; '.join(judged.where)}."] if judged.where else []
    if judged.missing:
        notes.append(judged.missing if judged.verdict == INAPPLICABLE else f"Not said: {judged.missing}.")
    return {
        "item": judged.number,
        "asks for": plain(judged.wording),
        "verdict": f"{SIGNS[judged.verdict]}\N{NO-BREAK SPACE}{judged.verdict}",
        "where, and what is missing": plain(" ".join(notes)),
    }


def plain(text: str) -> str:
    """Text that markdown shows as it is."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()#+-!|~$:<>&" else character for character in text)
