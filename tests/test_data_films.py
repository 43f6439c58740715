"""Films of known data sets by their id: pictures, outlines, heatmaps, and whose weights draw them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fracture_core import weights
from fracture_core.errors import DataSetError, UnreadableImage
from fracture_core.phantom import radiograph, to_png
from fracture_core.results import read_outlines
from ui import data_films

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def at_hand(made_fracatlas: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    root = made_fracatlas(6, size=300)
    monkeypatch.setenv("FRACTURE_DATA", str(root.parent))
    return root


def pixels(url: str) -> np.ndarray:
    content = base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_films_are_found_by_the_ids_of_records(at_hand: Path) -> None:
    films = data_films.films_at_hand("fracatlas")
    assert sorted(films) == [f"IMG{2 * i:07d}" for i in range(6)]
    assert films["IMG0000002"].label == 1
    assert len(films["IMG0000002"].polygons) == 1


def test_a_data_set_that_changed_is_read_again(at_hand: Path) -> None:
    assert len(data_films.films_at_hand("fracatlas")) == 6
    table = at_hand / "dataset.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:4]) + "\n")
    assert len(data_films.films_at_hand("fracatlas")) == 3


def test_films_elsewhere_are_said_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FRACTURE_DATA", raising=False)
    with pytest.raises(DataSetError, match="set FRACTURE_DATA"):
        data_films.films_at_hand("fracatlas")
    monkeypatch.setenv("FRACTURE_DATA", str(tmp_path))
    with pytest.raises(DataSetError, match="multi_region"):
        data_films.films_at_hand("multiregion")
    with pytest.raises(DataSetError, match="names only"):
        data_films.films_at_hand("somebody's own")


def test_a_picture_is_small_square_and_black_around_the_film(at_hand: Path) -> None:
    case = data_films.films_at_hand("fracatlas")["IMG0000002"]
    narrow = cv2.imread(str(case.path), cv2.IMREAD_GRAYSCALE)[:, :100]
    cv2.imwrite(str(case.path), narrow)
    drawn = pixels(data_films.picture(case))
    assert drawn.shape == (data_films.SIDE, data_films.SIDE, 3)
    assert drawn[:, :60].max() < 20
    assert drawn[:, 90:130].mean() > 40


def test_outlines_are_drawn_where_the_experts_drew_them(at_hand: Path) -> None:
    films = data_films.films_at_hand("fracatlas")
    case = films["IMG0000002"]
    bare, outlined = (pixels(data_films.picture(case, outlines=on)).astype(int) for on in (False, True))
    changed = np.abs(outlined - bare).sum(axis=2) > 90
    rows, columns = np.nonzero(changed)
    scale = data_films.SIDE / 300
    (left, top), (right, bottom) = case.polygons[0].min(0) * scale, case.polygons[0].max(0) * scale
    assert columns.min() == pytest.approx(left, abs=4)
    assert columns.max() == pytest.approx(right, abs=4)
    assert rows.min() == pytest.approx(top, abs=4)
    assert rows.max() == pytest.approx(bottom, abs=4)
    whole = films["IMG0000000"]  # no outline, no difference
    assert data_films.picture(whole, outlines=True) == data_films.picture(whole)


def test_a_heatmap_lies_over_the_film(at_hand: Path, one_thread: None) -> None:
    case = data_films.films_at_hand("fracatlas")["IMG0000002"]
    case.path.write_bytes(to_png(radiograph(seed=4, region="leg", fracture="oblique")))
    drawn = pixels(data_films.picture(case, card=weights.load_card())).astype(int)
    assert np.abs(drawn[..., 0] - drawn[..., 2]).max() > 60  # colours, where the film alone is gray
    bare = pixels(data_films.picture(case)).astype(int)
    assert np.abs(bare[..., 0] - bare[..., 2]).max() < 12


def test_pictures_without_heatmaps_need_no_torch(at_hand: Path) -> None:
    code = (
        "import sys, fracture_core.results.comparing, ui.results.gallery, ui.results.two_runs\n"
        "from ui import data_films\n"
        "case = data_films.films_at_hand('fracatlas')['IMG0000002']\n"
        "assert data_films.picture(case, outlines=True).startswith('data:image/jpeg')\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_damaged_film_says_so(at_hand: Path) -> None:
    case = data_films.films_at_hand("fracatlas")["IMG0000004"]
    case.path.write_bytes(b"words, not pixels" * 20)
    with pytest.raises(UnreadableImage):
        data_films.picture(case)
    case.path.unlink()
    with pytest.raises(DataSetError, match="not there any more"):
        data_films.as_film(case)


def test_installed_weights_belong_to_the_run_that_made_them_and_to_no_other() -> None:
    card = weights.load_card()
    runs = read_outlines().runs
    mine = [run["id"] for run in runs if getattr(data_films.card_of(run), "name", None) == card.name]
    assert len(mine) == 1
    assert card.model in mine[0]
    assert data_films.card_of({"id": "of the first generation"}) is None
    run = json.loads(json.dumps(next(run for run in runs if run["id"] == mine[0])))
    run["calibration"]["temperature"] += 1e-9
    assert data_films.card_of(run) is None
