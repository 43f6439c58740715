"""Readers against readers, models among them: findings, marks, consensus, accuracy, and what an aid changes.

No torch here, and scipy and OpenCV only where they are called.
"""

from __future__ import annotations

from fracture_core.agreement.accuracy import ReaderAccuracy, called, reader_accuracy
from fracture_core.agreement.aided import (
    AidedEffect,
    Change,
    PairedReadings,
    ReaderChange,
    aided_effect,
    pair_readings,
    truth_by,
)
from fracture_core.agreement.columns import (
    NOT_READ,
    ORDER,
    Column,
    columns_of,
    columns_of_table,
    current,
    finding_codes,
    model_column,
)
from fracture_core.agreement.consensus import (
    Staple,
    consensus_column,
    majority_findings,
    majority_mask,
    reader_masks,
    staple,
    staple_pixels,
)
from fracture_core.agreement.findings import PAIR_STATISTICS, cohen_kappa, disagreement_weights
from fracture_core.agreement.lesions import LesionAgreement, Matches, lesion_agreement, match_marks
from fracture_core.agreement.matrix import MARK_STATISTICS, AgreementMatrix, agreement_matrix
from fracture_core.agreement.mrmc import Crossed, MrmcRow, crossed, mrmc_long, reading_score, write_mrmc
from fracture_core.agreement.panel import agreement, fleiss_kappa, gwet_ac1, krippendorff_alpha
from fracture_core.agreement.regions import Overlap, outline_marks, outlines, region_overlap
from fracture_core.agreement.rockette import ModalityComparison, compare_modalities
from fracture_core.agreement.shared import SharedRegion, shared_regions

__all__ = [
    "MARK_STATISTICS",
    "NOT_READ",
    "ORDER",
    "PAIR_STATISTICS",
    "AgreementMatrix",
    "AidedEffect",
    "Change",
    "Column",
    "Crossed",
    "LesionAgreement",
    "Matches",
    "ModalityComparison",
    "MrmcRow",
    "Overlap",
    "PairedReadings",
    "ReaderAccuracy",
    "ReaderChange",
    "SharedRegion",
    "Staple",
    "agreement",
    "agreement_matrix",
    "aided_effect",
    "called",
    "cohen_kappa",
    "columns_of",
    "columns_of_table",
    "compare_modalities",
    "consensus_column",
    "crossed",
    "current",
    "disagreement_weights",
    "finding_codes",
    "fleiss_kappa",
    "gwet_ac1",
    "krippendorff_alpha",
    "lesion_agreement",
    "majority_findings",
    "majority_mask",
    "match_marks",
    "model_column",
    "mrmc_long",
    "outline_marks",
    "outlines",
    "pair_readings",
    "reader_accuracy",
    "reader_masks",
    "reading_score",
    "region_overlap",
    "shared_regions",
    "staple",
    "staple_pixels",
    "truth_by",
    "write_mrmc",
]
