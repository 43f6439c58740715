"""ResNet variants on FracAtlas.

Lisbon, "Detecting bone fractures utilizing Res-Net variants", Kennesaw State University, 2023.

Stated: FracAtlas; ResNet-18, 34, 50, 101 and 152; gray, uint8, CLAHE (clip limit 2.0, 8×8 tiles), thumbnail by
Lanczos with padding to 224×224, three channels; SGD with momentum; focal cross-entropy; 10 epochs; 70/20/10.
Its networks are written out in code of its own, so from scratch it is.

Reported: of validation, in Table 1 (train accuracy, validation accuracy, F1, precision, recall, AUC), ResNet-18 78,
72, .74, .70, .80, .84; ResNet-34 83, 77, .77, .78, .77, .85; ResNet-50 85, 80, .76, .75, .77, .80; ResNet-101 72,
62, .67, .65, .69, .75; ResNet-152 73, 63, .64, "456" (a misprint), .66, .73.

Command::

    python train.py lisbon2023 --model resnet34 --data DIR/fracatlas --work DIR/work

Expected time: on two cores, ResNet-18 15 minutes, 34 25, 50 40, 101 70, 152 100; on a data-centre GPU one to three.

Deviations:

- Learning rate, momentum, batch, focusing parameter and augmentation are not stated.
- The split is over groups (duplicates, neighbouring views) instead of over films, so that test films are new ones.
- The epoch that is kept is the best by validation AUC, and every figure is of test.
- The paper speaks of 14,068 scans; FracAtlas releases 4,083.
"""

from __future__ import annotations

from fracture_core.recipes.base import Augmentation, Recipe

RECIPE = Recipe(
    key="lisbon2023",
    title="ResNet variants on FracAtlas",
    citation="Lisbon, Detecting bone fractures utilizing Res-Net variants, Kennesaw State University, 2023",
    paper="lisbon2023",
    model="resnet34",  # the paper's best
    models=("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    pipeline="lisbon2023",
    size=224,
    epochs=10,
    batch=32,
    optimiser="sgd",
    lr=0.01,
    momentum=0.9,
    schedule="constant",
    loss="focal",
    focal_gamma=2.0,
    augmentation=Augmentation(horizontal_flip=0.5),
    shares={"train": 0.7, "val": 0.2, "test": 0.1},
    reported_on="validation",
    sources={
        "pipeline": "lisbon2023, Preprocessing Steps; scaling to [0, 1] not stated, ours",
        "size": "lisbon2023, Preprocessing Steps",
        "epochs": "lisbon2023, Results",
        "batch": "not stated; ours",
        "optimiser": "lisbon2023, Optimizer and Loss Function",
        "lr": "not stated; ours",
        "momentum": "not stated; ours",
        "schedule": "not stated; ours",
        "loss": "lisbon2023, Optimizer and Loss Function",
        "focal_gamma": "not stated; the value of Lin et al., ICCV 2017",
        "augmentation": "not stated; ours",
        "shares": "lisbon2023, Introduction and Project Overview",
        "split": "not stated; ours",
        "pretrained_models": "not stated; ours: the networks are written out in code of its own (Appendix)",
    },
)
RECIPES = (RECIPE,)
