"""The command from end to end: what it lists, refuses, trains and writes."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from dataclasses import replace

import cv2
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from tiny import SIDE, TINY

import train as command
from fracture_core import audit, training, weights
from fracture_core.datasets import FRACATLAS_COCO, open_data
from fracture_core.errors import DataSetError, WeightsError
from fracture_core.models import MODELS, build_model
from fracture_core.phantom import write_phantom_ct
from fracture_core.recipes import RECIPES
from fracture_core.results import read_records
from fracture_core.results.records import data_of
from fracture_core.runs import films, options, run

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_list_names_every_recipe(capsys):
    assert command.main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert all(recipe.key in listed and recipe.title in listed for recipe in RECIPES.values())
    assert command.main([]) == 0
    assert capsys.readouterr().out == listed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ours"], "Name the data set's folder: --data DIR."),
        (["other", "--data", "."], "Unknown recipe 'other'. Choose from:"),
        (
            ["lisbon2023", "--model", "vgg16", "--data", "."],
            "Unknown model of the recipe lisbon2023 'vgg16'. Choose from:",
        ),
        (["ours", "--epochs", "0", "--data", "."], "are counted from 1"),
        (["ours", "--data", "."], "name ImageNet weights of mobilenetv2_evidence with --pretrained FILE"),
        (["lisbon2023", "--data", "nowhere"], "'nowhere' is no folder. Check the path."),
        (["ours", "--data", ".", "--form", "auto"], "Name the folder to store the weights in: --weights DIR."),
        (["wang2024", "--data", ".", "--seed", "-1"], "The seed is a whole number from 0 to 4294967295."),
        (["wang2024", "--data", ".", "--fold", "1"], "Name their number with --folds."),
        (["wang2024", "--data", ".", "--folds", "0"], "--folds takes three or more"),
        (["wang2024", "--data", ".", "--folds", "2", "--fold", "1"], "--folds takes three or more"),
    ],
)
def test_the_command_tells_what_to_mend(capsys, arguments, told):
    assert command.main(arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["--weights", "--runs", "--work"])
@pytest.mark.parametrize("way", ["a file stands there", "not allowed"])
def test_a_folder_that_cannot_be_written_to_is_told_before_the_training(capsys, tmp_path, monkeypatch, folder, way):
    place = tmp_path / "place"
    if way == "not allowed":
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda *, dir: os.open(dir / "none" / "x", os.O_CREAT))
    else:
        place.touch()
    monkeypatch.setattr(run, "make_fabric", lambda **_: pytest.fail("the run began"))
    runs = [] if folder == "--runs" else ["--runs", str(tmp_path)]
    assert command.main(["wang2024", "--data", str(tmp_path), folder, str(place), *runs]) == 2
    told = capsys.readouterr().err
    assert ("cannot be made" if way == "a file stands there" else "Nothing can be written") in told


def test_a_smoke_run_replaces_no_weights(capsys, tmp_path):
    (tmp_path / "card.json").write_text("{}")
    assert command.main(["wang2024", "--smoke", "--data", str(tmp_path), "--weights", str(tmp_path)]) == 2
    assert "A smoke run replaces no weights: name a new folder." in capsys.readouterr().err
    assert (tmp_path / "card.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("work", "told"), [(["--work", "films"], "Finished epochs are kept in 'films'"), ([], "Nothing is kept")]
)
def test_a_stopped_run_says_what_is_kept(capsys, monkeypatch, work, told):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run", stopped)
    assert command.main(["wang2024", "--data", ".", *work]) == 130
    assert capsys.readouterr().err.startswith(f"Stopped. {told}")


def test_a_disk_that_is_full_in_the_end_is_told_in_a_sentence(capsys, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device", "runs/record.json")

    monkeypatch.setattr(run, "run", full)
    assert command.main(["wang2024", "--data", "."]) == 2
    assert capsys.readouterr().err == (
        "train.py: A file 'runs/record.json' cannot be read or written: No space left on device.\n"
    )


@pytest.fixture
def strangers(monkeypatch):
    """No film is taken for another's copy: the made fractured ones look alike, and five parts need them apart."""
    monkeypatch.setattr(audit, "film_groups", lambda data: (np.arange(len(data.cases)), []))


