"""The trainer: a recipe and a data set in, trained weights out.

The loop reads top to bottom in ``fit``. Films are decoded and resized once into a uint8 array; augmentation
runs per sample on the device, in batches. Every random draw follows from (seed, epoch, step) alone, and a
checkpoint is written atomically after every epoch: a killed run goes on to the same weights as a whole one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from lightning.fabric import Fabric
from timm.utils import ModelEmaV3
from torch import Tensor, nn

from fracture_core.datasets import Case, DataSet
from fracture_core.errors import DataSetError, FractureError, UnknownName, UnreadableImage
from fracture_core.imaging import read_image
from fracture_core.metrics import roc_auc
from fracture_core.models import build_model, load_pretrained
from fracture_core.preprocessing import Pipeline, apply_affine, build_pipeline
from fracture_core.recipes.base import Augmentation, Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Films:
    """Decoded films: ``pixels`` uint8 (N, S, S) before normalisation, ``labels`` int64 (N,), 1 fractured.

    ``damaged`` counts films that were truncated or could not be read at all (those stay black). ``regions`` is
    uint8 (N, S/4, S/4), 1 inside the experts' polygons; all 0 where the data set has none.
    """

    pixels: np.ndarray
    labels: np.ndarray
    damaged: int
    regions: np.ndarray


REGION_SCALE = 4  # input pixels per cell of the region masks; fine enough for any network's last feature map


def decode_films(data: DataSet, pipeline: Pipeline, *, cache: Path | None = None, workers: int = 2) -> Films:
    """Decode and resize every film once; kept in ``cache`` (an .npz file) for the next run when given."""
    if cache is not None and cache.is_file():
        with np.load(cache) as stored:
            return Films(stored["pixels"], data.labels, int(stored["damaged"]), stored["regions"])

    def decode(case: Case) -> tuple[np.ndarray, np.ndarray, bool]:
        try:
            film = read_image(case.path)
        except UnreadableImage:
            log.warning("unreadable film left black: %s", case.path.name)
            side = pipeline.size
            return np.zeros((side, side), np.uint8), _rasterise((), pipeline, (side, side)), True
        broken = any(note.startswith("truncated") for note in film.notes)
        return pipeline.cached(film.pixels), _rasterise(case.polygons, pipeline, film.shape), broken

    with ThreadPoolExecutor(workers) as pool:
        pixels, regions, broken = zip(*pool.map(decode, data.cases), strict=True)
    films = Films(np.stack(pixels), data.labels, sum(broken), np.stack(regions))
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(f".{os.getpid()}.partial.npz")
        np.savez(partial, pixels=films.pixels, regions=np.stack(regions), damaged=films.damaged)
        partial.replace(cache)
    return films


def _rasterise(polygons: Sequence[np.ndarray], pipeline: Pipeline, shape: tuple[int, int]) -> np.ndarray:
    """Polygons in source pixels as a mask over the input, uint8 (S/4, S/4)."""
    import cv2

    side = pipeline.size // REGION_SCALE
    mask = np.zeros((side, side), np.uint8)
    to_input = pipeline.geometry(shape)
    for polygon in polygons:
        # corner coordinates to OpenCV's pixel centres
        corners = apply_affine(to_input, polygon) / REGION_SCALE - 0.5
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return mask


def augment(
    images: Tensor, regions: Tensor, augmentation: Augmentation, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Change every film of a batch at random, each by its own draw.

    Args:
        images: float (N, 1, S, S) in [0, 1].
        regions: float (N, 1, R, R), 1 inside the experts' regions; moved along with the films.
        generator: source of every draw; on the CPU, so that all devices see the same ones.

    Returns:
        float (N, 1, S, S) in [0, 1], and the regions moved alike.
    """
    count, device = len(images), images.device

    def uniform(width: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * width

    def column(values: Tensor) -> Tensor:
        return values.view(-1, 1, 1, 1).to(device)

    theta = _draw_affine(regions, augmentation, generator=generator).to(device)
    moved = _warp(images, theta)
    gamma = torch.exp(uniform(1.0) * np.log1p(augmentation.gamma))
    toned = moved.clamp(1e-4, 1) ** column(gamma)
    mean = toned.mean(dim=(2, 3), keepdim=True)
    toned = (toned - mean) * column(1 + uniform(augmentation.contrast)) + mean
    toned = toned + column(uniform(augmentation.brightness))
    if augmentation.noise:
        noise_scale = column(torch.rand(count, generator=generator) * augmentation.noise)
        toned = toned + noise_scale * torch.randn(images.shape, generator=generator).to(device)
    return toned.clamp(0, 1), _warp(regions, theta)


def _draw_affine(regions: Tensor, augmentation: Augmentation, *, generator: torch.Generator) -> Tensor:
    """Flip, rotation, scale, shift and window as float (N, 2, 3), from places in the result to places in the film."""
    count = len(regions)

    def uniform(width: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * width

    def chance(probability: float) -> Tensor:
        return 1 - 2 * (torch.rand(count, generator=generator) < probability).float()

    angle = torch.deg2rad(uniform(augmentation.rotation))
    scale = torch.exp(uniform(1.0) * np.log1p(augmentation.scale))
    flip_x, flip_y = chance(augmentation.horizontal_flip), chance(augmentation.vertical_flip)
    shift = torch.stack([2 * uniform(augmentation.shift), 2 * uniform(augmentation.shift)], dim=1)
    if augmentation.zoom:
        zoom = 1 + torch.rand(count, generator=generator) * augmentation.zoom
        zoom = torch.where(torch.rand(count, generator=generator) < 0.5, zoom, 1.0)
        scale, room = scale * zoom, (1 - 1 / zoom)[:, None]
        focus = _focus(regions, generator=generator)
        around = (torch.rand(count, 2, generator=generator) * 2 - 1) * 0.7 / zoom[:, None]
        shift = torch.maximum(torch.minimum(focus + around, room), -room) + shift / zoom[:, None]
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    return torch.stack(
        [
            torch.stack([cos * flip_x, -sin * flip_y, shift[:, 0]], dim=1),
            torch.stack([sin * flip_x, cos * flip_y, shift[:, 1]], dim=1),
        ],
        dim=1,
    )


def _focus(regions: Tensor, *, generator: torch.Generator) -> Tensor:
    """A place (x, y) in [-1, 1] to keep in view, float (N, 2): in a film's regions, anywhere where it has none."""
    places = torch.rand(len(regions), 2, generator=generator) * 2 - 1
    side = regions.shape[-1]
    for index, region in enumerate(regions[:, 0].cpu()):
        inside = region.nonzero()
        if len(inside):
            row, column = inside[int(torch.randint(len(inside), (1,), generator=generator))].tolist()
            places[index] = torch.tensor([column + 0.5, row + 0.5]) / side * 2 - 1
    return places


def _warp(images: Tensor, theta: Tensor) -> Tensor:
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="zeros", align_corners=False)


def guidance_loss(features: Tensor, classifier: nn.Linear, regions: Tensor) -> Tensor:
    """How little of the class-activation map's weight lies in the experts' regions.

    The map of a network that ends in average pooling and one linear layer is that layer applied at every place
    (Zhou et al., CVPR 2016, eq. 2). Its softmax over the places says where the answer would be read off; the loss is
    minus the logarithm of the share inside the regions. It leaves the size of the answer to the classification loss.

    Args:
        features: float (N, C, h, w), last feature map.
        regions: float (N, 1, R, R), 1 inside the experts' regions; films without any are passed over.
    """
    inside = functional.adaptive_max_pool2d(regions, features.shape[-2:]).flatten(1) > 0.5
    marked = inside.any(dim=1)
    if not marked.any():
        return features.sum() * 0
    direction = classifier.weight[1] - classifier.weight[0]
    places = torch.einsum("nchw,c->nhw", features[marked].float(), direction.float()).flatten(1)
    weights = functional.log_softmax(places, dim=1).masked_fill(~inside[marked], -torch.inf)
    return -torch.logsumexp(weights, dim=1).mean()


class _Trained(nn.Module):
    """A network that also hands out its last feature map, in one call that Fabric can wrap."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.forward_features(inputs)
        return self.network.forward_head(features), features


def normalise(images: Tensor, pipeline: Pipeline) -> Tensor:
    """float (N, 1, S, S) in [0, 1] → (N, 3, S, S), by the pipeline's mean and standard deviation."""
    mean = torch.tensor(pipeline.mean, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(pipeline.std, device=images.device).view(1, 3, 1, 1)
    return ((images.expand(-1, 3, -1, -1) - mean) / std).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Epoch:
    """One line of a run's curves; losses are means per film, seconds wall time of the epoch."""

    epoch: int
    train_loss: float
    val_loss: float
    val_auc: float
    images_per_second: float
    seconds: float


@dataclass(frozen=True, eq=False)
class FitResult:
    """What ``fit`` gives back: the best model by validation AUC (evaluation mode, CPU) and its curves."""

    model: nn.Module
    history: tuple[Epoch, ...]
    best_epoch: int
    seconds: float


def fit(
    recipe: Recipe,
    films: Films,
    *,
    train: np.ndarray,
    val: np.ndarray,
    seed: int = 0,
    pretrained: Path | None = None,
    checkpoint: Path | None = None,
    accelerator: str = "auto",
    on_epoch: Callable[[Epoch], None] | None = None,
    progress: bool = False,
) -> FitResult:
    """Train a recipe's model; the epoch with the best validation AUC is kept.

    Args:
        train, val: indices into ``films``.
        pretrained: a safetensors file of backbone weights in timm's names; None starts from scratch.
        checkpoint: a file written after every epoch; where it exists already, training goes on from it.
        accelerator: Fabric's: "auto", "cpu", "gpu".
        on_epoch: called with each finished epoch.
        progress: show a bar with loss, images per second and time left.

    Raises:
        UnknownName: the recipe asks for a model, pipeline, optimiser, schedule or loss that does not exist.
        DataSetError: there is not one whole batch to train on, or validation lacks a class.
        FractureError: the checkpoint is of another run, or no epoch gave finite logits.
    """
    _check(recipe, films, train, val)
    fabric = Fabric(accelerator=accelerator, devices=1, precision="bf16-mixed")
    fabric.seed_everything(seed, verbose=False)
    pipeline = build_pipeline(recipe.pipeline, size=recipe.size)
    model: Any = build_model(recipe.model)
    if pretrained is not None:
        load_pretrained(model, pretrained)
    model = model.to(memory_format=torch.channels_last)
    optimiser = _optimiser(recipe, model)
    steps = len(train) // recipe.batch
    schedule = _schedule(recipe, optimiser, steps)
    network, optimiser = fabric.setup(_Trained(model), optimiser)
    average = ModelEmaV3(model, decay=recipe.ema, use_warmup=True) if recipe.ema else None
    weight = torch.tensor([1.0, recipe.fracture_weight], device=fabric.device)

    history: list[Epoch] = []
    best: dict[str, Any] = {"auc": -1.0, "epoch": 0, "state": None}
    start, spent = 0, 0.0
    run = _identity(recipe, train, val, seed)
    if checkpoint is not None and checkpoint.is_file():
        saved = torch.load(checkpoint, map_location=fabric.device, weights_only=True)
        if saved.get("run", run) != run:
            raise FractureError(
                f"The checkpoint '{checkpoint.name}' is of another recipe, split or seed. "
                "Delete it, or keep this run's files in another folder (--work)."
            )
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        if average is not None:
            average.module.load_state_dict(saved["average"])
        history = [Epoch(**row) for row in saved["history"]]
        best, start, spent = saved["best"], saved["epoch"], saved["seconds"]
        log.info("going on from epoch %d of %s", start, checkpoint.name)

    for epoch in range(start, recipe.epochs):
        began = time.perf_counter()
        generator = torch.manual_seed(seed * 100_003 + epoch)  # the global one, which dropout draws from too
        order = train[torch.randperm(len(train), generator=generator).numpy()]
        model.train()
        total = torch.zeros((), device=fabric.device)
        for step in _progress(range(steps), f"epoch {epoch + 1}/{recipe.epochs}", shown=progress):
            chosen = np.sort(order[step * recipe.batch : (step + 1) * recipe.batch])
            images = torch.from_numpy(films.pixels[chosen]).to(fabric.device)[:, None].float() / 255
            labels = torch.from_numpy(films.labels[chosen]).to(fabric.device)
            regions = torch.from_numpy(films.regions[chosen]).to(fabric.device)[:, None].float()
            regions = regions * labels.view(-1, 1, 1, 1)  # a film called whole has no fracture to look at
            images, regions = augment(images, regions, recipe.augmentation, generator=generator)
            logits, features = network(normalise(images, pipeline))
            loss = functional.cross_entropy(logits, labels, weight=weight, label_smoothing=recipe.label_smoothing)
            if recipe.guidance:
                loss = loss + recipe.guidance * guidance_loss(features, model.get_classifier(), regions)
            optimiser.zero_grad(set_to_none=True)
            fabric.backward(loss)
            if recipe.clip:
                fabric.clip_gradients(model, optimiser, max_norm=recipe.clip)
            optimiser.step()
            schedule.step()
            if average is not None:
                average.update(model, step=epoch * steps + step)
            total += loss.detach()
        trained = time.perf_counter() - began

        judged = average.module if average is not None else model
        logits = predict_logits(judged, films, val, pipeline=pipeline, device=fabric.device)
        truth = films.labels[val]
        auc = roc_auc(truth, logits[:, 1] - logits[:, 0])
        val_loss = float(functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(truth)))
        if auc > best["auc"]:
            state = {name: tensor.detach().cpu().clone() for name, tensor in judged.state_dict().items()}
            best = {"auc": auc, "epoch": epoch + 1, "state": state}
        seconds = time.perf_counter() - began
        spent += seconds
        row = Epoch(
            epoch=epoch + 1,
            train_loss=float(total) / max(steps, 1),
            val_loss=val_loss,
            val_auc=auc,
            images_per_second=steps * recipe.batch / trained,
            seconds=seconds,
        )
        history.append(row)
        log.info("epoch %d: loss %.4f, val AUC %.4f, %.1f images/s", *_logged(row))
        if checkpoint is not None:
            _save_atomically(
                {
                    "run": run,
                    "model": model.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
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

    if best["state"] is None:
        raise FractureError("The training diverged: no epoch gave finite logits. Lower the learning rate.")
    kept = build_model(recipe.model)
    kept.load_state_dict(best["state"])
    return FitResult(kept.eval(), tuple(history), best["epoch"], spent)


def predict_logits(
    model: nn.Module,
    films: Films,
    indices: np.ndarray,
    *,
    pipeline: Pipeline,
    device: torch.device | str = "cpu",
    batch: int = 64,
) -> np.ndarray:
    """float32 (len(indices), 2) logits of films as they are, in evaluation mode and full precision."""
    was_training = model.training
    model.eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(indices), batch):
            chosen = indices[start : start + batch]
            images = torch.from_numpy(films.pixels[chosen]).to(device)[:, None].float() / 255
            rows.append(model(normalise(images, pipeline)).float().cpu().numpy())
    model.train(was_training)
    return np.concatenate(rows) if rows else np.zeros((0, 2), np.float32)


def _check(recipe: Recipe, films: Films, train: np.ndarray, val: np.ndarray) -> None:
    if recipe.loss != "cross_entropy":
        raise UnknownName("loss", recipe.loss, ("cross_entropy",))
    if len(train) < recipe.batch:
        raise DataSetError(
            f"{len(train)} training films do not fill one batch of {recipe.batch}: add films or lower the batch size."
        )
    if len(np.unique(films.labels[val])) < 2:
        raise DataSetError(
            f"The {len(val)} validation films are not of both classes, so no epoch can be told best: add films."
        )


def _identity(recipe: Recipe, train: np.ndarray, val: np.ndarray, seed: int) -> str:
    """What a checkpoint must share with the run that goes on from it."""
    return hashlib.sha256(repr((recipe.as_run(), train.tolist(), val.tolist(), seed)).encode()).hexdigest()


def _optimiser(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    from timm.optim import param_groups_weight_decay

    groups = param_groups_weight_decay(model, recipe.weight_decay)  # no decay on biases and norms
    kinds: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "adamw": lambda: torch.optim.AdamW(groups, lr=recipe.lr),
        "adam": lambda: torch.optim.Adam(groups, lr=recipe.lr),
        "sgd": lambda: torch.optim.SGD(groups, lr=recipe.lr, momentum=0.9),
    }
    if recipe.optimiser not in kinds:
        raise UnknownName("optimiser", recipe.optimiser, kinds)
    return kinds[recipe.optimiser]()


def _schedule(recipe: Recipe, optimiser: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    if recipe.schedule == "onecycle":
        total = max(steps * recipe.epochs, 1)
        return torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=recipe.lr, total_steps=total, pct_start=0.15)
    if recipe.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)
    raise UnknownName("schedule", recipe.schedule, ("onecycle", "constant"))


def _progress(steps: range, title: str, *, shown: bool) -> Sequence[int]:
    from tqdm import tqdm

    return tqdm(steps, desc=title, unit="batch", disable=not shown, leave=False)  # type: ignore[return-value]


def _logged(row: Epoch) -> tuple[float, ...]:
    return row.epoch, row.train_loss, row.val_auc, row.images_per_second


def _save_atomically(state: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    torch.save(state, partial)
    partial.replace(path)
