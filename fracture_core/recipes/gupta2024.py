"""EfficientNet-B6 by transfer learning on FracAtlas, and the trial of the transforms it rejected.

Gupta and Sharma, "Bone fracture classification using transfer learning", 2024.

Stated: FracAtlas; EfficientNet-B6 with pretrained weights; batch 16; cross-entropy; Adam; cosine annealing with warm
restarts; 7 epochs; normalisation alone and no crop. CLAHE, anisotropic diffusion, Canny edges, segmentation and
random central cropping were tried and "did not significantly enhance" the model.

Reported of test: accuracy .9683, precision .9770, recall .9606, F1 .9686, AUC .9606 (equal to the recall, as when an
AUC is computed from hard answers); training accuracy .99, validation .97.

Commands: the paper's, and each transform switched on alone (``--list`` names them)::

    python train.py gupta2024 --data DIR/fracatlas --pretrained FILE --work DIR/work
    python train.py gupta2024-clahe --data DIR/fracatlas --pretrained FILE --work DIR/work

Expected time: EfficientNet-B6 at 528 px seven minutes on a data-centre GPU, days on two cores; EfficientNet-B0 at
224 px, a stand-in for a laptop, half an hour.

Deviations: learning rate, restart period, input size, constants of the transforms and the split are not stated;
528 px is the architecture's own; split over groups. Without ``--pretrained`` the run starts from scratch.
"""

from __future__ import annotations

from dataclasses import replace

from fracture_core.recipes.base import Augmentation, Recipe

RECIPE = Recipe(
    key="gupta2024",
    title="EfficientNet-B6, normalisation alone",
    citation="Gupta and Sharma, Bone fracture classification using transfer learning, 2024",
    paper="gupta2024",
    model="efficientnet_b6",
    models=("efficientnet_b6", "efficientnet_b0"),
    # the small one is a stand-in for a laptop, at its own size and over one longer cosine
    overrides={"efficientnet_b0": {"size": 224, "epochs": 10, "schedule_options": {"T_0": 10, "T_mult": 1}}},
    pipeline="gupta2024",
    size=528,  # not stated; EfficientNet-B6's own (Tan and Le)
    epochs=7,  # gupta2024, Training & Results
    batch=16,  # gupta2024, Training & Results
    optimiser="adam",  # gupta2024, Training & Results
    lr=1e-3,  # not stated; Adam's default
    schedule="warm_restarts",  # gupta2024, Training & Results
    schedule_options={"T_0": 1, "T_mult": 2},  # not stated; ours: 1 + 2 + 4 epochs end with the seventh
    loss="cross_entropy",  # gupta2024, Training & Results
    shares={"train": 0.7, "val": 0.15, "test": 0.15},  # not stated; ours
    pretrained_models=("efficientnet_b6",),
)

TRIALS = {
    "clahe": "CLAHE",
    "diffusion": "anisotropic diffusion",
    "canny": "Canny edges",
    "segmentation": "segmentation",
    "central_crop": "central cropping",
    "random_crop": "random central cropping",
}
"""Transforms that the paper tried, by their names in ``preprocessing.REJECTED``."""


def _trial(name: str) -> Recipe:
    trial = replace(RECIPE, key=f"gupta2024-{name}", title=f"EfficientNet-B6 with {TRIALS[name]}")
    if name == "random_crop":  # drawn in training alone, on the device, as every augmentation is
        return replace(trial, augmentation=Augmentation(central_crop=0.4))
    return replace(trial, pipeline_options={"extra": (name,)})


RECIPES = (RECIPE, *(_trial(name) for name in TRIALS))