@pytest.mark.usefixtures("strangers")
def test_a_smoke_run_from_end_to_end(made_fracatlas, tmp_path):
    folder, runs = tmp_path / "weights" / "made", tmp_path / "runs"
    arguments = ["ours", "--smoke", "--data", str(made_fracatlas(240)), "--weights", str(folder)]
    assert command.main([*arguments, "--runs", str(runs), "--accelerator", "cpu"]) == 0
    assert not runs.exists()  # a smoke run leaves no record

    card = weights.load_card("made", root=folder.parent)
    assert (card.model, card.pipeline, card.size) == ("mobilenetv2_evidence_mirrored", "ours", 64)
    assert card.data["best_epoch"] is None
    assert all(one["best_epoch"] == 2 for one in card.data["members"])  # one epoch of each of two trainings
    build_model(card.model).load_state_dict(weights.load_state(card, root=folder.parent))
    assert card.operating_points.keys() == {"balanced", "sensitive", "specific"}
    assert card.metrics["auc"].n == card.data["split"]["counts"]["test"]["films"]
    counts = {name: part["films"] for name, part in card.data["split"]["counts"].items()}
    assert counts["train"] == 240 - counts["test"]  # each film trained all members but one
    assert counts["val"] == pytest.approx(counts["train"] * 4 / 5, abs=2)  # those that one was not trained on
    assert card.data["data"]["duplicate_pairs"] == 0
    assert any("CC BY 4.0" in line for line in card.data["attribution"])
    with pytest.raises(WeightsError, match="sha256 differs"):
        weights.load_state(weights.Card("made", {**card.data, "sha256": "0"}), root=folder.parent)


@pytest.mark.usefixtures("strangers")
def test_a_committee_and_its_members_leave_a_record_each(monkeypatch, made_fracatlas, tmp_path):
    small = {"size": 64, "epochs": 1, "batch": 8}
    monkeypatch.setattr(options, "changed", lambda recipe, _: replace(recipe, **small))
    places = [
        "--runs",
        str(tmp_path / "runs"),
        "--work",
        str(tmp_path / "work"),
        "--weights",
        str(tmp_path / "w" / "made"),
        "--pretrained",
        str(tmp_path / "imagenet.safetensors"),
    ]
    save_file(build_model("mobilenetv2_100").state_dict(), tmp_path / "imagenet.safetensors")
    arguments = ["ours", "--data", str(made_fracatlas(240)), "--accelerator", "cpu", *places]
    # one network at a time, as several machines would, then all of them together
    assert command.main([*arguments, "--member", "3"]) == 0
    assert not (tmp_path / "runs").exists()
    assert command.main([*arguments, "--resume"]) == 0
    records = {record["id"]: record for record in read_records(tmp_path / "runs")}
    (ours,) = (record for record in records.values() if record["recipe"]["key"] == "ours")
    members = [records[one["id"]] for one in ours["members"]]
    assert len(members) == len(RECIPES["ours"].committee) == len(records) - 1
    assert not ours["curves"]
    assert all([row["epoch"] for row in member["curves"]] == [1, 2] for member in members)
    assert all([one["key"] for one in record["before"]] == ["ours-member"] for record in records.values())
    assert ours["seconds"] == pytest.approx(sum(member["seconds"] for member in members), abs=0.2)
    # every film that is not tested was left out by one member, which then answered it; no film is tested on its kin
    left_out = [film_ids(member, "val") for member in members]
    assert sorted(itertools.chain(*left_out)) == sorted(film_ids(ours, "val"))
    assert all(film_ids(member, "test") == film_ids(ours, "test") for member in members)
    assert all(member["split"]["crossing"] == {"val": 0, "test": 0} for member in members)

    # the weights are the members', one after the other
    card = weights.load_card("made", root=tmp_path / "w")
    state = weights.load_state(card, root=tmp_path / "w")
    checkpoints = sorted((tmp_path / "work").glob("ours-settled-*.ckpt"))
    assert len(checkpoints) == len(members) == len(list((tmp_path / "work").glob("ours-member-*.ckpt")))
    saved = [torch.load(path, weights_only=True)["best"]["state"] for path in checkpoints]
    for number, member in enumerate(saved):
        place = "place.bias"
        assert float(state[f"members.{number}.{place}"]) == pytest.approx(float(member[place]), rel=1e-3)


