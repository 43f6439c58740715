"""One case on the Compare page: everyone's regions and the machine's map on one film, and what they score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from fracture_core.agreement import outline_marks, reader_masks, region_overlap, staple
from fracture_core.agreement.shared import shared_regions
from fracture_core.annotations import FilmEntry, Reading, Store
from fracture_core.errors import FractureError
from fracture_core.marks import Mark
from fracture_core.spreadsheet import csv_of
from fracture_core.weights import Card
from ui import cases, loaders
from ui.encoded import heat_of, picture_of
from ui.evidence import faithfulness
from ui.films import Opened, tell_remarks, tray
from ui.map_choice import choose_map, fitting_map
from ui.reading import CHOICES
from ui.wording import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, YELLOW, answer_line, told_apart

if TYPE_CHECKING:
    from fracture_core.explain import Heatmap
    from fracture_core.inference import Classifier
    from fracture_core.localisation import Localisation

READER_COLOURS = (SKY, ORANGE, GREEN, PURPLE, BLUE, VERMILLION)
CONSENSUS = "Consensus"


@dataclass(frozen=True)
class Scored:
    """One bar: a score with its chance, the readers' own agreement as ceiling, and what it means."""

    name: str
    value: float
    chance: float | None
    ceiling: float | None
    shown: str
    meaning: str


def case(entry: FilmEntry, readings: Sequence[Reading], store: Store, card: Card, operating_point: str) -> None:
    """A film with every reader's regions, their consensus and the map, each a layer; below them the figures."""
    try:
        opened = tray().open(cases.film_of(entry, store))
    except FractureError as error:
        st.warning(str(error), icon=":material/hide_image:")
        return
    settings = st.columns(3)
    with settings[0]:
        method = choose_map(card)
    with settings[1]:
        second = _second_model(card)
    with settings[2]:
        condition = _condition(readings)
    chosen = [reading for reading in readings if reading.aided == (condition == "with the map")]
    shape = opened.radiograph.shape
    consensus = _consensus(chosen, shape)
    first = loaders.classifier(card.name)
    layers = _layers(chosen, consensus)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _films(opened, [first, *([second] if second else [])], method, layers)
        tell_remarks(opened)
    with right:
        _answers(opened, [first, *([second] if second else [])], operating_point)
        _who_said_what(chosen)
        reference = _reference(chosen, consensus)
        if reference is None:
            st.info(
                "Nobody marked a region on this film, so there is nothing to compare the map with.",
                icon=":material/info:",
            )
        else:
            for classifier in [first, *([second] if second else [])]:
                heatmap = opened.heatmap(classifier, method=fitting_map(classifier.card, method))
                with st.container(border=second is not None):
                    if second is not None:
                        st.markdown(f"**{_titles()[classifier.card.name]}**")
                    _scores(opened, classifier, heatmap, reference, chosen)
        faithfulness(opened, first, method)
    _regions(opened, first, method, chosen)


def _condition(readings: Sequence[Reading]) -> str:
    kinds = [
        name
        for name, aided in (("unaided", False), ("with the map", True))
        if any(r.aided == aided for r in readings)
    ]
    if len(kinds) < 2:
        return kinds[0] if kinds else "unaided"
    return str(st.segmented_control("Readings", kinds, default=kinds[0], key="condition", required=True))


def _consensus(readings: Sequence[Reading], shape: tuple[int, int]) -> tuple[Mark, ...]:
    """What the readers together marked, by STAPLE; nothing for fewer than two readers."""
    if len(readings) < 2:
        return ()
    masks = reader_masks([reading.marks for reading in readings], shape)
    return outline_marks(staple(masks).mask) if masks.any() else ()


def _second_model(card: Card) -> Classifier | None:
    titles = _titles()
    others = [name for name in titles if name != card.name]
    if not others:
        return None
    name = st.selectbox(
        "Second model",
        [None, *others],
        format_func=lambda name: titles.get(name, "None"),
        key="second",
        bind="query-params",
    )
    return loaders.classifier(name) if name else None


def _titles() -> dict[str, str]:
    """Installed model → its title, told apart from the others'."""
    return told_apart({card.name: card.title for card in loaders.cards()})


def _layers(readings: Sequence[Reading], consensus: tuple[Mark, ...]) -> list[Any]:
    from ui.viewer import Layer

    layers = [
        Layer(reading.reader, READER_COLOURS[index % len(READER_COLOURS)], reading.marks)
        for index, reading in enumerate(readings)
    ]
    if consensus:
        layers.append(Layer(CONSENSUS, YELLOW, consensus, dashed=True))
    return layers


def _films(opened: Opened, classifiers: Sequence[Classifier], method: str, layers: list[Any]) -> None:
    from ui.viewer import viewer

    for column, classifier in zip(st.columns(len(classifiers)), classifiers, strict=True):
        with column:
            if len(classifiers) > 1:
                st.caption(_titles()[classifier.card.name])
            viewer(
                picture_of(opened),
                key=f"compare-{opened.film.key}-{classifier.card.name}",
                heat=heat_of(opened, classifier, fitting_map(classifier.card, method)),
                layers=layers,
                link="compare" if len(classifiers) > 1 else None,
            )


def _answers(opened: Opened, classifiers: Sequence[Classifier], operating_point: str) -> None:
    for classifier in classifiers:
        prediction = opened.prediction(classifier, operating_point=operating_point)
        name = _titles()[classifier.card.name] if len(classifiers) > 1 else "The machine says"
        st.html(answer_line(name, prediction))


def _who_said_what(readings: Sequence[Reading]) -> None:
    lines = []
    for reading in readings:
        sure = f", {reading.confidence} % sure" if reading.confidence is not None else ""
        count = len(reading.marks)
        lines.append(
            f"- **{reading.reader}**: {CHOICES[reading.finding][0].lower()}{sure}, "
            f"{count} mark{'s' if count != 1 else ''}"
        )
    st.markdown("\n".join(lines))


