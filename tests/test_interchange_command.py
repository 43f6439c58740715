"""``annotations import`` and ``annotations export``, with a store of their own."""

from __future__ import annotations

import argparse
import json

import pytest
from interchange_made import MARKS, reading

from fracture_core.annotations import open_store
from fracture_core.commands import annotations
from fracture_core.errors import FractureError
from fracture_core.interchange import FORMATS, readable, write_coco
from fracture_core.interchange.film_files import film_entry
from fracture_core.phantom import radiograph, to_dicom


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("FRACTURE_DB_URL", raising=False)
    monkeypatch.setenv("FRACTURE_HOME", str(tmp_path / "home"))


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    annotations.add(parser.add_subparsers())
    options = parser.parse_args(["annotations", *map(str, words)])
    return int(options.run(options))


def test_the_help_names_every_format():
    assert readable() == annotations.READ and (*annotations.READ, *annotations.WRITTEN) == tuple(FORMATS)


def test_fracatlas_in_and_out_in_every_format(made_fracatlas, tmp_path, capsys):
    root = made_fracatlas(6)
    assert run("import", "--fracatlas", root) == 0
    assert capsys.readouterr().out == "6 readings with 3 marks imported; 0 were there already.\n"
    assert run("import", "--fracatlas", root) == 0
    assert "6 were there already" in capsys.readouterr().out
    for name in ("coco", "voc", "yolo", "via", "csv", "w3c", "png"):
        assert run("export", "--format", name, "--output", tmp_path / name) == 0
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert files and not [path for path in files if path.suffix == ".partial"]
        assert f"6 readings of 6 films written to {tmp_path / name}" in capsys.readouterr().out
    with pytest.raises(FractureError, match="no DICOM"):
        run("export", "--format", "dicom-sr", "--output", tmp_path / "sr")
    for name in readable():  # what is there already is known again, by id
        path = tmp_path / name
        assert run("import", "--format", name, path) == 0
        assert "0 readings with 0 marks imported; 6 were there already" in capsys.readouterr().out


def test_a_file_with_films_that_the_store_does_not_know(made_fracatlas, tmp_path, capsys):
    root = made_fracatlas(4)
    entry = film_entry(root / "images/Fractured/IMG0000002.jpg")
    path = tmp_path / "other.json"
    path.write_bytes(write_coco([(entry, [reading(entry, "Ada", MARKS, id="r1")])]))
    assert run("import", "--format", "coco", path) == 3
    told = capsys.readouterr()
    assert "0 readings" in told.out and "no such film is known here: IMG0000002.jpg" in told.err
    assert run("import", "--format", "coco", path, "--data", root) == 0
    (found,) = open_store().readings()
    assert (found.reader, found.marks, found.origin, found.id) == ("Ada", MARKS, "imported from COCO", "r1")
    assert [film.sha256 for film in open_store().films()] == [entry.sha256]


def test_marks_of_nobody_need_a_name(made_fracatlas, tmp_path):
    root = made_fracatlas(2)
    path = tmp_path / "foreign.csv"
    path.write_text("film,kind,points\nIMG0000002.jpg,point,5 6\n")
    assert run("import", "--format", "csv", path, "--data", root, "--reader", "Eva") == 0
    assert [one.reader for one in open_store().readings()] == ["Eva"]


def test_a_work_list_and_a_reader_are_picked(made_fracatlas, tmp_path, capsys):
    root = made_fracatlas(6)
    run("import", "--fracatlas", root)
    store = open_store()
    films = [film.sha256 for film in store.films()]
    store.add_reader("Ada")
    store.create_worklist("some", films[:2], ["Ada"], seed=1)
    target = tmp_path / "some.json"
    assert run("export", "--format", "coco", "--worklist", "some", "--output", target) == 0
    assert len(json.loads(target.read_bytes())["images"]) == 2
    for words in (("--reader", "Ada"), ("--worklist", "none such")):
        with pytest.raises(FractureError):
            run("export", "--format", "coco", "--output", target, *words)


def test_dicom_films_from_a_folder(tmp_path, capsys):
    folder = tmp_path / "films"
    folder.mkdir()
    path = folder / "leg.dcm"
    path.write_bytes(to_dicom(radiograph(seed=3, region="leg")))
    entry = film_entry(path)
    assert entry.spacing is not None
    store = open_store()
    store.add_film(type(entry)(entry.sha256, entry.name, entry.width, entry.height))  # only uploaded once
    store.add_reader("Ada")
    store.import_readings([reading(entry, "Ada", MARKS, id="")])
    with pytest.raises(FractureError, match="not at hand"):
        run("export", "--format", "dicom-seg", "--output", tmp_path / "out")
    for name in ("dicom-sr", "dicom-seg", "dicom-gsps", "png"):
        assert run("export", "--format", name, "--output", tmp_path / "out", "--data", folder) == 0
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == [
        "leg-gsps.dcm",
        "leg-seg.dcm",
        "leg-sr-1.dcm",
        "leg.png",
    ]


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("import",), "Name either"),
        (("import", "--fracatlas", "a", "b"), "Name either"),
        (("import", "nothing.json"), "--format"),
        (("import", "--format", "coco", "nothing.json"), "cannot be read"),
        (("import", "--format", "paper", "."), "coco"),
        (("export", "--format", "coco", "--output", "x"), "no such readings"),
    ],
)
def test_mistakes_are_told_in_words(words, word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FractureError, match=word):
        run(*words)