def film_ids(record, split):
    return [name for name, part in zip(record["cases"]["id"], record["cases"]["split"], strict=True) if part == split]


@pytest.fixture
def tiny_command(tiny, monkeypatch):
    """The command with the tiny recipe in place of the real ones: (arguments) → exit status."""
    monkeypatch.setattr(options, "get_recipe", lambda key: replace(TINY, epochs=2, paper="lisbon2023"))
    monkeypatch.setattr(run, "commit", lambda: None)
    monkeypatch.setitem(MODELS, "tiny", MODELS["custom_cnn"])  # for its name on the card
    return lambda *arguments: command.main(["tiny", "--accelerator", "cpu", *map(str, arguments)])


def test_a_second_data_set_trains_along_and_is_asked_about_what_was_kept_out(
    tiny_command, made_fracatlas, tmp_path, monkeypatch
):
    data = made_fracatlas(96, size=SIDE)
    other = tmp_path / "other"
    for case in open_data(data).cases[:60]:  # stands for films of another source
        place = other / ("fractured" if case.label else "not fractured") / f"other-{case.path.name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(case.path.read_bytes())
    monkeypatch.setattr(audit, "film_groups", lambda data: (np.arange(len(data.cases)), []))
    monkeypatch.setattr(audit, "groups_across", lambda *sets: np.arange(sum(len(one.cases) for one in sets)))
    runs, work = tmp_path / "runs", tmp_path / "work"
    assert tiny_command("--data", data, "--also", other, "--runs", runs, "--work", work) == 0
    (record,) = read_records(runs)
    also = record["also"]
    assert (also["exposures"], also["films"], also["fractured"]) == (42, 42, 21)
    assert also["left_out"] == {"in_both": 0, "contradictory": 0}
    assert also["held"]["auc"]["n"] == 18
    assert also["held"]["auc"]["value"] > 0.9
    assert data_of(record) == f"fracatlas + {also['name']}"
    assert also["name"] in record["id"]
    assert record["title"].endswith(f", {also['name']} too")
    assert record["data"]["films"] == 96  # none of the others is tested or validated on


def test_a_whole_run_leaves_one_record(tiny_command, made_fracatlas, tmp_path):
    runs, work = tmp_path / "runs", tmp_path / "work"
    data = made_fracatlas(96, size=SIDE)
    assert tiny_command("--data", data, "--runs", runs, "--work", work) == 0
    (record,) = read_records(runs)
    assert record["recipe"]["key"] == "tiny"
    assert record["epochs_run"] == len(record["curves"]) == 2
    assert record["data"]["films"] == 96
    cases, split = record["cases"], record["split"]
    assert {len(column) for column in cases.values()} == {
        split["counts"]["val"]["films"] + split["counts"]["test"]["films"]
    }
    assert len(set(cases["id"])) == len(cases["id"])
    assert not {g for g, s in zip(cases["group"], cases["split"], strict=True) if s == "val"} & {
        g for g, s in zip(cases["group"], cases["split"], strict=True) if s == "test"
    }
    assert all(0 <= score <= 1 for score in cases["score"])
    assert record["metrics"]["auc"]["value"] > 0.9  # a bright bar is easily seen
    assert record["argmax"]["accuracy"]["n"] == split["counts"]["test"]["films"]
    assert [row["name"] for row in record["class_report"]][:2] == ["not fractured", "fractured"]
    assert {row["name"] for row in record["subgroups"]} >= {"hand", "frontal view"}
    assert len(split["letters"]) == 96
    assert {letter: split["letters"].count(letter) for letter in "tvx"} == {
        letter: split["counts"][name]["films"] for letter, name in zip("tvx", ("train", "val", "test"), strict=True)
    }
    assert split["crossing"] == {"val": 0, "test": 0}
    assert not record["comparable"]["value"]
    assert "no duplicate crosses the split" in record["comparable"]["why"]
    assert sorted(path.suffix for path in work.iterdir()) == [".ckpt", ".npy"] or any(
        p.is_dir() for p in work.iterdir()
    )

    # the same command again refuses to mix two runs; with --resume it only measures again
    assert tiny_command("--data", data, "--runs", runs, "--work", work) == 2
    assert tiny_command("--data", data, "--runs", tmp_path / "again", "--work", work, "--resume") == 0
    (again,) = read_records(tmp_path / "again")
    assert again["cases"] == record["cases"]
    assert again["curves"] == record["curves"]


