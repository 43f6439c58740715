"""Whether a picture is a limb radiograph at all, asked before any classifier answers.

A classifier gives a probability for whatever it is shown. The gate stands before it and refuses what is not a plain
film of a limb: first by plain facts (the DICOM modality, colour, size, a blank picture, noise), then by a small
network. The network is the first fourteen blocks of MobileNetV2 (Sandler et al., CVPR 2018, doi
10.1109/CVPR.2018.00474) with ImageNet weights, made to take gray; the mean and the standard deviation
of its last feature map over the picture are judged twice:

- a logistic layer tells films from many kinds of other pictures;
- the Mahalanobis distance from the films (Lee et al., NeurIPS 2018, arXiv 1807.03888, one class, shrunken
  covariance) refuses what is far from any film, whether or not its kind was thought of.

A film that is let through but farther out than nearly all of the data set's own gets a caution: it comes, most
likely, from elsewhere, where what was measured on the data set need not hold.

Everything learnt was learnt on training films, the limits were set on validation films
(``python -m scripts.fit_gate``), and ``weights/gate/gate.json`` says how well it does on others.

>>> gate = load_gate()                                       # doctest: +SKIP
>>> gate.judge(read_image("holiday.jpg")).reason             # doctest: +SKIP
'This does not look like a limb radiograph: it is a colour picture.'
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from fracture_core.errors import WeightsError
from fracture_core.imaging import Radiograph
from fracture_core.weights import read_tensors, weights_root

if TYPE_CHECKING:
    from torch import Tensor

MESSAGE = "This does not look like a limb radiograph"

REFUSED_BY_RULE = 2.0
"""Score of a picture refused by a plain fact: there is nothing to measure by how much."""

CAUTION = (
    "This film looks unlike FracAtlas's: at least 95 in 100 of those lie nearer to what is usual among them. On "
    "films from another source a model that learnt from FracAtlas may do no better than chance."
)

MIN_SIDE = 48  # px; below, a picture shows no bone; ours

STRANGERS = {
    "CT": "a CT image",
    "MR": "an MR image",
    "US": "an ultrasound image",
    "IVUS": "an ultrasound image",
    "NM": "a nuclear medicine image",
    "PT": "a PET image",
    "MG": "a mammogram",
    "IO": "a dental radiograph",
    "PX": "a dental radiograph",
    "BMD": "a bone density scan",
    "SEG": "a segmentation",
    "RTDOSE": "a radiotherapy dose",
    "RTSTRUCT": "a radiotherapy structure set",
    "ECG": "an electrocardiogram",
    "ES": "an endoscopic picture",
    "GM": "a microscopic picture",
    "SM": "a microscopic picture",
    "OP": "a photograph of the eye",
    "OPT": "a tomogram of the eye",
    "OCT": "an optical tomogram",
    "XC": "a photograph",
    "DOC": "a document",
}
"""DICOM modalities (PS3.3 C.7.3.1.1.1) that are no plain films; all others are judged by what they show."""

STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2)
"""Stride of each inverted residual block kept (sandler2018, Table 2: 24 channels and on, up to the first of 160)."""


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a picture.

    Attributes:
        in_domain: whether it may be answered.
        score: 0 for a typical film, 1 at the limit, more for what is refused.
        reason: why it is refused, a sentence for the user; "" when in domain.
        caution: why an answer to it should be trusted less, sentences for the user; "" when refused or familiar.
    """

    in_domain: bool
    score: float
    reason: str
    caution: str = ""


@dataclass(frozen=True)
class Limits:
    """What is still let through.

    Attributes:
        colourfulness: largest ``Radiograph.colourfulness``.
        spread: smallest distance of the 1st from the 99th percentile, in [0, 1].
        correlation: smallest correlation of neighbouring pixels, after shrinking.
        typical: logit of the median film.
        logit: largest logit of the layer that tells films (low) from other pictures (high).
        distance: largest distance from the films.
        familiar: distance up to which a film looks like those of the data set.
    """

    colourfulness: float
    spread: float
    correlation: float
    typical: float
    logit: float
    distance: float
    familiar: float

    def score(self, logit: float, distance: float) -> float:
        """Of the two measures the one that is nearer to its limit, or farther beyond it."""
        return max(0.0, (logit - self.typical) / (self.logit - self.typical), distance / self.distance)


