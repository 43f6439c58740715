"""EfficientNet-B6 by transfer learning on FracAtlas, and the trial of the transforms it rejected.

Gupta and Sharma, "Bone fracture classification using transfer learning", 2024.

Stated: FracAtlas; EfficientNet-B6 with pretrained weights; batch 16; cross-entropy; Adam; cosine annealing with warm
restarts; 7 epochs; normalisation alone and no crop. CLAHE, anisotropic diffusion, Canny edges, segmentation and
random central cropping were tried and "did not significantly enhance" the model.

Reported: of test, accuracy .9683, precision .9770, recall .9606, F1 .9686, AUC .9606 (equal to the recall, as when an
AUC is computed from hard answers); training accuracy .99, validation .97.

Commands: the paper's, and each transform switched on alone (``--list`` names them)::

    python train.py gupta2024 --data DIR/fracatlas --pretrained FILE --work DIR/work
    python train.py gupta2024-clahe --data DIR/fracatlas --pretrained FILE --work DIR/work

Expected time: EfficientNet-B6 at 528 px seven minutes on a data-centre GPU, days on two cores; EfficientNet-B0 at
224 px, a stand-in for a laptop, half an hour.

Deviations:

- Learning rate, restart period, input size and the constants of the transforms are not stated; 528 px is the
  architecture's own side.
- The split is not stated; here it is over groups (duplicates, neighbouring views).
- The paper finds normalisation alone best, and its conclusion speaks of data augmentation, of what kind it does not
  say; here there is none.
- Without ``--pretrained`` the run starts from scratch.
- EfficientNet-B0 is no model of the paper's: it stands in on machines that cannot train EfficientNet-B6.
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
    overrides={
        "efficientnet_b0": {
            "size": 224,
            "epochs": 10,
            "schedule_options": {"T_0": 10, "T_mult": 1},
            "sources": {
                "size": "not stated; EfficientNet-B0's own (Tan and Le)",
                "epochs": "not stated; ours for the stand-in: the paper's 7 are EfficientNet-B6's",
                "schedule_options": "not stated; ours: one cosine over the run",
                "pretrained_models": "not stated; ours for the stand-in",
            },
        }
    },
    pipeline="gupta2024",
    size=528,
    epochs=7,
    batch=16,
    optimiser="adam",
    lr=1e-3,
    schedule="warm_restarts",
    schedule_options={"T_0": 1, "T_mult": 2},
    loss="cross_entropy",
    shares={"train": 0.7, "val": 0.15, "test": 0.15},
    pretrained_models=("efficientnet_b6",),
    sources={
        "pipeline": "gupta2024, Training & Results; constants not stated, ours",
        "size": "not stated; EfficientNet-B6's own (Tan and Le)",
        "epochs": "gupta2024, Training & Results",
        "batch": "gupta2024, Training & Results",
        "optimiser": "gupta2024, Training & Results",
        "lr": "not stated; Adam's default",
        "schedule": "gupta2024, Training & Results",
        "schedule_options": "not stated; ours: 1 + 2 + 4 epochs end with the seventh",
        "loss": "gupta2024, Training & Results",
        "augmentation": "gupta2024, Training & Results: normalisation alone; its conclusion speaks of data "
        "augmentation, kind not stated, none here",
        "shares": "not stated; ours",
        "split": "not stated; ours",
        "pretrained_models": "gupta2024, Training & Results; whose weights not stated, ImageNet's by custom",
    },
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

_TRIED = {
    "clahe": "gupta2024, CLAHE Transform; constants not stated, those of lisbon2023",
    "diffusion": "gupta2024, Anisotropic Diffusion Transform; constants not stated, ours",
    "canny": "gupta2024, Canny Edge Detection; constants not stated, ours",
    "segmentation": "gupta2024, Image Segmentation Transform; method not stated, ours",
    "central_crop": "gupta2024, Training & Results; share cut off not stated, ours",
    "random_crop": "gupta2024, Random Central Cropping; share cut off not stated, ours",
}


def _trial(name: str) -> Recipe:
    trial = replace(RECIPE, key=f"gupta2024-{name}", title=f"EfficientNet-B6 with {TRIALS[name]}")
    if name == "random_crop":  # drawn in training alone, on the device, as every augmentation is
        sources = {**RECIPE.sources, "augmentation": _TRIED[name]}
        return replace(trial, augmentation=Augmentation(central_crop=0.4), sources=sources)
    sources = {**RECIPE.sources, "pipeline_options": _TRIED[name]}
    return replace(trial, pipeline_options={"extra": (name,)}, sources=sources)


RECIPES = (RECIPE, *(_trial(name) for name in TRIALS))
