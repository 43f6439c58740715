"""The training loop; it reads top to bottom in ``fit``.

Every random draw follows from (seed, epoch, step) alone, and a checkpoint is written atomically after every epoch:
a killed run goes on to the same weights as a whole one.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from lightning.fabric import Fabric
from timm.utils import ModelEmaV3
from torch import Tensor, nn

from fracture_core.errors import DataSetError, FractureError
from fracture_core.memory import peak_memory
from fracture_core.metrics import roc_auc
from fracture_core.models import build_model, load_pretrained
from fracture_core.preprocessing import build_pipeline
from fracture_core.recipes.base import Recipe
from fracture_core.training.augmentation import apply_changes, draw_changes
from fracture_core.training.films import Films
from fracture_core.training.losses import evidence_losses, film_losses, guidance_losses, total_weight
from fracture_core.training.optimisation import build_optimiser, build_schedule
from fracture_core.training.prediction import normalise, predict_logits
from fracture_core.training.processes import in_order, make_fabric, part_of, send, share_batch_norm, total

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Epoch:
    """One line of a run's curves.

    Losses are means per film, seconds wall time of the epoch. The training figures are of the films as they were
    augmented, and of the weights as they were at each step.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_auc: float
    images_per_second: float
    seconds: float
    train_accuracy: float = float("nan")
    train_auc: float = float("nan")
    val_accuracy: float = float("nan")
    learning_rate: float = float("nan")


@dataclass(frozen=True, eq=False)
class FitResult:
    """What ``fit`` gives back: the best model by validation AUC (evaluation mode, CPU), its curves and its cost.

    ``best_epoch`` is 0 for a committee, whose members each have their own. ``seconds`` is wall time over all epochs,
    resumed ones included; ``peak_memory`` bytes, of the GPU where there is one, else of the process.
    """

    model: nn.Module
    history: tuple[Epoch, ...]
    best_epoch: int
    seconds: float
    peak_memory: int = 0


