"""Where a classifier looked: class-activation maps in source pixels.

The network runs once under inference mode; the map is then computed on its last feature map alone, through a small
module ``Identity → forward_head`` that pytorch-grad-cam hooks. Nothing is ever hooked on the shared model, so
simultaneous users cannot disturb each other, and a map costs little more than the head.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fracture_core.errors import UnknownName
from fracture_core.imaging import Radiograph
from fracture_core.inference import Classifier, View
from fracture_core.preprocessing import warp_to_source

SCORE_CHANNELS = 128  # Score-CAM runs the network once per channel; the strongest ones carry the map


@dataclass(frozen=True)
class Method:
    """A class-activation method: its title, one sentence on how it weighs, its paper, and whether it knows classes.

    Without ``knows_class`` the map is one of activity, no evidence for any answer.
    """

    title: str
    summary: str
    source: str
    knows_class: bool = True


EVIDENCE = "evidence"
"""The map of a model that was trained to point."""

METHODS: dict[str, Method] = {
    EVIDENCE: Method(
        "Evidence",
        "The chance of every place to lie in a fracture, as the model learnt it from experts' outlines and reads it "
        "for its answer; drawn by its square root, so that faint evidence shows.",
        "This project; after Lin et al., CVPR 2017",
    ),
    "gradcam": Method(
        "Grad-CAM",
        "Each feature map weighs as much as its mean gradient.",
        "Selvaraju et al., ICCV 2017, eq. 1-2",
    ),
    "gradcam++": Method(
        "Grad-CAM++",
        "Gradients weigh by their higher powers, so that several lesions share the map.",
        "Chattopadhay et al., WACV 2018, eq. 19",
    ),
    "hirescam": Method(
        "HiResCAM",
        "Gradient times activation, place by place: shows only what raised the score.",
        "Draelos and Carin, arXiv:2011.08891",
    ),
    "xgradcam": Method(
        "XGrad-CAM", "Gradients weigh in proportion to the activation.", "Fu et al., BMVC 2020, eq. 8"
    ),
    "layercam": Method(
        "LayerCAM", "Positive gradients weigh place by place.", "Jiang et al., IEEE TIP 30, 2021, eq. 5-6"
    ),
    "eigencam": Method(
        "Eigen-CAM",
        "The first principal component of the features; knows no class.",
        "Muhammad and Yeasin, IJCNN 2020",
        knows_class=False,
    ),
    "eigengradcam": Method(
        "Eigen-Grad-CAM",
        "The first principal component of gradient times activation.",
        "pytorch-grad-cam, after Muhammad and Yeasin, IJCNN 2020",
    ),
    "activation": Method(
        "Mean activation",
        "Where the last feature maps are active, whatever the answer; knows no class.",
        "wang2024, Discussion: activation maps with and without SE blocks",
        knows_class=False,
    ),
    "scorecam": Method(
        "Score-CAM",
        f"Each of the {SCORE_CHANNELS} strongest feature maps weighs as much as the film masked by it scores; slow.",
        "Wang et al., CVPR Workshops 2020, eq. 6-7",
    ),
}


def methods_for(*, points: bool) -> list[str]:
    """The methods that explain a model, the one that suits it best first.

    Args:
        points: whether the model has a map of evidence (``ModelSpec.points``).
    """
    return [method for method in METHODS if method != EVIDENCE or points]


@dataclass(frozen=True, eq=False)
class Heatmap:
    """A class-activation map.

    Attributes:
        grid: float32 (h, w) in [0, 1], the map as computed, over the network's input.
        to_input: float64 (2, 3), source pixels → input pixels.
        input_size: side of the input in pixels.
        shape: (H, W) of the film.
        method: a key of ``METHODS``.
        target: the class explained, 1 for fractured.
        flat: the map says nothing: it is the same everywhere.
        seconds: wall time beyond the network's run.
    """

    grid: np.ndarray
    to_input: np.ndarray
    input_size: int
    shape: tuple[int, int]
    method: str
    target: int
    flat: bool
    seconds: float

    @cached_property
    def pixels(self) -> np.ndarray:
        """float32 (H, W) in [0, 1]: the map over the film, bilinear."""
        return self.resized(self.shape)

    def resized(self, shape: tuple[int, int]) -> np.ndarray:
        """The map over the film drawn at another size, float32 ``shape``: for screens smaller than the film."""
        scale = np.array([[self.shape[1] / shape[1]], [self.shape[0] / shape[0]], [1.0]])
        linear = self.to_input * scale.T
        return np.clip(warp_to_source(self.grid, linear, self.input_size, shape), 0.0, 1.0)

    def drawn(self, shape: tuple[int, int]) -> np.ndarray:
        """The map as people are shown it, float32 ``shape`` in [0, 1]: chances by their square root.

        A chance of 4 % is twice what outlines cover of a fractured film, and would be black beside one of 90 %.
        """
        found = self.resized(shape)
        return np.sqrt(found) if self.method == EVIDENCE else found

    @property
    def drawn_is(self) -> str:
        """What a value of ``drawn`` is, in words."""
        if self.method == EVIDENCE:
            return "chance, on a root scale"
        return "weight in the answer" if METHODS[self.method].knows_class else "activity"


class _Head(nn.Module):
    """``Identity → forward_head`` (or the whole network when ``body`` is given), with a layer of its own to hook."""

    def __init__(self, head: Callable[[Tensor], Tensor], body: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.layer = nn.Identity()
        self.device_marker = nn.Parameter(torch.zeros(1))  # the library reads the device from the first parameter
        self._head, self._body = head, body

    def forward(self, x: Tensor) -> Tensor:
        features = self._body(x) if self._body is not None else x
        return self._head(self.layer(features))


def explain(
    classifier: Classifier,
    radiograph: Radiograph,
    *,
    method: str | None = None,
    target: int = 1,
    view: View | None = None,
) -> Heatmap:
    """Where the classifier looked on a film.

    Args:
        method: a key of ``METHODS``; None for the one that suits the model best.
        target: the class to explain; 1 fractured, 0 not fractured.
        view: the network's run on this film, when there is one already.

    Raises:
        UnknownName: the method does not exist, or needs a model that points and this one does not.
    """
    known = methods_for(points=hasattr(classifier.model, "evidence"))
    method = known[0] if method is None else method
    if method not in known:
        raise UnknownName("method", method, known)
    view = view or classifier.view(radiograph)
    began = time.perf_counter()
    grid = _grid(classifier.model, view, method, target)
    # the library divides by the map's own largest value: below one half there was nothing to divide
    flat = not np.isfinite(grid).all() or (method != EVIDENCE and float(grid.max()) < 0.5)
    return Heatmap(
        grid=np.zeros_like(grid) if flat else grid,
        to_input=view.prepared.to_input,
        input_size=view.prepared.input.shape[-1],
        shape=radiograph.shape,
        method=method,
        target=target,
        flat=flat,
        seconds=time.perf_counter() - began,
    )


def _grid(model: Any, view: View, method: str, target: int) -> np.ndarray:
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    if method == EVIDENCE:
        chances = model.evidence(view.features)[0, 0].float().sigmoid()
        return np.asarray(chances if target == 1 else 1 - chances, dtype=np.float32)
    if method == "activation":
        active = view.features[0].float().clamp(min=0).mean(dim=0)
        return np.asarray(active / active.max().clamp(min=1e-8), dtype=np.float32)
    targets = [ClassifierOutputTarget(target)]
    if method == "scorecam":
        network = _Head(model.forward_head, body=model.forward_features)
        inputs = torch.from_numpy(view.prepared.input)[None].contiguous(memory_format=torch.channels_last)
    else:
        network = _Head(model.forward_head)
        # a clone outside inference mode, so that gradients may flow
        inputs = view.features.clone().requires_grad_()
    with _cam_class(method)(model=network.eval(), target_layers=[network.layer]) as cam:
        answer = cam(input_tensor=inputs, targets=targets)[0]
    if method == "scorecam":  # drawn at the input's size; kept at the features', as every other map
        import cv2

        answer = cv2.resize(answer, view.features.shape[:1:-1], interpolation=cv2.INTER_AREA)
    return np.asarray(answer, dtype=np.float32)


def _cam_class(method: str) -> Any:
    import pytorch_grad_cam as library

    if method == "scorecam":
        return _strongest_score_cam()
    return {
        "gradcam": library.GradCAM,
        "gradcam++": library.GradCAMPlusPlus,
        "hirescam": library.HiResCAM,
        "xgradcam": library.XGradCAM,
        "layercam": library.LayerCAM,
        "eigencam": _component_cam(library.EigenCAM),
        "eigengradcam": _component_cam(library.EigenGradCAM),
    }[method]


def first_component(maps: np.ndarray) -> np.ndarray:
    """The first principal component of (C, h, w) maps, (h, w), positive where they are.

    A component's sign is arbitrary: here it rises with the mean of the maps' positive parts. The rule that the larger
    magnitude be positive would darken what fills more than half of a film. Maps that are positive nowhere give 0.
    """
    from scipy.linalg import eigh

    rows = np.nan_to_num(maps.reshape(len(maps), -1)).astype(np.float64)
    centred = rows - rows.mean(axis=1, keepdims=True)
    # by the channels' covariance: the usual decomposition takes half a minute for 56 x 56 places
    _, vectors = eigh(centred @ centred.T, subset_by_index=[len(maps) - 1, len(maps) - 1])
    component = vectors[:, 0] @ centred
    positive = np.maximum(rows, 0).mean(axis=0)
    return np.asarray(np.sign(component @ (positive - positive.mean())) * component).reshape(maps.shape[1:])


def _component_cam(usual: Any) -> Any:
    class SignedCAM(usual):  # type: ignore[misc]
        """The library's method with a sign of its own: the library clips away whichever half comes out negative."""

        def get_cam_image(
            self,
            input_tensor: Tensor,
            target_layer: Any,
            targets: Any,
            activations: np.ndarray,
            grads: np.ndarray | None,
            eigen_smooth: bool,
        ) -> np.ndarray:
            weighted = activations if grads is None else grads * activations
            return np.stack([first_component(maps) for maps in weighted])

    return SignedCAM