def test_a_run_goes_on_in_the_precision_it_began_in(tiny_command, made_fracatlas, tmp_path, capsys):
    places = ["--data", made_fracatlas(60, size=SIDE), "--runs", tmp_path / "runs", "--work", tmp_path / "work"]
    assert tiny_command(*places) == 0
    assert tiny_command(*places, "--resume", "--precision", "32-true") == 2
    assert "was begun with --precision bf16-mixed, not 32-true." in capsys.readouterr().err
    assert len(read_records(tmp_path / "runs")) == 1


@pytest.fixture
def kept(tmp_path):
    """Options of a run that keeps what it finds."""
    return options.Options(recipe="tiny", data=tmp_path, work=tmp_path / "work")


def test_a_patient_named_later_stays_on_one_side(kept, made_fracatlas):
    found = replace(open_data(made_fracatlas(60, size=SIDE)), neighbours=False)
    named = replace(found, cases=tuple(replace(case, patient=str(n % 10)) for n, case in enumerate(found.cases)))
    assert found.fingerprint() == named.fingerprint()
    films.divided(found, TINY, kept)
    letters = films.divided(named, TINY, kept)[0].letters
    homes = {patient: set(letters[patient::10]) for patient in range(10)}
    assert all(len(parts) == 1 for parts in homes.values()), homes


@pytest.mark.parametrize("change", ["patient", "region", "neighbours"])
def test_groups_are_found_anew_where_what_they_follow_from_changed(kept, made_fracatlas, change):
    data = open_data(made_fracatlas(4, size=SIDE))
    changed = {
        "patient": replace(data, cases=(replace(data.cases[0], patient="one"), *data.cases[1:])),
        "region": replace(data, cases=(replace(data.cases[0], region="foot"), *data.cases[1:])),
        "neighbours": replace(data, neighbours=not data.neighbours),
    }[change]
    assert changed.fingerprint() == data.fingerprint()

    def pairs(found, *sets):
        return films.kept_groups(lambda: (np.zeros(4), found), sets, kept)[1]

    assert (pairs(1, data), pairs(2, changed), pairs(3, data, data), pairs(4, data, changed)) == (1, 2, 3, 4)
    assert (pairs(5, data), pairs(5, changed), pairs(5, data, changed)) == (1, 2, 4)  # kept where nothing changed


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_damaged_groups_are_found_once_more(kept, made_fracatlas, content):
    data = open_data(made_fracatlas(4, size=SIDE))
    films.kept_groups(lambda: (np.zeros(4), 1), [data], kept)
    (place,) = kept.work.glob("groups-*.npz")
    place.write_bytes(content)
    assert films.kept_groups(lambda: (np.zeros(4), 2), [data], kept)[1] == 2
    assert films.kept_groups(lambda: (np.zeros(4), 3), [data], kept)[1] == 2


def test_a_companion_that_brings_nothing_is_refused(kept, made_fracatlas):
    root = made_fracatlas(60, size=SIDE)
    with pytest.raises(DataSetError, match=r"\d\d of its exposures are in 'fracatlas' too"):
        films.divided(open_data(root), TINY, replace(kept, also=root))


