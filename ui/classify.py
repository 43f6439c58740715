"""The parts of the Classify page: drop zone, samples, one film with its answer, many films as a table."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from fracture_core import weights
from fracture_core.errors import FractureError
from fracture_core.weights import Card
from ui import loaders
from ui.films import Answer, Film, Opened, Tray, fracatlas_samples, sample, synthetic_samples, uploaded_film
from ui.wording import FINDINGS, GRAY, OPERATING_POINTS, meaning, probability_words

if TYPE_CHECKING:
    from fracture_core.explain import Heatmap
    from fracture_core.inference import Classifier, Prediction

SELECTED = "selected_film"  # session: key of the film opened from the table
_ROUND = "upload_round"  # session: renewing the uploader's key empties it
_PAUSED = "paused"
_OPENINGS = "openings"  # session: renewing the table's key forgets which line was clicked

_LARGE_DROP_ZONE = """
<style>
[data-testid="stFileUploaderDropzone"] {
  min-height: 10rem; flex-direction: column; align-items: center !important; justify-content: center; gap: 0.6rem;
  border: 2px dashed #7A828A;
}
[data-testid="stFileUploaderDropzone"] > * { flex: 0 0 auto; }
</style>
"""


# --- films in ------------------------------------------------------------------------------------------------


def drop_zone(films: Tray) -> None:
    """Where films are dropped; what they are is told from their content, so any ending, or none, will do."""
    empty = not films.films
    if empty:
        st.html(_LARGE_DROP_ZONE)
        st.title("Is this bone fractured?", anchor=False)
    key = f"upload-{st.session_state.setdefault(_ROUND, 0)}"

    def take() -> None:
        for file in st.session_state[key]:
            films.add(uploaded_film(file.name, file.getvalue()))
        st.session_state[_PAUSED] = False
        st.session_state[_ROUND] += 1  # the films are listed below, not in the drop zone

    st.file_uploader(
        "Drop one radiograph or many here: DICOM, PNG, JPEG, TIFF, BMP or WebP, up to 200 MB each",
        accept_multiple_files=True,
        key=key,
        on_change=take,
        label_visibility="visible" if empty else "collapsed",
    )
    if empty:
        st.caption(
            ":material/lock: Nothing leaves this machine, nothing is kept: films are forgotten with this page."
        )


def _remove_all(films: Tray) -> None:
    films.clear()
    st.session_state.pop(SELECTED, None)
    st.query_params.pop("film", None)


def _remove(films: Tray, film: Film) -> None:
    films.remove(film)
    st.session_state.pop(SELECTED, None)
    st.query_params.pop("film", None)


def take_film_from_address(films: Tray, card: Card) -> None:
    """Open the sample named in the page's address, so that a view of it can be shared."""
    key = st.query_params.get("film")
    if key and not films.films:
        try:
            films.add(sample(key, card.data.get("examples", [])))
        except FractureError as error:
            st.query_params.pop("film")
            st.info(str(error), icon=":material/info:")


def samples(films: Tray, card: Card) -> None:
    """Films to try when none is at hand."""
    from ui.films import thumbnail_of

    def take(film: Film) -> None:
        films.add(film)
        st.query_params["film"] = film.key

    st.subheader("Or try one of these", anchor=False)
    offered = [*synthetic_samples(), *fracatlas_samples(card.data.get("examples", []))]
    row = st.container(horizontal=True)
    for film in offered:
        with row.container(width=148, gap="xsmall"):
            st.image(thumbnail_of(film), width="stretch", alt=film.note)
            st.button("Open", key=f"take-{film.key}", on_click=take, args=(film,), width="stretch", help=film.note)
            st.caption(film.note)


# --- one film ------------------------------------------------------------------------------------------------


def one_film(film: Film, card: Card, operating_point: str) -> None:
    """A film with its answer, map and everything that stands behind them."""
    from ui.films import tray

    heading, remove = st.columns([5, 1], vertical_alignment="center")
    heading.markdown(f"**{_plain(film.name)}**" + (f" · {film.note}" if film.note else ""))
    remove.button("Remove film", on_click=_remove, args=(tray(), film), width="stretch", key=f"remove-{film.key}")
    notes = st.empty()
    with loaders.error_boundary():
        with st.spinner("Reading the film", show_time=False):
            opened = tray().open(film, frame=_chosen_frame(film))
            classifier = loaders.classifier(card.name)
            prediction = opened.prediction(classifier, operating_point=operating_point)
        if opened.radiograph.notes:
            notes.caption(":material/info: " + _plain(" · ".join(opened.radiograph.notes)))
        left, right = st.columns([3, 2], gap="large")
        with right:
            _finding(prediction, card)
            shown = prediction.domain.in_domain or st.toggle("Show what the model answers all the same")
            heatmap, method = None, "gradcam"
            if shown:
                _answer(prediction, opened, card)
                method = _method()
        with left, loaders.error_boundary():
            heatmap = _film(opened, classifier, method, shown=shown)
        with right:
            _evidence(opened, classifier, prediction, heatmap)


