"""``make bench-train``: images a second in training, as ratios to rivals in the same run (``--record`` keeps them).

The rivals: the loop most tutorials show (torchvision transforms in a DataLoader, full precision), the same with this
project's precision and memory layout, and one batch that never changes, which no data path can beat. Films are those
of FracAtlas where ``FRACTURE_DATA`` names the data sets, else synthetic ones of the same size. Rounds of all
contestants are interleaved and the medians compared, so that a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from fracture_core.datasets import Case, DataSet, read_fracatlas
from fracture_core.models import build_model
from fracture_core.preprocessing import build_pipeline
from fracture_core.provenance import commit
from fracture_core.recipes import Recipe, get_recipe
from fracture_core.results import FAST_LOADER, FIXED, LOADER, OURS, TrainingSpeed, machine
from fracture_core.speed import processor, write_training_speed
from fracture_core.training import Films, decode_films, fit, make_fabric


def main() -> None:
    options = _options()
    base = get_recipe("multiregion2024").with_model("resnet50")
    with tempfile.TemporaryDirectory() as folder:
        data = _films(Path(folder), count=(options.steps + 1) * options.batch)
        films = decode_films(data, build_pipeline(base.pipeline, size=base.size))
        for model in options.model or ["resnet18"]:
            speed = _timed(replace(base, model=model, batch=options.batch), data, films, options)
            what = f"{model}, {speed.size} px, batch {speed.batch}"
            print(f"{what}, {machine(speed)}, {speed.films}, median of {speed.rounds}")
            for name, rate in speed.images_per_second.items():
                print(f"  {name:24} {rate:8.1f} images/s   ours is {speed.against(name):5.2f} x", flush=True)
            if options.record:
                write_training_speed(speed)


def _timed(recipe: Recipe, data: DataSet, films: Films, options: argparse.Namespace) -> TrainingSpeed:
    on_gpu = torch.cuda.is_available()
    contestants = _contestants(recipe, data, films, torch.device("cuda" if on_gpu else "cpu"), options)
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(options.rounds):
        for name, run in contestants.items():
            rates[name].append(run())
    return TrainingSpeed(
        model=recipe.model,
        size=recipe.size,
        batch=recipe.batch,
        hardware=torch.cuda.get_device_name() if on_gpu else processor(),
        threads=None if on_gpu else torch.get_num_threads(),
        films=data.name,
        rounds=options.rounds,
        steps=options.steps,
        images_per_second={name: round(statistics.median(values), 2) for name, values in rates.items()},
        date=datetime.now(UTC).date().isoformat(),
        commit=commit() or "unknown",
        torch=torch.__version__,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", metavar="NAME", help="may be repeated; resnet18 without it")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10, help="batches per round and contestant")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="store the rates under results/speed/training")
    return parser.parse_args()


def _films(folder: Path, *, count: int) -> DataSet:
    if "FRACTURE_DATA" in os.environ:
        data = read_fracatlas(Path(os.environ["FRACTURE_DATA"]) / "fracatlas")
        spread = np.linspace(0, len(data.cases) - 1, count).astype(int)
        return replace(data, cases=tuple(data.cases[index] for index in spread))
    from fracture_core import phantom

    cases = []
    for index in range(count):
        film = phantom.radiograph(seed=index, region="leg", fracture="oblique" if index % 2 else None)
        path = folder / f"{index}.png"
        path.write_bytes(phantom.to_png(film))
        cases.append(Case(id=path.stem, path=path, label=index % 2, region="leg"))
    return DataSet("synthetic films", folder, tuple(cases), "made up")


def _contestants(
    recipe: Recipe, data: DataSet, films: Films, device: torch.device, options: argparse.Namespace
) -> dict[str, Callable[[], float]]:
    train = np.arange(options.steps * options.batch)
    # validation is not timed: the fewest films of both classes
    val = np.array([int(np.flatnonzero(films.labels == label)[0]) for label in (0, 1)])
    fabric = make_fabric()
    loader = _loader(recipe, data, train, device)
    batch = next(iter(loader))

    def ours() -> float:
        once = replace(recipe, epochs=1)
        return fit(once, films, train=train, val=val, fabric=fabric).history[0].images_per_second

    def plain() -> float:
        return _loop(recipe.model, loader, device, fast=False)

    def faster() -> float:
        return _loop(recipe.model, loader, device, fast=True)

    def fixed() -> float:
        return _loop(recipe.model, [batch] * options.steps, device, fast=True)

    return {OURS: ours, LOADER: plain, FAST_LOADER: faster, FIXED: fixed}


class _Files(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __init__(self, cases: list[Case], change: Callable) -> None:  # type: ignore[type-arg]
        self.cases, self.change = cases, change

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        from PIL import Image, ImageFile

        ImageFile.LOAD_TRUNCATED_IMAGES = True  # the data set holds truncated files
        return self.change(Image.open(self.cases[index].path)), self.cases[index].label


def _loader(recipe: Recipe, data: DataSet, train: np.ndarray, device: torch.device) -> torch.utils.data.DataLoader:  # type: ignore[type-arg]
    from torchvision import transforms

    strength = recipe.augmentation
    change = transforms.Compose(
        [
            transforms.Grayscale(3),
            transforms.Resize((recipe.size, recipe.size)),
            transforms.RandomHorizontalFlip(),
            transforms.RandomVerticalFlip(),
            transforms.RandomRotation(strength.rotation),
            transforms.ColorJitter(strength.gain, strength.contrast),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    cases = [data.cases[index] for index in train]
    return torch.utils.data.DataLoader(
        _Files(cases, change),
        batch_size=recipe.batch,
        shuffle=True,
        num_workers=os.cpu_count() or 1,
        persistent_workers=True,
        pin_memory=device.type == "cuda",
    )


def _loop(model: str, batches: Iterable, device: torch.device, *, fast: bool) -> float:  # type: ignore[type-arg]
    """Images a second of the usual loop over ``batches``."""
    network: nn.Module = build_model(model).to(device).train()
    layout = torch.channels_last if fast else torch.contiguous_format
    network = network.to(memory_format=layout)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    count, began = 0, time.perf_counter()
    for images, labels in batches:
        images = images.to(device, non_blocking=True).contiguous(memory_format=layout)
        with torch.autocast(device.type, dtype=torch.bfloat16) if fast else nullcontext():
            loss = functional.cross_entropy(network(images), labels.to(device, non_blocking=True))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        count += len(images)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
