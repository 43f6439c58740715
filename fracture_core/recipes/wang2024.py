"""SE-ResNet-50 against ResNet-50 and EfficientNet-B5 on ankle CT, and what the SE blocks are worth.

Wang et al., "Harnessing ResNet50 and SENet for enhanced ankle fracture identification", BMC Musculoskelet. Disord.,
2024.

Stated: 987 CT images (255 fractured) in three views, 512×512 DICOM; 224×224, gray ROI mask, Gaussian noise, scaling
to 0–1, random contrast, scaling and rotation, which grow the training set fourfold (591 → 2,364); Adam at 1e-3,
divided by 10 when the validation loss has not improved for more than five epochs; 20 epochs; batch 32; categorical
cross-entropy; 60/20/20 with every patient on one side.

Reported: of test (accuracy, AUC, recall, F1), adapted ResNet-50 .93, .95, .92, .93; EfficientNet-B5 .90, .92, .88,
.89; ResNet-50 .89, .91, .87, .88.

Commands: on films, on a DICOM CT series of synthetic patients, and the ablation::

    python train.py wang2024 --model seresnet50 --data DIR/fracatlas --work DIR/work
    python -m fracture_core data phantom-ct --write DIR/ct && python train.py wang2024 --data DIR/ct --work DIR/work
    python train.py wang2024-with-se --data DIR/fracatlas --work DIR/work
    python train.py wang2024-without-se --data DIR/fracatlas --work DIR/work

Expected time: five minutes each on a data-centre GPU; five hours on two cores, four times less with ``--copies 1``.

Deviations:

- The hospital's images are private: FracAtlas or synthetic CT stands in.
- The paper grew validation and test fourfold too; here both are as they are, since copies of a film are no new
  evidence.
- The paper's mask leaves "solely … the bone"; how it is made is not stated. Ours, by thresholding, leaves the limb
  with its soft tissue.
- Gaussian noise, a step of the paper's preprocessing, is added in training alone and drawn anew each time.
- In the ablation both networks begin from the same weights wherever they have the same layer, so that the SE blocks
  are the only difference.
"""

from __future__ import annotations

from dataclasses import replace

from fracture_core.recipes.base import Augmentation, Recipe

RECIPE = Recipe(
    key="wang2024",
    title="SE-ResNet-50 against ResNet-50 and EfficientNet-B5",
    citation="Wang et al., Harnessing ResNet50 and SENet for enhanced ankle fracture identification, BMC "
    "Musculoskelet. Disord., 2024",
    paper="wang2024",
    model="seresnet50",
    models=("seresnet50", "resnet50", "efficientnet_b5"),
    pipeline="wang2024",
    size=224,
    epochs=20,
    batch=32,
    copies=4,
    optimiser="adam",
    lr=1e-3,
    schedule="plateau",
    schedule_options={"factor": 0.1, "patience": 5},
    loss="cross_entropy",
    augmentation=Augmentation(rotation=15, scale=0.15, contrast=0.2, noise=0.04),
    shares={"train": 0.6, "val": 0.2, "test": 0.2},
    data="private",
    sources={
        "pipeline": "wang2024, Pre-processing; how the mask is made not stated, ours",
        "size": "wang2024, Pre-processing",
        "epochs": "wang2024, Comparative analysis",
        "batch": "wang2024, Comparative analysis",
        "copies": "wang2024, Pre-processing: 2,364 training images of 591",
        "optimiser": "wang2024, Comparative analysis",
        "lr": "wang2024, Comparative analysis",
        "schedule": "wang2024, Comparative analysis",
        "schedule_options": "wang2024, Comparative analysis",
        "loss": "wang2024, Comparative analysis",
        "start_from": "not stated; ours",
        "augmentation": "wang2024, Pre-processing; strengths not stated, ours",
        "shares": "wang2024, The proposed system",
        "split": "wang2024, The proposed system: by patient",
        "pretrained_models": "not stated; ours",
    },
)

ABLATION = (
    replace(RECIPE, key="wang2024-with-se", title="Ablation: with SE blocks", models=("seresnet50",)),
    replace(
        RECIPE,
        key="wang2024-without-se",
        title="Ablation: without SE blocks",
        model="resnet50",
        models=("resnet50",),
        start_from="seresnet50",
    ),
)
RECIPES = (RECIPE, *ABLATION)