def _plain(text: str) -> str:
    """Text that markdown leaves alone."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()#+-.!|~$:<>" else character for character in text)


def _chosen_frame(film: Film) -> int | None:
    return st.session_state.get(f"frame-{film.key}")


def _finding(prediction: Prediction, card: Card) -> None:
    said = FINDINGS[prediction.finding]
    st.html(
        f"<div role='status' style='border-left:6px solid {said.colour};padding:0.1rem 0 0.1rem 0.9rem'>"
        f"<span style='font-size:1.9rem;font-weight:650;line-height:1.2'>"
        f"<span aria-hidden='true' style='color:{said.colour};font-size:1.5rem'>{said.symbol}</span> "
        f"{said.text}</span></div>"
    )
    if not prediction.domain.in_domain:
        # the heading has said the first half of the sentence
        reason = prediction.domain.reason.removeprefix(said.text).lstrip(":. ")
        st.markdown(_plain(reason[:1].upper() + reason[1:]))


def _answer(prediction: Prediction, opened: Opened, card: Card) -> None:
    from ui.charts import answers_strip

    point = card.operating_points[prediction.operating_point]
    name = OPERATING_POINTS[prediction.operating_point][0].lower()
    st.markdown(
        f"Probability **{probability_words(prediction.probability)}**, calibrated; at the {name} operating point "
        f"{meaning(point)}.",
        help=(
            f"Threshold {point.threshold:.2f}: {point.rule}. Measured on {point.sensitivity.n} fractured and "
            f"{point.specificity.n} whole test films; brackets hold 95 % intervals."
        ),
    )
    if prediction.finding == "uncertain":
        st.markdown(
            "The probability lies between the sensitive and the specific threshold, where the model errs most. "
            f"Made to choose at this operating point, it says **{prediction.call}**."
        )
    answers = [(card, prediction)]
    for name in weights.installed():
        if name != card.name:
            with loaders.error_boundary():
                other = loaders.classifier(name)
                answers.append((other.card, opened.prediction(other, operating_point=prediction.operating_point)))
    st.plotly_chart(
        answers_strip(answers),
        config={"displayModeBar": False},
        key=f"strip-{opened.film.key}",
        alt=f"Probability {prediction.probability:.2f} on a scale from 0 to 1 with the model's thresholds",
    )


def _method() -> str:
    from fracture_core.explain import METHODS

    method = st.selectbox(
        "Map",
        list(METHODS),
        format_func=lambda name: METHODS[name].title,
        key="method",
        bind="query-params",
        help="How the map is computed from the network's last feature maps.",
    )
    st.caption(f"{METHODS[method].summary} {METHODS[method].source}.")
    return str(method)


def _film(opened: Opened, classifier: Classifier, method: str, *, shown: bool) -> Heatmap | None:
    from fracture_core.explain import METHODS
    from ui.viewer import encode_film, encode_heat, map_shape, viewer

    radiograph = opened.radiograph
    if "film" not in opened.encoded:
        opened.encoded["film"] = encode_film(
            radiograph.pixels, label=f"Film {radiograph.name}", spacing=radiograph.spacing
        )
    heatmap, heat = None, None
    if shown:
        with st.spinner(f"{METHODS[method].title}: looking where the model looked", show_time=True):
            heatmap = opened.heatmap(classifier, method=method)
        key = f"{classifier.card.identity} {method}"
        if key not in opened.encoded:
            opened.encoded[key] = encode_heat(
                heatmap.resized(map_shape(radiograph.shape)), title=METHODS[method].title, flat=heatmap.flat
            )
        heat = opened.encoded[key]
    viewer(opened.encoded["film"], heat=heat, key="viewer")
    if radiograph.frames > 1:
        st.slider("Frame", 0, radiograph.frames - 1, radiograph.frame, key=f"frame-{opened.film.key}")
    return heatmap


def _evidence(opened: Opened, classifier: Classifier, prediction: Prediction, heatmap: Heatmap | None) -> None:
    with st.expander("How the model sees it", icon=":material/visibility:"):
        _stages(opened, classifier)
    with st.expander("File", icon=":material/description:"):
        _file(opened)
    with st.expander("Report", icon=":material/picture_as_pdf:"):
        _report(opened, classifier.card, prediction, heatmap)


def _stages(opened: Opened, classifier: Classifier) -> None:
    from ui.films import thumbnail

    if "stages" not in opened.encoded:
        prepared = classifier.pipeline(opened.radiograph.pixels, keep_stages=True)
        opened.encoded["stages"] = [
            (stage.name, stage.source, thumbnail(stage.image, longest=320)) for stage in prepared.stages
        ]
    for start in range(0, len(opened.encoded["stages"]), 3):
        for column, (name, source, picture) in zip(
            st.columns(3), opened.encoded["stages"][start : start + 3], strict=False
        ):
            column.image(picture, width="stretch", alt=name)
            column.caption(name, help=source)


def _file(opened: Opened) -> None:
    radiograph = opened.radiograph
    facts = {
        "Format": radiograph.format,
        "Size": f"{radiograph.width} × {radiograph.height} pixels",
        "Pixel spacing": (
            f"{radiograph.spacing[1]:.3f} × {radiograph.spacing[0]:.3f} mm" if radiograph.spacing else "not stated"
        ),
        "sha256": radiograph.sha256[:16],
    }
    st.markdown("  \n".join(f"{name}: {value}" for name, value in facts.items()))
    if radiograph.format != "DICOM":
        return
    from fracture_core import dicom

    reveal = st.toggle("Show identifying elements", key=f"reveal-{opened.film.key}")
    rows = dicom.header(opened.film.content, reveal=reveal)
    st.dataframe(
        pd.DataFrame([{"Tag": row.tag, "Element": row.name, "Value": str(row.value)} for row in rows]),
        hide_index=True,
        height=320,
    )
    st.caption("Elements that could identify a person, place or time are masked; the header is not kept or logged.")


def _report(opened: Opened, card: Card, prediction: Prediction, heatmap: Heatmap | None) -> None:
    def make() -> bytes:
        from fracture_core.report import render_report

        return render_report(opened.radiograph, prediction, heatmap, card, when=datetime.now())

    st.markdown("One page with film, map, finding and the model's facts.")
    st.download_button(
        "Download report (PDF)",
        data=make,
        file_name=f"{opened.film.name}.report.pdf",
        mime="application/pdf",
        key=f"report-{opened.film.key}",
        on_click="ignore",
    )


# --- many films ----------------------------------------------------------------------------------------------

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
    if remaining and not st.session_state.get(_PAUSED):
        top.button("Stop", icon=":material/stop:", on_click=_pause, args=(True,))
        _answer_remaining(films, card, operating_point, summary=summary, table=place)
        st.rerun()
    answers = [films.answers[key, card.identity] for key in films.films if (key, card.identity) in films.answers]
    summary.markdown(_counts(answers, len(films.films)))
    if remaining:
        top.button(f"Go on with {len(remaining)} films", icon=":material/play_arrow:", on_click=_pause, args=(False,))
    top.download_button(
        "Download table (CSV)",
        icon=":material/download:",
        file_name="fracture-answers.csv",
        mime="text/csv",
        data=lambda: _csv(answers, card, operating_point),
        on_click="ignore",
    )
    top.button("Remove all films", on_click=_remove_all, args=(films,))
    _table(answers, card, place)


def _pause(paused: bool) -> None:
    st.session_state[_PAUSED] = paused


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
        answers = [films.answers[key, card.identity] for key in films.films if (key, card.identity) in films.answers]
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
    return pd.DataFrame(
        {
            "film": [answer.thumbnail for answer in answers],
            "name": [answer.film.name for answer in answers],
            "finding": [_said(answer) for answer in answers],
            "probability": [
                a.prediction.probability if a.prediction and a.prediction.domain.in_domain else None for a in answers
            ],
            "note": [answer.error or _note(answer) for answer in answers],
        }
    )


def _said(answer: Answer) -> str:
    if answer.prediction is None:
        return "✕ Not read"
    said = FINDINGS[answer.prediction.finding]
    return f"{said.symbol} {said.short}"


def _styled(answers: list[Answer]) -> Any:
    colours = [FINDINGS[a.prediction.finding].colour if a.prediction else GRAY for a in answers]
    return _rows(answers).style.apply(
        lambda column: [f"color: {colour}; font-weight: 600" for colour in colours], subset=["finding"]
    )


def _note(answer: Answer) -> str:
    reason = answer.prediction.domain.reason if answer.prediction is not None else ""
    return "; ".join(note.rstrip(".") for note in (reason, *answer.notes) if note)


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


def _csv(answers: list[Answer], card: Card, operating_point: str) -> bytes:
    from fracture_core.inference import at_operating_point

    rows = []
    for answer in answers:
        prediction = answer.prediction
        row: dict[str, Any] = {"file": answer.film.name, "status": "error" if prediction is None else "ok"}
        row["message"] = answer.error or _note(answer)
        if prediction is not None:
            prediction = at_operating_point(prediction, card, operating_point)
            row |= {
                "probability": round(prediction.probability, 4),
                "finding": prediction.finding,
                "in_domain": str(prediction.domain.in_domain).lower(),
                "model": prediction.model,
                "seconds": round(prediction.seconds, 4),
            }
        rows.append(row)
    columns = ["file", "status", "message", "probability", "finding", "in_domain", "model", "seconds"]
    return pd.DataFrame(rows, columns=columns).to_csv(index=False).encode()
