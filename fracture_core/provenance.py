"""Which state of the program made a record."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def commit() -> str | None:
    """40 hex digits: what ``$FRACTURE_COMMIT`` says, for copies whose files are not their checkout's; else the
    checkout's commit; None outside one."""
    told = os.environ.get("FRACTURE_COMMIT")
    if told:
        return told
    try:
        answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return answer.stdout.strip() or None
