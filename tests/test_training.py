"""The trainer: augmentation, decoding, learning, going on after a kill, and the command from end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import train as command
from fracture_core import training, weights
from fracture_core.datasets import read_fracatlas
from fracture_core.errors import DataSetError, FractureError, UnknownName, WeightsError
from fracture_core.imaging import read_image
from fracture_core.models import build_model
from fracture_core.preprocessing import apply_affine, build_pipeline
from fracture_core.recipes import RECIPES, Augmentation, Recipe, get_recipe
from fracture_core.results import read_records
from fracture_core.training import Films, augment, decode_films, fit, guidance_loss, normalise, predict_logits

SIDE = 32
TINY = Recipe(
    key="tiny",
    title="A tiny model",
    citation="made up for tests",
    model="tiny",
    pipeline="ours",
    size=SIDE,
    epochs=4,
    batch=8,
    optimiser="adamw",
    lr=0.02,
    weight_decay=0.01,
    schedule="onecycle",
    fracture_weight=1.5,
    label_smoothing=0.02,
    ema=0.8,
    clip=5.0,
    augmentation=Augmentation(
        rotation=10, scale=0.1, shift=0.05, horizontal_flip=0.5, brightness=0.05, contrast=0.1, noise=0.02
    ),
)

pytestmark = pytest.mark.usefixtures("one_thread")


class TinyModel(nn.Module):
    """Two convolutions, batch norm and dropout: all that a checkpoint has to keep, in a thousand weights."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.pool = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Dropout(0.2))
        self.classifier = nn.Linear(8, 2)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.pool(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Linear:
        return self.classifier


def tiny_model(*_: object, **__: object) -> nn.Module:
    return TinyModel()


def easy_films(count: int = 60) -> Films:
    """Dim noise; a fractured film has a bright square somewhere."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 90, (count, SIDE, SIDE), dtype=np.uint8)
    labels = np.arange(count) % 2
    regions = np.zeros((count, SIDE // 4, SIDE // 4), np.uint8)
    for index in np.flatnonzero(labels):
        row, column = rng.integers(4, SIDE - 12, 2)
        pixels[index, row : row + 8, column : column + 8] = 230
        regions[index, row // 4 : row // 4 + 2, column // 4 : column // 4 + 2] = 1
    return Films(pixels, labels, 0, regions)


TRAIN, VAL = np.arange(0, 40), np.arange(40, 60)


def fit_tiny(recipe: Recipe = TINY, **options: object) -> training.FitResult:
    return fit(recipe, easy_films(), train=TRAIN, val=VAL, accelerator="cpu", **options)


@pytest.fixture
def tiny(monkeypatch) -> None:
    monkeypatch.setattr(training, "build_model", tiny_model)


def assert_same(first: training.FitResult, second: training.FitResult) -> None:
    """Equal to the last bit: weights, and curves but for their clock."""
    expected = first.model.state_dict()
    assert expected.keys() == second.model.state_dict().keys()
    for name, tensor in second.model.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    assert first.best_epoch == second.best_epoch
    curves = [[replace(row, seconds=0, images_per_second=0) for row in run.history] for run in (first, second)]
    assert curves[0] == curves[1]


# Augmentation ------------------------------------------------------------------------------------------

FULL = RECIPES["ours"].augmentation


def _batch(count: int = 4, side: int = 24) -> torch.Tensor:
    return torch.rand((count, 1, side, side), generator=torch.Generator().manual_seed(0))


def _augmented(images: torch.Tensor, augmentation: Augmentation, seed: int = 1) -> torch.Tensor:
    regions = torch.zeros(len(images), 1, 6, 6)
    return augment(images, regions, augmentation, generator=torch.Generator().manual_seed(seed))[0]


def test_augmentation_keeps_shape_and_range():
    changed = _augmented(_batch(), replace(FULL, brightness=0.9, contrast=0.9))
    assert changed.shape == (4, 1, 24, 24)
    assert changed.dtype == torch.float32
    assert 0 <= changed.min() < changed.max() <= 1


def test_augmentation_without_settings_is_the_identity():
    images = _batch()
    torch.testing.assert_close(_augmented(images, Augmentation()), images, atol=2e-4, rtol=0)
    assert np.all(np.round(_augmented(images, Augmentation()).numpy() * 255) == np.round(images.numpy() * 255))


def test_augmentation_follows_its_generator():
    first, again, other = (_augmented(_batch(), FULL, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_every_film_has_its_own_draw():
    changed = _augmented(_batch(1).expand(6, -1, -1, -1), FULL)
    assert all(not torch.allclose(changed[i], changed[j]) for i in range(6) for j in range(i))


def test_augmentation_leaves_its_input_alone():
    images = _batch()
    _augmented(images, FULL)
    assert torch.equal(images, _batch())


@pytest.mark.parametrize(("setting", "axis"), [("horizontal_flip", 3), ("vertical_flip", 2)])
def test_flips(setting, axis):
    images = _batch(40)
    always = _augmented(images, Augmentation(**{setting: 1.0}))
    torch.testing.assert_close(always, images.flip(axis), atol=2e-4, rtol=0)
    halves = _augmented(images, Augmentation(**{setting: 0.5}))
    flipped = (halves - images.flip(axis)).abs().amax(dim=(1, 2, 3)) < 1e-3
    kept = (halves - images).abs().amax(dim=(1, 2, 3)) < 1e-3
    assert torch.equal(flipped, ~kept)
    assert 8 < flipped.sum() < 32


def _centre(film: torch.Tensor) -> np.ndarray:
    """Centre of gravity (x, y), pixels."""
    values = film[0].numpy()
    rows, columns = np.mgrid[: values.shape[0], : values.shape[1]] + 0.5
    return np.array([(values * columns).sum(), (values * rows).sum()]) / values.sum()


def _spot(side: int = 65, x: int = 32, y: int = 32) -> torch.Tensor:
    film = torch.zeros(200, 1, side, side)
    film[:, :, y - 2 : y + 3, x - 2 : x + 3] = 1
    return film


def test_shift_is_a_share_of_the_side():
    moved = (_augmented(_spot(), Augmentation(shift=0.2)) - 1e-3).clamp(0)
    offsets = np.array([_centre(film) for film in moved]) - 32.5
    assert np.abs(offsets).max() <= 0.2 * 65 + 0.1
    assert np.abs(offsets).max(axis=0) == pytest.approx(0.2 * 65, rel=0.1)  # 200 draws come near the edge


def test_rotation_turns_within_its_degrees_and_keeps_distance():
    turned = (_augmented(_spot(x=52), Augmentation(rotation=30)) - 1e-3).clamp(0)
    arms = np.array([_centre(film) for film in turned]) - 32.5
    assert np.hypot(*arms.T) == pytest.approx(np.full(200, 20), abs=0.3)
    degrees = np.degrees(np.arctan2(arms[:, 1], arms[:, 0]))
    assert np.abs(degrees).max() <= 30.5
    assert degrees.min() < -25
    assert degrees.max() > 25


def test_scale_zooms_within_its_factor():
    zoomed = (_augmented(_spot(x=52), Augmentation(scale=0.25)) - 1e-3).clamp(0)
    factors = np.array([_centre(film)[0] - 32.5 for film in zoomed]) / 20
    assert 1 / 1.26 < factors.min() < 0.85
    assert 1.2 < factors.max() < 1.26


def test_tone_changes_stay_within_their_widths():
    gray = torch.full((200, 1, 8, 8), 0.5)
    brighter = _augmented(gray, Augmentation(brightness=0.1)).mean(dim=(1, 2, 3))
    assert 0.4 - 1e-4 <= brighter.min() < 0.42
    assert 0.58 < brighter.max() <= 0.6 + 1e-4
    curved = _augmented(gray, Augmentation(gamma=0.25)).mean(dim=(1, 2, 3))
    assert 0.5**1.25 - 1e-4 <= curved.min() < curved.max() <= 0.5 ** (1 / 1.25) + 1e-4
    torch.testing.assert_close(_augmented(gray, Augmentation(contrast=0.9)), gray)  # an even film has none
    noise = _augmented(gray, Augmentation(noise=0.05)) - gray
    assert 0.045 < noise.std(dim=(1, 2, 3)).max() < 0.08


def test_normalisation_is_the_pipelines():
    pipeline = build_pipeline("ours", size=SIDE)
    film = np.random.default_rng(0).random((50, 40), dtype=np.float32)
    cached = torch.from_numpy(pipeline.cached(film))[None, None].float() / 255
    expected = torch.from_numpy(pipeline(film).input)
    torch.testing.assert_close(normalise(cached, pipeline)[0], expected, atol=1e-5, rtol=0)


# Decoding ----------------------------------------------------------------------------------------------


def test_decoding_counts_damaged_films_and_goes_on(made_fracatlas, caplog):
    root = made_fracatlas(8)
    cut, broken = (root / "images" / "Non_fractured" / name for name in ("IMG0000004.jpg", "IMG0000008.jpg"))
    cut.write_bytes(cut.read_bytes()[:-200])
    broken.write_bytes(b"no picture")
    data = read_fracatlas(root)
    films = decode_films(data, build_pipeline("ours", size=SIDE))
    assert (films.pixels.shape, films.pixels.dtype) == ((8, SIDE, SIDE), np.uint8)
    assert films.damaged == 2
    assert films.labels.tolist() == data.labels.tolist()
    assert not films.pixels[4].any()
    assert all(films.pixels[index].any() for index in range(8) if index != 4)
    assert "IMG0000008.jpg" in caplog.text
    assert str(root) not in caplog.text


def test_decoding_where_no_film_can_be_read(made_fracatlas):
    root = made_fracatlas(4)
    for path in root.glob("images/*/*.jpg"):
        path.write_bytes(b"no picture")
    films = decode_films(read_fracatlas(root), build_pipeline("ours", size=SIDE))
    assert (films.pixels.shape, films.pixels.any(), films.damaged) == ((4, SIDE, SIDE), False, 4)


def test_the_cache_gives_back_what_was_decoded(made_fracatlas, tmp_path, monkeypatch):
    root = made_fracatlas(6)
    (root / "images" / "Non_fractured" / "IMG0000004.jpg").write_bytes(b"no picture")
    data, pipeline, cache = read_fracatlas(root), build_pipeline("ours", size=SIDE), tmp_path / "new" / "films.npz"
    first = decode_films(data, pipeline, cache=cache)
    monkeypatch.setattr(training, "read_image", lambda path: pytest.fail("decoded again"))
    again = decode_films(data, pipeline, cache=cache)
    assert (again.pixels == first.pixels).all()
    assert (again.regions == first.regions).all()
    assert again.labels.tolist() == first.labels.tolist()
    assert again.damaged == first.damaged == 1
    assert not list(cache.parent.glob("*.partial*"))


def test_a_cache_cut_short_is_not_used(made_fracatlas, tmp_path, monkeypatch):
    data, pipeline = read_fracatlas(made_fracatlas(4)), build_pipeline("ours", size=SIDE)
    cache, store = tmp_path / "films.npz", np.savez

    def full_disk(path: Path, **arrays: np.ndarray) -> None:
        if ".partial" in path.name:
            path.write_bytes(b"PK cut")
            raise OSError(28, "No space left on device")
        store(path, **arrays)

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space"):
        decode_films(data, pipeline, cache=cache)
    monkeypatch.undo()
    assert not cache.exists()
    assert decode_films(data, pipeline, cache=cache).pixels.any()


def test_regions_lie_on_the_decoded_film_where_the_experts_drew_them(made_fracatlas):
    data, pipeline = read_fracatlas(made_fracatlas(4)), build_pipeline("ours", size=SIDE)
    case = next(case for case in data.cases if case.label)
    height, width = read_image(case.path).shape
    square = np.array([[0.25, 0.5], [0.75, 0.5], [0.75, 1.0], [0.25, 1.0]]) * (width, height)
    mask = training._rasterise([square], pipeline, (height, width))
    low, high = (
        apply_affine(pipeline.geometry((height, width)), np.array([[0.25, 0.5], [0.75, 1.0]]) * (width, height)) / 4
    )
    rows, columns = np.nonzero(mask)
    assert abs(columns.min() - low[0]) <= 1 and abs(columns.max() + 1 - high[0]) <= 1
    assert abs(rows.min() - low[1]) <= 1 and abs(rows.max() + 1 - high[1]) <= 1


# Guidance ----------------------------------------------------------------------------------------------


def test_a_window_keeps_a_region_in_view():
    images, regions = torch.zeros(64, 1, 48, 48), torch.zeros(64, 1, 24, 24)
    for index in range(64):
        row, column = divmod(index * 7 % 529, 23)
        regions[index, 0, row : row + 2, column : column + 2] = 1
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        _, moved = augment(images, regions, Augmentation(zoom=1.0), generator=generator)
        assert (moved.flatten(1).max(dim=1).values > 0.5).all()


def test_films_and_regions_move_alike():
    images = torch.zeros(16, 1, 48, 48)
    images[:, :, 20:32, 8:20] = 1
    regions = images[:, :, ::2, ::2].clone()
    geometry = Augmentation(rotation=30, scale=0.2, shift=0.05, horizontal_flip=0.5, vertical_flip=0.5, zoom=0.8)
    moved, with_it = augment(images, regions, geometry, generator=torch.Generator().manual_seed(3))
    shrunk = torch.nn.functional.avg_pool2d(moved, 2)
    assert (shrunk - with_it).abs().mean() < 0.02


def test_guidance_by_hand():
    """Two places with map values 0 and log 3: three quarters of the weight lie on the second."""
    features = torch.tensor([[[[0.0, 1.0]]]])
    classifier = nn.Linear(1, 2)
    with torch.no_grad():
        classifier.weight.copy_(torch.tensor([[0.0], [np.log(3.0)]]))
    right = torch.tensor([[[[0.0, 1.0]]]])
    assert float(guidance_loss(features, classifier, right).detach()) == pytest.approx(-np.log(0.75), abs=1e-6)
    assert float(guidance_loss(features, classifier, right.flip(-1)).detach()) == pytest.approx(
        -np.log(0.25), abs=1e-6
    )
    assert float(guidance_loss(features, classifier, torch.zeros_like(right)).detach()) == 0


def test_guidance_draws_the_map_into_the_regions(tiny):
    films = easy_films()

    def share_inside(result: training.FitResult) -> float:
        pixels = torch.from_numpy(films.pixels[VAL])[:, None].float() / 255
        regions = torch.from_numpy(films.regions[VAL])[:, None].float()
        with torch.no_grad():
            features = result.model.forward_features(normalise(pixels, build_pipeline("ours", size=SIDE)))
            return float(torch.exp(-guidance_loss(features, result.model.get_classifier(), regions)))

    assert share_inside(fit_tiny(replace(TINY, guidance=1.0))) > share_inside(fit_tiny())


# Learning ----------------------------------------------------------------------------------------------


def test_fit_learns_what_can_be_learnt(tiny):
    result = fit_tiny(replace(TINY, epochs=8))
    assert max(row.val_auc for row in result.history) > 0.9
    assert result.history[result.best_epoch - 1].val_auc == max(row.val_auc for row in result.history)
    assert result.history[-1].train_loss < result.history[0].train_loss
    assert [row.epoch for row in result.history] == list(range(1, 9))
    assert all(row.images_per_second > 0 for row in result.history)
    assert not result.model.training

    logits = predict_logits(result.model, easy_films(), VAL, pipeline=build_pipeline("ours", size=SIDE))
    auc = training.roc_auc(easy_films().labels[VAL], logits[:, 1] - logits[:, 0])
    assert auc == result.history[result.best_epoch - 1].val_auc


def test_fit_is_repeatable_and_follows_its_seed(tiny):
    first, again, other = (fit_tiny(replace(TINY, epochs=1), seed=seed) for seed in (3, 3, 4))
    assert_same(first, again)
    assert not torch.equal(first.model.body[0].weight, other.model.body[0].weight)


def test_the_averaged_weights_are_kept_where_asked_for(tiny):
    raw, averaged = (fit_tiny(replace(TINY, epochs=1, ema=decay)).model for decay in (0.0, 0.999))
    torch.manual_seed(0)
    start = tiny_model()
    # dropout, films and augmentation are the same, so the average lies between the start and the end
    moved = (raw.body[0].weight - start.body[0].weight).norm()
    assert 0 < (averaged.body[0].weight - start.body[0].weight).norm() < moved
    assert not torch.equal(raw.body[0].weight, averaged.body[0].weight)


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("schedule", ["onecycle", "constant"])
def test_every_optimiser_and_schedule_takes_a_step(tiny, optimiser, schedule):
    result = fit_tiny(replace(TINY, epochs=1, optimiser=optimiser, schedule=schedule, clip=0.0))
    assert np.isfinite(result.history[0].train_loss)


@pytest.mark.parametrize("setting", ["optimiser", "schedule", "loss", "pipeline"])
def test_an_unknown_setting_is_told(tiny, setting):
    with pytest.raises(UnknownName, match=rf"Unknown {setting} 'other'\. Choose from"):
        fit_tiny(replace(TINY, **{setting: "other"}))


def test_an_unknown_model_is_told():
    with pytest.raises(UnknownName, match="Unknown model 'tiny'"):
        fit_tiny()


def test_too_few_films_are_told(tiny):
    films = easy_films()
    with pytest.raises(DataSetError, match="7 training films do not fill one batch of 8"):
        fit(TINY, films, train=TRAIN[:7], val=VAL, accelerator="cpu")
    with pytest.raises(DataSetError, match="10 validation films are not of both classes"):
        fit(TINY, films, train=TRAIN, val=VAL[::2], accelerator="cpu")


def test_a_diverged_run_is_told(tiny):
    diverging = replace(TINY, epochs=1, optimiser="sgd", schedule="constant", lr=1e30, clip=0.0, ema=0.0)
    with pytest.raises(FractureError, match=r"diverged.*Lower the learning rate"):
        fit_tiny(diverging)


def test_predictions_leave_the_model_as_it_was(tiny):
    torch.manual_seed(0)
    model, films, pipeline = tiny_model(), easy_films(), build_pipeline("ours", size=SIDE)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    logits = predict_logits(model, films, VAL, pipeline=pipeline, batch=7)
    assert (logits.shape, logits.dtype) == ((20, 2), np.float32)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    single = predict_logits(model.eval(), films, VAL[::-1], pipeline=pipeline, batch=1)
    np.testing.assert_allclose(single[::-1], logits, atol=1e-5)
    assert not model.training
    assert predict_logits(model, films, VAL[:0], pipeline=pipeline).shape == (0, 2)


# Going on ----------------------------------------------------------------------------------------------


class Killed(Exception):
    pass


def _killed_after(epoch: int):
    def on_epoch(row: training.Epoch) -> None:
        if row.epoch == epoch:
            raise Killed

    return on_epoch


@pytest.mark.parametrize("ema", [0.8, 0.0])
def test_a_killed_run_goes_on_to_the_same_weights(tiny, tmp_path, ema):
    recipe, checkpoint = replace(TINY, ema=ema), tmp_path / "run" / "tiny.ckpt"
    whole = fit_tiny(recipe)
    with pytest.raises(Killed):
        fit_tiny(recipe, checkpoint=checkpoint, on_epoch=_killed_after(1))
    seen: list[int] = []
    resumed = fit_tiny(recipe, checkpoint=checkpoint, on_epoch=lambda row: seen.append(row.epoch))
    assert seen == [2, 3, 4]
    assert_same(whole, resumed)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["tiny.ckpt"]

    # a finished run is only read again
    assert_same(whole, fit_tiny(recipe, checkpoint=checkpoint, on_epoch=lambda row: pytest.fail("trained again")))


def test_a_kill_while_the_checkpoint_is_written_costs_one_epoch(tiny, tmp_path, monkeypatch):
    checkpoint, store = tmp_path / "tiny.ckpt", torch.save

    def cut(state: dict, path: Path) -> None:
        if state["epoch"] == 2:
            path.write_bytes(b"cut")
            raise Killed
        store(state, path)

    monkeypatch.setattr(torch, "save", cut)
    with pytest.raises(Killed):
        fit_tiny(checkpoint=checkpoint)
    monkeypatch.setattr(torch, "save", store)
    seen: list[int] = []
    resumed = fit_tiny(checkpoint=checkpoint, on_epoch=lambda row: seen.append(row.epoch))
    assert seen == [2, 3, 4]
    assert_same(fit_tiny(), resumed)


@pytest.mark.parametrize("change", [{"recipe": replace(TINY, lr=0.01)}, {"seed": 1}], ids=["recipe", "seed"])
def test_a_checkpoint_of_another_run_is_refused(tiny, tmp_path, change):
    checkpoint = tmp_path / "tiny.ckpt"
    with pytest.raises(Killed):
        fit_tiny(checkpoint=checkpoint, on_epoch=_killed_after(1))
    with pytest.raises(FractureError, match=r"'tiny\.ckpt' is of another recipe, split or seed\. Delete it"):
        fit_tiny(change.get("recipe", TINY), seed=change.get("seed", 0), checkpoint=checkpoint)


def fit_until_killed(checkpoint: Path, *, step: int) -> None:
    """Run by a process of its own: train, and be killed by the system in the middle of a step."""
    torch.set_num_threads(1)
    training.build_model = tiny_model
    steps, real = 0, training.augment

    def counted(*arguments: object, **options: object) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    training.augment = counted
    fit_tiny(checkpoint=checkpoint)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system knows no SIGKILL")
def test_a_run_killed_by_the_system_goes_on_to_the_same_weights(tiny, tmp_path):
    checkpoint = tmp_path / "tiny.ckpt"
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(command.ROOT)]!r}\n"
        "from pathlib import Path; import test_training\n"
        f"test_training.fit_until_killed(Path({str(checkpoint)!r}), step=13)"  # of 5 an epoch: inside the third
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    seen: list[int] = []
    resumed = fit_tiny(checkpoint=checkpoint, on_epoch=lambda row: seen.append(row.epoch))
    assert seen == [3, 4]
    assert_same(fit_tiny(), resumed)


# The command -------------------------------------------------------------------------------------------


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
        (["ours", "--data", "nowhere"], "'nowhere' is not FracAtlas as published"),
    ],
)
def test_the_command_tells_what_to_mend(capsys, arguments, told):
    assert command.main(arguments) == 2
    assert told in capsys.readouterr().err


def test_recipes_are_plain_data():
    for key, recipe in RECIPES.items():
        assert get_recipe(key) is recipe
        assert recipe.key == key
        assert sum(recipe.shares.values()) == pytest.approx(1)
        assert json.loads(json.dumps(recipe.as_run()))["augmentation"].keys() == vars(Augmentation()).keys()
        assert recipe.smoke().size <= 64
        assert recipe.smoke().epochs == 1
        assert recipe.size >= recipe.smoke().size  # the recipe itself is left alone


def test_a_smoke_run_from_end_to_end(made_fracatlas, tmp_path):
    folder, runs = tmp_path / "weights" / "made", tmp_path / "runs"
    arguments = ["ours", "--smoke", "--data", str(made_fracatlas(80)), "--weights", str(folder)]
    assert command.main([*arguments, "--runs", str(runs), "--accelerator", "cpu"]) == 0
    assert not runs.exists()  # a smoke run leaves no record

    card = weights.load_card("made", root=folder.parent)
    assert (card.model, card.pipeline, card.size) == ("mobilenetv2_100", "ours", 64)
    build_model(card.model).load_state_dict(weights.load_state(card, root=folder.parent))
    assert card.operating_points.keys() == {"balanced", "sensitive", "specific"}
    assert card.metrics["auc"].n == card.data["split"]["counts"]["test"]["films"]
    assert sum(part["films"] for part in card.data["split"]["counts"].values()) == 80
    assert card.data["data"]["duplicate_pairs"] == 0
    assert any("CC BY 4.0" in line for line in card.data["attribution"])
    with pytest.raises(WeightsError, match="sha256 differs"):
        weights.load_state(weights.Card("made", {**card.data, "sha256": "0"}), root=folder.parent)


def test_a_whole_run_leaves_one_record(tiny, made_fracatlas, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "get_recipe", lambda key: replace(TINY, epochs=2))
    monkeypatch.setattr(command, "commit", lambda: None)
    runs, work = tmp_path / "runs", tmp_path / "work"
    options = ["tiny", "--data", str(made_fracatlas(96, size=SIDE)), "--runs", str(runs), "--work", str(work)]
    assert command.main([*options, "--accelerator", "cpu"]) == 0
    (record,) = read_records(runs)
    assert record["recipe"]["key"] == "tiny"
    assert len(record["curves"]) == 2
    assert record["data"]["films"] == 96
    members = record["membership"]
    assert not set(members["val"]) & set(members["test"])
    assert record["scores"].keys() == {*members["val"], *members["test"]}
    assert all(0 <= score <= 1 for score in record["scores"].values())
    assert record["metrics"]["auc"]["value"] > 0.9  # a bright bar is easily seen
    assert record["split"]["counts"]["test"]["films"] == len(members["test"])
    assert not record["comparable"]["value"]
    assert {path.suffix for path in work.iterdir()} == {".npz", ".ckpt"}


def test_commit_outside_a_checkout_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert command.commit() is None
    monkeypatch.setenv("PATH", str(tmp_path))  # nor without git
    assert command.commit() is None
