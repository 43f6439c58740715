"""What stands behind the Compare page's figures: is the map faithful, what did the aid change, and the way out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from fracture_core.agreement import Column, aided_effect, majority_findings, mrmc_long, pair_readings, truth_by
from fracture_core.agreement.columns import NOT_READ, ORDER, stack
from fracture_core.annotations import FilmEntry, Reading, Store
from fracture_core.errors import FractureError
from fracture_core.spreadsheet import csv_of
from ui import cases
from ui.films import Opened

if TYPE_CHECKING:
    from fracture_core.agreement import Change
    from fracture_core.inference import Classifier


def faithfulness(opened: Opened, classifier: Classifier, method: str) -> None:
    """Whether the answer hangs on what the map shows, and whether the map hangs on what was learnt."""
    with st.expander("Is this map to be trusted?", icon=":material/fact_check:"):
        st.markdown(
            "**Faithfulness**: what becomes of the answer when the map's brightest places are taken away, or given "
            "back first. **Sanity**: a map that stays the same when the network's layers are shuffled has learnt "
            "nothing from them (Adebayo et al., 2018)."
        )
        key = f"evidence {classifier.card.identity} {method}"
        if key not in opened.encoded and st.button(
            "Test it on this film",
            key=f"test-{opened.film.key}-{classifier.card.name}",
            help="Takes about half a minute.",
        ):
            with st.spinner("Taking the film apart, and the network", show_time=True):
                opened.encoded[key] = _tested(opened, classifier, method)
        if key in opened.encoded:
            rows, pictures = opened.encoded[key]
            st.table(rows)
            for start in range(0, len(pictures), 3):
                for column, (name, picture) in zip(st.columns(3), pictures[start : start + 3], strict=False):
                    column.image(picture, width="stretch", caption=name)


def _tested(
    opened: Opened, classifier: Classifier, method: str
) -> tuple[dict[str, list[str]], list[tuple[str, np.ndarray]]]:
    from fracture_core.inference import load_classifier
    from fracture_core.localisation import deletion, insertion, probability_of, road, sanity_check, strip

    heatmap = opened.heatmap(classifier, method=method)
    inputs = opened.view(classifier).prepared.input
    score = probability_of(classifier.model)
    chance = np.random.default_rng(0).random(heatmap.grid.shape, dtype=np.float32)
    rows: dict[str, list[str]] = {
        "": ["this map", "a random map"],
        "deletion AUC, lower is better": [
            f"{deletion(score, inputs, grid).auc:.2f}" for grid in (heatmap.grid, chance)
        ],
        "insertion AUC, higher is better": [
            f"{insertion(score, inputs, grid).auc:.2f}" for grid in (heatmap.grid, chance)
        ],
        "ROAD, higher is better": [f"{road(score, inputs, grid).score:+.2f}" for grid in (heatmap.grid, chance)],
    }
    as_trained = load_classifier(classifier.name, folded=False)  # without batch norm a random network runs away
    check = sanity_check(as_trained, opened.radiograph, method=method, stages=5)
    pictures = strip(check, opened.radiograph.pixels)
    likeness = ["", *(f", r {stage.correlation:.2f}" for stage in check.stages)]
    return rows, [(f"{name}{like}", picture) for (name, picture), like in zip(pictures, likeness, strict=True)]


def aided(readings: Sequence[Reading], columns: Sequence[Column], films: Sequence[str]) -> None:
    """What the machine's answer changed, where readers read both without and with it."""
    import pandas as pd

    pairs = pair_readings(readings)
    if not pairs.films:
        return
    with st.expander("Aided against unaided", icon=":material/compare_arrows:"):
        chosen = st.selectbox(
            "Truth is what was said by",
            ["", *(column.name for column in columns)],
            format_func=lambda name: name or "the other readers' majority",
            key="truth",
            help="Unaided findings. Nobody is held against a vote of their own.",
        )
        truth = truth_by(pairs, columns, films, reference=chosen or None)
        effect = aided_effect(pairs, truth)
        rows = {
            "": ["sensitivity", "specificity", "confidence, points", "seconds a reading"],
            "unaided": [], "aided": [], "change [95 %, other films]": [], "n": [],
        }  # fmt: skip
        for change in (effect.sensitivity, effect.specificity, effect.confidence, effect.seconds):
            for name, cell in zip(list(rows)[1:], _cells(change), strict=True):
                rows[name].append(cell)
        st.table(rows)
        count = f"{len(pairs.films)} film{'s' if len(pairs.films) != 1 else ''}"
        st.caption(f"{count} that a reader read both ways, first without the machine.")
        if (truth < 0).all():
            st.info("Right and wrong need somebody else's finding: that of another reader, or of imported experts.")
        said = majority_findings(stack([column for column in columns if chosen in ("", column.name)]))
        known = {
            film: bool(code == ORDER.index("fracture"))
            for film, code in zip(films, said, strict=True)
            if code not in (NOT_READ, ORDER.index("uncertain"))
        }
        st.download_button(
            "Download for MRMC packages (CSV)",
            csv_of(pd.DataFrame(mrmc_long(readings, known))),
            file_name="mrmc.csv",
            mime="text/csv",
            help="One row per reader, case and modality: the long form of R's MRMCaov. A case has one truth there: "
            + (f"what {chosen} said." if chosen else "the majority of all readers, each one's own vote among them."),
        )


def _cells(change: Change) -> tuple[str, str, str, str]:
    def number(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:.2f}"

    estimate = change.by_film
    said = "–" if np.isnan(estimate.value) else f"{estimate.value:+.2f}"
    if np.isfinite([estimate.low, estimate.high]).all():
        said += f" [{estimate.low:+.2f}, {estimate.high:+.2f}]"
    elif estimate.n:
        said += ", too few for an interval"
    return number(change.unaided), number(change.aided), said, str(estimate.n)


def export(worklist: str | None, store: Store) -> None:
    """A list's readings as files, in the formats that other programs read."""
    from fracture_core.interchange import FORMATS, export_readings

    with st.popover("Export readings", icon=":material/download:"):
        name = str(st.selectbox("Format", list(FORMATS), format_func=lambda name: FORMATS[name].title, key="format"))
        of = (name, worklist, store.count())  # what was prepared of another list, or before a reading, is not offered

        def content(film: FilmEntry) -> bytes | None:
            try:
                return cases.film_of(film, store).content
            except FractureError:
                return None

        if st.button("Prepare", key="export-prepare"):
            with st.spinner("Writing"):
                of_film: dict[str, list[Reading]] = {}
                for reading in store.readings(worklist=worklist):
                    of_film.setdefault(reading.film, []).append(reading)
                films = [(store.film(film), readings) for film, readings in of_film.items()]
                made = export_readings(name, films, content=content if FORMATS[name].of_films else None)
            st.session_state["export"] = (of, _packed(made.files), made.notes)
        prepared = st.session_state.get("export")
        if prepared is not None and prepared[0] == of:
            _, (file, body), notes = prepared
            for note in notes[:5]:
                st.caption(f":material/info: {note}")
            if len(notes) > 5:
                st.caption(f"and {len(notes) - 5} notes more")
            st.download_button("Download", body, file_name=file, key="export-download", type="primary")


def _packed(files: dict[str, bytes]) -> tuple[str, bytes]:
    """One file as it is, several in a ZIP archive: name and content."""
    if len(files) == 1:
        ((path, body),) = files.items()
        return path.rsplit("/", 1)[-1], body
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in files.items():
            archive.writestr(path, body)
    return "readings.zip", stream.getvalue()
