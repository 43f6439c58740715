"""All papers in one command: the plan, what is passed over, and stopping in time."""

from __future__ import annotations

import json
import sys
import time

import pytest

import train
from fracture_core.recipes import RECIPES
from fracture_core.runs.options import chosen_recipes
from scripts import suite
from scripts.suite import Job, plan

JOBS = [Job("lisbon2023", "resnet18", "fracatlas", "grouped", seed) for seed in range(3)]


def test_every_model_of_every_paper_is_planned_once_for_each_seed():
    jobs = plan(["fracatlas", "multiregion"], seeds=2)
    assert len(set(jobs)) == len(jobs)
    assert not {job for job in jobs if job.recipe == "wang2024-with-se"}  # the same training as the paper's own
    for recipe in RECIPES.values():
        if recipe.key == "wang2024-with-se":
            continue
        for model in suite.models_of(recipe):
            found = {(job.split, job.seed) for job in jobs if (job.recipe, job.model) == (recipe.key, model)}
            splits = ("published", "clean") if recipe.data == "multiregion" else ("grouped",)
            assert found == ({(split, seed) for split in splits for seed in (0, 1)} if recipe.paper else set())
    assert [job.seed for job in jobs] == sorted(job.seed for job in jobs)
    assert {job.data for job in plan(["multiregion"])} == {"multiregion"}
    assert {job.recipe for job in plan(["fracatlas"], recipes=["wang2024"])} == {"wang2024"}
    trials = {job.model for job in jobs if job.recipe.startswith("gupta2024-")}
    assert trials == {"efficientnet_b6"}  # a stand-in is for the paper's own recipe alone


def test_every_command_is_one_that_train_understands(tmp_path):
    for job in plan(["fracatlas", "multiregion"]):
        command = job.command(
            dict.fromkeys(("fracatlas", "multiregion"), tmp_path), output=tmp_path, work=tmp_path, extra=[]
        )
        options = train.arguments().parse_args(command[2:])
        assert (options.recipe, options.model, options.split, options.seed) == (
            job.recipe,
            job.model,
            job.split,
            job.seed,
        )
        assert chosen_recipes(options)[-1].model == job.model


def code(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_what_is_done_is_passed_over_and_what_failed_is_tried_again(tmp_path):
    commands = {JOBS[0]: code("print('one')"), JOBS[1]: code("raise SystemExit(2)"), JOBS[2]: code("print('three')")}
    first = suite.run(JOBS, commands, output=tmp_path, at_once=2, seconds=None)
    assert list(first.values()) == ["done", "failed", "done"]
    assert (tmp_path / "logs" / f"{JOBS[0].name}.log").read_text() == "one\n"
    commands |= {JOBS[0]: code("raise SystemExit(9)"), JOBS[1]: code("print('two')")}
    again = suite.run(JOBS, commands, output=tmp_path, at_once=1, seconds=None)
    assert list(again.values()) == ["done before", "done", "done before"]


def test_when_the_time_is_up_trainings_are_ended_and_none_is_begun(tmp_path):
    commands = dict.fromkeys(JOBS, code("import time; time.sleep(60)"))
    began = time.monotonic()
    outcome = suite.run(JOBS, commands, output=tmp_path, at_once=2, seconds=1.0)
    assert time.monotonic() - began < 30
    assert list(outcome.values()) == ["stopped", "stopped", "not begun"]


def test_the_command_needs_data_and_shows_its_plan(tmp_path, capsys):
    assert suite.main(["--output", str(tmp_path)]) == 2
    assert "--fracatlas DIR" in capsys.readouterr().err
    assert (
        suite.main(["--output", str(tmp_path), "--fracatlas", str(tmp_path), "--recipe", "lisbon2023", "--list"]) == 0
    )
    assert capsys.readouterr().out.split() == [
        f"lisbon2023-resnet{depth}-fracatlas-grouped-seed0" for depth in (18, 34, 50, 101, 152)
    ]


@pytest.mark.slow
def test_a_smoke_run_of_one_paper(made_fracatlas, tmp_path):
    arguments = [
        "--fracatlas",
        str(made_fracatlas(80)),
        "--output",
        str(tmp_path),
        "--recipe",
        "wang2024-with-se",
        "--smoke",
    ]
    assert suite.main(arguments) == 0
    name = "wang2024-with-se-seresnet50-fracatlas-grouped-seed0"
    assert json.loads((tmp_path / "smoke" / "outcome.json").read_text()) == {name: "done"}
    assert (tmp_path / "smoke" / "weights" / name / "card.json").is_file()
    assert not (tmp_path / "done").exists(), "a tiny training stands for no whole one"
    (tmp_path / "smoke" / "done" / name).unlink()  # as if it had been killed between its weights and its mark
    assert suite.main(arguments) == 0


def test_what_has_a_record_can_be_left_out(tmp_path, capsys, monkeypatch):
    records = tmp_path / "runs"
    records.mkdir()
    for depth in (18, 101):
        name = f"20261127T140000Z-lisbon2023-resnet{depth}-fracatlas-grouped-seed0"
        (records / f"{name}.json").write_text(json.dumps({"id": name, "schema": 2}))
    found = suite.recorded(records)
    assert found == {f"lisbon2023-resnet{depth}-fracatlas-grouped-seed0" for depth in (18, 101)}
    arguments = ["--output", str(tmp_path), "--fracatlas", str(tmp_path), "--recipe", "lisbon2023", "--missing"]
    monkeypatch.setattr(suite, "recorded", lambda *, whole: found)
    assert suite.main([*arguments, "--list"]) == 0
    assert [line.split("-")[1] for line in capsys.readouterr().out.split()] == ["resnet34", "resnet50", "resnet152"]
    monkeypatch.setattr(suite, "recorded", lambda *, whole: {job.name for job in plan(["fracatlas"])})
    assert suite.main(arguments) == 0
    assert "has its record" in capsys.readouterr().out


def test_what_was_cut_short_has_a_record_but_no_whole_one(tmp_path):
    recipe = RECIPES["lisbon2023"].with_model("resnet50")
    for seed, epochs in ((0, recipe.epochs), (1, recipe.epochs - 1)):
        name = f"20261127T140000Z-lisbon2023-resnet50-fracatlas-grouped-seed{seed}"
        record = {"id": name, "schema": 2, "model": "resnet50", "recipe": recipe.as_run() | {"epochs": epochs}}
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    assert len(suite.recorded(tmp_path)) == 2
    assert suite.recorded(tmp_path, whole=True) == {"lisbon2023-resnet50-fracatlas-grouped-seed0"}
