"""Heatmaps against expert regions: how well a map shows a fracture, and whether it shows what the network used.

- ``scores``: pure functions over a map and regions (pointing game, energy, IoU, average precision, ...);
- ``score_film``, ``summarise_localisation``: a film's scores, and many films' with intervals and chance;
- ``localise``: a classifier's maps over a data set's outlined films;
- ``deletion``, ``insertion``, ``road``: faithfulness, by taking away what the map names;
- ``sanity_check``: whether the map changes when the network forgets.

No torch is imported before a network is asked.
"""

from __future__ import annotations

from fracture_core.localisation.faithfulness import Curve, Road, deletion, insertion, probability_of, road
from fracture_core.localisation.films import COVERED, Localisation, RegionScore, score_film
from fracture_core.localisation.imputation import impute
from fracture_core.localisation.regions import Regions, area_share, distance_map
from fracture_core.localisation.sanity import SanityCheck, Stage, cascade, rank_correlation, sanity_check, ssim, strip
from fracture_core.localisation.scores import (
    THRESHOLDS,
    TOLERANCE,
    auroc,
    average_precision,
    dice,
    dice_curve,
    energy,
    energy_ratio,
    iou,
    is_flat,
    otsu,
    peak_distance,
    peak_point,
    pointing,
    pointing_chance,
    tune_threshold,
)
from fracture_core.localisation.study import Study, localise
from fracture_core.localisation.summary import (
    MAPPED,
    SCORES,
    Score,
    chance,
    from_plain,
    markdown_table,
    summarise_localisation,
    text_table,
    to_plain,
    written,
)

__all__ = [
    "COVERED",
    "MAPPED",
    "SCORES",
    "THRESHOLDS",
    "TOLERANCE",
    "Curve",
    "Localisation",
    "RegionScore",
    "Regions",
    "Road",
    "SanityCheck",
    "Score",
    "Stage",
    "Study",
    "area_share",
    "auroc",
    "average_precision",
    "cascade",
    "chance",
    "deletion",
    "dice",
    "dice_curve",
    "distance_map",
    "energy",
    "energy_ratio",
    "from_plain",
    "impute",
    "insertion",
    "iou",
    "is_flat",
    "localise",
    "markdown_table",
    "otsu",
    "peak_distance",
    "peak_point",
    "pointing",
    "pointing_chance",
    "probability_of",
    "rank_correlation",
    "road",
    "sanity_check",
    "score_film",
    "ssim",
    "strip",
    "summarise_localisation",
    "text_table",
    "to_plain",
    "tune_threshold",
    "written",
]
