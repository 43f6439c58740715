"""Many films: a table that fills while they are answered, and the way from it to one film and back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import streamlit as st

from fracture_core.spreadsheet import csv_of
from fracture_core.tables import COLUMNS, answer_row, message
from fracture_core.weights import Card
from ui import loaders
from ui.films import PAUSED, SELECTED, Answer, Film, Tray, remove_all
from ui.one_film import one_film
from ui.wording import FINDINGS, GRAY, text_colour

if TYPE_CHECKING:
    import pandas as pd  # a quarter of a second to import: left out of the first page's way

_OPENINGS = "openings"  # session: renewing the table's key forgets which line was clicked

_SHOWN = {"All": None, **{said.short: finding for finding, said in FINDINGS.items()}, "Not read": "error"}
_COLUMNS = {
    "film": st.column_config.ImageColumn("Film", width="small"),
    "name": st.column_config.TextColumn("Name", width="medium"),
    "finding": st.column_config.TextColumn("Finding", width="medium"),
    "probability": st.column_config.ProgressColumn(
        "Probability of fracture", min_value=0.0, max_value=1.0, format="%.2f", help="Calibrated."
    ),
    "note": st.column_config.TextColumn("Note", width="large"),
}


def many_films(films: Tray, card: Card, operating_point: str) -> None:
    """A table of all films, filled while they are answered; a click opens one."""
    selected = films.films.get(st.session_state.get(SELECTED, ""))
    if selected is not None:
        _walk(films, selected)
        one_film(selected, card, operating_point)
        return
    top = st.container(horizontal=True, vertical_alignment="center")
    summary = top.empty()
    remaining = films.unanswered(card.identity)
    place = st.empty()
    if remaining and st.session_state.get(PAUSED) != card.identity:
        top.button("Stop", icon=":material/stop:", on_click=_pause, args=(card.identity,))
        _answer_remaining(films, card, operating_point, summary=summary, table=place)
        st.rerun()
    answers = films.answered(card.identity)
    summary.markdown(_counts(answers, len(films.films)))
    if remaining:
        films_left = "1 film" if len(remaining) == 1 else f"{len(remaining)} films"
        top.button(f"Go on with {films_left}", icon=":material/play_arrow:", on_click=_pause, args=("",))
    top.download_button(
        "Download table (CSV)",
        icon=":material/download:",
        file_name="fracture-answers.csv",
        mime="text/csv",
        data=_csv(answers),
        on_click="ignore",
    )
    top.button("Remove all films", on_click=remove_all)
    _table(answers, card, place)


def _pause(model: str) -> None:
    """Stop the answering by one model, or by none; another one begins when it is chosen."""
    st.session_state[PAUSED] = model


def _answer_remaining(films: Tray, card: Card, operating_point: str, *, summary: Any, table: Any) -> None:
    total, began, shown = len(films.films), time.monotonic(), 0.0
    waiting = len(films.unanswered(card.identity))
    with st.spinner("Loading the model"):
        classifier = loaders.classifier(card.name)
    for done, _ in enumerate(films.answer_all(classifier, operating_point=operating_point), start=1):
        now = time.monotonic()
        if now - shown < 0.5 and done < waiting:
            continue
        shown = now
        left = (now - began) / done * (waiting - done)
        summary.progress(
            1 - (waiting - done) / total,
            text=f"{total - waiting + done} of {total} films, about {left:.0f} s left",
        )
        answers = films.answered(card.identity)
        table.dataframe(_styled(answers), column_config=_COLUMNS, hide_index=True, row_height=64)


def _walk(films: Tray, film: Film) -> None:
    keys = list(films.films)
    place = keys.index(film.key)

    def go(key: str | None) -> None:
        if key is None:
            st.session_state.pop(SELECTED, None)
        else:
            st.session_state[SELECTED] = key

    row = st.container(horizontal=True, vertical_alignment="center")
    row.button("All films", icon=":material/arrow_back:", on_click=go, args=(None,))
    row.button(
        "Previous",
        icon=":material/chevron_left:",
        on_click=go,
        args=(keys[place - 1],),
        disabled=place == 0,
        shortcut="P",
    )
    row.button(
        "Next",
        icon=":material/chevron_right:",
        on_click=go,
        args=(keys[(place + 1) % len(keys)],),
        disabled=place == len(keys) - 1,
        shortcut="N",
    )
    row.caption(f"{place + 1} of {len(keys)}")


def _counts(answers: list[Answer], total: int) -> str:
    tally = {
        said.short.lower(): sum(a.prediction is not None and a.prediction.finding == finding for a in answers)
        for finding, said in FINDINGS.items()
    }
    tally["not read"] = sum(bool(answer.error) for answer in answers)
    parts = [f"{count} {name}" for name, count in tally.items() if count]
    return f"**{total} films**: " + ", ".join(parts) if parts else f"**{total} films**"


def _rows(answers: list[Answer]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "film": [answer.thumbnail for answer in answers],
            "name": [answer.film.name for answer in answers],
            "finding": [_said(answer) for answer in answers],
            "probability": [
                a.prediction.probability if a.prediction and a.prediction.domain.in_domain else None for a in answers
            ],
            "note": [message(a.prediction, a.notes) if a.prediction else a.error for a in answers],
        }
    )


def _said(answer: Answer) -> str:
    if answer.prediction is None:
        return "✕ Not read"
    said = FINDINGS[answer.prediction.finding]
    return f"{said.symbol} {said.short}"


def _styled(answers: list[Answer]) -> Any:
    dark = st.context.theme.type == "dark"
    found = [FINDINGS[a.prediction.finding].colour if a.prediction else GRAY for a in answers]
    colours = [text_colour(colour, dark=dark) for colour in found]
    return _rows(answers).style.apply(
        lambda column: [f"color: {colour}; font-weight: 600" for colour in colours], subset=["finding"]
    )


def _table(answers: list[Answer], card: Card, place: Any) -> None:
    with place.container():
        kinds = {a.prediction.finding if a.prediction else "error" for a in answers}
        choice = st.segmented_control(
            "Show",
            [name for name, kind in _SHOWN.items() if kind is None or kind in kinds],
            default="All",
            label_visibility="collapsed",
            required=True,
        )
        kind, openings = _SHOWN[choice or "All"], st.session_state.get(_OPENINGS, 0)
        kept = [a for a in answers if kind is None or (a.prediction.finding if a.prediction else "error") == kind]
        event = st.dataframe(
            _styled(kept),
            column_config=_COLUMNS,
            hide_index=True,
            row_height=64,
            on_select="rerun",
            selection_mode="single-cell",
            key=f"table-{card.name}-{choice}-{openings}",
            height=min(760, 42 + 64 * max(1, len(kept))),
            alt="Films with their findings",
        )
        st.caption("Click a line to open its film, a heading to sort.")
        if event.selection.cells:
            st.session_state[_OPENINGS] = openings + 1
            st.session_state[SELECTED] = kept[event.selection.cells[0][0]].film.key
            st.rerun()


def _csv(answers: list[Answer]) -> bytes:
    import pandas as pd

    rows = [answer_row(a.film.name, a.prediction, notes=a.notes, error=a.error) for a in answers]
    for row in rows:
        if row.get("in_domain") == "false":  # a refused film has no probability, here as in the table
            row["probability"] = ""
    return csv_of(pd.DataFrame(rows, columns=list(COLUMNS))).encode()
