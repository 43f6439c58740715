"""The table of answers, alike on the command line and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fracture_core.inference import Prediction

COLUMNS = ("file", "status", "message", "probability", "finding", "in_domain", "model", "seconds")


def message(prediction: Prediction, notes: Sequence[str]) -> str:
    """What is to be said of a film that was read: why no answer, or one to trust less, and how it was opened."""
    return "; ".join(
        note.rstrip(".") for note in (prediction.domain.reason, prediction.domain.caution, *notes) if note
    )


def answer_row(
    file: object, prediction: Prediction | None, *, notes: Sequence[str] = (), error: str = ""
) -> dict[str, Any]:
    """One film's line by ``COLUMNS``: its answer, or status "error" with a sentence."""
    if prediction is None:
        return {"file": file, "status": "error", "message": error}
    return {
        "file": file,
        "status": "ok",
        "message": message(prediction, notes),
        "probability": f"{prediction.probability:.4f}",
        "finding": prediction.finding,
        "in_domain": str(prediction.domain.in_domain).lower(),
        "model": prediction.model,
        "seconds": f"{prediction.seconds:.4f}",
    }
