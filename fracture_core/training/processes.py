"""One process or many: the same batch, the same sums, the same weights.

Under ``torchrun`` every process takes its part of each batch. Loss weights and batch-norm statistics are of the whole
batch, so that the number of processes changes the time and nothing else.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, distributed, nn
from torch.distributed.rendezvous import rendezvous

from fracture_core.errors import FractureError


def make_fabric(*, accelerator: str = "auto", precision: str = "bf16-mixed") -> Fabric:
    """Fabric for this process: alone, or as one of those that ``torchrun`` started.

    Args:
        accelerator: "auto", "cpu" or "gpu".
        precision: "bf16-mixed", "32-true" or another of Fabric's.

    Raises:
        FractureError: a GPU is asked for and there is none.
    """
    if accelerator == "gpu" and not (torch.cuda.is_available() or torch.backends.mps.is_available()):
        raise FractureError("torch finds no GPU here. Leave --accelerator out, or install a torch made for your GPU.")
    world = int(os.environ.get("WORLD_SIZE", "1"))
    torch.backends.cudnn.allow_tf32 = False  # "32-true" is what it says
    if world == 1:
        return Fabric(accelerator=accelerator, devices=1, precision=precision)  # type: ignore[arg-type]
    local = int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
    _join(gpu=accelerator != "cpu" and torch.cuda.is_available())
    fabric = Fabric(
        accelerator=accelerator,
        devices=local,
        num_nodes=world // local,
        strategy="ddp",
        precision=precision,  # type: ignore[arg-type]
    )
    fabric.launch()
    return fabric


def _join(*, gpu: bool) -> None:
    """Join the processes of this start. After a restart the store still holds where the dead ones listened, hence the
    prefix; Fabric finds the group made and leaves it."""
    store, rank, world = next(rendezvous("env://"))
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    store = distributed.PrefixStore(f"start {attempt}", store)
    distributed.init_process_group("nccl" if gpu else "gloo", store=store, rank=rank, world_size=world)


def send(values: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on ``device``, without waiting until a GPU has come so far."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)


def leave(fabric: Fabric) -> None:
    """Take this process out of its group, once all have come this far: else its threads outlive it, and it aborts."""
    if fabric.world_size > 1:
        fabric.barrier()
        distributed.destroy_process_group()


def part_of(count: int, fabric: Fabric) -> slice:
    """This process's rows of a batch of ``count``; the first processes take one more where it does not divide."""
    bounds = np.linspace(0, count, fabric.world_size + 1).round().astype(int)
    return slice(int(bounds[fabric.global_rank]), int(bounds[fabric.global_rank + 1]))


def total(value: Tensor, fabric: Fabric) -> Tensor:
    """The sum of a tensor over all processes."""
    if fabric.world_size == 1:
        return value
    summed = value.clone()
    distributed.all_reduce(summed)
    return summed


def in_order(rows: Tensor, fabric: Fabric) -> Tensor:
    """The rows of all processes, one behind the other by rank; their numbers may differ."""
    if fabric.world_size == 1:
        return rows
    counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(fabric.world_size)]
    distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    longest = int(max(counts))
    padded = rows.new_zeros((longest, *rows.shape[1:]))
    padded[: len(rows)] = rows
    gathered = [torch.empty_like(padded) for _ in range(fabric.world_size)]
    distributed.all_gather(gathered, padded)
    return torch.cat([part[: int(count)] for part, count in zip(gathered, counts, strict=True)])


def share_batch_norm(model: nn.Module, fabric: Fabric) -> nn.Module:
    """A model whose batch norms see the whole batch: itself where one process trains alone."""
    if fabric.world_size == 1:
        return model
    if fabric.device.type == "cuda":
        from timm.layers import convert_sync_batchnorm

        return convert_sync_batchnorm(model)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = _Shared(module, module.forward)  # type: ignore[method-assign, assignment]
    return model


class _Shared:
    """A batch norm's forward with statistics over all processes: torch's own synchronised one wants a GPU.

    timm's batch norm carries its activation along; ``drop`` and ``act`` follow where there are any.
    """

    def __init__(self, norm: nn.BatchNorm2d, alone: Any) -> None:
        self.norm, self.alone = norm, alone

    def __call__(self, x: Tensor) -> Tensor:
        norm = self.norm
        if not norm.training:
            return self.alone(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        sums = torch.cat([wide.sum((0, 2, 3)), (wide * wide).sum((0, 2, 3)), wide.new_tensor([wide.numel()])])
        sums = _Sum.apply(sums)
        channels = x.shape[1]
        count = sums[-1] / channels
        mean = sums[:channels] / count
        variance = (sums[channels : 2 * channels] / count - mean * mean).clamp(min=0)
        _remember(norm, mean.detach(), variance.detach() * count / (count - 1))
        scale = torch.rsqrt(variance + norm.eps)
        if norm.weight is not None:
            scale = scale * norm.weight
        bias = 0 if norm.bias is None else norm.bias
        normed = (wide - mean.view(1, -1, 1, 1)) * scale.view(1, -1, 1, 1)
        normed = (normed + torch.as_tensor(bias).view(1, -1, 1, 1)).to(x.dtype)
        for name in ("drop", "act"):
            normed = getattr(norm, name, nn.Identity())(normed)
        return normed


def _remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    if not norm.track_running_stats:
        return
    assert norm.num_batches_tracked is not None and norm.running_mean is not None and norm.running_var is not None
    norm.num_batches_tracked.add_(1)
    momentum = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    with torch.no_grad():
        norm.running_mean.lerp_(mean, momentum)
        norm.running_var.lerp_(variance, momentum)


class _Sum(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        summed = value.clone()
        distributed.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        summed = gradient.clone()
        distributed.all_reduce(summed)
        return summed