def _strongest_score_cam() -> Any:
    import torch.nn.functional as functional
    from pytorch_grad_cam import ScoreCAM

    class StrongestScoreCAM(ScoreCAM):
        """Score-CAM over the channels with the largest mean activation; the others weigh nothing."""

        def get_cam_weights(
            self, input_tensor: Tensor, target_layer: Any, targets: Any, activations: np.ndarray, grads: Any
        ) -> np.ndarray:
            strongest = np.argsort(-activations[0].mean(axis=(1, 2)))[:SCORE_CHANNELS]
            maps = torch.from_numpy(np.ascontiguousarray(activations[0][strongest]))[:, None]
            low, high = maps.amin(dim=(2, 3), keepdim=True), maps.amax(dim=(2, 3), keepdim=True)
            maps = (maps - low) / (high - low).clamp_min(1e-8)
            scores = []
            with torch.inference_mode():
                for part in maps.split(16):
                    masks = functional.interpolate(
                        part, size=input_tensor.shape[-2:], mode="bilinear", align_corners=False
                    )
                    scores.append(torch.stack([targets[0](row) for row in self.model(input_tensor * masks)]))
            weights = np.zeros(activations.shape[:2], dtype=np.float32)
            weights[0, strongest] = torch.softmax(torch.cat(scores), dim=0).numpy()
            return weights

    return StrongestScoreCAM
