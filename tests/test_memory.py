"""Freed memory stays with the process that asked to keep it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from fracture_core.memory import peak_memory

PROGRAM = """
import sys, resource
from fracture_core.memory import keep_freed_memory
keeps = sys.argv[1] == "keep" and keep_freed_memory()
import numpy as np
def faults():
    np.ones(50_000_000, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(50_000_000, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(keeps, faults())
"""


def _run(word: str) -> tuple[bool, int]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, word], capture_output=True, text=True, check=True)
    told, faults = done.stdout.split()
    return told == "True", int(faults)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="page faults are counted on Linux")
def test_memory_that_was_freed_is_not_cleared_again():
    told, faults = _run("keep")
    if not told:
        pytest.skip("this C library cannot be told")
    assert faults * 10 < _run("leave")[1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say")
def test_the_peak_is_in_bytes():
    held = np.ones(60_000_000, np.uint8)
    assert len(held) < peak_memory() < 2**40
