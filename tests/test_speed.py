"""How fast an architecture is: measured in its own process, written, read back."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core.__main__ import main
from fracture_core.commands.speed import contestants
from fracture_core.errors import UnknownName
from fracture_core.models import MODELS
from fracture_core.results import FIXED, OURS, TrainingSpeed, read_speeds, read_training_speeds
from fracture_core.speed import measure, median, write_speed, write_training_speed
from scripts import bench_train


def test_a_measurement_is_of_the_model_and_survives_the_disk(tmp_path):
    found = measure("mobilenetv2_100", 64, rounds=5, batch=2, threads=1)
    assert found.parameters == MODELS["mobilenetv2_100"].parameters
    assert (found.threads, found.batch, found.latency_ms.n) == (1, 2, 5)
    assert 0 < found.latency_ms.low <= found.latency_ms.value <= found.latency_ms.high
    assert found.peak_memory_mb > 50  # torch alone takes more
    assert found.films_per_second > 0
    write_speed(found, folder=tmp_path)
    write_speed(found, folder=tmp_path)
    assert read_speeds(tmp_path) == [found]


def test_speed_in_training_is_told_beside_its_rivals_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("FRACTURE_DATA", raising=False)
    monkeypatch.setattr(
        "sys.argv", ["bench", "--model", "resnet18", "--batch", "2", "--steps", "1", "--rounds", "1", "--record"]
    )
    monkeypatch.setattr(bench_train, "write_training_speed", partial(write_training_speed, folder=tmp_path))
    bench_train.main()
    (found,) = read_training_speeds(tmp_path)
    assert isinstance(found, TrainingSpeed)
    assert (found.model, found.batch, found.steps, found.films) == ("resnet18", 2, 1, "synthetic films")
    assert all(rate > 0 for rate in found.images_per_second.values())
    assert found.against(OURS) == 1
    assert f"ours is {found.against(FIXED):5.2f} x" in capsys.readouterr().out
    assert read_speeds(tmp_path) == []  # another kind of measurement


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=80))
def test_the_median_lies_in_its_interval(values):
    found = median(values)
    assert found.value == pytest.approx(np.median(values))
    assert min(values) <= found.low <= found.value <= found.high <= max(values)


def test_the_medians_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    draws = [median(rng.exponential(size=30).tolist()) for _ in range(2000)]
    covered = np.mean([draw.low <= np.log(2) <= draw.high for draw in draws])
    assert 0.94 < covered < 0.99


def test_every_model_of_every_recipe_is_measured_at_its_size():
    pairs = contestants(None, None)
    assert {("resnet18", 224), ("efficientnet_b6", 528), ("mobilenetv2_100", 384)} <= set(pairs)
    assert contestants(["vgg16"], None) == [("vgg16", 224)]
    assert contestants(["mobilenetv2_100"], 128) == [("mobilenetv2_100", 128)]
    with pytest.raises(UnknownName, match="resnet9"):
        contestants(["resnet9"], None)


def test_the_command_prints_a_line(capsys):
    assert main(["speed", "--model", "mobilenetv2_100", "--size", "64", "--rounds", "3", "--batch", "1"]) == 0
    assert "mobilenetv2_100" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--rounds", "--batch", "--size", "--threads"])
def test_counts_below_one_are_refused(option, capsys):
    assert main(["speed", "--model", "vgg16", option, "0"]) == 2
    assert f"{option} is 0" in capsys.readouterr().err
