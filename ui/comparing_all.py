"""All cases on the Compare page: who agrees with whom, how the maps score, and which cases are worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from fracture_core.agreement import (
    ORDER,
    Column,
    agreement_matrix,
    columns_of,
    columns_of_table,
    model_column,
    reader_accuracy,
)
from fracture_core.annotations import FINDINGS, FilmEntry, Reading, Store
from fracture_core.errors import FractureError
from fracture_core.marks import region_mask
from fracture_core.spreadsheet import csv_of
from fracture_core.weights import Card
from ui import cases, loaders
from ui.comparing import readers_overlap
from ui.evidence import aided, export
from ui.readings_at_hand import AtHand
from ui.wording import OPERATING_POINTS

if TYPE_CHECKING:
    from fracture_core.explain import Heatmap
    from fracture_core.localisation import Localisation

STATISTICS = {
    "kappa": ("Kappa of findings", "Cohen's kappa: agreement on the finding beyond chance."),
    "iou": ("IoU of regions", "Mean intersection over union where at least one of the two marked a region."),
    "dice": ("Dice of regions", "Mean Dice coefficient where at least one of the two marked a region."),
    "lesion_f1": ("Lesion F1", "Regions matched one to one; F1 over all films."),
}
SCORES = {
    "iou_otsu": ("IoU at Otsu's cut", "area"),
    "dice_otsu": ("Dice at Otsu's cut", None),
    "energy": ("Energy in regions", "area"),
    "average_precision": ("Average precision", "area"),
    "pointing_tolerant": ("Peak within 3 %", "area_tolerant"),
}
_MACHINE = "machine_answers"  # session: (model, film) → Machine
MODEL_NAME = "Machine"
ROUNDS = 400  # bootstrap resamples of the matrix, drawn while a person waits; a quarter of it for many films
MANY = 2000


@dataclass(frozen=True, eq=False)
class Machine:
    """What the model said of one film: its probability and its map; and the film itself, for its size.

    The probability is nan where the film was refused as no limb radiograph.
    """

    film: FilmEntry
    probability: float
    heatmap: Heatmap

    @property
    def shape(self) -> tuple[int, int]:
        return self.film.height, self.film.width


@dataclass(frozen=True, eq=False)
class Panel:
    """What all readers said of N films, in one order; marks are fetched when a score asks for them."""

    at_hand: AtHand
    store: Store
    aided: bool
    films: tuple[str, ...]
    columns: tuple[Column, ...]

    @cached_property
    def readings(self) -> dict[str, list[Reading]]:
        """sha256 → readings in this condition, with their marks."""
        found: dict[str, list[Reading]] = {film: [] for film in self.films}
        for reading in self.store.readings(worklist=self.at_hand.worklist):
            if reading.aided == self.aided:
                found[reading.film].append(reading)
        return found

    @cached_property
    def marked(self) -> tuple[Column, ...]:
        """The columns with their marks."""
        every = [reading for readings in self.readings.values() for reading in readings]
        return tuple(columns_of(every, films=self.films, aided=self.aided)[1])


def overview(at_hand: AtHand, store: Store, card: Card, operating_point: str) -> str | None:
    """The overview of all films read; the sha256 of the film that was clicked."""
    panel = _panel(at_hand, store)
    answered = _machine_answers(panel, card)
    left, right = st.columns([1, 1], gap="large")
    with left:
        _matrix(panel, answered, card, operating_point)
    scored = _scored(panel, answered)
    with right:
        _distribution(panel, scored)
    _accuracy([*panel.columns, *_model(panel, answered, card, operating_point)])
    if 0 < at_hand.table.aided.sum() < len(at_hand.table):
        unaided = panel if not panel.aided else _unaided(at_hand, store)
        aided(store.readings(worklist=at_hand.worklist), unaided.columns, unaided.films)
    return _table(panel, answered, scored)


def _panel(at_hand: AtHand, store: Store) -> Panel:
    with_map = _condition(at_hand.table.aided)
    films, columns = columns_of_table(at_hand.table, aided=with_map)
    return Panel(at_hand, store, with_map, films, tuple(columns))


def _unaided(at_hand: AtHand, store: Store) -> Panel:
    films, columns = columns_of_table(at_hand.table)
    return Panel(at_hand, store, False, films, tuple(columns))


def _condition(with_map: np.ndarray) -> bool:
    if with_map.all() or not with_map.any():
        return bool(with_map.all())
    chosen = st.segmented_control(
        "Readings", ["unaided", "with the map"], default="unaided", key="all-condition", required=True
    )
    return bool(chosen == "with the map")


def _machine_answers(panel: Panel, card: Card) -> dict[str, Machine]:
    """The model's answers so far, with a button for the rest."""
    kept: dict[tuple[str, str], Machine] = st.session_state.setdefault(_MACHINE, {})
    missing = [film for film in panel.films if (card.identity, film) not in kept]
    which = "all" if len(missing) == len(panel.films) else "the other"
    if missing and st.button(
        f"Let the machine read {which} {len(missing):,} films",
        icon=":material/play_arrow:",
        help="For the machine's row in the matrix and the scores of its maps. Stop it at the top right when it takes "
        "too long: what was read is kept.",
    ):
        bar = st.progress(0.0)
        for index, film in enumerate(missing):
            bar.progress(index / len(missing), text=f"Film {index + 1} of {len(missing)}")
            answer = _machine(panel.store.film(film), panel.store, card)
            if answer is not None:
                kept[card.identity, film] = answer
        bar.empty()
        st.rerun()
    return {film: kept[card.identity, film] for film in panel.films if (card.identity, film) in kept}


