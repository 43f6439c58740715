"""``make bench-train``: images a second in training, as ratios to rivals in the same run.

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
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from fracture_core.datasets import Case, DataSet, read_fracatlas
from fracture_core.models import build_model
from fracture_core.preprocessing import build_pipeline
from fracture_core.recipes import get_recipe
from fracture_core.training import decode_films, fit, make_fabric


def main() -> None:
    options = _options()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recipe = replace(get_recipe("multiregion2024").with_model("resnet50"), model=options.model, batch=options.batch)
    with tempfile.TemporaryDirectory() as folder:
        data = _films(Path(folder), count=(options.steps + 1) * options.batch)
        contestants = _contestants(recipe, data, device, options)
        rates: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(options.rounds):
            for name, run in contestants.items():
                rates[name].append(run())
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ours = medians["ours"]
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{recipe.model}, {recipe.size} px, batch {recipe.batch}, {where}, {data.name}, median of {options.rounds}")
    for name, value in medians.items():
        print(f"  {name:56} {value:8.1f} images/s   ours is {ours / value:5.2f} x")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10, help="batches per round and contestant")
    parser.add_argument("--rounds", type=int, default=3)
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


def _contestants(recipe, data: DataSet, device: torch.device, options) -> dict[str, Callable[[], float]]:  # type: ignore[no-untyped-def]
    films = decode_films(data, build_pipeline(recipe.pipeline, size=recipe.size))
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

    return {
        "ours": ours,
        "torchvision transforms, DataLoader, float32": plain,
        "torchvision transforms, DataLoader, bf16, channels last": faster,
        "one batch in memory, bf16, channels last": fixed,
    }


class _Files(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __init__(self, cases: list[Case], change: Callable) -> None:  # type: ignore[type-arg]
        self.cases, self.change = cases, change

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        from PIL import Image, ImageFile

        ImageFile.LOAD_TRUNCATED_IMAGES = True  # the data set holds truncated files
        return self.change(Image.open(self.cases[index].path)), self.cases[index].label


def _loader(recipe, data: DataSet, train: np.ndarray, device: torch.device):  # type: ignore[no-untyped-def]
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