def test_a_film_whose_name_is_not_utf8_is_trained_with(tiny_command, made_fracatlas, tmp_path):
    for case in open_data(made_fracatlas(96, size=SIDE)).cases:
        folder = tmp_path / "named" / ("fractured" if case.label else "not fractured")
        place = folder / os.fsdecode(b"R\xf6ntgen " + case.path.name.encode())
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.write_bytes(case.path.read_bytes())
        except OSError:
            pytest.skip("this disk takes names in UTF-8 alone")
    arguments = ["--data", tmp_path / "named", "--runs", tmp_path / "runs", "--weights", tmp_path / "w" / "made"]
    assert tiny_command(*arguments) == 0
    (record,) = read_records(tmp_path / "runs")
    assert set(record["cases"]["id"]) <= {case.id for case in open_data(tmp_path / "named").cases}
    assert weights.load_card("made", root=tmp_path / "w").data["data"]["films"] == 96


def test_outlines_restored_after_a_first_run_are_trained_with(kept, made_fracatlas):
    root = made_fracatlas(4, size=SIDE)
    outlines = root / FRACATLAS_COCO
    written = outlines.read_text()
    outlines.unlink()
    bare = open_data(root)
    assert not films.decoded(bare, None, TINY, kept).regions.any()
    name = f"fracatlas-ours-{SIDE}-{bare.fingerprint()[:8]}"

    outlines.write_text(written)
    restored = films.decoded(open_data(root), None, TINY, kept).regions
    assert restored[1].any() and restored[3].any()
    ring = json.loads(written)["annotations"][0]["segmentation"][0]
    outlines.write_text(written.replace(json.dumps(ring), json.dumps([*ring[:-2], SIDE - 1, SIDE - 1])))
    corrected = films.decoded(open_data(root), None, TINY, kept).regions
    assert not np.array_equal(corrected, restored)
    assert len(list(kept.work.glob(f"{name}*"))) == 3


def test_a_film_corrected_in_place_is_looked_at_anew(kept, made_fracatlas):
    root = made_fracatlas(4, size=SIDE)
    place = open_data(root).cases[2].path

    def found(grey, number):
        """What is kept of the data set with a film all of one grey, in a file whose size tells nothing."""
        written = cv2.imencode(".bmp", np.full((SIDE, SIDE), grey, np.uint8))[1].tobytes()
        if place.read_bytes() != written:
            place.write_bytes(written)
            os.utime(place, ns=(0, grey))
        data = open_data(root)
        pixels = films.decoded(data, None, TINY, kept).pixels
        return data.fingerprint(), pixels, films.kept_groups(lambda: (np.zeros(4), number), [data], kept)[1]

    first, later, again = found(40, 1), found(200, 2), found(200, 3)
    assert first[0] == later[0] == again[0]  # records hold the fingerprint: it stays as it is
    assert not np.array_equal(first[1][2], later[1][2])
    assert np.array_equal(later[1], again[1])
    assert (first[2], later[2], again[2]) == (1, 2, 2)


def test_folds_are_tested_on_every_film_once(tiny_command, made_fracatlas, tmp_path):
    data, tested = made_fracatlas(60, size=SIDE), []
    for fold in range(3):
        assert tiny_command("--data", data, "--runs", tmp_path / "runs", "--folds", 3, "--fold", fold) == 0
    for record in read_records(tmp_path / "runs"):
        assert (record["split"]["kind"], record["split"]["folds"]) == ("folds", 3)
        cases = record["cases"]
        tested += [name for name, split in zip(cases["id"], cases["split"], strict=True) if split == "test"]
    assert len(tested) == len(set(tested)) == 60


def test_changes_of_a_recipe_are_told(tiny_command, made_fracatlas, tmp_path):
    data = made_fracatlas(60, size=SIDE)
    assert tiny_command("--data", data, "--runs", tmp_path, "--epochs", 1, "--batch", 6) == 0
    (record,) = read_records(tmp_path)
    assert (record["recipe"]["epochs"], record["recipe"]["batch"]) == (1, 6)
    assert "epochs 1 by choice; batch 6 by choice" in record["comparable"]["why"]