class _Trained(nn.Module):
    """A network that also hands out its last feature map, in one call that Fabric can wrap."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.forward_features(inputs)
        return self.network.forward_head(features), features


def fit(
    recipe: Recipe,
    films: Films,
    *,
    train: np.ndarray,
    val: np.ndarray,
    extra: Sequence[np.ndarray] = (),
    seed: int = 0,
    pretrained: Path | None = None,
    before: FitResult | None = None,
    checkpoint: Path | None = None,
    accelerator: str = "auto",
    precision: str = "bf16-mixed",
    fabric: Fabric | None = None,
    compiled: bool = False,
    on_epoch: Callable[[Epoch], None] | None = None,
    progress: bool = False,
) -> FitResult:
    """Train a recipe's model; the epoch with the best validation AUC is kept.

    Args:
        train, val: indices into ``films``.
        extra: films of another source that train along: the indices of each exposure's copies. Every epoch takes one
            copy of each exposure, and as many fractured ones as whole ones (the rarer come again), so that a film's
            source says nothing of its label.
        pretrained: a safetensors file of backbone weights in timm's names; None starts from scratch.
        before: a training of the same model to go on from; its curves and its cost come before this one's.
        checkpoint: a file written after every epoch; where it exists already, training goes on from it, if it began
            from the same weights in the same precision, on films that decode to the same pixels.
        accelerator, precision: see ``make_fabric``; ``fabric`` takes their place where one is there already.
        compiled: fuse the network's operations by ``torch.compile`` first: minutes at the start, faster steps after.
        on_epoch: called with each finished epoch.
        progress: show a bar with loss, AUC, images per second and time left.

    Raises:
        UnknownName: the recipe asks for a model, pipeline, optimiser, schedule or loss that does not exist.
        DataSetError: there is not one whole batch to train on, or validation lacks a class.
        FractureError: a process's share of a batch has no film for each part of it, the checkpoint is of another run
            or began otherwise, or the first epoch gave no finite logits. Where a later one gives none, the training
            ends there.
    """
    _check(recipe, films, train, val)
    fabric = fabric or make_fabric(accelerator=accelerator, precision=precision)
    if recipe.batch // fabric.world_size < recipe.accumulate:
        raise FractureError(
            f"A batch of {recipe.batch} on {fabric.world_size} processes has no {recipe.accumulate} parts of a film "
            "or more for each. Lower --accumulate, or raise --batch."
        )
    fabric.seed_everything(seed, verbose=False)
    pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
    model: Any = _start(recipe, seed, pretrained)
    if before is not None:
        model.load_state_dict(before.model.state_dict())
        log.info("%s goes on from a network trained for %d epochs", recipe.key, len(before.history))
    model = share_batch_norm(model.to(memory_format=torch.channels_last), fabric)
    frozen = _frozen(recipe, model)  # after it: sharing puts other layers in the places of some
    optimiser = build_optimiser(recipe, model)
    steps = (len(train) * recipe.copies + _extra_count(films, extra)) // recipe.batch
    schedule = build_schedule(recipe, optimiser, steps)
    trained: Any = torch.compile(_Trained(model)) if compiled else _Trained(model)
    network, optimiser = fabric.setup(trained, optimiser)
    average = ModelEmaV3(model, decay=recipe.ema, use_warmup=True) if recipe.ema else None
    store = _Store(films, fabric.device)

    history: list[Epoch] = []
    best: dict[str, Any] = {"auc": -1.0, "epoch": 0, "state": None}
    start, spent = 0, 0.0
    shown = np.concatenate([train, *extra])
    run = _identity(recipe, shown, val, seed)
    beginning = (
        _beginning(recipe, films, [*shown, *val], pretrained, before, fabric) if checkpoint is not None else {}
    )
    if checkpoint is not None and checkpoint.is_file():
        saved = _load(checkpoint, fabric.device)
        if saved["run"] != run:
            raise FractureError(
                f"The checkpoint '{checkpoint.name}' is of another recipe, split or seed. "
                "Delete it, or keep this run's files in another folder (--work)."
            )
        _check_beginning(saved.get("beginning", {}), beginning, checkpoint)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.scheduler.load_state_dict(saved["schedule"])
        if average is not None:
            average.module.load_state_dict(saved["average"])
        history = [Epoch(**row) for row in saved["history"]]
        best, start, spent = saved["best"], saved["epoch"], saved["seconds"]
        log.info("going on from epoch %d of %s", start, checkpoint.name)

    bar = _Bar(recipe, steps, start, shown=progress and fabric.global_rank == 0)
    for epoch in range(start, recipe.epochs):
        began = time.perf_counter()
        generator = torch.manual_seed(seed * 100_003 + epoch)  # the global one, which dropout draws from too
        epoch_films = np.concatenate([np.repeat(train, recipe.copies), _draw_extra(films, extra, generator)])
        order = epoch_films[torch.randperm(len(epoch_films), generator=generator).numpy()]
        learning_rate = optimiser.param_groups[0]["lr"]
        model.train()
        for part in frozen:
            part.eval()  # batch norm keeps its statistics too
        losses, answers, truths = torch.zeros((), device=fabric.device), [], []
        for step in range(steps):
            batch = np.sort(order[step * recipe.batch : (step + 1) * recipe.batch])
            changes = draw_changes(store.outlines(batch), recipe.augmentation, generator=generator)
            weight = total_weight(films.labels[batch], recipe) / fabric.world_size  # gradients are averaged
            mine = part_of(len(batch), fabric)
            parts = _parts(mine, recipe.accumulate)
            optimiser.zero_grad(set_to_none=True)
            for rows in parts:
                images, labels, regions = store.load(batch[rows])
                images, regions = apply_changes(images, regions, changes.part(rows))
                with fabric.no_backward_sync(network, enabled=rows is not parts[-1]):
                    logits, features = network(normalise(images, pipeline))
                    loss = film_losses(logits, labels, recipe).sum() / weight
                    if recipe.guidance:
                        guided, marked = _guided(model, features, regions, labels)
                        count = total(marked.float(), fabric)
                        share = fabric.world_size / (count.clamp(min=1) * len(parts))
                        loss = loss + recipe.guidance * guided * share
                    fabric.backward(loss)
                losses += loss.detach() / fabric.world_size
                answers.append(logits.detach().float())
                truths.append(labels)
            if recipe.clip:
                # the check for infinite ones would wait for a GPU in every step; validation finds them
                fabric.clip_gradients(model, optimiser, max_norm=recipe.clip, error_if_nonfinite=False)
            optimiser.step()
            schedule.after_step()
            if average is not None:
                average.update(model, step=epoch * steps + step)
            bar.step(losses, step + 1)
        if fabric.device.type == "cuda":
            torch.cuda.synchronize(fabric.device)  # else the clock stops before the GPU has
        training_time = time.perf_counter() - began

        judged = average.module if average is not None else model
        logits = torch.from_numpy(_validate(judged, films, val, fabric, pipeline))
        truth = torch.from_numpy(films.labels[val])
        if not torch.isfinite(logits).all():
            if best["state"] is None:
                raise FractureError("The training diverged in its first epoch. Lower the learning rate.")
            log.warning("The training diverged in epoch %d; the best epoch before it is kept.", epoch + 1)
            break
        auc, val_loss = _auc(truth, logits), float(functional.cross_entropy(logits, truth))
        seen, labels = in_order(torch.cat(answers), fabric).cpu(), in_order(torch.cat(truths), fabric).cpu()
        if auc > best["auc"]:
            state = {name: tensor.detach().cpu().clone() for name, tensor in judged.state_dict().items()}
            best = {"auc": auc, "epoch": epoch + 1, "state": state}
        schedule.after_epoch(val_loss)
        seconds = time.perf_counter() - began
        spent += seconds
        row = Epoch(
            epoch=epoch + 1,
            train_loss=float(total(losses, fabric)) / max(steps, 1),
            val_loss=val_loss,
            val_auc=auc,
            images_per_second=steps * recipe.batch / training_time,
            seconds=seconds,
            train_accuracy=_accuracy(labels, seen),
            train_auc=_auc(labels, seen),
            val_accuracy=_accuracy(truth, logits),
            learning_rate=learning_rate,
        )
        history.append(row)
        bar.epoch(row)
        log.info(
            "epoch %d: loss %.4f, val AUC %.4f, %.1f images/s",
            epoch + 1,
            row.train_loss,
            auc,
            row.images_per_second,
        )
        if checkpoint is not None and fabric.global_rank == 0:
            _save_atomically(
                {
                    "run": run,
                    "beginning": beginning,
                    "model": model.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.scheduler.state_dict(),
                    "average": average.module.state_dict() if average is not None else {},
                    "history": [vars(line) for line in history],
                    "best": best,
                    "epoch": epoch + 1,
                    "seconds": spent,
                },
                checkpoint,
            )
        if on_epoch is not None:
            on_epoch(row)
    bar.close()

    kept = build_model(recipe.model)
    kept.load_state_dict(best["state"])
    result = FitResult(kept.eval(), tuple(history), best["epoch"], spent, _peak_memory(fabric))
    return result if before is None else _after(before, result)


def _after(before: FitResult, result: FitResult) -> FitResult:
    """A training that went on from another one, told as one: epochs are counted on."""
    done = len(before.history)
    counted = tuple(replace(row, epoch=row.epoch + done) for row in result.history)
    return FitResult(
        result.model,
        before.history + counted,
        result.best_epoch + done,
        before.seconds + result.seconds,
        max(before.peak_memory, result.peak_memory),
    )


def join(recipe: Recipe, members: Sequence[FitResult]) -> FitResult:
    """A committee of trained networks, with what they cost together; its history is theirs, one after another."""
    committee: Any = build_model(recipe.model)
    committee.take([member.model.state_dict() for member in members])
    history = tuple(itertools.chain.from_iterable(member.history for member in members))
    seconds, memory = sum(member.seconds for member in members), max(member.peak_memory for member in members)
    return FitResult(committee.eval(), history, 0, seconds, memory)


class _Store:
    """The films where the network is: on the GPU as a whole where they fit, else fetched batch by batch."""

    def __init__(self, films: Films, device: torch.device) -> None:
        self.films, self.device, self.resident = films, device, False
        self.arrays = (films.pixels, films.labels, films.regions)
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            self.resident = films.pixels.nbytes + films.regions.nbytes < free // 4
        if self.resident:
            self.arrays = tuple(torch.from_numpy(np.array(a)).to(device) for a in self.arrays)  # type: ignore[assignment]

    def _rows(self, array: Any, indices: np.ndarray, places: Tensor | None) -> Tensor:
        return array[places] if places is not None else send(torch.from_numpy(array[indices]), self.device)

    def outlines(self, indices: np.ndarray) -> Tensor:
        """As ``regions``, on the CPU whatever the device: what is drawn there shall not wait for a GPU."""
        told = self.films.labels[indices].astype(np.uint8)
        return torch.from_numpy(self.films.regions[indices] * told[:, None, None])[:, None]

    def load(self, indices: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Images float (N, 1, S, S) in [0, 1], labels int64 (N,), regions float (N, 1, R, R).

        The regions are the experts' of fractured films; films called whole have none.
        """
        places = send(torch.from_numpy(indices), self.device) if self.resident else None
        pixels, labels, regions = (self._rows(array, indices, places) for array in self.arrays)
        told = (regions * labels.to(torch.uint8).view(-1, 1, 1))[:, None]
        return pixels[:, None].float() / 255, labels, told.float()


