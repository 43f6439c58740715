"""ImageNet weights that timm publishes, fetched once where the machine has a network."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fracture_core.errors import UnknownName, WeightsError
from fracture_core.models import MODELS

if TYPE_CHECKING:
    from torch import Tensor

TIMM = "timm"
"""What a user says instead of a file's name."""

log = logging.getLogger(__name__)


def imagenet_file(model: str, *, folder: Path) -> Path:
    """The ImageNet weights of a model as ``folder/<timm's name>.safetensors``, fetched if they are not there.

    Args:
        model: a key of ``MODELS``.
        folder: where the file is kept; made when missing.

    Raises:
        UnknownName: there is no such model.
        WeightsError: timm has no ImageNet weights for it, or they cannot be fetched or kept.
    """
    if model not in MODELS:
        raise UnknownName("model", model, MODELS)
    name = MODELS[model].imagenet
    if not name:
        raise WeightsError(
            f"timm has no ImageNet weights for {MODELS[model].title}. Train it from scratch: leave --pretrained out."
        )
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        _keep(_fetched(name), path)
    return path


def _fetched(name: str) -> dict[str, Tensor]:
    import timm

    log.info("fetching the ImageNet weights %s", name)
    try:
        state: dict[str, Tensor] = timm.create_model(name, pretrained=True).state_dict()
    except (OSError, RuntimeError) as error:  # no network, no such file; a file that is cut off
        raise WeightsError(
            f"The ImageNet weights '{name}' cannot be fetched: is there a network? On a machine that has one, save "
            f"timm.create_model('{name}', pretrained=True).state_dict() by safetensors.torch.save_file, bring the "
            "file here and name it: --pretrained FILE."
        ) from error
    return state


def _keep(state: dict[str, Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, partial)
        partial.replace(path)
    except OSError as error:
        raise WeightsError(f"'{path}' cannot be written: {error.strerror}. Name another folder: --work.") from error