def test_going_on_needs_a_folder(tiny_command, made_fracatlas, capsys):
    assert tiny_command("--data", made_fracatlas(60, size=SIDE), "--resume") == 2
    assert "name it with --work DIR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("form", "tolerance", "stored"), [("int8", 0, "int8"), ("auto", 1, "int8"), ("auto", 0, "fp16")]
)
def test_weights_are_measured_as_they_are_stored(
    tiny_command, made_fracatlas, tmp_path, monkeypatch, form, tolerance, stored
):
    monkeypatch.setattr(weights, "LARGE", 64)
    monkeypatch.setattr(weights, "AUC_TOLERANCE", tolerance)
    measured = []
    predict = training.predict_logits
    monkeypatch.setattr(
        training,
        "predict_logits",
        lambda model, *args, **options: measured.append(model) or predict(model, *args, **options),
    )
    options = ["--weights", tmp_path / "w" / "made", "--form", form]
    assert tiny_command("--data", made_fracatlas(60, size=SIDE), "--runs", tmp_path / "runs", *options) == 0
    card = weights.load_card("made", root=tmp_path / "w")
    (record,) = read_records(tmp_path / "runs")
    assert card.form == record["form"] == stored
    state = weights.load_state(card, root=tmp_path / "w")
    assert all(torch.equal(tensor, state[name]) for name, tensor in measured[-1].state_dict().items())


SMOKES = [(key, model) for key, recipe in RECIPES.items() for model in recipe.models or (recipe.model,)]


@pytest.mark.slow
@pytest.mark.parametrize(("key", "model"), SMOKES)
def test_every_recipe_smokes(key, model, made_fracatlas, tmp_path, capsys):
    arguments = [
        key,
        "--model",
        model,
        "--smoke",
        "--data",
        str(made_fracatlas(80)),
        "--weights",
        str(tmp_path / "w"),
    ]
    assert command.main([*arguments, "--accelerator", "cpu"]) == 0, capsys.readouterr().err
    card = weights.load_card("w", root=tmp_path)
    assert card.model == model
    build_model(model).load_state_dict(weights.load_state(card, root=tmp_path))


@pytest.mark.slow
def test_timms_weights_are_fetched_and_named_on_the_card(made_fracatlas, tmp_path, monkeypatch):
    real = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, **options: real(name, **options | {"pretrained": False}))
    folders = ["--data", made_fracatlas(80), "--weights", tmp_path / "w", "--work", tmp_path / "work"]
    recipe = ["gupta2024", "--model", "efficientnet_b0", "--smoke", "--pretrained", "timm"]
    assert command.main([*recipe, *map(str, folders)]) == 0
    facts = weights.load_card("w", root=tmp_path).data
    assert facts["pretrained"] == "efficientnet_b0.ra_in1k.safetensors"
    assert "ImageNet weights efficientnet_b0.ra_in1k, as timm publishes them" in facts["attribution"]
    assert "random ones" not in facts["comparable"]["why"]


@pytest.mark.slow
def test_a_ct_series_trains_with_every_patient_on_one_side(tmp_path):
    """wang2024 on what its private data were like: DICOM slices of patients in three views."""
    data = write_phantom_ct(tmp_path / "ct", patients=10, slices=8)
    runs = tmp_path / "runs"
    options = ["--size", "32", "--epochs", "1", "--batch", "8", "--copies", "1", "--accelerator", "cpu"]
    assert command.main(["wang2024", "--data", str(data), "--runs", str(runs), *options]) == 0
    (record,) = read_records(runs)
    patients = {case.id: case.patient for case in open_data(data).cases}
    homes: dict[str, set[str]] = {}
    for case, letter in zip(patients, record["split"]["letters"], strict=True):
        homes.setdefault(patients[case], set()).add(letter)
    assert len(homes) == 10
    assert all(len(letters) == 1 for letters in homes.values())
    assert "the paper's data is not public" in record["comparable"]["why"]
