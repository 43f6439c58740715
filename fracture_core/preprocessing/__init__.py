"""The papers' transforms and pipelines, with their geometry: from a film to a network's input and back.

>>> import numpy as np
>>> pipeline = build_pipeline("ours", size=384)
>>> prepared = pipeline(np.zeros((454, 373), dtype=np.float32))
>>> prepared.input.shape, prepared.to_input.shape
((3, 384, 384), (2, 3))
"""

from __future__ import annotations

from fracture_core.preprocessing.gallery import TRANSFORMS, before_after
from fracture_core.preprocessing.geometry import (
    apply_affine,
    compose,
    invert,
    warp_mask,
    warp_to_source,
)
from fracture_core.preprocessing.pipelines import (
    PIPELINES,
    REJECTED,
    Pipeline,
    Prepared,
    Stage,
    build_pipeline,
)

__all__ = [
    "PIPELINES",
    "REJECTED",
    "TRANSFORMS",
    "Pipeline",
    "Prepared",
    "Stage",
    "apply_affine",
    "before_after",
    "build_pipeline",
    "compose",
    "invert",
    "warp_mask",
    "warp_to_source",
]
