"""The default classifier: four networks that point, fine-tuned on FracAtlas, answering together.

This project; backbone: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018; top-down
path: Lin et al., "Feature pyramid networks", CVPR 2017.

Stated: nothing by any paper; every setting is ours. Each network (``models/evidence.py``) learns, beside the answer,
a map of evidence at an eighth of the input from the experts' outlines, at 448 px, which loses nothing of FracAtlas's
films; half the time it sees a window around a fracture or elsewhere. The start is ImageNet weights for timm's
``mobilenetv2_100`` (``pad_type="same"``), batch-norm statistics re-estimated on radiographs; stem and first two
blocks stay as they are, which halves the time of training and lets the four run them once when they answer. After
23 epochs of a cycle of forty, left while the rate is high, come two in which the rate falls to nothing and a window
is at most 1.3 times smaller than the film, so that the network ends on films much like those it will be shown. Test
films are 15 in 100 over groups (duplicates and neighbouring films), seed 0. The other films are in five parts; each
network is trained on four of them and validated on the fifth, another one each time, so that together they have
learnt from all. When they answer, two of them look at the film mirrored left to right.

Reported: in ``weights/default/card.json``, each figure with its interval.

Commands: the default; one of its networks at a time (on several machines, say; the first command with ``--resume``
then joins them); the default of before; and the plain network without a map of its own::

    python train.py ours --data DIR/fracatlas --pretrained DIR/pretrained/mobilenetv2_100_imagenet.safetensors \\
        --weights weights/default
    python train.py ours --member 0 --work DIR/work --data DIR/fracatlas \\
        --pretrained DIR/pretrained/mobilenetv2_100_imagenet.safetensors
    python train.py ours-pair --data DIR/fracatlas \\
        --pretrained DIR/pretrained/mobilenetv2_100_imagenet.safetensors --weights weights/pair
    python train.py ours-plain --data DIR/fracatlas \\
        --pretrained DIR/pretrained/mobilenetv2_100_imagenet.safetensors --weights weights/plain

Expected time: two minutes a network on a data-centre GPU that trains four at once; an hour and fifty minutes on one
CPU thread; both reckoned from the time of a step.

Deviations:

- None: no paper reports this recipe.
"""

from __future__ import annotations

from dataclasses import replace

from fracture_core.recipes.base import Augmentation, Recipe

PLAIN = Recipe(
    key="ours-plain",
    title="MobileNetV2, fine-tuned on FracAtlas",
    citation="this project; backbone: Sandler et al., CVPR 2018, doi 10.1109/CVPR.2018.00474",
    model="mobilenetv2_100",
    pipeline="ours",
    size=384,
    epochs=10,
    batch=32,
    optimiser="adamw",
    lr=4e-4,
    weight_decay=0.02,
    schedule="onecycle",
    fracture_weight=2.5,
    label_smoothing=0.02,
    ema=0.998,
    clip=5.0,
    augmentation=Augmentation(
        rotation=30,
        scale=0.25,
        shift=0.08,
        horizontal_flip=0.5,
        vertical_flip=0.5,
        brightness=0.08,
        contrast=0.25,
        gamma=0.25,
        noise=0.02,
    ),
)
POINTING = replace(
    PLAIN,
    key="ours-pointing",
    title="MobileNetV2 that points, fine-tuned on FracAtlas",
    citation=f"{PLAIN.citation}; top-down path: Lin et al., CVPR 2017, doi 10.1109/CVPR.2017.106",
    model="mobilenetv2_evidence",
    size=448,
    guidance=1.0,
    frozen=2,
)
WINDOWS = replace(
    POINTING,
    key="ours-windows",
    title="MobileNetV2 that points, trained on windows too",
    augmentation=replace(PLAIN.augmentation, zoom=0.6),
)
PAIR = replace(
    POINTING,
    key="ours-pair",
    title="Two MobileNetV2 that point, fine-tuned on FracAtlas",
    model="mobilenetv2_evidence_pair",
    committee=(POINTING.key, WINDOWS.key),
)
# a cycle of forty epochs, left while the rate is still half its peak: the averaged weights are even by then
MEMBER = replace(
    WINDOWS,
    key="ours-member",
    title="MobileNetV2 that points, trained longer",
    epochs=23,
    schedule_options={"part": 23 / 40},
)
# then two epochs while the rate falls to nothing, on windows nearer to the whole film, which is what it will read
SETTLED = replace(
    MEMBER,
    key="ours-settled",
    title="MobileNetV2 that points, settled",
    continues=MEMBER.key,
    epochs=2,
    lr=1.5e-4,
    schedule_options={},
    ema=0.98,
    augmentation=replace(MEMBER.augmentation, zoom=0.3),
)
RECIPE = replace(
    SETTLED,
    key="ours",
    title="Four MobileNetV2, two mirrored",
    model="mobilenetv2_evidence_mirrored",
    committee=(SETTLED.key,) * 4,
    rotate=5,
)
RECIPES = (RECIPE, SETTLED, MEMBER, PAIR, POINTING, WINDOWS, PLAIN)
