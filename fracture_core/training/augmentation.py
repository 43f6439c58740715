"""Random changes of whole batches, on the device.

What changes is drawn on the CPU for the whole batch, whatever the device and however many processes share the batch;
each process then applies its part. The films of an epoch and their order are the same on every machine; their changes
too, unless dropout draws from the CPU's numbers between them, as it does on a CPU and not on a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from fracture_core.recipes.base import Augmentation
from fracture_core.training.processes import send


@dataclass(frozen=True, eq=False)
class Changes:
    """What happens to each film of a batch: float tensors (N, ...), on the CPU.

    ``theta`` (N, 2, 3) leads from places in the result to places in the film; tones are (N,) each; ``noise`` is None
    where none is added. ``marked`` is False where no film has a region that could move.
    """

    theta: Tensor
    gamma: Tensor
    gain: Tensor
    contrast: Tensor
    brightness: Tensor
    noise: Tensor | None
    seed: int
    marked: bool = True

    def part(self, rows: slice) -> Changes:
        """Those of some rows of the batch; the noise follows the row, so ``seed`` moves along."""
        noise = None if self.noise is None else self.noise[rows]
        tones = (self.gamma[rows], self.gain[rows], self.contrast[rows], self.brightness[rows])
        return Changes(self.theta[rows], *tones, noise, self.seed + (rows.start or 0), self.marked)


def draw_changes(regions: Tensor, augmentation: Augmentation, *, generator: torch.Generator) -> Changes:
    """Draw the changes of a whole batch.

    Args:
        regions: (N, 1, R, R), 1 inside the experts' regions, read only to keep one in view under ``zoom``.
        generator: source of every draw, on the CPU.
    """
    count = len(regions)

    def uniform(width: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * width

    theta = _draw_affine(regions, augmentation, generator=generator)
    gamma = torch.exp(uniform(1.0) * np.log1p(augmentation.gamma))
    contrast, brightness, gain = (
        1 + uniform(augmentation.contrast),
        uniform(augmentation.brightness),
        1 + uniform(augmentation.gain),
    )
    noise = torch.rand(count, generator=generator) * augmentation.noise if augmentation.noise else None
    seed = int(torch.randint(2**40, (1,), generator=generator))
    return Changes(theta, gamma, gain, contrast, brightness, noise, seed, bool(regions.any()))


def apply_changes(images: Tensor, regions: Tensor, changes: Changes) -> tuple[Tensor, Tensor]:
    """Change every film of a batch, and move its regions alike.

    Args:
        images: float (N, 1, S, S) in [0, 1].
        regions: float (N, 1, R, R).

    Returns:
        float (N, 1, S, S) in [0, 1] and float (N, 1, R, R).
    """
    device = images.device

    def column(values: Tensor) -> Tensor:
        return send(values, device).view(-1, 1, 1, 1)

    theta = send(changes.theta, device)
    toned = _warp(images, theta)
    if (changes.gamma != 1).any():
        toned = toned.clamp(1e-4, 1) ** column(changes.gamma)
    if (changes.gain != 1).any():
        toned = (toned * column(changes.gain)).clamp(0, 1)
    mean = toned.mean(dim=(2, 3), keepdim=True)
    toned = (toned - mean) * column(changes.contrast) + mean + column(changes.brightness)
    if changes.noise is not None:
        toned = toned + column(changes.noise) * _grain(toned, changes.seed)
    return toned.clamp(0, 1), _warp(regions, theta) if changes.marked else regions


def _grain(images: Tensor, seed: int) -> Tensor:
    """Standard normal noise like ``images``, row by row from ``seed`` upwards: the same in whichever part it is."""
    rows = []
    for row in range(len(images)):
        generator = torch.Generator(images.device).manual_seed(seed + row)
        rows.append(torch.randn(images.shape[1:], generator=generator, device=images.device))
    return torch.stack(rows)


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
    if augmentation.central_crop:
        scale = scale / (1 - torch.rand(count, generator=generator) * augmentation.central_crop)
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
