"""The loop learns, repeats itself, and goes on after a kill to the weights of a whole run."""

from __future__ import annotations

import copy
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import SIDE, TINY, TRAIN, VAL, assert_same, easy_films, fit_tiny, tiny_model, with_tiny

from fracture_core.errors import DataSetError, FractureError, UnknownName
from fracture_core.metrics import roc_auc
from fracture_core.models import build_model
from fracture_core.preprocessing import build_pipeline
from fracture_core.training import SCHEDULES, fit, loop, make_fabric, predict_logits
from fracture_core.training.optimisation import build_optimiser, build_schedule

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.usefixtures("one_thread")


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
    auc = roc_auc(easy_films().labels[VAL], logits[:, 1] - logits[:, 0])
    assert auc == result.history[result.best_epoch - 1].val_auc


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++"))), reason="compiling takes a C++ compiler")
def test_a_compiled_network_learns_as_well(tiny, monkeypatch, tmp_path):
    compiled, real = [], torch.compile
    monkeypatch.setattr(torch, "compile", lambda module, *a, **k: compiled.append(module) or real(module, *a, **k))
    result = fit_tiny(replace(TINY, epochs=8), compiled=True, checkpoint=tmp_path / "run.ckpt")
    assert any(isinstance(module, loop._Trained) for module in compiled)
    assert max(row.val_auc for row in result.history) > 0.9
    saved = torch.load(tmp_path / "run.ckpt", weights_only=True)["model"]
    assert saved.keys() == tiny_model().state_dict().keys()  # no trace of the compiler in it


def test_fit_is_repeatable_and_follows_its_seed(tiny):
    first, again, other = (fit_tiny(replace(TINY, epochs=1), seed=seed) for seed in (3, 3, 4))
    assert_same(first, again)
    assert not torch.equal(first.model.body[0].weight, other.model.body[0].weight)


def test_a_training_goes_on_from_another_and_is_told_with_it(tiny, tmp_path):
    before = fit_tiny(replace(TINY, epochs=2))
    still = fit_tiny(replace(TINY, epochs=1, lr=0.0, ema=0.0), before=before, seed=5)
    assert torch.equal(still.model.classifier.weight, before.model.classifier.weight)  # not those of its seed
    assert still.history[:2] == before.history
    assert (len(still.history), still.history[-1].epoch, still.best_epoch) == (3, 3, 3)
    assert still.seconds == pytest.approx(before.seconds + still.history[-1].seconds)

    later, checkpoint = replace(TINY, epochs=1, continues="tiny"), tmp_path / "later.ckpt"
    first = fit_tiny(later, before=before, checkpoint=checkpoint)
    assert_same(fit_tiny(later, before=before, checkpoint=checkpoint), first)
    other = fit_tiny(replace(TINY, epochs=2), seed=1)
    with pytest.raises(FractureError, match=r"begun with other weights of the training before \(sha256\) \w+, not"):
        fit_tiny(later, before=other, checkpoint=checkpoint)


def test_the_averaged_weights_are_kept_where_asked_for(tiny):
    raw, averaged = (fit_tiny(replace(TINY, epochs=1, ema=decay)).model for decay in (0.0, 0.999))
    torch.manual_seed(0)
    start = tiny_model()
    # dropout, films and augmentation are the same, so the average lies between the start and the end
    moved = (raw.body[0].weight - start.body[0].weight).norm()
    assert 0 < (averaged.body[0].weight - start.body[0].weight).norm() < moved
    assert not torch.equal(raw.body[0].weight, averaged.body[0].weight)


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_optimiser_and_schedule_takes_a_step(tiny, optimiser, schedule):
    options = {
        "step": {"step_size": 7, "gamma": 0.1},
        "plateau": {"factor": 0.1, "patience": 5},
        "warm_restarts": {"T_0": 1, "T_mult": 2},
    }.get(schedule, {})
    settings = {"optimiser": optimiser, "schedule": schedule, "schedule_options": options}
    result = fit_tiny(replace(TINY, epochs=1, clip=0.0, **settings))
    assert np.isfinite(result.history[0].train_loss)