def _machine(entry: FilmEntry, store: Store, card: Card) -> Machine | None:
    from fracture_core.explain import explain
    from fracture_core.imaging import read_image

    classifier = loaders.classifier(card.name)
    try:
        film = cases.film_of(entry, store)
        radiograph = read_image(film.content, name=film.name)
    except FractureError:
        return None  # it is told when the case is opened
    view = classifier.view(radiograph)
    prediction = classifier.predict(radiograph, view=view)
    probability = prediction.probability if prediction.domain.in_domain else math.nan
    return Machine(entry, probability, explain(classifier, radiograph, view=view))


def _model(
    panel: Panel, answered: Mapping[str, Machine], card: Card, operating_point: str, *, marked: bool = False
) -> list[Column]:
    """The model as one more reader; ``marked`` with its map above Otsu's cut, where it calls a fracture."""
    if not answered:
        return []
    threshold = card.operating_points[operating_point].threshold
    said = np.array([answered[film].probability if film in answered else math.nan for film in panel.films])
    regions = None
    if marked:
        called = said >= threshold
        regions = [_region(answered[film]) if yes else None for film, yes in zip(panel.films, called, strict=True)]
    name = f"{MODEL_NAME} ({OPERATING_POINTS[operating_point][0].lower()})"
    return [model_column(name, said, threshold=threshold, regions=regions)]


def _region(machine: Machine) -> np.ndarray:
    """Bool (H, W): the map above Otsu's cut; nothing of one that is the same everywhere."""
    from fracture_core.localisation import scores

    heat = machine.heatmap.resized(machine.heatmap.shape)
    return np.zeros(heat.shape, bool) if machine.heatmap.flat else scores.lit(heat, scores.otsu(heat))


def _matrix(panel: Panel, answered: Mapping[str, Machine], card: Card, operating_point: str) -> None:
    from ui import figures
    from ui.charts import agreement_chart

    statistic = str(
        st.selectbox("Agreement", list(STATISTICS), format_func=lambda name: STATISTICS[name][0], key="statistic")
    )
    if len(panel.columns) + bool(answered) < 2:
        st.info("One reader alone agrees with nobody: a second reader, or the machine, makes a matrix.")
        return
    rounds = ROUNDS if len(panel.films) < MANY else ROUNDS // 4
    if statistic == "kappa":
        columns = [*panel.columns, *_model(panel, answered, card, operating_point)]
        matrix = agreement_matrix(columns, statistic=statistic, rounds=rounds)
    else:
        columns = [*panel.marked, *_model(panel, answered, card, operating_point, marked=True)]
        shapes = [(film.height, film.width) for film in map(panel.store.film, panel.films)]
        matrix = agreement_matrix(columns, statistic=statistic, shapes=shapes, rounds=rounds)
    matrix = matrix.arranged()
    figures.show(
        agreement_chart(matrix),
        key="matrix",
        name=f"agreement-{statistic}",
        data=matrix.pairs,
        note=f"{STATISTICS[statistic][1]} Brackets hold 95 % intervals, bootstrapped over films.",
        alt=f"{STATISTICS[statistic][0]} between {', '.join(matrix.names)}",
    )


def _scored(panel: Panel, answered: Mapping[str, Machine]) -> dict[str, Localisation]:
    """Each film's map against everything that readers marked on it; only films with a region and an answer."""
    from fracture_core.localisation import score_film

    if not answered:
        return {}
    kept: dict[Any, Localisation] = st.session_state.setdefault("scored", {})
    found = {}
    for film, machine in answered.items():
        marks = tuple(mark for reading in panel.readings[film] for mark in reading.marks)
        if machine.heatmap.shape != machine.shape or math.isnan(machine.probability):
            continue
        key = (film, marks, id(machine))
        if key not in kept:
            mask = region_mask(marks, machine.shape)
            if not mask.any():
                continue
            heat = machine.heatmap.resized(machine.shape)
            kept[key] = score_film(heat, [mask], spacing=machine.film.spacing)
        found[film] = kept[key]
    return found


