"""One film with its answer, its map and everything that stands behind them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from fracture_core.weights import Card
from ui import loaders
from ui.encoded import heat_of, picture_of
from ui.films import Film, Opened, remove, thumbnail, tray
from ui.frame import room_for
from ui.map_choice import best_map, choose_map
from ui.wording import FINDINGS, OPERATING_POINTS, by_region, likeliest_place, meaning, probability_words

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from fracture_core.explain import Heatmap
    from fracture_core.inference import Classifier, Prediction

_PLACES = """
<style>
.st-key-finding { min-height: 3rem; }  /* of one line: nothing moves when the answer takes the question's place */
@media (min-width: 641px) {
  .st-key-one-film { display: grid; grid-template: auto 1fr / minmax(0, 3fr) minmax(0, 2fr); gap: 1rem 4rem; }
  .st-key-one-film > :has(> .st-key-picture) { grid-area: 1 / 1 / 3 / 2; }
  .st-key-one-film > :has(> .st-key-finding) { grid-area: 1 / 2; }
  .st-key-one-film > :has(> .st-key-words) { grid-area: 2 / 2; }
}
</style>
"""


def one_film(film: Film, card: Card, operating_point: str) -> None:
    """A film with its answer, map and everything that stands behind them."""
    heading = st.container(horizontal=True, vertical_alignment="center")  # one line, on a phone too
    heading.markdown(f"**{_plain(film.name)}**" + (f" · {film.note}" if film.note else ""))
    heading.button("Remove film", on_click=remove, args=(film,), key=f"remove-{film.key}")
    notes = st.empty()
    with loaders.error_boundary():
        with st.spinner("Reading the film", show_time=False):
            opened = tray().open(film, frame=_chosen_frame(film))
        if opened.radiograph.notes:
            notes.caption(":material/info: " + _plain(" · ".join(opened.radiograph.notes)))
        answered = card.identity in opened.predictions
        finding, picture, words = _places("answer" if answered else "question")
        if not answered:
            _ask(picture, finding, opened, card, operating_point)
            return
        with finding:
            classifier = loaders.classifier(card.name)
            prediction = opened.prediction(classifier, operating_point=operating_point)
            _finding(prediction, card)
        with words:
            shown = prediction.domain.in_domain or st.toggle(
                "Show what the model answers all the same", key=f"all-the-same-{film.key}"
            )
            heatmap, method, strip = None, best_map(card), None
            if shown:
                strip = _answer(prediction, opened, card)
                method = choose_map(card)
                st.caption(_explained(method))
                heatmap = _heatmap(opened, classifier, method)
        with picture:
            _film(opened, heat_of(opened, classifier, heatmap.method) if heatmap is not None else None)
            _under_the_film(opened, heatmap, prediction.finding)
        with words:
            _evidence(opened, classifier, prediction, heatmap)
        if strip is not None:
            _others(strip, prediction, opened, card)


def _places(view: str) -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Where finding, film and words stand: the film left of the other two, on a phone the finding above it."""
    st.html(_PLACES)
    views = ("question", "answer")
    with st.container(key="one-film"):
        with st.container(key="finding"):
            finding = room_for(view, views)
        picture = st.container(key="picture")
        with st.container(key="words"):
            words = room_for(view, views)
    return finding, picture, words


def _ask(picture: DeltaGenerator, finding: DeltaGenerator, opened: Opened, card: Card, operating_point: str) -> None:
    """Show a film at once, have the model answer it meanwhile, and run the page again with what it says."""
    with picture:
        _film(opened)
        _frames(opened)
    with finding, loaders.error_boundary():
        with st.spinner("Asking the model", show_time=False):
            opened.prediction(loaders.classifier(card.name), operating_point=operating_point)
        st.rerun()


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
    if prediction.domain.caution:
        caution = " ".join([prediction.domain.caution, *_broader(card)])
        st.warning(_plain(caution), icon=":material/travel_explore:")


def _broader(card: Card) -> list[str]:
    """A sentence on installed models that learnt from a second source, where the chosen one did not; or none."""
    others = [] if card.data.get("also") else [other.title for other in loaders.cards() if other.data.get("also")]
    return [f"“{title}” learnt from a second source as well: see what it says." for title in others]


def _answer(prediction: Prediction, opened: Opened, card: Card) -> DeltaGenerator:
    """The chosen model's answer in words, and the place of the strip of all models' answers."""
    from fracture_core.model_card.sources import Sources

    point = card.operating_points[prediction.operating_point]
    name = OPERATING_POINTS[prediction.operating_point][0].lower()
    # the card holds what was measured in parts of the films at this point alone
    regions = by_region(Sources(card).regions) if prediction.operating_point == "balanced" else ""
    st.markdown(
        f"Probability **{probability_words(prediction.probability)}**, calibrated; at the {name} operating point "
        f"{meaning(point)}.",
        help=(
            f"Threshold {point.threshold:.2f}: {point.rule}. Measured on {point.sensitivity.n} fractured and "
            f"{point.specificity.n} whole test films; brackets hold 95 % intervals.\n\n{regions}"
        ),
    )
    if prediction.finding == "uncertain":
        st.markdown(
            "The probability lies between the sensitive and the specific threshold, where the model errs most. "
            f"Made to choose at this operating point, it says **{prediction.call}**."
        )
    strip = st.empty()
    _strip(strip, prediction, opened, card)
    return strip