def test_a_part_of_one_cycle_is_the_beginning_of_the_whole():
    def rates(recipe):
        optimiser = build_optimiser(recipe, torch.nn.Linear(2, 2))
        schedule = build_schedule(recipe, optimiser, steps=7)
        found = []
        for _ in range(7 * recipe.epochs):
            found.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.after_step()
        return found

    whole = rates(replace(TINY, schedule="onecycle", epochs=40))
    part = rates(replace(TINY, schedule="onecycle", epochs=23, schedule_options={"part": 23 / 40}))
    assert part == whole[: 7 * 23]
    assert part[-1] == pytest.approx(TINY.lr / 2, rel=0.02)


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


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "batch norm of several GPUs"])
def test_frozen_blocks_keep_weights_and_statistics(shared, monkeypatch):
    def replaced(model, fabric):  # as torch's synchronised batch norm takes the places of the plain ones
        model.bn1 = copy.deepcopy(model.bn1)
        return model

    if shared:
        monkeypatch.setattr(loop, "share_batch_norm", replaced)
    recipe = replace(TINY, model="mobilenetv2_100", epochs=1, frozen=2)
    start = build_model("mobilenetv2_100")
    given = {name: torch.rand_like(value) for name, value in start.state_dict().items() if value.is_floating_point()}
    films = easy_films()
    trained = fit(recipe, films, train=TRAIN, val=VAL, pretrained=given, accelerator="cpu").model.state_dict()
    kept = tuple(f"{part}." for part in ("conv_stem", "bn1", "blocks.0", "blocks.1"))
    for name, value in given.items():
        if name.startswith(kept):
            assert torch.equal(trained[name], value), name
    assert not torch.equal(trained["blocks.2.0.conv_pw.weight"], given["blocks.2.0.conv_pw.weight"])
    assert not torch.equal(trained["blocks.2.0.bn1.running_mean"], given["blocks.2.0.bn1.running_mean"])


def test_a_network_that_points_trains_in_double_precision_too():
    recipe = replace(TINY, model="mobilenetv2_evidence", epochs=1, guidance=1.0)
    films = easy_films()
    films.regions[TRAIN[0], :4, :4] = 255
    (epoch,) = fit(recipe, films, train=TRAIN, val=VAL, accelerator="cpu", precision="64-true").history
    assert np.isfinite(epoch.train_loss)


def test_more_parts_than_films_are_refused(tiny):
    with pytest.raises(FractureError, match=r"A batch of 8 on 1 processes has no 9 parts .* Lower --accumulate"):
        fit(replace(TINY, accumulate=9), easy_films(), train=TRAIN, val=VAL, accelerator="cpu")


def test_networks_trained_apart_from_one_seed_begin_alike():
    recipe = replace(TINY, model="mobilenetv2_100", epochs=1, frozen=2)
    first, second = (
        fit(recipe, easy_films(), train=train, val=VAL, accelerator="cpu").model.state_dict()
        for train in (TRAIN, TRAIN[:-8])
    )
    same = [name for name in first if torch.equal(first[name], second[name])]
    assert {"conv_stem.weight", "bn1.running_mean", "blocks.1.1.conv_pw.weight"} <= set(same)
    assert not any(name.startswith(("blocks.3.", "classifier.weight")) for name in same if "running" in name)


def test_films_of_another_source_train_along_as_often_fractured_as_whole(tiny):
    films = easy_films()  # odd films are fractured
    extra = [np.array([1, 3, 5]), np.array([7]), np.array([9, 11]), np.array([2, 4])]
    drawn = loop._draw_extra(films, extra, torch.Generator().manual_seed(0))
    assert len(drawn) == loop._extra_count(films, extra) == 6
    assert films.labels[drawn].sum() == 3
    fractured = {int(index) for index in drawn if films.labels[index]}
    assert [len(fractured & set(copies.tolist())) for copies in extra[:3]] == [1, 1, 1]
    assert len(loop._draw_extra(films, [], torch.Generator())) == loop._extra_count(films, []) == 0
    epochs = fit(replace(TINY, epochs=1), films, train=TRAIN[:-6], val=VAL, extra=extra, accelerator="cpu").history
    assert len(epochs) == 1


