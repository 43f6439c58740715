"""Fixtures that several tests share."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from made_films import made_film

from fracture_core.datasets import FRACATLAS_COCO, FRACATLAS_FLAGS, FRACATLAS_REGIONS
from fracture_core.overlay import encode_jpeg


def pytest_terminal_summary(terminalreporter) -> None:
    """What failed at first and passed when tried again is shown too, with its traceback."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"at first: {report.nodeid} ({report.when})")
        terminalreporter.write_line(report.longreprtext)
        for title, text in report.sections:
            if not title.startswith("Captured"):
                terminalreporter.write_line(f"{title}:\n{text}")


DATA_MISSING = "FRACTURE_DATA does not name the folder of real films; this test reads them"


@pytest.fixture(scope="session")
def fracture_data() -> Path:
    """The folder of real films that ``$FRACTURE_DATA`` names; the test is skipped where it is not set."""
    named = os.environ.get("FRACTURE_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip(DATA_MISSING)
    return Path(named)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed, fresh for each test."""
    return np.random.default_rng(0)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread while a test runs: repeatable sums, and no crowding of the machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def made_fracatlas(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small folder in FracAtlas's layout: every second film is fractured, no two are neighbours."""

    def write(films: int = 12, *, size: int = 64) -> Path:
        rng = np.random.default_rng(films)
        root = tmp_path / "fracatlas"
        rows, images, annotations = [], [], []
        for index in range(films):
            name, fractured = f"IMG{2 * index:07d}.jpg", index % 2
            path = root / "images" / ("Fractured" if fractured else "Non_fractured") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_jpeg(made_film(rng, fractured=bool(fractured), size=size), quality=95))
            region = FRACATLAS_REGIONS[index % len(FRACATLAS_REGIONS)]
            rows.append(
                {
                    "image_id": name,
                    **{known: int(known == region) for known in FRACATLAS_REGIONS},
                    "mixed": 0,
                    **{flag: 0 for flag in FRACATLAS_FLAGS},
                    "fractured": fractured,
                    "fracture_count": fractured,
                    "frontal": 1,
                }
            )
            if fractured:
                low, high = size // 4, size * 3 // 4
                ring = [low, size * 3 // 8, high, size * 3 // 8, high, size * 5 // 8, low, size * 5 // 8]
                images.append({"id": index, "width": size, "height": size, "file_name": name})
                annotations.append({"id": index, "image_id": index, "segmentation": [ring]})
        with (root / "dataset.csv").open("w", newline="") as stream:
            table = csv.DictWriter(stream, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        coco = root / FRACATLAS_COCO
        coco.parent.mkdir(parents=True)
        coco.write_text(json.dumps({"images": images, "annotations": annotations}))
        return root

    return write


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recipe trains the tiny network of ``tests/tiny.py``."""
    from tiny import tiny_model

    from fracture_core.training import loop

    monkeypatch.setattr(loop, "build_model", tiny_model)