def _distribution(panel: Panel, scored: Mapping[str, Localisation]) -> None:
    from ui import figures
    from ui.charts import score_histogram

    score = st.selectbox("Score of the map", list(SCORES), format_func=lambda name: SCORES[name][0], key="score")
    if not scored:
        st.info(
            "Scores need films on which a reader marked a region, and the machine's answer to them.",
            icon=":material/info:",
        )
        return
    values = np.array([getattr(row, str(score)) for row in scored.values()], dtype=float)
    chance_field = SCORES[str(score)][1]
    chance = float(np.mean([getattr(row, chance_field) for row in scored.values()])) if chance_field else None
    kind = {"iou_otsu": "iou", "dice_otsu": "dice"}.get(str(score))
    ceilings = [readers_overlap(panel.readings[film], scored[film].shape)[kind] for film in scored if kind]
    known = [value for value in ceilings if value is not None]
    ceiling = float(np.mean(known)) if known else None
    figures.show(
        score_histogram(values, SCORES[str(score)][0], chance=chance, ceiling=ceiling),
        key="histogram",
        name=f"scores-{score}",
        data=[
            {"film": panel.store.film(film).name, str(score): value}
            for film, value in zip(scored, values.tolist(), strict=True)
        ],
        note=f"{len(values)} films; median {np.nanmedian(values):.2f}.",
        alt=f"{SCORES[str(score)][0]}: median {np.nanmedian(values):.2f} over {len(values)} films",
    )


def _accuracy(columns: Sequence[Column]) -> None:
    """Everyone against the readers' majority."""
    import pandas as pd

    readers = [column for column in columns if column.kind == "reader"]
    if len(readers) < 2:
        return
    with st.expander("Each against the majority of readers", icon=":material/groups:"):
        rows = [
            {
                "Who": row.name,
                "Against": row.reference,
                "Films": row.films,
                "Sensitivity": row.sensitivity.percent(),
                "Specificity": row.specificity.percent(),
            }
            for row in reader_accuracy(columns)
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Sensitivity and specificity of each reader")
        st.caption("Nobody is held against a vote of their own. Brackets hold 95 % intervals.")


def _table(panel: Panel, answered: Mapping[str, Machine], scored: Mapping[str, Localisation]) -> str | None:
    """All films, the worst map first; the one that was clicked."""
    import pandas as pd

    words = np.array([*ORDER, ""])  # the last one, at -1, for films not read
    columns: dict[str, Any] = {"Film": [panel.at_hand.films[film] for film in panel.films]}
    columns |= {column.name: words[column.findings] for column in panel.columns}
    if answered:
        columns["Machine"] = [round(answered[f].probability, 2) if f in answered else math.nan for f in panel.films]
    if scored:
        rows = [scored.get(film) for film in panel.films]
        columns["IoU"] = [round(row.iou_otsu, 3) if row is not None else None for row in rows]
        columns["Energy × area"] = [round(row.energy_ratio, 1) if row is not None else None for row in rows]
        columns["Peak distance, px"] = [round(row.distance, 0) if row is not None else None for row in rows]
    table = pd.DataFrame(columns).assign(film=panel.films)
    if scored:
        table = table.sort_values("IoU", na_position="last", kind="stable").reset_index(drop=True)
    st.markdown(f"**All cases**{', the worst map first' if scored else ''}; click one to open it")
    event = st.dataframe(
        table.drop(columns="film"),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="cases",
        alt="All cases with what readers and the machine said",
    )
    row = st.container(horizontal=True)
    row.download_button("Download cases (CSV)", csv_of(table), file_name="cases.csv", mime="text/csv")
    with row:
        _long_form(panel)
        export(panel.at_hand.worklist, panel.store)
    chosen = event["selection"]["rows"] if event is not None else []
    return str(table["film"][chosen[0]]) if chosen else None


def _long_form(panel: Panel) -> None:
    """Every reading as a row, as packages for multi-reader multi-case studies take them."""
    import pandas as pd

    table = panel.at_hand.table
    st.download_button(
        "Download readings (CSV, long form)",
        csv_of(
            pd.DataFrame(
                {
                    "reader": table.reader,
                    "case": table.film,
                    "modality": np.where(table.aided, "aided", "unaided"),
                    "finding": [FINDINGS[code] for code in table.finding],
                    "confidence": table.confidence,
                    "seconds": table.seconds,
                }
            )
        ),
        file_name="readings.csv",
        mime="text/csv",
    )