class _Bar:
    """Progress over the whole run: epoch, loss, last validation AUC, images a second, time left."""

    def __init__(self, recipe: Recipe, steps: int, start: int, *, shown: bool) -> None:
        from tqdm import tqdm

        films = steps * recipe.batch
        self.batch, self.epochs, self.auc = recipe.batch, recipe.epochs, float("nan")
        self.bar = tqdm(total=films * recipe.epochs, initial=films * start, unit="img", disable=not shown)
        self.number = start + 1

    def step(self, losses: Tensor, steps: int) -> None:
        if self.bar.disable:
            return  # reading the loss would make a GPU wait
        if steps % 8 == 1:
            self.bar.set_description(f"epoch {self.number}/{self.epochs}", refresh=False)
            self.bar.set_postfix(loss=f"{float(losses) / steps:.4f}", val_auc=f"{self.auc:.4f}", refresh=False)
        self.bar.update(self.batch)

    def epoch(self, row: Epoch) -> None:
        self.auc, self.number = row.val_auc, row.epoch + 1

    def close(self) -> None:
        self.bar.close()


def _start(recipe: Recipe, seed: int, pretrained: Path | None) -> nn.Module:
    """The network before its first step."""
    model = build_model(recipe.model)
    if recipe.start_from:
        torch.manual_seed(seed)
        other = build_model(recipe.start_from).state_dict()
        own = model.state_dict()
        shared = {name: value for name, value in other.items() if name in own and own[name].shape == value.shape}
        model.load_state_dict(shared, strict=False)
    if pretrained is not None:
        load_pretrained(model, pretrained)
    return model


