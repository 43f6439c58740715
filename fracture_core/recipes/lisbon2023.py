"""ResNet variants on FracAtlas.

Lisbon, "Detecting bone fractures utilizing Res-Net variants", Kennesaw State University, 2023.

Stated: FracAtlas; ResNet-18, 34, 50, 101 and 152; gray, uint8, CLAHE (clip limit 2.0, 8×8 tiles), thumbnail by
Lanczos with padding to 224×224, three channels; SGD with momentum; focal cross-entropy; 10 epochs; 70/20/10.
Its networks are written out in code of its own, so from scratch it is.

Reported, of validation (Table 1: train accuracy, validation accuracy, F1, precision, recall, AUC): ResNet-18 78, 72,
.74, .70, .80, .84; ResNet-34 83, 77, .77, .78, .77, .85; ResNet-50 85, 80, .76, .75, .77, .80; ResNet-101 72, 62,
.67, .65, .69, .75; ResNet-152 73, 63, .64, "456" (a misprint), .66, .73.

Command::

    python train.py lisbon2023 --model resnet34 --data DIR/fracatlas --work DIR/work

Expected time on two cores: ResNet-18 15 minutes, 34 25, 50 40, 101 70, 152 100; on a data-centre GPU one to three.

Deviations: learning rate, momentum, batch, focusing parameter and augmentation are not stated; the split is over
groups (duplicates, neighbouring views) instead of over films, so that test films are new ones; the epoch that is
kept is the best by validation AUC, and every figure is of test. The paper speaks of 14,068 scans; FracAtlas
releases 4,083.
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
    size=224,  # lisbon2023, Preprocessing Steps
    epochs=10,  # lisbon2023, Results
    batch=32,  # not stated; ours
    optimiser="sgd",  # lisbon2023, Optimizer and Loss Function
    lr=0.01,  # not stated; ours
    momentum=0.9,  # not stated; ours
    schedule="constant",  # not stated; ours
    loss="focal",  # lisbon2023, Optimizer and Loss Function
    focal_gamma=2.0,  # not stated; the value of Lin et al., ICCV 2017
    augmentation=Augmentation(horizontal_flip=0.5),  # not stated; ours
    shares={"train": 0.7, "val": 0.2, "test": 0.1},  # lisbon2023, Introduction
    reported_on="validation",
)
RECIPES = (RECIPE,)
