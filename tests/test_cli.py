from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fracture_core.__main__ import COMMANDS, main
from fracture_core.commands.classify import find_files
from fracture_core.commands.output import table_stream
from fracture_core.phantom import radiograph, to_dicom, to_png
from fracture_core.tables import COLUMNS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "films"
    (root / "sub").mkdir(parents=True)
    (root / "a.png").write_bytes(to_png(radiograph(seed=1)))
    (root / "b.dcm").write_bytes(to_dicom(radiograph(seed=2, fracture="oblique"), photometric="MONOCHROME1"))
    (root / "without_ending").write_bytes(to_png(radiograph(seed=3)))
    (root / "words.png").write_text("not a picture at all\n" * 9)
    (root / ".hidden").write_text("passed over")
    (root / "sub" / "a.png").write_bytes(to_png(radiograph(seed=4, size=(200, 150))))
    return root


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        reader = csv.DictReader(stream)
        assert tuple(reader.fieldnames or ()) == COLUMNS
        return list(reader)


def test_classify_writes_one_row_per_file_and_says_what_was_not_read(folder: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "new" / "preds.csv"
    status = main(["classify", str(folder), "--output", str(output)])
    rows = {Path(row["file"]).name: row for row in table(output)}
    assert status == 3
    assert set(rows) == {"a.png", "b.dcm", "without_ending", "words.png"}
    assert rows["words.png"]["status"] == "error"
    assert "not an image" in rows["words.png"]["message"]
    assert rows["words.png"]["probability"] == ""
    for name in ("a.png", "b.dcm", "without_ending"):
        row = rows[name]
        assert row["status"] == "ok"
        assert 0 <= float(row["probability"]) <= 1
        assert row["finding"] in {"fractured", "not fractured", "uncertain", "not answered"}
        assert row["in_domain"] in {"true", "false"}
        assert row["model"] == "default"
        assert float(row["seconds"]) > 0
    assert "inverted MONOCHROME1" in rows["b.dcm"]["message"]
    assert "1 of 4 files could not be read" in capsys.readouterr().err
    assert list(output.parent.iterdir()) == [output], "nothing half-written is left"


def test_heatmaps_are_8_bit_gray_and_as_large_as_their_films(folder: Path, tmp_path: Path) -> None:
    output, maps = tmp_path / "preds.csv", tmp_path / "maps"
    status = main(
        [
            "classify",
            str(folder / "a.png"),
            str(folder / "sub"),
            "--output",
            str(output),
            "--heatmaps",
            str(maps),
        ]
    )
    assert status == 0
    assert len(table(output)) == 2
    written = cv2.imread(str(maps / "a.png.png"), cv2.IMREAD_UNCHANGED)
    assert written.dtype == np.uint8
    assert written.ndim == 2


def test_recursive_keeps_films_of_one_name_apart(folder: Path, tmp_path: Path) -> None:
    output, maps = tmp_path / "preds.csv", tmp_path / "maps"
    main(["classify", str(folder), "--recursive", "--output", str(output), "--heatmaps", str(maps)])
    assert len(table(output)) == 5
    assert cv2.imread(str(maps / "a.png.png"), 0).shape == (454, 373)
    assert cv2.imread(str(maps / "sub" / "a.png.png"), 0).shape == (200, 150)


def test_maps_of_films_of_one_name_in_several_folders_stay_apart(folder: Path, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    assert main(["classify", str(folder / "sub"), str(folder / "a.png"), "--heatmaps", str(maps)]) == 0
    assert cv2.imread(str(maps / "sub" / "a.png.png"), 0).shape == (200, 150)
    assert cv2.imread(str(maps / "a.png.png"), 0).shape == (454, 373)


def test_several_arguments_of_one_name_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one/left/a.png", "two/left/a.png", "two/left-2/a.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path / "two" / "left-2")

    def places(*paths: str) -> list[str]:
        return [place.as_posix() for _, place in find_files([Path(path) for path in paths], recursive=True)]

    assert places("../../one/left", "../left", ".") == ["left/a.png", "left-2/a.png", "left-2-2/a.png"]
    assert places("a.png", "..", "../left/a.png") == ["a.png", "two/left/a.png", "two/left-2/a.png", "a.png-2"]
    assert places("..") == ["left/a.png", "left-2/a.png"], "one argument's name says nothing"


@pytest.fixture
def not_utf8(tmp_path: Path) -> Path:
    """A film whose name on the disk is b"Sch\\xe4del.png"."""
    path = tmp_path / "Sch\udce4del.png"
    try:
        path.write_bytes(to_png(radiograph(seed=1)))
    except (OSError, UnicodeError):
        pytest.skip("file names are UTF-8 here")
    return path


def test_a_name_that_is_not_utf8_is_escaped_in_the_table(not_utf8: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "preds.csv"
    assert main(["classify", str(not_utf8), "--output", str(output)]) == 0
    (row,) = table(output)
    assert row["status"] == "ok"
    assert Path(row["file"]).name == r"Sch\udce4del.png"
    assert main(["explain", str(not_utf8), "--output", str(tmp_path / "x.png")]) == 0
    with table_stream(None) as screen:
        print(not_utf8, file=screen)
    assert capsys.readouterr().out.count(r"Sch\udce4del.png") == 2


def test_without_output_the_table_goes_to_the_screen(folder: Path, capsys) -> None:
    assert main(["classify", str(folder / "a.png")]) == 0
    assert capsys.readouterr().out.startswith(",".join(COLUMNS))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["classify", "no/such/place"], "There is no 'no/such/place'"),
        (["classify", "{folder}", "--model", "nonesuch"], "Unknown model 'nonesuch'. Choose from: "),
        (["classify", "{folder}", "--method", "nonesuch"], "Choose from:"),
        (["classify", "{folder}", "--output", "{folder}/sub"], "is a folder"),
        (["classify", "{folder}", "--output", "{folder}/a.png/t.csv"], "cannot be made"),
        (["explain", "{folder}/words.png", "--output", "{folder}/x.png"], "not an image"),
        (["explain", "{folder}/a.png", "--output", "{folder}/x.png", "--method", "nonesuch"], "Choose from:"),
        (["explain", "{folder}/a.png", "--output", "{folder}/x.jpg"], "The picture is a PNG"),
        (["explain", "{folder}/a.png", "--output", "{folder}/sub"], "name a file that ends in .png"),
        (["explain", "{folder}/a.png", "--output", "{folder}/a.png/x.png"], "cannot be made"),
        (["results", "--paper", "nonesuch"], "Choose from: abirami2024,"),
        (["results", "--runs", "{folder}/nowhere"], "There is no folder"),
    ],
)
def test_mistakes_are_told_in_a_sentence(folder: Path, capsys, arguments: list[str], words: str) -> None:
    assert main([argument.format(folder=folder) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_a_folder_of_folders_hints_at_recursive(folder: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "outer").mkdir()
    folder.rename(tmp_path / "outer" / "films")
    assert main(["classify", str(tmp_path / "outer")]) == 2
    assert "--recursive" in capsys.readouterr().err


def test_explain_draws_the_film_with_its_map(folder: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "overlay.png"
    assert main(["explain", str(folder / "b.dcm"), "--output", str(output)]) == 0
    picture = cv2.imread(str(output), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (454, 373, 3)
    assert "probability" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--opacity", "--threshold"])
@pytest.mark.parametrize("value", ["60", "1.5", "-0.2", "nan", "half"])
def test_explain_refuses_what_is_no_share(folder: Path, tmp_path: Path, capsys, option: str, value: str) -> None:
    output = tmp_path / "overlay.png"
    with pytest.raises(SystemExit) as stopped:
        main(["explain", str(folder / "b.dcm"), "--output", str(output), f"{option}={value}"])
    assert stopped.value.code == 2
    assert f"argument {option}: '{value}' is no number from 0 to 1" in capsys.readouterr().err
    assert not output.exists()


def test_explain_gives_no_probability_of_a_refused_film(tmp_path: Path, capsys) -> None:
    holiday = tmp_path / "holiday.png"
    colours = np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8)
    cv2.imwrite(str(holiday), colours)
    assert main(["explain", str(holiday), "--output", str(tmp_path / "x.png")]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "holiday.png: not answered"
    assert second == "  This does not look like a limb radiograph: it is a colour picture."


def test_models_are_listed_with_their_auc(capsys) -> None:
    assert main(["models"]) == 0
    assert "default" in capsys.readouterr().out


def test_all_architectures_are_listed(capsys) -> None:
    from fracture_core.models import MODELS

    assert main(["models", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(MODELS)
    assert "ResNet-18; 11.2 million parameters; lisbon2023" in lines[0]


def test_nothing_installed_is_said(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path))
    assert main(["models"]) == 3
    assert "No model is installed" in capsys.readouterr().err


def test_a_command_that_is_stopped_says_so(monkeypatch, capsys) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fracture_core.weights.installed", stop)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import contextlib, io, json, sys\n"
        "from fracture_core.__main__ import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out:\n"
        "    main(['--help'])\n"
        "heavy = {'torch', 'timm', 'pydicom', 'cv2', 'numpy', 'pandas'} & set(sys.modules)\n"
        "print(json.dumps([out.getvalue(), sorted(heavy)]))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    text, heavy = json.loads(answer.stdout)
    assert heavy == []
    for command in COMMANDS:
        assert f"\n    {command.__name__.rpartition('.')[2]}" in text
