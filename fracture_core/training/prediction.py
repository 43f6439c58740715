"""Films through a network, as they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from fracture_core.preprocessing import Pipeline
from fracture_core.training.films import Films


def normalise(images: Tensor, pipeline: Pipeline) -> Tensor:
    """float (N, 1, S, S) in [0, 1] → (N, 3, S, S), by the pipeline's mean and standard deviation."""
    mean, std = (_channels(tuple(values), images.device) for values in (pipeline.mean, pipeline.std))
    return ((images.expand(-1, 3, -1, -1) - mean) / std).contiguous(memory_format=torch.channels_last)


@cache
def _channels(values: Sequence[float], device: torch.device) -> Tensor:
    """A value for each channel, (1, 3, 1, 1), copied once: every copy from the CPU waits for a GPU."""
    with torch.inference_mode(False):
        return torch.tensor(values, device=device).view(1, 3, 1, 1)


def predict_logits(
    model: nn.Module,
    films: Films,
    indices: np.ndarray,
    *,
    pipeline: Pipeline,
    device: torch.device | str = "cpu",
    batch: int | None = None,
) -> np.ndarray:
    """float32 (len(indices), 2) logits of films as they are, in evaluation mode and full precision.

    Args:
        batch: films at once; None for 64 on a GPU and 8 on a CPU, where larger ones only take memory.
    """
    batch = batch or (8 if torch.device(device).type == "cpu" else 64)
    was_training = model.training
    model = model.eval().to(device)
    kind = next(model.parameters()).dtype
    rows = []
    with torch.inference_mode():
        for start in range(0, len(indices), batch):
            chosen = indices[start : start + batch]
            images = torch.from_numpy(films.pixels[chosen]).to(device)[:, None].float() / 255
            rows.append(model(normalise(images, pipeline).to(kind)).float().cpu().numpy())
    model.train(was_training)
    return np.concatenate(rows) if rows else np.zeros((0, 2), np.float32)