def _others(strip: DeltaGenerator, prediction: Prediction, opened: Opened, card: Card) -> None:
    """Have the other models answer too, once the chosen one's answer and map are there to be read."""
    missing = [other for other in loaders.cards() if other.identity not in opened.predictions]
    for other in missing:
        with loaders.error_boundary():
            opened.prediction(loaders.classifier(other.name), operating_point=prediction.operating_point)
    if missing:
        _strip(strip, prediction, opened, card)


def _strip(strip: DeltaGenerator, prediction: Prediction, opened: Opened, card: Card) -> None:
    from fracture_core.inference import at_operating_point
    from ui import figures
    from ui.charts import answers_strip

    answers: list[tuple[Card, Prediction | None]] = [(card, prediction)]
    for other in loaders.cards():
        if other.name != card.name:
            said = opened.predictions.get(other.identity)
            answers.append((other, said and at_operating_point(said, other, prediction.operating_point)))
    figures.draw(
        answers_strip(answers),
        place=strip,
        key=f"strip-{opened.film.key}-{sum(said is not None for _, said in answers)}",
        alt=f"Probability {prediction.probability:.2f} on a scale from 0 to 1 with the model's thresholds",
    )


def _explained(method: str) -> str:
    from fracture_core.explain import METHODS

    return f"{METHODS[method].summary} {METHODS[method].source}."


def _heatmap(opened: Opened, classifier: Classifier, method: str) -> Heatmap | None:
    """A film's map, or the error in words."""
    from fracture_core.explain import METHODS

    with (
        loaders.error_boundary(),
        st.spinner(f"{METHODS[method].title}: looking where the model looked", show_time=True),
    ):
        return opened.heatmap(classifier, method=method)
    return None


def _film(opened: Opened, heat: Mapping[str, Any] | None = None) -> None:
    """The film in the viewer, with a map (from ``heat_of``) where there is one."""
    from ui.viewer import viewer

    viewer(picture_of(opened), heat=heat, key="viewer")


def _under_the_film(opened: Opened, heatmap: Heatmap | None, finding: str) -> None:
    from fracture_core.explain import EVIDENCE

    if heatmap is not None and heatmap.method == EVIDENCE:
        st.caption(likeliest_place(float(heatmap.grid.max()), finding))
    _frames(opened)


def _frames(opened: Opened) -> None:
    radiograph = opened.radiograph
    if radiograph.frames > 1:
        st.slider("Frame", 0, radiograph.frames - 1, radiograph.frame, key=f"frame-{opened.film.key}")


def _evidence(opened: Opened, classifier: Classifier, prediction: Prediction, heatmap: Heatmap | None) -> None:
    with st.expander("How the model sees it", icon=":material/visibility:"):
        _stages(opened, classifier)
    with st.expander("File", icon=":material/description:"):
        _file(opened)
    place = st.expander(
        "Report", icon=":material/picture_as_pdf:", key=f"report-of-{opened.film.key}", on_change="rerun"
    )
    with place:
        if place.open:
            _report(opened, classifier.card, prediction, heatmap)


def _stages(opened: Opened, classifier: Classifier) -> None:
    key = f"stages {classifier.card.identity}"
    if key not in opened.encoded:
        prepared = classifier.pipeline(opened.radiograph.pixels, keep_stages=True)
        opened.encoded[key] = [
            (stage.name, stage.source, thumbnail(stage.image, longest=320)) for stage in prepared.stages
        ]
    for start in range(0, len(opened.encoded[key]), 3):
        for column, (name, source, picture) in zip(
            st.columns(3), opened.encoded[key][start : start + 3], strict=False
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
    import pandas as pd

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
    from fracture_core.report import render_report

    st.markdown("One page with film, map, finding and the model's facts.")
    # made before the click: a file that the click orders is lost when the page runs again meanwhile
    key = f"report {card.identity} {prediction.operating_point} {heatmap.method if heatmap else None}"
    if key not in opened.encoded:
        with st.spinner("Setting the page"):
            opened.encoded[key] = render_report(opened.radiograph, prediction, heatmap, card, when=datetime.now())
    st.download_button(
        "Download report (PDF)",
        data=opened.encoded[key],
        file_name=f"{opened.film.name}.report.pdf",
        mime="application/pdf",
        key=f"report-{opened.film.key}",
        on_click="ignore",
    )