def _reference(readings: Sequence[Reading], consensus: tuple[Mark, ...]) -> tuple[Mark, ...] | None:
    """Whose regions the map is scored against."""
    offered: dict[str, tuple[Mark, ...]] = {CONSENSUS: consensus} if consensus else {}
    offered |= {r.reader: r.marks for r in readings if any(mark.is_region for mark in r.marks)}
    if not offered:
        return None
    name = st.selectbox("Regions of", list(offered), key="reference", help="Whose regions the map is scored against.")
    return offered[str(name)]


def _localised(opened: Opened, heatmap: Heatmap, outlines: Sequence[np.ndarray]) -> Localisation:
    from fracture_core.localisation import score_film

    return score_film(heatmap.pixels, outlines, spacing=opened.radiograph.spacing)


def _scores(
    opened: Opened,
    classifier: Classifier,
    heatmap: Heatmap,
    reference: tuple[Mark, ...],
    readings: Sequence[Reading],
) -> None:
    from ui import figures
    from ui.charts import bullet_bars

    outlines = [mark.outline for mark in reference if mark.is_region]
    found = _localised(opened, heatmap, outlines)
    if found.flat:
        st.caption(f"{found.reason[:1].upper()}{found.reason[1:]} about this film.")
        return
    rows = bars(found, readers_overlap(readings, opened.radiograph.shape))
    figures.draw(
        bullet_bars(rows),
        key=f"bars-{opened.film.key}-{classifier.card.name}",
        alt="; ".join(f"{row.name} {row.shown}" for row in rows),
    )
    distance = f"{found.distance:.0f} px" + (
        f" ({found.distance_mm:.1f} mm)" if found.distance_mm is not None else ""
    )
    inside = (
        "The map's peak lies in a region."
        if found.distance < 1
        else f"The map's peak is {distance} from the nearest region."
    )
    st.caption(f"{inside} The regions cover {100 * found.area:.1f} % of the film.")


def bars(found: Localisation, overlap: Mapping[str, float | None]) -> list[Scored]:
    """The scores of a film as bars from 0 to 1."""
    energy_chance = found.area
    return [
        Scored(
            "Peak within 3 %",
            found.pointing_tolerant,
            found.area_tolerant,
            None,
            "hit" if found.pointing_tolerant >= 0.5 else "miss",
            "Pointing game: whether the map's highest place lies in a region, or within 3 % of the film's long side.",
        ),
        Scored(
            "Energy in regions",
            found.energy,
            energy_chance,
            None,
            f"{found.energy:.2f} ({found.energy_ratio:.1f} × its area)",
            "The share of the map's sum that lies in the regions.",
        ),
        Scored(
            "IoU at Otsu's cut",
            found.iou_otsu,
            found.area,
            overlap["iou"],
            f"{found.iou_otsu:.2f}",
            "Intersection over union of the regions and the map cut at Otsu's threshold.",
        ),
        Scored(
            "Dice at Otsu's cut",
            found.dice_otsu,
            2 * found.area / (1 + found.area),
            overlap["dice"],
            f"{found.dice_otsu:.2f}",
            "Twice the intersection over the sum of both areas.",
        ),
        Scored(
            "Average precision",
            found.average_precision,
            found.area,
            None,
            f"{found.average_precision:.2f}",
            "Over pixels: how far the map ranks the regions' pixels before all others.",
        ),
    ]


def readers_overlap(readings: Sequence[Reading], shape: tuple[int, int]) -> dict[str, float | None]:
    """Mean IoU and Dice of every two readers who marked a region: the ceiling a map is held against."""
    marked = [reading.marks for reading in readings if any(mark.is_region for mark in reading.marks)]
    pairs = [region_overlap(a, b, shape) for index, a in enumerate(marked) for b in marked[index + 1 :]]
    if not pairs:
        return {"iou": None, "dice": None}
    return {
        "iou": float(np.nanmean([pair.iou for pair in pairs])),
        "dice": float(np.nanmean([pair.dice for pair in pairs])),
    }


def _regions(opened: Opened, classifier: Classifier, method: str, readings: Sequence[Reading]) -> None:
    """One row per place that anybody marked: who marked it, and whether the map covers it."""
    import pandas as pd

    rows = region_rows(opened, opened.heatmap(classifier, method=method), readings)
    if not rows:
        return
    st.markdown("**Regions**, top to bottom")
    table = pd.DataFrame(rows)
    st.dataframe(table, hide_index=True, alt="Regions, who marked them and whether the map covers them")
    st.download_button(
        "Download regions (CSV)",
        csv_of(table),
        file_name=f"{opened.film.name}.regions.csv",
        mime="text/csv",
    )


def region_rows(opened: Opened, heatmap: Heatmap, readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """The table of regions as plain rows."""
    places = shared_regions({reading.reader: reading.marks for reading in readings}, opened.radiograph.shape)
    if not places:
        return []
    found = _localised(opened, heatmap, [place.mask for place in places])
    rows = []
    for place, score in zip(places, found.regions, strict=True):
        known = not found.flat
        rows.append(
            {
                "Region": score.name,
                "Marked by": ", ".join(place.readers),
                "Readers": f"{len(place.readers)} of {len(readings)}",
                "Area, px": score.area,
                "Map covers it": ("yes" if score.covered else "no") if known else "flat map",
                "Share covered, %": round(100 * score.share) if known else None,
                "Peak distance, px": round(score.distance) if known else None,
            }
            | ({"Peak distance, mm": round(score.distance_mm, 1)} if score.distance_mm is not None else {})
        )
    return rows
