"""Which state of the program made a record."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def commit() -> str | None:
    """The checkout's commit, 40 hex digits; outside a checkout what ``$FRACTURE_COMMIT`` says, else None."""
    told = os.environ.get("FRACTURE_COMMIT") or None
    try:
        answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return told
    return answer.stdout.strip() or told