class Gate:
    """Judges pictures; holds no state between calls, so any number of threads may share one.

    Args:
        state: the tensors of ``model.safetensors``, float32.
        limits: see ``Limits``.
        side: side in pixels of the square whose area pictures are shrunken to.
    """

    def __init__(self, state: Mapping[str, Tensor], limits: Limits, *, side: int) -> None:
        self.limits = limits
        self.side = side
        self._layers = {name: tensor for name, tensor in state.items() if name.startswith(("stem", "block"))}
        self._centre, self._whiten = state["centre"].numpy(), state["whiten"].numpy()
        self._direction, self._offset = state["direction"].numpy(), float(state["offset"])

    def judge(self, radiograph: Radiograph) -> Verdict:
        """Whether this is a limb radiograph, bone bright; by what it shows, never by its name."""
        fact = plain_fact(radiograph, self.limits)
        if not fact:
            picture = shrink(radiograph.pixels, side=self.side)
            fact = picture_fact(picture, self.limits)
        if fact:
            return Verdict(False, REFUSED_BY_RULE, f"{MESSAGE}: {fact}.")
        logit, distance = self.measure(describe(picture, self._layers))
        score = self.limits.score(float(logit), float(distance))
        if score <= 1:
            return Verdict(True, score, "", "" if distance <= self.limits.familiar else CAUTION)
        if self.score(1 - picture) <= 1:
            return Verdict(False, score, f"{MESSAGE}: it seems to be inverted. Show bone bright and open it again.")
        return Verdict(
            False, score, f"{MESSAGE}. Only plain films of arms and legs, shoulders and hips are answered."
        )

    def score(self, picture: np.ndarray) -> float:
        """The network's score of a shrunken picture, 1 at the limit."""
        logit, distance = self.measure(describe(picture, self._layers))
        return self.limits.score(float(logit), float(distance))

    def measure(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logit and distance, each (...), of features (..., D)."""
        white = (features - self._centre) @ self._whiten
        return white @ self._direction + self._offset, np.sqrt(np.square(white).mean(axis=-1))


def plain_fact(radiograph: Radiograph, limits: Limits) -> str:
    """What a picture's header, colour or size says against it; "" if nothing."""
    modality = (radiograph.modality or "").strip().upper()
    if modality in STRANGERS:
        return f"it is {STRANGERS[modality]} (DICOM modality {modality})"
    if min(radiograph.shape) < MIN_SIDE:
        return f"it has only {radiograph.width} × {radiograph.height} pixels, and {MIN_SIDE} on a side are needed"
    if radiograph.colourfulness > limits.colourfulness:
        return "it is a colour picture"
    return ""


def picture_fact(picture: np.ndarray, limits: Limits) -> str:
    """What the pixels of a shrunken picture say against it without any network; "" if nothing."""
    if spread(picture) < limits.spread:
        return "it is blank, or nearly so"
    if correlation(picture) < limits.correlation:
        return "it is noise"
    return ""


def shrink(pixels: np.ndarray, *, side: int) -> np.ndarray:
    """A picture (H, W) as float32 of about side × side pixels, each side a multiple of 32.

    The aspect is kept up to 1 : 3.3, and nothing is padded: a border would say more of the shape than of the film.
    """
    height, width = pixels.shape
    aspect = np.sqrt(np.clip(width / height, 0.3, 1 / 0.3))
    size = tuple(max(64, 32 * round(float(length) / 32)) for length in (side * aspect, side / aspect))
    shrinks = size[0] * size[1] < height * width
    return cv2.resize(
        np.ascontiguousarray(pixels, dtype=np.float32),
        size,
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )


def spread(picture: np.ndarray) -> float:
    """Distance of the 1st from the 99th percentile."""
    low, high = np.percentile(picture, (1, 99))
    return float(high - low)


def correlation(picture: np.ndarray) -> float:
    """Pearson's correlation of neighbouring pixels, the mean of both directions; 1 for a constant picture."""
    centred = picture - picture.mean()
    power = float(np.square(centred).mean())
    if power < 1e-12:
        return 1.0
    across, down = (centred[:, 1:] * centred[:, :-1]).mean(), (centred[1:] * centred[:-1]).mean()
    return float((across + down) / (2 * power))


def describe(picture: np.ndarray, layers: Mapping[str, Tensor]) -> np.ndarray:
    """Features float32 (D,) of a shrunken picture: each channel's mean, then each channel's standard deviation.

    The picture is stretched from its 1st to its 99th percentile first, so that the exposure says nothing.
    """
    import torch

    low, high = np.percentile(picture, (1, 99))
    stretched = np.clip((picture - low) / max(high - low, 1e-3), 0, 1).astype(np.float32)
    with torch.inference_mode():
        features = _forward(torch.from_numpy(2 * stretched - 1)[None, None], layers)
        mean, variance = features.mean((2, 3)), features.var((2, 3), correction=0)
        described: np.ndarray = torch.cat([mean, variance.sqrt()], dim=1)[0].numpy()
    return described


def _forward(x: Tensor, layers: Mapping[str, Tensor]) -> Tensor:
    """MobileNetV2 as far as ``STRIDES`` goes: (1, 1, H, W) in [-1, 1] to (1, 160, H/32, W/32)."""
    import torch.nn.functional as functional

    def convolve(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight, bias = layers[f"{name}.weight"], layers[f"{name}.bias"]
        groups = x.shape[1] // weight.shape[1]
        if stride == 2:  # "same" padding of even sides, as the weights were trained
            return functional.conv2d(functional.pad(x, (0, 1, 0, 1)), weight, bias, stride=2, groups=groups)
        return functional.conv2d(x, weight, bias, padding=weight.shape[-1] // 2, groups=groups)

    x = functional.relu6(convolve(x, "stem", 2), inplace=True)
    for index, stride in enumerate(STRIDES):
        name, y = f"block{index:02}", x
        if f"{name}.expand.weight" in layers:
            y = functional.relu6(convolve(y, f"{name}.expand"), inplace=True)
        y = functional.relu6(convolve(y, f"{name}.depthwise", stride), inplace=True)
        y = convolve(y, f"{name}.project")
        x = x + y if y.shape == x.shape else y
    return x


def load_gate(root: Path | None = None) -> Gate:
    """The installed gate, checked against its card's sha256.

    Args:
        root: folder of ``gate.json`` and ``model.safetensors``; ``weights_root()/"gate"`` by default.

    Raises:
        WeightsError: a file is missing, damaged, or not the one that the card describes.
    """
    root = root or weights_root() / "gate"
    remedy = f"restore '{root}' from the repository, or fit it again: python -m scripts.fit_gate --data DIR"
    unreadable = f"The gate against pictures that are no limb radiographs cannot be read: {remedy}."
    try:
        card = json.loads((root / "gate.json").read_text(encoding="utf-8"))
        state = read_tensors(
            root / "model.safetensors",
            sha256=card["sha256"],
            differs=f"The gate's weights are not those its card describes (sha256 differs): {remedy}.",
            unreadable=unreadable,
        )
        return _build(card, {name: tensor.float() for name, tensor in state.items()})
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise WeightsError(unreadable) from error


def _build(card: dict[str, Any], state: dict[str, Tensor]) -> Gate:
    limits = Limits(**{name: float(value) for name, value in card["limits"].items()})
    return Gate(state, limits, side=int(card["side"]))