def test_a_network_without_blocks_cannot_be_frozen(tiny, tmp_path):
    with pytest.raises(FractureError, match="The blocks of tiny have no order"):
        loop._frozen(replace(TINY, frozen=1), tiny_model())


def test_a_diverged_run_is_told(tiny):
    diverging = replace(TINY, epochs=1, optimiser="sgd", schedule="constant", lr=1e30, clip=0.0, ema=0.0)
    with pytest.raises(FractureError, match=r"diverged.*Lower the learning rate"):
        fit_tiny(diverging)


def test_a_run_that_diverges_later_ends_there_and_keeps_its_best(tiny, tmp_path, monkeypatch, caplog):
    place = tmp_path / "run.ckpt"
    whole = fit_tiny(replace(TINY, epochs=2), checkpoint=tmp_path / "whole.ckpt")
    steps, real = 0, loop.film_losses

    def breaking(*arguments):
        nonlocal steps
        steps += 1
        return real(*arguments) * (float("inf") if steps > 2 * len(TRAIN) // TINY.batch else 1)

    monkeypatch.setattr(loop, "film_losses", breaking)
    result = fit_tiny(replace(TINY, epochs=4), checkpoint=place)
    assert len(result.history) == 2
    assert "diverged in epoch 3" in caplog.text
    assert all(torch.isfinite(tensor).all() for tensor in result.model.state_dict().values())
    assert torch.load(place, weights_only=True)["epoch"] == 2  # a resumed run goes on from the last sound epoch
    assert [row.epoch for row in whole.history] == [row.epoch for row in result.history]


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
    def on_epoch(row: loop.Epoch) -> None:
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


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("enforce fail")])
def test_a_checkpoint_that_cannot_be_written_is_told(tiny, tmp_path, monkeypatch, error):
    def full(state: dict, path: Path) -> None:
        path.write_bytes(b"cut")
        raise error

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(FractureError, match=r"'tiny\.ckpt' cannot be written .* another folder with --work"):
        fit_tiny(checkpoint=tmp_path / "tiny.ckpt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["empty", "no checkpoint", "cut", "another file of torch's"])
def test_a_damaged_checkpoint_is_told(tiny, tmp_path, damage):
    checkpoint = tmp_path / "tiny.ckpt"
    with pytest.raises(Killed):
        fit_tiny(checkpoint=checkpoint, on_epoch=_killed_after(1))
    whole = checkpoint.read_bytes()
    if damage == "another file of torch's":
        torch.save(torch.zeros(3), checkpoint)
    else:
        checkpoint.write_bytes({"empty": b"", "no checkpoint": b"no", "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(FractureError, match=r"'tiny\.ckpt' cannot be read \(.+\)\. If it is damaged, delete it"):
        fit_tiny(checkpoint=checkpoint)


@pytest.mark.parametrize("change", [{"recipe": replace(TINY, lr=0.01)}, {"seed": 1}], ids=["recipe", "seed"])
def test_a_checkpoint_of_another_run_is_refused(tiny, tmp_path, change):
    checkpoint = tmp_path / "tiny.ckpt"
    with pytest.raises(Killed):
        fit_tiny(checkpoint=checkpoint, on_epoch=_killed_after(1))
    with pytest.raises(FractureError, match=r"'tiny\.ckpt' is of another recipe, split or seed\. Delete it"):
        fit_tiny(change.get("recipe", TINY), seed=change.get("seed", 0), checkpoint=checkpoint)


@pytest.fixture
def begun(tiny, tmp_path, monkeypatch):
    """A checkpoint of one epoch that began from ``weights``, in mixed precision."""
    monkeypatch.setattr(loop, "load_pretrained", lambda model, path: None)
    for name, content in {"weights": b"one", "copy": b"one", "other": b"two"}.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Killed):
        fit_tiny(checkpoint=tmp_path / "tiny.ckpt", pretrained=tmp_path / "weights", on_epoch=_killed_after(1))
    return tmp_path / "tiny.ckpt"


ONE, TWO = (hashlib.sha256(content).hexdigest() for content in (b"one", b"two"))


@pytest.mark.parametrize(
    ("pretrained", "precision", "told"),
    [
        (None, "bf16-mixed", rf"begun with --pretrained \(sha256\) {ONE}, not none\. Go on as it was begun"),
        ("other", "bf16-mixed", rf"begun with --pretrained \(sha256\) {ONE}, not {TWO}\."),
        ("weights", "32-true", r"'tiny\.ckpt' was begun with --precision bf16-mixed, not 32-true\."),
        ("other", "32-true", rf"not {TWO} and --precision bf16-mixed, not 32-true\."),
    ],
)
def test_a_checkpoint_that_began_otherwise_is_refused(begun, pretrained, precision, told):
    fabric = make_fabric(accelerator="cpu", precision=precision)  # as the command hands it over
    with pytest.raises(FractureError, match=told):
        fit_tiny(checkpoint=begun, pretrained=pretrained and begun.with_name(pretrained), fabric=fabric)


def test_the_same_weights_elsewhere_are_the_same_beginning(begun):
    assert len(fit_tiny(checkpoint=begun, pretrained=begun.with_name("copy")).history) == TINY.epochs


@pytest.mark.parametrize("part", ["pixels", "labels", "regions"])
def test_a_checkpoint_that_began_with_other_films_is_refused(tiny, tmp_path, part):
    recipe, films, checkpoint = replace(TINY, guidance=0.1), easy_films(), tmp_path / "tiny.ckpt"
    parts = {"train": TRAIN, "val": VAL[:-1], "accelerator": "cpu", "checkpoint": checkpoint}
    with pytest.raises(Killed):
        fit(recipe, films, **parts, on_epoch=_killed_after(1))
    getattr(films, part)[VAL[-1]] ^= 1  # a film that nobody trains or decides on
    with pytest.raises(Killed):
        fit(recipe, films, **parts, on_epoch=_killed_after(2))
    getattr(films, part)[TRAIN[0]] ^= 1
    with pytest.raises(FractureError, match=r"'tiny\.ckpt' was begun with other films \(sha256\) \w+, not \w+\."):
        fit(recipe, films, **parts)


def test_a_checkpoint_that_tells_no_beginning_is_gone_on_from(begun):
    saved = torch.load(begun, weights_only=True)
    del saved["beginning"]
    torch.save(saved, begun)
    assert len(fit_tiny(checkpoint=begun, precision="32-true").history) == TINY.epochs


def fit_until_killed(checkpoint: Path, *, step: int) -> None:
    """Run by a process of its own: train, and be killed by the system in the middle of a step."""
    torch.set_num_threads(1)
    with_tiny()
    steps, real = 0, loop.apply_changes

    def counted(*arguments: object, **options: object) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    loop.apply_changes = counted
    fit_tiny(checkpoint=checkpoint)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system knows no SIGKILL")
def test_a_run_killed_by_the_system_goes_on_to_the_same_weights(tiny, tmp_path):
    checkpoint = tmp_path / "tiny.ckpt"
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(ROOT)]!r}\n"
        "from pathlib import Path; import test_training_loop\n"
        f"test_training_loop.fit_until_killed(Path({str(checkpoint)!r}), step=13)"  # of 5 an epoch: inside the third
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    seen: list[int] = []
    resumed = fit_tiny(checkpoint=checkpoint, on_epoch=lambda row: seen.append(row.epoch))
    assert seen == [3, 4]
    assert_same(fit_tiny(), resumed)
