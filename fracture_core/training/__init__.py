"""The trainer: a recipe and a data set in, trained weights out, on one CPU, one GPU or several machines.

Films are decoded and resized once into a uint8 array; augmentation runs per sample on the device, in batches.
"""

from __future__ import annotations

from fracture_core.training.augmentation import apply_changes, draw_changes
from fracture_core.training.films import Films, decode_films, joined
from fracture_core.training.loop import Epoch, FitResult, fit, join
from fracture_core.training.losses import evidence_losses, film_losses, guidance_losses
from fracture_core.training.optimisation import SCHEDULES, build_optimiser, build_schedule
from fracture_core.training.prediction import normalise, predict_logits
from fracture_core.training.processes import leave, make_fabric

__all__ = [
    "SCHEDULES",
    "Epoch",
    "Films",
    "FitResult",
    "apply_changes",
    "build_optimiser",
    "build_schedule",
    "decode_films",
    "draw_changes",
    "evidence_losses",
    "film_losses",
    "fit",
    "guidance_losses",
    "join",
    "joined",
    "leave",
    "make_fabric",
    "normalise",
    "predict_logits",
]
