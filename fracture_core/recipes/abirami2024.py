"""SE-ResNet against ResNet, DenseNet and U-Net on long bones.

Abirami et al., "Deep learning-based long bone fracture classification using squeeze-and-excitation ResNet", 2024.

Stated: the squeeze-and-excitation block (global average pooling → FC to C/16 → ReLU → FC to C → sigmoid → channel
scale) inside each residual block of two convolutions, after its last batch normalisation and before the addition;
equations 1 to 8. Nothing else: neither data, nor split, nor depths, nor input size, nor any setting of the training.

Reported: in Table 1 (precision, recall, F1, accuracy in %), ResNet 90.34, 92.14, 90.7, 90.23; U-Net 43.73, 42.73,
42.67, 75.06; DenseNet 74, 75.45, 76.56, 88.56; SE-ResNet 94.56, 96.78, 97.67, 98.02. Two of these F1 are above the
mean of precision and recall, which no F1 can be.

Command::

    python train.py abirami2024 --model seresnet50_abirami --data DIR/fracatlas --work DIR/work

Expected time: on two cores, DenseNet-121 and ResNet-50 40 minutes, SE-ResNet-50 45, U-Net an hour; on a data-centre
GPU two each.

Deviations:

- FracAtlas stands in for films that are not to be had.
- The paper speaks of classifying types of fractures, and does not say how many; here it is fractured or not.
- The paper writes a block of two convolutions; the bottleneck of ResNet-50 is ours.
- Depths (50 and 121), input, optimiser, schedule, augmentation and epochs are ours, alike for all four models.
- The split is over groups (duplicates, neighbouring views), so that test films are new ones.
- Every model starts from scratch, since no starting point is stated.
"""

from __future__ import annotations

from fracture_core.recipes.base import Augmentation, Recipe

RECIPE = Recipe(
    key="abirami2024",
    title="SE-ResNet against ResNet, DenseNet and U-Net",
    citation="Abirami et al., Deep learning-based long bone fracture classification using squeeze-and-excitation "
    "ResNet, 2024",
    paper="abirami2024",
    model="seresnet50_abirami",
    models=("resnet50", "unet_classifier", "densenet121", "seresnet50_abirami"),
    pipeline="abirami2024",
    size=224,
    epochs=10,
    batch=32,
    optimiser="adam",
    lr=1e-3,
    schedule="onecycle",
    augmentation=Augmentation(rotation=15, scale=0.15, horizontal_flip=0.5, contrast=0.2),
    shares={"train": 0.7, "val": 0.15, "test": 0.15},
    data="private",
    reported_on="films it does not name",
    sources={
        "pipeline": "not stated; ours",
        "size": "not stated; ours: the side its networks were published with",
        "epochs": "not stated; ours",
        "batch": "not stated; ours",
        "optimiser": "not stated; ours",
        "lr": "not stated; Adam's default",
        "schedule": "not stated; ours",
        "loss": "not stated; ours",
        "augmentation": "not stated; ours",
        "shares": "not stated; ours",
        "split": "not stated; ours",
        "pretrained_models": "not stated; ours",
    },
)
RECIPES = (RECIPE,)
