from __future__ import annotations

import argparse
import ast
import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fracture_core.commands import localise as command
from fracture_core.datasets import read_fracatlas
from fracture_core.errors import FractureError, UnknownName
from fracture_core.explain import explain
from fracture_core.imaging import read_image
from fracture_core.inference import Classifier, load_classifier
from fracture_core.localisation import from_plain, localise, markdown_table, score_film, tune_threshold
from fracture_core.results import RUNS, read_records, scored_cases
from fracture_core.weights import load_card

PACKAGE = Path(command.__file__).resolve().parents[1] / "localisation"


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier()


@pytest.fixture
def data(made_fracatlas):
    """Twelve made films, six of them outlined."""
    return read_fracatlas(made_fracatlas())


def test_a_study_scores_every_outlined_film_by_every_method(classifier, data):
    steps: list[tuple[int, int]] = []
    study = localise(
        classifier, data.cases, methods=["gradcam", "hirescam"], progress=lambda *step: steps.append(step)
    )
    outlined = [case for case in data.cases if case.polygons]
    assert [(row.film, row.method) for row in study.rows] == [
        (case.id, method) for case in outlined for method in ("gradcam", "hirescam")
    ]
    assert steps == [(done, 6) for done in range(1, 7)]
    assert not study.thresholds
    film = read_image(outlined[0].path)
    heatmap = explain(classifier, film, method="hirescam")
    alone = score_film(heatmap.pixels, outlined[0].polygons, film=outlined[0].id, method="hirescam", reader="experts")
    assert repr(study.rows[1]) == repr(alone)
    assert set(study.summary()) == {"gradcam", "hirescam"}


def test_the_network_runs_once_on_each_film(classifier, data, monkeypatch):
    seen = []
    view = Classifier.view
    monkeypatch.setattr(Classifier, "view", lambda self, film: seen.append(film.name) or view(self, film))
    localise(classifier, data.cases, methods=["gradcam", "hirescam"], validation=data.cases[:6])
    assert len(seen) == len(set(seen)) == 6


def test_thresholds_are_tuned_on_validation_films(classifier, data):
    outlined = [case for case in data.cases if case.polygons]
    held, scored = outlined[:3], outlined[3:]
    study = localise(classifier, scored, methods=["hirescam"], validation=held)
    heats = [explain(classifier, read_image(case.path), method="hirescam").pixels for case in held]
    assert study.thresholds == {"hirescam": tune_threshold(heats, [case.polygons for case in held])}
    assert study.tuned_on == 3
    assert {row.threshold for row in study.rows} == set(study.thresholds.values())
    assert len(study.rows) == 3
    given = localise(classifier, scored, methods=["hirescam"], threshold=0.3, validation=held)
    assert given.thresholds == {"hirescam": 0.3}
    assert given.tuned_on == 0


