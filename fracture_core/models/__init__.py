"""The classifiers, by name: one table, one builder, one way to start from a user's own ImageNet weights.

Reading the table imports neither torch nor timm; building a model does. Every model takes float32 images
(N, 3, H, W) and has

- ``forward_features(x) -> (N, C, h, w)``: the last spatial map, which activation maps explain;
- ``forward_head(features) -> (N, 2)``: logits in the order of ``CLASSES``, differentiable from the features;
- ``forward(x) == forward_head(forward_features(x))``;
- ``get_classifier() -> nn.Linear``: the last, two-logit layer.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core.errors import UnknownName, WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

log = logging.getLogger(__name__)

CLASSES = ("not fractured", "fractured")
"""What logit 0 and logit 1 stand for."""

MIN_MATCH = 0.9
"""Share of the backbone's tensors, the model's and the file's alike, that pretrained weights must match."""

HEAD_STD = 0.01  # as torchvision begins VGG and MobileNetV2; ours for the rest
"""Standard deviation of a new classifier's initial weights on a pretrained backbone."""


# The table --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One classifier, as a page lists it and as ``build_model`` makes it.

    Attributes:
        title: the name to show.
        citation: where the architecture comes from.
        parameters: trainable parameters as built here, two-logit head included.
        make: the builder, called with the dropout rate; ``build_model`` is the way to use it.
        papers: keys of the compared papers (``recipes``) that use it; empty if none does.
        published_parameters: trainable parameters in the literature, with a 1000-class head (torchvision's
            model table; for SE-ResNet-50 the authors' released model); None where there is no such figure.
        native_size: side, in pixels, of the square input the architecture was published with or is used at.
        fixed_size: True if it takes ``native_size`` only.
        drop_rate: dropout before the classifier unless asked otherwise, in [0, 1).
        imagenet: timm's name of ImageNet weights that fit; empty if there are none.
        points: it has ``evidence(features) -> (N, 1, h, w)``, a logit for every place, trained on experts' outlines.
        note: what the papers leave open, in a sentence; empty if nothing.
    """

    title: str
    citation: str
    parameters: int
    make: Callable[[float], nn.Module]
    papers: tuple[str, ...] = ()
    published_parameters: int | None = None
    native_size: int = 224
    fixed_size: bool = False
    drop_rate: float = 0.0
    imagenet: str = ""
    points: bool = False
    note: str = ""


def _timm(architecture: str, **options: Any) -> Callable[[float], nn.Module]:
    def make(drop_rate: float) -> nn.Module:
        import timm

        classes = len(CLASSES)
        model: nn.Module = timm.create_model(
            architecture, pretrained=False, num_classes=classes, in_chans=3, drop_rate=drop_rate, **options
        )
        # timm draws an EfficientNet's or MobileNet's head from +-1/sqrt(classes): with two classes the first
        # logits reach +-10. torch's own range is +-1/sqrt(channels).
        _classifier(model)[0].reset_parameters()
        return model

    return make


def _se_resnet50(drop_rate: float) -> nn.Module:
    from fracture_core.models.se_resnet import SEResNet50

    return SEResNet50(drop_rate=drop_rate)


def _unet_classifier(drop_rate: float) -> nn.Module:
    from fracture_core.models.unet_classifier import UNetClassifier

    return UNetClassifier(drop_rate=drop_rate)


def _custom_cnn(drop_rate: float) -> nn.Module:
    from fracture_core.models.custom_cnn import CustomCNN

    return CustomCNN(drop_rate=drop_rate)


def _evidence(drop_rate: float) -> nn.Module:
    from fracture_core.models.evidence import EvidenceMobileNetV2

    return EvidenceMobileNetV2(drop_rate=drop_rate)


def _evidence_pair(drop_rate: float) -> nn.Module:
    from fracture_core.models.committee import Committee

    return Committee([_evidence(drop_rate), _evidence(drop_rate)])


def _evidence_four(*mirrored: int) -> Callable[[float], nn.Module]:
    def make(drop_rate: float) -> nn.Module:
        from fracture_core.models.committee import SharedBeginning

        return SharedBeginning([_evidence(drop_rate) for _ in range(4)], mirrored=mirrored)

    return make


def _vgg16(drop_rate: float) -> nn.Module:
    from fracture_core.models.vgg import VGG16

    return VGG16(drop_rate=drop_rate)


_RESNET = "He et al., Deep residual learning for image recognition, CVPR 2016, doi 10.1109/CVPR.2016.90"
_SENET = "Hu et al., Squeeze-and-excitation networks, CVPR 2018, doi 10.1109/CVPR.2018.00745"
_DENSENET = "Huang et al., Densely connected convolutional networks, CVPR 2017, doi 10.1109/CVPR.2017.243"
_UNET = "Ronneberger et al., U-Net, MICCAI 2015, doi 10.1007/978-3-319-24574-4_28"
_VGG = "Simonyan and Zisserman, Very deep convolutional networks, ICLR 2015, arXiv 1409.1556"
_EFFICIENTNET = "Tan and Le, EfficientNet, ICML 2019, arXiv 1905.11946"
_FPN = "Lin et al., Feature pyramid networks, CVPR 2017, doi 10.1109/CVPR.2017.106"
_MOBILENETV2 = "Sandler et al., MobileNetV2, CVPR 2018, doi 10.1109/CVPR.2018.00474"

_FOUR = ModelSpec(
    title="Four MobileNetV2 that point",
    citation=f"{_MOBILENETV2}; {_FPN}; the head is this project's",
    parameters=7_778_304,
    native_size=448,
    drop_rate=0.2,  # as MobileNetV2's
    points=True,
    note="Four networks with one beginning, trained apart on other parts of the films; the answer and the map "
    "are the means of theirs.",
    make=_evidence_four(),
)

MODELS: dict[str, ModelSpec] = {
    "resnet18": ModelSpec(
        title="ResNet-18",
        citation=_RESNET,
        papers=("lisbon2023",),
        parameters=11_177_538,
        published_parameters=11_689_512,
        imagenet="resnet18.tv_in1k",
        make=_timm("resnet18"),
    ),
    "resnet34": ModelSpec(
        title="ResNet-34",
        citation=_RESNET,
        papers=("lisbon2023",),
        parameters=21_285_698,
        published_parameters=21_797_672,
        imagenet="resnet34.tv_in1k",
        make=_timm("resnet34"),
    ),
    "resnet50": ModelSpec(
        title="ResNet-50",
        citation=_RESNET,
        papers=("abirami2024", "lisbon2023", "multiregion2024", "wang2024"),
        parameters=23_512_130,
        published_parameters=25_557_032,
        note="abirami2024 does not state its ResNet's depth; 50 is ours.",
        imagenet="resnet50.tv_in1k",
        make=_timm("resnet50"),
    ),
    "resnet101": ModelSpec(
        title="ResNet-101",
        citation=_RESNET,
        papers=("lisbon2023",),
        parameters=42_504_258,
        published_parameters=44_549_160,
        imagenet="resnet101.tv_in1k",
        make=_timm("resnet101"),
    ),
    "resnet152": ModelSpec(
        title="ResNet-152",
        citation=_RESNET,
        papers=("lisbon2023",),
        parameters=58_147_906,
        published_parameters=60_192_808,
        imagenet="resnet152.tv_in1k",
        make=_timm("resnet152"),
    ),
    "seresnet50": ModelSpec(
        title="SE-ResNet-50",
        citation=_SENET,
        papers=("wang2024",),
        parameters=26_043_122,
        published_parameters=28_088_024,
        imagenet="seresnet50.ra2_in1k",
        make=_timm("seresnet50"),
    ),
    "seresnet50_abirami": ModelSpec(
        title="SE-ResNet-50 of abirami2024",
        citation=_SENET,
        papers=("abirami2024",),
        parameters=26_027_074,
        note="Its equations have no biases in the squeeze-and-excitation layers; its depth is not stated. It writes "
        "a block of two convolutions; 50 layers, and the bottleneck of three that goes with them, are ours.",
        make=_se_resnet50,
    ),
    "densenet121": ModelSpec(
        title="DenseNet-121",
        citation=_DENSENET,
        papers=("abirami2024",),
        parameters=6_955_906,
        published_parameters=7_978_856,
        note="abirami2024 does not state its DenseNet's depth; 121 is ours.",
        imagenet="densenet121.tv_in1k",
        make=_timm("densenet121"),
    ),
    "unet_classifier": ModelSpec(
        title="U-Net as a classifier",
        citation=_UNET,
        papers=("abirami2024",),
        parameters=7_763_074,
        note="abirami2024 states neither the depth, nor the width, nor how a U-Net classifies; four levels, "
        "32 base channels, batch normalisation, global average pooling and one linear layer are ours.",
        make=_unet_classifier,
    ),
    "custom_cnn": ModelSpec(
        title="Custom CNN of multiregion2024",
        citation="multiregion2024, Models, section 1, and its table 'Architecture of Custom CNN'",
        papers=("multiregion2024",),
        parameters=52_360_866,
        fixed_size=True,
        note="The text puts batch normalisation after each convolution, the table leaves it out; the text is "
        "followed.",
        make=_custom_cnn,
    ),
    "vgg16": ModelSpec(
        title="VGG-16",
        citation=_VGG,
        papers=("multiregion2024",),
        parameters=134_268_738,
        published_parameters=138_357_544,
        drop_rate=0.5,  # Simonyan and Zisserman, section 3.1; multiregion2024 gives no rate
        note="multiregion2024 does not give the widths of its new classifier; VGG's own, which the text "
        "describes, are used: 4096, 4096, 2.",
        imagenet="vgg16.tv_in1k",
        make=_vgg16,
    ),
    "efficientnet_b0": ModelSpec(
        title="EfficientNet-B0",
        citation=_EFFICIENTNET,
        parameters=4_010_110,
        published_parameters=5_288_548,
        drop_rate=0.2,  # Tan and Le, section 5.2: from 0.2 for B0 up to 0.5 for B7
        imagenet="efficientnet_b0.ra_in1k",
        make=_timm("efficientnet_b0"),
    ),
    "efficientnet_b5": ModelSpec(
        title="EfficientNet-B5",
        citation=_EFFICIENTNET,
        papers=("wang2024",),
        parameters=28_344_882,
        published_parameters=30_389_784,
        native_size=456,
        drop_rate=0.4,  # the authors' released code
        note="Batch norm and padding as TensorFlow's, so that weights from there fit.",
        imagenet="tf_efficientnet_b5.in1k",
        make=_timm("tf_efficientnet_b5"),
    ),
    "efficientnet_b6": ModelSpec(
        title="EfficientNet-B6",
        citation=_EFFICIENTNET,
        papers=("gupta2024",),
        parameters=40_740_314,
        published_parameters=43_040_704,
        native_size=528,
        drop_rate=0.5,  # the authors' released code
        note="Batch norm and padding as TensorFlow's, so that weights from there fit.",
        imagenet="tf_efficientnet_b6.aa_in1k",
        make=_timm("tf_efficientnet_b6"),
    ),
    "mobilenetv2_100": ModelSpec(
        title="MobileNetV2",
        citation=_MOBILENETV2,
        parameters=2_226_434,
        published_parameters=3_504_872,
        drop_rate=0.2,  # the authors' released code; the paper gives no rate
        note="Padded as TensorFlow pads, so that weights from there fit.",
        imagenet="mobilenetv2_100.ra_in1k",
        make=_timm("mobilenetv2_100", pad_type="same"),
    ),
    "mobilenetv2_evidence": ModelSpec(
        title="MobileNetV2 that points",
        citation=f"{_MOBILENETV2}; {_FPN}; the head is this project's",
        parameters=1_956_420,
        native_size=448,
        drop_rate=0.2,  # as MobileNetV2's
        imagenet="mobilenetv2_100.ra_in1k",
        points=True,
        note="A map at an eighth of the input is trained on experts' outlines; the answer reads its strongest "
        "places.",
        make=_evidence,
    ),
    "mobilenetv2_evidence_pair": ModelSpec(
        title="Two MobileNetV2 that point",
        citation=f"{_MOBILENETV2}; {_FPN}; the head is this project's",
        parameters=3_912_840,
        native_size=448,
        drop_rate=0.2,  # as MobileNetV2's
        points=True,
        note="Two networks trained apart; the answer and the map are the means of theirs.",
        make=_evidence_pair,
    ),
    "mobilenetv2_evidence_four": _FOUR,
    "mobilenetv2_evidence_mirrored": replace(
        _FOUR,
        title="Four MobileNetV2, two mirrored",
        note="Four networks with one beginning, trained apart on other parts of the films; two of them look at the "
        "film mirrored left to right. The answer and the map are the means of theirs.",
        make=_evidence_four(1, 3),
    ),
}


# Building ---------------------------------------------------------------------------------------------


def build_model(name: str, *, state: Mapping[str, Tensor] | None = None, drop_rate: float | None = None) -> nn.Module:
    """Build one of ``MODELS``, on the CPU and in training mode.

    Args:
        name: a key of ``MODELS``.
        state: every tensor of the model by name, as ``state_dict()`` gives them (half precision is widened);
            without it the weights are new, drawn from torch's global generator.
        drop_rate: dropout before the classifier, in [0, 1); None for the architecture's own.

    Raises:
        UnknownName: there is no such model.
        WeightsError: ``state`` does not fit the model.
    """
    if name not in MODELS:
        raise UnknownName("model", name, MODELS)
    spec = MODELS[name]
    model = spec.make(spec.drop_rate if drop_rate is None else drop_rate)
    if state is not None:
        differences = _differences(model.state_dict(), state)
        if differences:
            raise WeightsError(
                f"These weights do not fit the model '{name}' ({differences}). Choose the model they belong to."
            )
        model.load_state_dict(state)
    return model


def count_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


# Starting from ImageNet -------------------------------------------------------------------------------


@dataclass(frozen=True)
class LoadReport:
    """What ``load_pretrained`` did to the backbone: all but the classifier and the batch counters.

    Attributes:
        loaded: tensors that were filled.
        total: tensors in all.
        missing: names the model has and the weights have not.
        misshapen: names both have, in shapes that do not fit.
        unused: names the weights have and the model has not.
    """

    loaded: int
    total: int
    missing: tuple[str, ...]
    misshapen: tuple[str, ...]
    unused: tuple[str, ...]


def load_pretrained(model: nn.Module, weights: str | os.PathLike[str] | Mapping[str, Tensor]) -> LoadReport:
    """Fill a new model's backbone with ImageNet weights under timm's names, and quieten its new head.

    The classifier is never loaded (for VGG-16 all three of its layers, which multiregion2024 replaces).
    Its last layer's weights are scaled to a standard deviation of ``HEAD_STD``, its bias to zero: at their
    usual size the first updates would run through a random head and destroy the features.

    Args:
        model: from ``build_model``; changed in place, and left as it was if an error is raised.
        weights: a ``.safetensors`` file, or tensors by name.

    Raises:
        WeightsError: no such file, another format, a damaged file, or weights of another architecture
            (fewer than ``MIN_MATCH`` of the tensors match in name and shape).
    """
    if isinstance(weights, Mapping):
        source, offered = "The weights given", dict(weights)
    else:
        source, offered = f"'{Path(weights).name}'", _read_safetensors(Path(weights))

    classifier, new = _classifier(model)
    wanted = _backbone(model.state_dict(), new)
    given = _backbone(offered, new)
    fitting = {
        name: given[name].reshape(tensor.shape)
        for name, tensor in wanted.items()
        if name in given and _fits(tensor, given[name])
    }
    if len(fitting) < MIN_MATCH * max(len(wanted), len(given)):
        raise WeightsError(
            f"{source} does not fit this model: {len(fitting)} of its {len(wanted)} backbone tensors match "
            f"in name and shape, out of {len(given)} ({_differences(wanted, given)}). "
            "Choose weights made for this architecture, under timm's names."
        )
    model.load_state_dict(fitting, strict=False)
    _quieten(classifier)
    log.info("pretrained weights: %d of %d backbone tensors loaded", len(fitting), len(wanted))
    return LoadReport(
        loaded=len(fitting),
        total=len(wanted),
        missing=tuple(name for name in wanted if name not in given),
        misshapen=tuple(name for name in wanted if name in given and name not in fitting),
        unused=tuple(name for name in given if name not in wanted),
    )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    if path.suffix.lower() != ".safetensors":
        raise WeightsError(
            f"'{path.name}' is not a .safetensors file. Other weight files can run code when they are "
            "opened, so they are refused. Convert it first, where you trust it: safetensors.torch.save_file("
            "torch.load(path, weights_only=True), 'weights.safetensors')."
        )
    if not path.is_file():
        raise WeightsError(f"There is no weight file '{path.name}' at the place given. Check the path.")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"'{path.name}' cannot be read as safetensors. Fetch it again. ({error})") from error


def _classifier(model: nn.Module) -> tuple[nn.Linear, tuple[str, ...]]:
    """The last layer, and the name prefixes of every layer that starts new on a pretrained backbone."""
    linear: nn.Linear = model.get_classifier()  # type: ignore[operator, assignment]
    own = next(name for name, module in model.named_modules() if module is linear)
    return linear, (f"{own}.", *getattr(model, "replaced_layers", ()))


def _backbone(state: Mapping[str, Tensor], new: tuple[str, ...]) -> dict[str, Tensor]:
    """All but the classifier and the batch counters, which tell nothing and which older files lack."""
    return {
        name: tensor
        for name, tensor in state.items()
        if not name.startswith(new) and not name.endswith("num_batches_tracked")
    }


def _fits(wanted: Tensor, offered: Tensor) -> bool:
    """Equal shapes; a 1x1 convolution also fits the linear layer it equals."""
    return offered.shape in (wanted.shape, (*wanted.shape, 1, 1))


def _quieten(classifier: nn.Linear) -> None:
    import torch

    with torch.no_grad():
        classifier.weight.mul_(HEAD_STD / classifier.weight.std())
        classifier.bias.zero_()


def _differences(wanted: Mapping[str, Tensor], offered: Mapping[str, Tensor]) -> str:
    """The first names in which weights differ from what a model wants; empty if they agree."""
    absent = [name for name in wanted if name not in offered]
    misshapen = [
        f"{name} {tuple(offered[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in offered and offered[name].shape != wanted[name].shape
    ]
    unknown = [name for name in offered if name not in wanted]
    kinds = (("absent", absent), ("of another shape", misshapen), ("unknown to the model", unknown))
    return "; ".join(f"{kind}: {_first(names)}" for kind, names in kinds if names)


def _first(names: list[str], shown: int = 3) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
