"""A custom CNN against ResNet-50 and VGG-16 on the multi-region set.

"Deep learning-based bone fracture classification using convolutional neural networks", 2024; data: Kaggle,
bmadushanirodrigo/fracture-multi-region-x-ray-data, 9,246/828/506 films.

Stated: the custom CNN layer by layer; three channels, 224×224, random flips (both ways), rotations, colour jitter,
ImageNet's mean and deviation; cross-entropy, Adam, StepLR with step 7 and γ 0.1, 10 epochs; the published split;
ResNet-50 pretrained, and both with new heads.

Reported: of test (loss, accuracy, precision, recall, F1), CNN .2100, .8913, .8873, .9104, .8987; ResNet-50 .1556,
.9368, 1.0, .8806, .9365; VGG-16 .0638, .9763, .9848, .9701, .9774. These fit whole films only if "not fractured" is
the positive class.

Commands: as published, and on a split that no copy of a film crosses::

    python train.py multiregion2024 --model custom_cnn --data DIR/multi_region --work DIR/work
    python train.py multiregion2024 --model custom_cnn --data DIR/multi_region --split clean --work DIR/work

Expected time: on two cores, custom CNN 40 minutes, ResNet-50 two hours as published; a third of that grouped, where
every different film comes once. On a data-centre GPU two to five minutes.

Deviations:

- Learning rate, batch and the strength of the augmentation are not stated.
- Where no ImageNet weights are given (``--pretrained``) all three start from scratch.
- As published, 491 of the 506 test films are in training too: the score says how well films are remembered. The
  grouped run is the honest one.
"""

from __future__ import annotations

from fracture_core.recipes.base import PUBLISHED, Augmentation, Recipe

RECIPE = Recipe(
    key="multiregion2024",
    title="Custom CNN, ResNet-50 and VGG-16 on the multi-region set",
    citation="multiregion2024, Deep learning-based bone fracture classification using convolutional neural "
    "networks, 2024",
    paper="multiregion2024",
    model="custom_cnn",
    models=("custom_cnn", "resnet50", "vgg16"),
    overrides={
        "vgg16": {
            "lr": 1e-4,
            "sources": {
                "lr": "not stated; ours: without batch normalisation 1e-3 does not learn",
                "pretrained_models": "not stated; ours: as its ResNet-50",
            },
        },
        "custom_cnn": {"sources": {"pretrained_models": "multiregion2024, Models: a network of its own"}},
    },
    pipeline="multiregion2024",
    size=224,
    epochs=10,
    batch=32,
    optimiser="adam",
    lr=1e-3,
    schedule="step",
    schedule_options={"step_size": 7, "gamma": 0.1},
    loss="cross_entropy",
    augmentation=Augmentation(rotation=15, horizontal_flip=0.5, vertical_flip=0.5, gain=0.2, contrast=0.2),
    split=PUBLISHED,
    data="multiregion",
    pretrained_models=("resnet50", "vgg16"),
    sources={
        "pipeline": "multiregion2024, Data Preprocessing and Augmentation",
        "size": "multiregion2024, Data Preprocessing and Augmentation",
        "epochs": "multiregion2024, Training and Evaluation",
        "batch": "not stated; ours",
        "optimiser": "multiregion2024, Training and Evaluation",
        "lr": "not stated; Adam's default",
        "schedule": "multiregion2024, Training and Evaluation",
        "schedule_options": "multiregion2024, Training and Evaluation",
        "loss": "multiregion2024, Training and Evaluation",
        "augmentation": "multiregion2024, Data Preprocessing and Augmentation; strengths not stated, ours",
        "split": "multiregion2024, Dataset Description",
        "pretrained_models": "multiregion2024, Models; whose weights not stated, ImageNet's by custom",
    },
)
RECIPES = (RECIPE,)
