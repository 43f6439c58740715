"""Each step of a pipeline on one film, ready to be shown: picture, size, gray levels, and what it changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from fracture_core import overlay
from fracture_core.preprocessing import before_after, build_pipeline
from ui.films import Film
from ui.recipes.films import pixels_of

LONGEST = 448  # px; a picture as it is sent
LEVELS = 64  # bins of a histogram
FIRST = "The film as it came"
_SEEN = 0.005  # share of the pixels that must change before a change is worth a picture of its own
_SEEN_RESIZED = 0.05  # the same where pixels cannot be compared one by one: share that changes its bin
_JUST_SEEN = 3  # gray levels of 255

WHY = {
    "Gray": "A radiograph has no colour: one channel holds all there is.",
    "8-bit gray levels": "256 gray levels are what the following steps work on, and what picture files hold.",
    "Local contrast (CLAHE)": "Contrast is raised tile by tile, so that faint lines show in dark and bright parts "
    "alike; the clip limit holds noise back.",
    "Thumbnail (LANCZOS), aspect kept": "The network takes a fixed size; keeping the aspect leaves bones in "
    "proportion.",
    "Padded to a square": "Black fills what the film leaves of the square, so that nothing is stretched or cut off.",
    "Resized to a square": "The network takes a square; a film that is not one is stretched to it.",
    "Fitted to a square, aspect kept": "The network takes a square; black fills what the film leaves of it, and "
    "nothing is stretched or cut off.",
    "Region of interest": "What is not limb is blackened, so that letters and borders cannot be learnt.",
    "Copied to three channels": "The network was made for colour pictures; all three channels hold the same film.",
    "ImageNet mean and standard deviation": "Gray levels come to the scale of the photographs that pretrained "
    "weights have seen; shown mapped back.",
    "Scaled to [0, 1]": "Small numbers of one scale are easier to learn from; shown mapped back.",
    "Scaled to [-1, 1]": "Numbers around zero are easier to learn from; shown mapped back.",
    "Central crop": "The middle is enlarged and the rim lost, with whatever fracture lies there.",
    "Random central crop": "Another part of the middle each time is meant to make the network robust; fractures at "
    "the rim are lost.",
    "Anisotropic diffusion": "Noise is smoothed within regions while edges stay sharp.",
    "Canny edges": "Edges alone are kept; gray levels, and with them faint lines, are gone.",
    "Bone segmentation": "All but the bones is blackened, so that the network looks at bone.",
}
"""One sentence for each step, by its name."""


@dataclass(frozen=True)
class Step:
    """The film after one step.

    Attributes:
        name, source, why: in words.
        shape: (H, W) of the film at this step, pixels; ``channels`` how many.
        picture: JPEG, its longer side at most ``LONGEST``.
        levels: shares of the pixels in ``LEVELS`` equal bins from black to white.
        resized: whether the step changed the shape; ``toned`` whether it changed the gray levels visibly.
    """

    name: str
    source: str
    why: str
    shape: tuple[int, int]
    channels: int
    picture: bytes
    levels: tuple[float, ...]
    resized: bool = False
    toned: bool = False

    @property
    def size(self) -> str:
        """``373 × 454 pixels``, width first; with the channels where there are more than one."""
        return f"{self.shape[1]} × {self.shape[0]} pixels" + (f", {self.channels} channels" * (self.channels > 1))

    @property
    def change(self) -> str:
        """What a viewer sees of the step."""
        said = ["size"] * self.resized + ["gray levels"] * self.toned
        return " and ".join(said) + " changed" if said else "no change to the eye"


def steps_on(film: Film, pipeline: str, size: int, extra: tuple[str, ...] = ()) -> tuple[Step, ...]:
    """The film as it came, then after each step of a pipeline.

    Raises:
        UnreadableImage: the film cannot be decoded.
    """
    before = pixels_of(film)
    found = [_step(FIRST, "", before)]
    options = {"extra": extra} if extra else {}
    for stage in build_pipeline(pipeline, size=size, **options)(before, keep_stages=True).stages:
        found.append(_step(stage.name, stage.source, stage.image, before=before))
        before = stage.image
    return tuple(found)


def tried_on(film: Film, name: str) -> tuple[Step, Step]:
    """The film before and after one of the transforms of ``preprocessing.TRANSFORMS``.

    Raises:
        UnreadableImage: the film cannot be decoded.
    """
    before, after = before_after(name, pixels_of(film))
    # a random transform's outcome bears the name of what was drawn ("Scaling")
    title = "Random central crop" if name == "random_crop" else after.name
    return _step(FIRST, "", before.image), _step(title, after.source, after.image, before=before.image)


def _step(name: str, source: str, image: np.ndarray, *, before: np.ndarray | None = None) -> Step:
    gray = _gray(image)
    earlier = gray if before is None else _gray(before)
    return Step(
        name=name,
        source=source,
        why=WHY.get(name, ""),
        shape=(gray.shape[0], gray.shape[1]),
        channels=1 if image.ndim == 2 else image.shape[2],
        picture=overlay.encode_jpeg(overlay.fit_within(gray, LONGEST), quality=88),
        levels=tuple(_levels(gray).tolist()),
        resized=earlier.shape != gray.shape,
        toned=_differ(earlier, gray),
    )


def _gray(image: np.ndarray) -> np.ndarray:
    return overlay.to_uint8(image if image.ndim == 2 else image[:, :, 0])


def _levels(gray: np.ndarray) -> np.ndarray:
    return np.bincount(gray.ravel() // (256 // LEVELS), minlength=LEVELS) / gray.size


def _differ(before: np.ndarray, after: np.ndarray) -> bool:
    if before.shape == after.shape:
        changed = np.abs(before.astype(np.int16) - after) >= _JUST_SEEN
        return float(changed.mean()) > _SEEN
    # half the summed difference of two histograms is the share of pixels that changed their bin
    return float(np.abs(_levels(before) - _levels(after)).sum() / 2) > _SEEN_RESIZED


_hashed: dict[str | type[Any], Callable[[Any], Any]] = {Film: lambda film: film.key}
steps_of_sample = st.cache_data(show_spinner=False, hash_funcs=_hashed, max_entries=128)(steps_on)
tried_on_sample = st.cache_data(show_spinner=False, hash_funcs=_hashed, max_entries=64)(tried_on)