def _extra_count(films: Films, extra: Sequence[np.ndarray]) -> int:
    """How many films ``_draw_extra`` takes."""
    counts = np.bincount([films.labels[copies[0]] for copies in extra], minlength=2)
    return int(2 * counts.max() if counts.min() else counts.max())


def _draw_extra(films: Films, extra: Sequence[np.ndarray], generator: torch.Generator) -> np.ndarray:
    """One copy of each exposure, the rarer class again and again until it is as common: indices, int64."""
    kinds = [[copies for copies in extra if films.labels[copies[0]] == label] for label in (0, 1)]
    wanted = max(map(len, kinds))
    drawn = []
    for kind in filter(None, kinds):
        order = torch.cat([torch.randperm(len(kind), generator=generator) for _ in range(-(-wanted // len(kind)))])
        choice = torch.rand(wanted, generator=generator)
        drawn += [
            kind[place][int(share * len(kind[place]))]
            for place, share in zip(order[:wanted].tolist(), choice.tolist(), strict=True)
        ]
    return np.array(drawn, dtype=np.int64)


def _frozen(recipe: Recipe, model: nn.Module) -> list[nn.Module]:
    """The first parts of a network that training leaves as they are: no gradient is computed through them."""
    if not recipe.frozen:
        return []
    stages = dict(model.named_children())
    if not {"conv_stem", "bn1", "blocks"} <= stages.keys():
        raise FractureError(f"The blocks of {recipe.model} have no order that 'frozen' could count: leave it at 0.")
    parts = [stages["conv_stem"], stages["bn1"], *list(stages["blocks"].children())[: recipe.frozen]]
    for part in parts:
        part.requires_grad_(False)
    return parts


def _guided(model: Any, features: Tensor, regions: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What draws a model's map into the experts' regions: its own map where it has one, else its activation map."""
    if hasattr(model, "evidence"):
        weights = model.get_classifier().weight  # whose precision the network's output has left
        return evidence_losses(model.evidence(features.to(weights.dtype)), regions, labels)
    return guidance_losses(features, model.get_classifier(), regions)


def _parts(rows: slice, count: int) -> list[slice]:
    """Rows in ``count`` parts of like size, none of them empty."""
    bounds = np.linspace(rows.start, rows.stop, count + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(bounds) if b > a]


def _validate(model: nn.Module, films: Films, val: np.ndarray, fabric: Fabric, pipeline: Any) -> np.ndarray:
    """Logits of all validation films, in the precision of training; each process answers a part of them."""
    with fabric.autocast():
        mine = predict_logits(model, films, val[part_of(len(val), fabric)], pipeline=pipeline, device=fabric.device)
    return in_order(torch.from_numpy(mine).to(fabric.device), fabric).cpu().numpy()


def _auc(labels: Tensor, logits: Tensor) -> float:
    return roc_auc(labels.numpy(), (logits[:, 1] - logits[:, 0]).numpy())


def _accuracy(labels: Tensor, logits: Tensor) -> float:
    return float((logits.argmax(dim=1) == labels).float().mean())


def _peak_memory(fabric: Fabric) -> int:
    if fabric.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(fabric.device))
    return peak_memory()


def _check(recipe: Recipe, films: Films, train: np.ndarray, val: np.ndarray) -> None:
    if len(train) * recipe.copies < recipe.batch:
        raise DataSetError(
            f"{len(train)} training films do not fill one batch of {recipe.batch}: add films or lower the batch size."
        )
    if len(np.unique(films.labels[val])) < 2:
        raise DataSetError(
            f"The {len(val)} validation films are not of both classes, so no epoch can be told best: add films."
        )


def _identity(recipe: Recipe, train: np.ndarray, val: np.ndarray, seed: int) -> str:
    """What a checkpoint must share with the run that goes on from it."""
    return hashlib.sha256(repr((recipe.identity(), train.tolist(), val.tolist(), seed)).encode()).hexdigest()


def _beginning(
    recipe: Recipe,
    films: Films,
    used: Sequence[int],
    pretrained: Path | None,
    before: FitResult | None,
    fabric: Fabric,
) -> dict[str, str | None]:
    """What a run started with: sha256 hex of the weights, None from scratch, and of the films; and the precision.

    Of a training that goes on from another one also that one's weights.

    Contents count, not the files' places, names or dates, which change where a run goes on elsewhere; and the
    precision as Fabric took it.
    """
    told: dict[str, str | None] = {"pretrained": None, "precision": fabric.strategy.precision.precision}
    content = hashlib.sha256(films.labels[used].tobytes())
    for index in used:  # one by one: they may be mapped from a file larger than the memory
        content.update(films.pixels[index].tobytes())
        if recipe.guidance:
            content.update(films.regions[index].tobytes())
    told["films"] = content.hexdigest()
    if pretrained is not None:
        with pretrained.open("rb") as weights:
            told["pretrained"] = hashlib.file_digest(weights, "sha256").hexdigest()
    if before is not None:
        trained = hashlib.sha256()
        for tensor in before.model.state_dict().values():
            trained.update(tensor.numpy().tobytes())
        told["before"] = trained.hexdigest()
    return told


def _check_beginning(then: dict[str, str | None], now: dict[str, str | None], checkpoint: Path) -> None:
    shown = {
        "pretrained": "--pretrained (sha256)",
        "before": "other weights of the training before (sha256)",
        "precision": "--precision",
        "films": "other films (sha256)",
    }
    differing = [
        f"{words} {then[name] or 'none'}, not {now.get(name) or 'none'}"
        for name, words in shown.items()
        if name in then and then[name] != now.get(name)  # older checkpoints tell less
    ]
    if differing:
        raise FractureError(
            f"The checkpoint '{checkpoint.name}' was begun with {' and '.join(differing)}. "
            "Go on as it was begun, delete it, or keep this run's files in another folder (--work)."
        )


def _load(checkpoint: Path, device: torch.device) -> dict[str, Any]:
    try:
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        if not isinstance(saved, dict) or "run" not in saved:
            raise ValueError("this is no checkpoint")
        return saved
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, UnpicklingError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]  # it may be the memory that is short, too
        raise FractureError(
            f"The checkpoint '{checkpoint.name}' cannot be read ({why}). If it is damaged, delete it, and the "
            "training begins anew."
        ) from error


def _save_atomically(state: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        torch.save(state, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch's own writer knows no OSError
        raise FractureError(
            f"The checkpoint '{path.name}' cannot be written to '{path.parent}': is its disk full? Make room there "
            "and go on with --resume, or name another folder with --work."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