def test_groups_and_splits_go_into_the_rows(classifier, data):
    cases = [replace(case, split="test") for case in data.cases]
    study = localise(classifier, cases, groups=np.arange(len(cases)) // 4)
    assert [row.group for row in study.rows] == ["0", "0", "1", "1", "2", "2"]
    assert set(study.summary("test")) == {"gradcam"}
    assert study.summary("val") == {}


def test_films_that_cannot_be_scored_are_counted_and_the_rest_go_on(classifier, data):
    outlined = [case for case in data.cases if case.polygons]
    outlined[1].path.write_bytes(b"no picture")
    beyond = replace(outlined[2], polygons=(outlined[2].polygons[0] + 1000,))
    study = localise(classifier, [outlined[0], outlined[1], beyond, outlined[3]], validation=[outlined[1]])
    assert [row.film for row in study.rows] == [outlined[0].id, outlined[3].id]
    assert set(study.unreadable) == {outlined[1].id, outlined[2].id}
    assert "No region" in study.unreadable[outlined[2].id]
    assert study.tuned_on == 0


def test_progress_may_stop_a_study(classifier, data):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        localise(classifier, data.cases, progress=stop)


def test_what_is_wrong_is_told_before_any_film_is_read(classifier, data):
    with pytest.raises(UnknownName, match="gradcam"):
        localise(classifier, data.cases, methods=["crystal ball"])
    with pytest.raises(FractureError, match="outline"):
        localise(classifier, [case for case in data.cases if not case.polygons])


# The command ------------------------------------------------------------------------------------------


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    options = parser.parse_args(["localise", *map(str, arguments)])
    return options.run(options)


def test_the_command_writes_films_regions_and_a_summary(data, tmp_path, capsys):
    films, record = tmp_path / "out" / "films.csv", tmp_path / "out" / "summary.json"
    methods = ("--method", "gradcam", "--method", "hirescam")
    assert run("--data", data.root, *methods, "--split", "all", "--output", films, "--record", record) == 0
    rows = list(csv.DictReader(films.open()))
    assert len(rows) == 12
    assert {row["method"] for row in rows} == {"gradcam", "hirescam"}
    assert all(row["height"] == "64" and row["regions"] == "1" for row in rows)
    assert not any("nan" in row.values() for row in rows)
    regions = list(csv.DictReader((tmp_path / "out" / "films.regions.csv").open()))
    assert [row["name"] for row in regions] == ["area 1"] * 12
    assert {row["area"] for row in regions} == {"512"}
    stored = json.loads(record.read_text())
    assert stored["data"]["name"] == "fracatlas"
    assert markdown_table(from_plain(stored["parts"]["all"])).count("\n") == 4
    shown = capsys.readouterr().out
    assert "hirescam: 6 films, 6 regions" in shown
    assert "chance" in shown


def test_no_name_in_the_tables_is_a_formula(tmp_path):
    square = np.array([[2, 2], [6, 2], [6, 6], [2, 6]], np.float32)
    ramp = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    row = score_film(ramp, [square], film="=1+1.png", method="gradcam", reader="@Ada")
    command.write_rows(tmp_path / "films.csv", [row])
    for name in ("films.csv", "films.regions.csv"):
        (cells,) = csv.DictReader((tmp_path / name).open())
        assert (cells["film"], cells["reader"], cells["method"]) == ("'=1+1.png", "'@Ada", "gradcam")


def test_an_unreadable_film_makes_the_exit_status_3(data, capsys):
    next(case for case in data.cases if case.polygons).path.write_bytes(b"no picture")
    assert run("--data", data.root, "--split", "all") == 3
    assert "1 films could not be scored" in capsys.readouterr().out


def test_methods_may_be_all_and_must_exist():
    known = ["gradcam", "hirescam"]
    assert command.chosen_methods(None, known) == ["gradcam"]
    assert command.chosen_methods(["hirescam", "all"], known) == ["gradcam", "hirescam"]
    assert command.chosen_methods(["hirescam", "hirescam"], known) == ["hirescam"]
    with pytest.raises(UnknownName, match="all"):
        command.chosen_methods(["crystal ball"], known)


def run_of(data, parts: dict[str, str], *, trained: int, letters: str = "") -> tuple:
    """The default model's card and its record, as if they were of a run on ``data``."""
    facts = {
        **load_card().data,
        "split": {"counts": {"train": {"films": trained}}, "letters": letters},
        "data": {"name": data.name, "fingerprint": data.fingerprint()},
    }
    membership = {part: [film for film, name in parts.items() if name == part] for part in ("val", "test")}
    record = {**facts, "id": "run", "membership": membership, "scores": dict.fromkeys(parts, 0.5)}
    return replace(load_card(), data=facts), record


def test_membership_comes_from_the_cards_letters(data):
    ids = [case.id for case in data.cases]
    card, _ = run_of(data, {}, trained=8, letters="tttttttvvxx-")
    known = command.membership(card, data, [])
    assert [known[film] for film in ids] == ["train"] * 7 + ["val"] * 2 + ["test"] * 2 + [""]
    assert command.membership(card, replace(data, name="others"), []) == {}
    fewer = replace(data, cases=data.cases[:-1])
    assert command.membership(card, fewer, []) == {}  # letters count films, and these are others


def test_membership_comes_from_the_run_record_else(data):
    ids = [case.id for case in data.cases]
    parts = {ids[0]: "val", ids[1]: "val", ids[2]: "test", ids[3]: "test"}
    card, record = run_of(data, parts, trained=8)
    assert command.membership(card, data, [{"id": "another"}, record]) == {i: parts.get(i, "train") for i in ids}
    assert command.membership(card, data, []) == {}
    # films were left out, or the data set has changed since: what is not named may be either
    card, record = run_of(data, parts, trained=7)
    assert command.membership(card, data, [record]) == parts
    card, record = run_of(data, parts, trained=8)
    assert command.membership(card, replace(data, cases=data.cases[1:]), [record]) == parts


def committee_of(data) -> tuple:
    """A card of two networks on twelve films, each of which was kept from two that the other learnt from."""
    card, _ = run_of(data, {}, trained=10, letters="vvvvttttttxx")
    facts = card.data["data"]
    records = [
        {"id": name, "data": facts, "split": {"letters": letters, "parts": 5, "part": number}}
        for number, (name, letters) in enumerate({"a": "vvttttttttxx", "b": "ttvvttttttxx"}.items())
    ]
    split = card.data["split"] | {"parts": 5, "part": None}
    return replace(card, data=card.data | {"split": split, "members": [{"id": "a"}, {"id": "b"}]}), records


def test_a_committees_validation_films_are_training_films_that_one_network_has_not_seen(data):
    ids = [case.id for case in data.cases]
    card, records = committee_of(data)
    known = command.membership(card, data, records)
    assert [known[film] for film in ids] == ["train"] * 10 + ["test"] * 2
    held = command.held_from(card, data, records)
    assert held == {ids[0]: 0, ids[1]: 0, ids[2]: 1, ids[3]: 1}
    assert command.held_from(card, data, records[:1]) == {ids[0]: 0, ids[1]: 0}
    assert command.held_from(card, replace(data, cases=data.cases[1:]), records) == {}
    assert command.held_from(run_of(data, {}, trained=8, letters="tttttttvvxx-")[0], data, records) == {}
    outlined = {case.id for case in data.cases if case.polygons}
    scored, validation = command.chosen_films(
        data, dict.fromkeys(ids, "test") | dict.fromkeys(held, "train"), None, held=held
    )
    assert {case.id for case in validation} == outlined & set(held)
    assert not {case.id for case in scored} & set(held)
    with pytest.raises(FractureError, match="trained some network of this committee"):
        command.chosen_films(data, known, "val", held=held)


def test_a_committees_thresholds_are_tuned_by_the_network_that_has_not_seen_the_film(classifier, data):
    outlined = [case for case in data.cases if case.polygons]
    tuning, scored = outlined[:2], outlined[1:]
    unseen = {case.id: classifier.alone(number) for number, case in enumerate(tuning)}
    study = localise(classifier, scored, methods=["evidence"], validation=tuning, unseen=unseen)
    films = [read_image(case.path) for case in tuning]
    heats = [
        explain(unseen[case.id], film, method="evidence").pixels for case, film in zip(tuning, films, strict=True)
    ]
    assert study.thresholds == {"evidence": tune_threshold(heats, [case.polygons for case in tuning])}
    # a film that tunes and is scored too is looked at by all networks for its scores
    both = next(row for row in study.rows if row.film == tuning[1].id)
    whole = explain(classifier, films[1], method="evidence").pixels
    assert not np.allclose(whole, heats[1])
    assert both.pointing == score_film(whole, tuning[1].polygons).pointing
    assert both.average_precision == pytest.approx(score_film(whole, tuning[1].polygons).average_precision)


def test_test_films_are_scored_by_default_and_validation_films_tune(data):
    known = {case.id: ("train", "val", "test")[index // 2 % 3] for index, case in enumerate(data.cases)}
    scored, validation = command.chosen_films(data, known, None)
    assert {case.split for case in scored} == {"test"}
    assert {case.split for case in validation} == {"val"}
    everything, _ = command.chosen_films(data, known, "all")
    assert len(everything) == 6
    unknown, none = command.chosen_films(data, {}, None)
    assert (len(unknown), none) == (6, [])
    with pytest.raises(FractureError, match="--split all"):
        command.chosen_films(data, {}, "test")


def test_what_is_known_of_the_films_is_said(data):
    assert "No run record" in command.whence(data.cases, {})
    cases = [
        replace(case, split=split) for case, split in zip(data.cases, ("test", "test", "val", None), strict=False)
    ]
    said = command.whence(cases, {"some": "test"})
    assert said.startswith("Of the model's: 2 test films, 1 validation films, 1 of no part")


# Real films -------------------------------------------------------------------------------------------


def test_real_films_of_the_default_models_test_split(classifier, fracture_data):
    data = read_fracatlas(fracture_data / "fracatlas")
    records = read_records(RUNS)
    known, held = command.membership(load_card(), data, records), command.held_from(load_card(), data, records)
    scored, validation = command.chosen_films(data, known, None, held=held)
    assert len(scored) > 50
    assert len(validation) > 300
    assert not {case.id for case in scored} & set(held)
    tested = {case.id for record in read_records(RUNS) for case in scored_cases(record) if case.split == "test"}
    assert {case.id for case in scored} <= tested
    study = localise(classifier, scored[:4], methods=["gradcam", "hirescam"], validation=validation[:4])
    assert len(study.rows) == 8
    assert study.tuned_on == 4
    for row in study.rows:
        assert row.flat or 0 < row.area < row.area_tolerant < 0.5
        assert row.flat or 0 <= row.energy <= 1


# Who may import whom ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_localisation_knows_no_registry(path):
    registries = tuple(f"fracture_core.{part}" for part in ("models", "weights", "recipes", "training"))
    named = [node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert not [module for module in named if (module or "").startswith(registries)]


def test_localisation_loads_no_torch_before_a_network_is_asked():
    code = "import sys, fracture_core.localisation, fracture_core.commands.localise; print('torch' in sys.modules)"
    root = PACKAGE.parents[1]
    answer = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
