"""``localise``: how well a model's heatmaps show the fractures that experts outlined."""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core.commands.output import table_stream
from fracture_core.errors import FractureError, UnknownName
from fracture_core.spreadsheet import guarded

if TYPE_CHECKING:
    from fracture_core.datasets import Case, DataSet
    from fracture_core.localisation import Localisation, Study
    from fracture_core.metrics import Estimate
    from fracture_core.weights import Card

PARTS = {"test": "test films", "val": "validation films", "train": "training films", "": "all films"}
HELD_BACK = "test"
EVERY = "all"


def add(commands: argparse._SubParsersAction) -> None:
    """Join ``localise`` to the command line."""
    command = commands.add_parser("localise", help="score a model's heatmaps against experts' outlines")
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="data set with outlined fractures")
    command.add_argument("--model", default="default", metavar="NAME", help="installed weights (see 'models')")
    command.add_argument(
        "--method",
        action="append",
        metavar="NAME",
        help="method of the map, may be repeated; by default the one that suits the model best; or 'all'",
    )
    command.add_argument(
        "--split",
        choices=("test", "val", EVERY),
        help="films of this part of the model's training; by default test, or all where the parts are not known",
    )
    command.add_argument(
        "--output", type=Path, metavar="CSV", help="a row for each film and method; regions beside it"
    )
    command.add_argument(
        "--record",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="JSON",
        help="store the summary; by default as results/localisation/MODEL.json",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the summary, write what is asked for; 3 when some films could not be read."""
    from tqdm import tqdm

    from fracture_core import weights
    from fracture_core.audit import film_groups
    from fracture_core.datasets import open_data
    from fracture_core.explain import methods_for
    from fracture_core.inference import load_classifier
    from fracture_core.localisation import localise
    from fracture_core.models import MODELS
    from fracture_core.results import RUNS, read_records

    card = weights.load_card(options.model)
    methods = chosen_methods(options.method, methods_for(points=card.model in MODELS and MODELS[card.model].points))
    data = open_data(options.data)
    records = read_records(RUNS)
    known, held = membership(card, data, records), held_from(card, data, records)
    scored, validation = chosen_films(data, known, options.split, held=held)
    print(f"{card.name} on {data.name}: {len(scored)} outlined films. {whence(scored, known)}")
    groups, _ = film_groups(replace(data, cases=tuple(scored)))
    with tqdm(unit="film", disable=None, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        classifier = load_classifier(options.model)
        alone = {number: classifier.alone(number) for number in sorted(set(held.values()))}
        study = localise(
            classifier,
            scored,
            methods=methods,
            groups=groups,
            validation=validation,
            unseen={film: alone[number] for film, number in held.items()},
            progress=show,
        )
    summaries = by_part(study)
    tell(study, summaries)
    if options.output is not None:
        write_rows(options.output, study.rows)
    if options.record is not None:
        place = options.record if options.record.name else RUNS.parent / "localisation" / f"{card.name}.json"
        write_summary(place, card, data, study, summaries)
    return 3 if study.unreadable else 0


def whence(scored: Sequence[Case], known: Mapping[str, str]) -> str:
    """What is known of the films' parts in the model's training, in a sentence."""
    if not known:
        return (
            "No run record tells which of them the model was trained on: the figures may flatter it, and no "
            "threshold can be tuned on validation films, so Otsu's serve alone."
        )
    counts = Counter(case.split or "" for case in scored)
    named = [f"{counts[part]} {PARTS[part]}" for part in ("test", "val", "train") if counts[part]]
    if counts[""]:
        named.append(f"{counts['']} of no part, or of one that is not known")
    return f"Of the model's: {', '.join(named)}."


def chosen_methods(asked: Sequence[str] | None, methods: Sequence[str]) -> list[str]:
    """The methods asked for, each once; the first, which suits the model best, when none is.

    Raises:
        UnknownName: there is no such method.
    """
    names = list(dict.fromkeys(asked or methods[:1]))
    if EVERY in names:
        return list(methods)
    for name in names:
        if name not in methods:
            raise UnknownName("method", name, [*methods, EVERY])
    return names


def membership(card: Card, data: DataSet, records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Film → its part in a model's training; empty when it is not known, "" of a film that was left out.

    On the very data set of the run, the card's letters tell it of every film. Else the run's record names validation
    and test films; of the others it then is not certain that they were trained on. What one network of a committee
    was validated on, others learnt from: that is "train".
    """
    found = _told(card, data, records)
    return {film: "train" if part == "val" else part for film, part in found.items()} if _rotates(card) else found


def held_from(card: Card, data: DataSet, records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Film → the network of a committee that was not trained on it, where all others may have been."""
    if not _rotates(card):
        return {}
    by_id = {one["id"]: one for one in records}
    found: dict[str, int] = {}
    for number, member in enumerate(card.data.get("members") or ()):
        record = by_id.get(member["id"], {})
        letters = (record.get("split") or {}).get("letters") or ""
        same = (record.get("data") or {}).get("fingerprint") == data.fingerprint()
        if same and len(letters) == len(data.cases):
            found |= {case.id: number for case, letter in zip(data.cases, letters, strict=True) if letter == "v"}
    return found


def _rotates(card: Card) -> bool:
    from fracture_core.results.records import rotates

    return rotates(card.data.get("split") or {})


def _told(card: Card, data: DataSet, records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """``membership`` as card and record have it."""
    from fracture_core.datasets.splits import LETTERS
    from fracture_core.results import scored_cases

    facts, split = card.data.get("data") or {}, card.data.get("split") or {}
    if facts.get("name") != data.name:
        return {}
    unchanged, letters = facts.get("fingerprint") == data.fingerprint(), split.get("letters") or ""
    if unchanged and len(letters) == len(data.cases):
        names = {letter: name for name, letter in LETTERS.items()}
        return {case.id: names.get(letter, "") for case, letter in zip(data.cases, letters, strict=True)}
    same = ("commit", "date", "seed", "model", "metrics", "split")
    record = next((one for one in records if all(one.get(key) == card.data.get(key) for key in same)), None)
    parts = {} if record is None else {case.id: case.split for case in scored_cases(record)}
    if unchanged and parts and split["counts"]["train"]["films"] + len(parts) == len(data.cases):
        return {case.id: parts.get(case.id, "train") for case in data.cases}  # nothing was left out
    return parts


def chosen_films(
    data: DataSet, known: Mapping[str, str], split: str | None, *, held: Collection[str] = ()
) -> tuple[list[Case], list[Case]]:
    """The outlined films to score, and the validation films to tune thresholds on.

    Args:
        held: films on which a network of a committee may tune; none of them is the committee's own to be scored on.

    Raises:
        FractureError: there are none, or their parts in the training are not known and one was asked for.
    """
    outlined = [replace(case, split=known.get(case.id)) for case in data.cases if case.polygons]
    if not outlined:
        raise FractureError(f"'{data.root}' has no outlined film. Choose a data set whose fractures are outlined.")
    if not known and split in ("test", "val"):
        raise FractureError(
            "No run record tells which films the model was trained on. Restore it to results/runs, or use "
            "--split all."
        )
    if held and split == "val":
        raise FractureError(
            "All films but the test films trained some network of this committee. Use --split test, or all."
        )
    validation = [case for case in outlined if case.split == "val" or case.id in held]
    part = split or (HELD_BACK if known else EVERY)
    scored = outlined if part == EVERY else [case for case in outlined if case.split == part]
    if not scored:
        raise FractureError(f"None of the model's {part} films is outlined. Use --split all.")
    return scored, validation


def by_part(study: Study) -> dict[str, dict[str, dict[str, Estimate]]]:
    """Part of the training → method → summary; "" is all films, when they are of several parts or of none known."""
    present = {row.split for row in study.rows}
    parts = [part for part in PARTS if part and part in present]
    found = {part: study.summary(part) for part in parts}
    if len(parts) != 1 or any(not row.split for row in study.rows):
        found[""] = study.summary()
    return found


def tell(study: Study, summaries: Mapping[str, Mapping[str, Mapping[str, Estimate]]]) -> None:
    """The summary on the screen."""
    from fracture_core.localisation import text_table

    for part, summary in summaries.items():
        if summary:
            print(f"\n{PARTS[part].capitalize()}\n{text_table(summary)}")
    if study.thresholds:
        cuts = ", ".join(f"{method} {value:.2f}" for method, value in study.thresholds.items())
        print(f"\nThresholds, of the highest mean Dice on {study.tuned_on} validation films: {cuts}")
    for film, why in study.unreadable.items():
        print(f"{film}: {why}")
    if study.unreadable:
        print(f"{len(study.unreadable)} films could not be scored and are left out.")


def write_rows(path: Path, rows: Sequence[Localisation]) -> None:
    """A table of films, and beside it ``NAME.regions.csv`` of regions; a cell is empty where there is no number."""
    films = [_film_row(row) for row in rows]
    marked = [
        {"film": row.film, "method": row.method, "reader": row.reader, **_flat(region)}
        for row in rows
        for region in row.regions
    ]
    for place, table in ((path, films), (path.with_suffix(".regions.csv"), marked)):
        with table_stream(place) as stream:
            writer = csv.DictWriter(stream, list(table[0]) if table else ["film"], lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: guarded(cell) for name, cell in row.items()} for row in table)


def _film_row(row: Localisation) -> dict[str, Any]:
    regions = {"regions": len(row.regions), "covered": row.covered}
    return {**_flat(row), **regions}


def _flat(entry: Any) -> dict[str, Any]:
    """A dataclass as cells: pairs as two columns, what is no number as an empty cell."""
    cells: dict[str, Any] = {}
    pairs = {"shape": ("height", "width"), "peak": ("peak_x", "peak_y"), "centre": ("x", "y")}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if field.name in pairs and (value is None or isinstance(value, tuple)):
            cells |= zip(pairs[field.name], map(_cell, value or (None, None)), strict=True)
        elif field.name != "regions":
            cells[field.name] = _cell(value)
    return cells


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return value


def write_summary(
    path: Path,
    card: Card,
    data: DataSet,
    study: Study,
    summaries: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
) -> None:
    """The summary as JSON, from which tables are written later."""
    from fracture_core.localisation import to_plain
    from fracture_core.results import to_json

    facts = {
        "schema": 1,
        "model": card.name,
        "weights": card.sha256,
        "data": {"name": data.name, "fingerprint": data.fingerprint(), "attribution": data.attribution},
        "date": datetime.now(UTC).date().isoformat(),
        "thresholds": study.thresholds,
        "tuned_on": study.tuned_on,
        "unreadable": len(study.unreadable),
        "parts": {part or EVERY: to_plain(summary) for part, summary in summaries.items()},
    }
    with table_stream(path) as stream:
        stream.write(to_json(facts, indent=1))
