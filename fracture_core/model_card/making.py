"""The sections on how a model came about: data, reference standard, split, input, training, licence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from fracture_core.metrics import proportion
from fracture_core.model_card.document import Block, Pairs, Paragraph, Points, Section, Table
from fracture_core.model_card.sources import Sources
from fracture_core.model_card.use import along, technique
from fracture_core.models import MODELS
from fracture_core.preprocessing import PIPELINES, build_pipeline

PARTS = {"train": "training", "val": "validation", "test": "test"}


def data(sources: Sources) -> Section:
    """Where the films come from, how many they are, and who said what they show."""
    blocks = [*_source(sources), *_reference(sources), *_counts(sources)]
    notes = sources.get("data", "notes")
    if notes:
        blocks.append(
            Points(tuple(f"A contradiction in the data: {note}." for note in notes), covers=("label_noise",))
        )
    return Section("data", "Data and reference standard", tuple(blocks) or (_nothing("data"),))


def _nothing(what: str) -> Paragraph:
    return Paragraph(f"The card says nothing of the {what}.")


def _source(sources: Sources) -> Iterator[Block]:
    facts, attribution, films = sources.data_set, sources.get("data", "attribution"), sources.get("data", "films")
    if facts is not None and facts.origin:
        yield Paragraph(
            f"{facts.title}: radiographs from {facts.origin} ({facts.source}).", covers=("data_source", "setting")
        )
    if attribution:
        yield Paragraph(f"{attribution}.", covers=("data_source", "data_access"))
    if facts is not None:
        yield Paragraph(
            "All films had been taken and published before the model was made: a model is developed, and tested on "
            "films held back from the same source.",
            covers=("retrospective", "study_goal"),
        )
    if films and facts is not None and facts.films:
        share = f"all {films:,}" if films >= facts.films else f"{films:,} of the {facts.films:,}"
        yield Paragraph(f"Used were {share} films that were published.", covers=("subset",))
    damaged, missing = sources.get("data", "damaged"), sources.get("data", "missing")
    if damaged is not None:
        said = f"{damaged:,} files were damaged; what could be decoded of them was kept. No film was imputed."
        if missing:
            said += f" {missing:,} films of the publisher's table were not at hand."
        yield Paragraph(said, covers=("missing_data",))


def _reference(sources: Sources) -> Iterator[Block]:
    facts = sources.data_set
    if facts is None or not facts.readers:
        yield Paragraph(
            "A film counts as fractured where the data set says so. Who decided that, and how, is not stated.",
        )
        return
    tool = f", with {facts.tool}" if facts.tool else ""
    outlined = " Each fracture was outlined." if facts.outlines else ""
    yield Paragraph(
        f"A film counts as fractured where the data set's table says so: the films were read by {facts.readers}"
        f"{tool} ({facts.source}).{outlined} That source names no other examination, such as CT, behind them.",
        covers=("reference", "annotators", "annotation_tool") if tool else ("reference", "annotators"),
    )
    yield Paragraph(
        "The reference is a reading of the very film that the model is shown: no time lies between the two.",
        covers=("interval",),
    )


def _counts(sources: Sources) -> Iterator[Block]:
    rows = []
    for part, title in PARTS.items():
        films, fractured = sources.count(part), sources.count(part, "fractured")
        if films is not None and fractured is not None:
            share = proportion(fractured, films).percent(places=1) if films else ""
            rows.append((title, f"{films:,}", f"{fractured:,}", f"{films - fractured:,}", share))
    if not rows:
        return
    head = ("part", "films", "fractured", "not fractured", "share fractured")
    also = sources.get("also")
    title = f"Films of {sources.data_title} in each part" if also else "Films in each part"
    yield Table(title, head, tuple(rows), covers=("counts", "prevalence"))
    if also:
        yield Paragraph(next(along(also)))
    if sources.rotates:
        yield Paragraph(
            "The validation films are among the training films: each was kept from one network, which alone answered "
            "it for the calibration and the thresholds, and trained the others. No test film trained any."
        )
    apart = [part for part in PARTS if not (sources.rotates and part == "val")]
    total, films = sum(sources.count(part) or 0 for part in apart), sources.get("data", "films")
    if films and films > total:
        yield Paragraph(f"{films - total:,} of {films:,} films belong to no part.", covers=("flow",))
    elif films == total:
        yield Paragraph("Every film belongs to a part: none was left out.", covers=("flow",))
    if sources.regions:
        named = ", ".join(f"{group.name} {group.n} ({group.fractured} fractured)" for group in sources.regions)
        yield Paragraph(f"Test films by body region: {named}.", covers=("regions",))


def making(sources: Sources) -> Section:
    """From films to weights."""
    blocks = [*_split(sources), *_input(sources), *_network(sources), *_training(sources), *_paper(sources)]
    return Section("making", "Split, input and training", tuple(blocks) or (_nothing("training"),))


def _split(sources: Sources) -> Iterator[Block]:
    rule, crossing = sources.get("split", "rule"), sources.get("split", "crossing")
    if rule:
        yield Paragraph(f"Films were divided as follows: {str(rule).rstrip('.')}.", covers=("partition",))
    if crossing:
        told = "Films that share a group (near duplicates, neighbours in number) with a training film"
        shares = [f"{PARTS.get(part, part)} {100 * share:.1f} %" for part, share in crossing.items()]
        yield Paragraph(f"{told}: {', '.join(shares) if any(crossing.values()) else 'none'}.", covers=("disjoint",))


def _input(sources: Sources) -> Iterator[Block]:
    name, size = sources.get("pipeline"), sources.get("size")
    if name not in PIPELINES or not size:
        return
    pipeline = build_pipeline(name, size=size, **(sources.get("pipeline_options") or {}))
    rows = tuple((str(number), step.name, step.source) for number, step in enumerate(pipeline.steps, 1))
    yield Table(
        "From film to input",
        ("step", "what is done", "where it is stated"),
        rows,
        f"The network reads {pipeline.size} × {pipeline.size} pixels.",
        covers=("preprocessing",),
    )


def _network(sources: Sources) -> Iterator[Block]:
    spec = MODELS.get(sources.card.data.get("model", ""))
    if spec is not None:
        yield Paragraph(
            f"{technique(sources)} ({spec.citation}), {spec.parameters / 1e6:.1f} million parameters, with an output "
            "for each of the two classes.",
            covers=("architecture", "size"),
        )
    if "pretrained" in sources.card.data:
        start = sources.get("pretrained")
        said = f"Its weights began from {start}." if start else "Its weights began at random."
        yield Paragraph(said, covers=("initialisation",))


_SETTINGS = {
    "epochs": "epochs",
    "batch": "films per step",
    "optimiser": "optimiser",
    "lr": "learning rate",
    "weight_decay": "weight decay",
    "schedule": "schedule",
    "loss": "loss",
    "fracture_weight": "weight of fractured films",
    "label_smoothing": "label smoothing",
    "ema": "decay of the averaged weights",
}


def _training(sources: Sources) -> Iterator[Block]:
    recipe: dict[str, Any] = sources.get("recipe") or {}
    turns = [*(sources.get("before") or ()), recipe]  # trainings one after another
    rows = [
        (title, ", then ".join(_changes(str(turn.get(name)) for turn in turns)))
        for name, title in _SETTINGS.items()
        if name in recipe
    ]
    rows += [
        (title, str(value))
        for name, title in (("seed", "seed"), ("hardware", "machine"), ("precision", "precision"))
        if (value := sources.get(name)) is not None
    ]
    if seconds := sources.get("seconds"):
        rows.append(("time", f"{seconds / 60:.0f} min"))
    if recipe and rows:
        covers = ("training", *(("hardware",) if sources.get("hardware") else ()))
        yield Pairs(tuple(rows), covers=covers)
    weight = recipe.get("fracture_weight", 1)
    if weight != 1:
        undone = ", which calibration undoes" if sources.calibration is not None else ""
        yield Paragraph(
            f"In the loss each fractured film weighs {weight:g} times one that is not{undone}.", covers=("imbalance",)
        )
    reaches = [turn.get("augmentation") or {} for turn in turns]
    changes = [
        f"{name.replace('_', ' ')} {' then '.join(_changes(f'{reach.get(name, 0):g}' for reach in reaches))}"
        for name in reaches[-1]
        if any(reach.get(name) for reach in reaches)
    ]
    if changes:
        yield Paragraph(f"Training films were changed at random: {', '.join(changes)}.", covers=("augmentation",))
    if best := sources.get("best_epoch"):
        yield Paragraph(
            f"Kept were the weights of epoch {best}, the best on the validation films.", covers=("model_choice",)
        )
    if members := sources.get("members"):
        epochs = " and ".join(str(member["best_epoch"]) for member in members)
        yield Paragraph(
            f"It is {len(members)} networks that were trained apart and whose outputs and maps are averaged. Kept "
            f"were the weights of epochs {epochs}, each network's best on the validation films.",
            covers=("model_choice",),
        )


def _changes(values: Iterable[str]) -> list[str]:
    """Values in turn, those that stay the same once."""
    return [value for value, _ in groupby(values)]


def _paper(sources: Sources) -> Iterator[Block]:
    recipe, comparable = sources.get("recipe") or {}, (sources.record or {}).get("comparable")
    if not recipe.get("paper"):
        return
    said = f"It follows {recipe.get('citation') or recipe['paper']}."
    if comparable:
        why = str(comparable.get("why") or "").rstrip(".")
        fit = "can be set beside the paper's" if comparable.get("value") else f"are no reproduction of it: {why}"
        said += f" Its figures {fit}."
    yield Paragraph(said, covers=("prior_work",))


def licence(sources: Sources) -> Section:
    """Licence, version and hash."""
    names = {"licence": "licence of the weights", "version": "version", "commit": "commit", "date": "date"}
    rows = [("weights", sources.card.name), ("stored as", sources.card.form)]
    rows += [("sha256", str(sources.get("sha256") or "not stated"))]
    rows += [(title, str(sources.get(name) or "not stated")) for name, title in names.items()]
    rows += [("fingerprint of the data", str(sources.get("data", "fingerprint") or "not stated"))]
    if sources.record is not None:
        rows.append(("run record", str(sources.record["id"])))
    covers = [topic for topic, name in (("software", "version"), ("code_access", "commit")) if sources.get(name)]
    blocks: list[Block] = [Pairs(tuple(rows), covers=("model_access", *covers))]
    if sources.record is not None:
        blocks.append(
            Paragraph(
                "The run record holds every setting of the training, the division of the films and the figures.",
                covers=("technical_details",),
            )
        )
    if sources.films is not None:
        blocks.append(
            Paragraph(
                f"It also holds the model's answer on each of the {len(sources.films.ids):,} test films.",
                covers=("outputs_kept",),
            )
        )
    if attribution := sources.get("attribution"):
        blocks.append(Points(tuple(attribution), covers=("data_access",)))
    return Section("licence", "Licence, version and hash", tuple(blocks))
