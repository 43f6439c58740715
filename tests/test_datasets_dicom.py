"""DICOM folders with their tables and outlines; the synthetic CT data set."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fracture_core.datasets import open_data, read_dicom_folder
from fracture_core.datasets.coco import read_coco
from fracture_core.datasets.dicom_folder import pseudonym
from fracture_core.datasets.label_table import read_label_table
from fracture_core.errors import DataSetError, UnreadableImage
from fracture_core.imaging import read_image
from fracture_core.phantom import VIEWS, radiograph, to_dicom, write_phantom_ct

SECRET = "MRN-4711-SMITH"


def write_film(path: Path, *, seed: int = 1, patient: str = SECRET, **elements: object) -> str:
    """A small DICOM file; its SOP Instance UID."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_dicom(radiograph(seed=seed, size=(64, 64)), patient_id=patient))
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return str(dataset.SOPInstanceUID)


def write_table(root: Path, *rows: dict[str, object], name: str = "labels.csv") -> Path:
    with (root / name).open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return root / name


@pytest.fixture
def two_films(tmp_path: Path) -> Path:
    """a.dcm, fractured, and deep/b without ending, not."""
    root = tmp_path / "films"
    write_film(root / "a.dcm", seed=1)
    write_film(root / "deep" / "b", seed=2)
    write_table(root, {"file": "a.dcm", "fractured": 1}, {"file": "deep/b", "fractured": 0})
    return root


# DICOM folders -----------------------------------------------------------------------------------------


def test_labels_by_path(two_films):
    data = read_dicom_folder(two_films)
    assert [(case.id, case.label, case.region, case.split) for case in data.cases] == [
        ("a.dcm", 1, "forearm", None),
        ("deep/b", 0, "forearm", None),
    ]
    assert (data.name, data.notes, data.neighbours) == ("dicom", (), False)
    assert open_data(two_films).fingerprint() == data.fingerprint()


def test_labels_by_uid_and_every_optional_column(tmp_path):
    first, second = write_film(tmp_path / "x"), write_film(tmp_path / "y", seed=2, BodyPartExamined="")
    write_table(
        tmp_path,
        {"SOP_Instance_UID": first, "Fractured": "Yes", "patient": "p1", "region": "Hip", "split": "Validation"},
        {"SOP_Instance_UID": second, "Fractured": "FALSE", "patient": "", "region": "", "split": ""},
    )
    one, two = read_dicom_folder(tmp_path).cases
    assert (one.label, one.patient, one.region, one.split) == (1, pseudonym("p1"), "hip", "val")
    assert (two.label, two.patient, two.region, two.split) == (0, pseudonym(SECRET), "not stated", None)


def test_a_table_elsewhere(two_films, tmp_path):
    table = write_table(tmp_path, {"file": ".\\deep\\b", "fractured": "true"}, name="mine.csv")
    data = read_dicom_folder(two_films, table)
    assert [(case.id, case.label) for case in data.cases] == [("deep/b", 1)]
    assert data.notes == ("1 files are no DICOM", "1 DICOM files have no row in mine.csv")


def test_no_identity_is_kept(two_films):
    data = read_dicom_folder(two_films)
    assert SECRET not in repr(data) and "SMITH" not in repr(data)
    assert all(re.fullmatch("[0-9a-f]{12}", case.patient) for case in data.cases)
    assert len({case.patient for case in data.cases}) == 1


def test_patients_of_two_hospitals_are_two_patients(two_films):
    write_film(two_films / "a.dcm", IssuerOfPatientID="NORTH")
    write_film(two_films / "deep" / "b", seed=2, IssuerOfPatientID="SOUTH")
    assert len({case.patient for case in read_dicom_folder(two_films).cases}) == 2


def test_without_a_patient_id_there_is_no_patient(two_films):
    write_film(two_films / "a.dcm", patient="")
    assert [case.patient is None for case in read_dicom_folder(two_films).cases] == [True, False]


@given(st.text(min_size=1), st.text(min_size=1))
def test_pseudonyms_are_steady_and_part_patients(first, second):
    assert pseudonym(first) == pseudonym(first)
    assert (pseudonym(first) == pseudonym(second)) == (first == second)


def test_whatever_finds_no_partner_is_counted(two_films):
    write_film(two_films / "lone.dcm", seed=3)
    write_film(two_films / "blank.dcm", seed=4)
    (two_films / "readme.txt").write_text("not a film")
    (two_films / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 3)
    report = pydicom.dcmread(two_films / "lone.dcm")
    del report.Rows, report.PixelData
    report.save_as(two_films / "report.dcm")
    write_table(
        two_films,
        {"file": "a.dcm", "fractured": 1, "sop_instance_uid": "1.2.3", "split": "train"},
        {"file": "deep/b", "fractured": 0, "sop_instance_uid": "", "split": "test"},
        {"file": "blank.dcm", "fractured": "", "sop_instance_uid": "", "split": ""},
        {"file": "gone.dcm", "fractured": 1, "sop_instance_uid": "", "split": ""},
        {"file": "gone_too.dcm", "fractured": 0, "sop_instance_uid": "", "split": ""},
    )
    data = read_dicom_folder(two_films)
    assert [case.id for case in data.cases] == ["a.dcm", "deep/b"]
    counted = {note.split(" ", 1)[1]: int(note.split(" ", 1)[0]) for note in data.notes}
    assert counted.pop("files are no DICOM") + counted.pop("DICOM objects hold no image") == 3
    assert counted == {
        "DICOM files have no row in labels.csv": 1,
        "rows of labels.csv have no DICOM image": 2,
        "DICOM files have a row in labels.csv without an answer": 1,
        "files carry another SOP Instance UID than their row": 1,
        "patients have films in more than one split": 1,
    }


def test_outlines_beside_the_films(two_films):
    ring = [10, 10, 30, 10, 30, 40]
    coco = {
        "info": {"description": "Ward 7"},
        "licenses": [{"name": "CC0"}],
        "images": [{"id": i, "file_name": name} for i, name in enumerate(("a.dcm", "deep/b", "gone.dcm"))],
        "annotations": [
            {"image_id": 0, "segmentation": [ring, ring]},
            {"image_id": 1, "segmentation": [], "bbox": [1, 2, 3, 4]},
            {"image_id": 2, "segmentation": [ring]},
        ],
    }
    (two_films / "annotations.json").write_text(json.dumps(coco))
    data = read_dicom_folder(two_films)
    first, second = data.cases
    assert [polygon.tolist() for polygon in first.polygons] == [[[10, 10], [30, 10], [30, 40]]] * 2
    assert second.polygons[0].tolist() == [[1, 2], [4, 2], [4, 6], [1, 6]]
    assert data.attribution == "Ward 7; CC0"
    assert data.notes == (
        "1 films are outlined and yet not fractured",
        "1 outlined files of annotations.json are no cases",
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"images": [{}], "annotations": []}', '{"images": 1, "annotations": 2}']
)
def test_damaged_outlines_are_told(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataSetError, match=r"no COCO JSON.*Export it again"):
        read_coco(tmp_path / "x.json")


def test_masks_are_told(tmp_path):
    masks = {
        "images": [{"id": 1, "file_name": "a"}],
        "annotations": [{"image_id": 1, "segmentation": {"counts": []}}],
    }
    (tmp_path / "x.json").write_text(json.dumps(masks))
    with pytest.raises(DataSetError, match=r"run-length masks.*polygons"):
        read_coco(tmp_path / "x.json")


def test_labels_that_fit_no_film_are_told(two_films):
    write_table(two_films, {"file": "elsewhere/a.dcm", "fractured": 1})
    with pytest.raises(DataSetError, match=r"Of 2 DICOM images .* none has a label"):
        read_dicom_folder(two_films)


# Tables ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "lacks columns"),
        ("name,fractured\na,1\n", "column 'file'"),
        ("file,label\na,1\n", "column 'fractured'"),
        ("file,fractured\na,perhaps\n", "line 2: 'fractured' is neither 0 nor 1 but 'perhaps'"),
        ("file,fractured\na,1\n,0\n", "line 3 names no film"),
        ("file,fractured,split\na,1,later\n", "the split 'later' is none of train, val, test"),
        ("file,fractured\na,1\nb,0\n./a,0\n", r"lines 2 and 4 say different things of one film \(fractured\)"),
        ("file,fractured,split,patient\na,1,train,P1\na,1,test,P1\n", r"lines 2 and 3 say .* \(split\)"),
        ("file,fractured,split,patient\na,1,train,P1\na,1,train,P2\n", r"lines 2 and 3 say .* \(patient\)"),
        ("file,fractured,region\na,1,Hip\na,1,\n", r"lines 2 and 3 say .* \(region\)"),
        ("file,fractured,Fractured\na,1,0\n", "has 2 columns 'fractured'. Keep one"),
        ("file,fractured,split,split\na,1,train,test\n", "has 2 columns 'split'"),
        ('file,fractured,note\na,1,x\nb,0,"5 mm)\nc,1,x\n', r"from line 3 on: .* not closed there, or .* Mend that"),
        ('file,fractured,note\na,1,"5 mm)\nb,0,"6 mm)\n', "from line 2 on"),
        ('file,fractured,"note\na,1,x\n', "from line 1 on"),
        pytest.param('file,fractured,note\na,1,"5 mm)\n' + "b,0,x\n" * 30_000, "from line 2 on", id="a long one"),
    ],
)
def test_a_wrong_table_is_told_with_its_line(tmp_path, text, told):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataSetError, match=told):
        read_label_table(tmp_path / "labels.csv")


@pytest.mark.parametrize("content", [None, "file,fractured\na,1".encode("utf-16"), b"\xff\xfe\0", b"\0\0"])
def test_an_unreadable_table_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(DataSetError, match=r"'fractured' \(0 or 1\)"):
        read_label_table(tmp_path / "labels.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_of_all_countries(tmp_path, delimiter):
    text = "\ufeffFile ,FRACTURED,note\r\na.dcm,1,x\r\na.dcm,1,x\r\nb.dcm,0,\r\n".replace(",", delimiter)
    (tmp_path / "labels.csv").write_bytes(text.encode())
    rows = read_label_table(tmp_path / "labels.csv")
    assert [(row.file, row.label, row.line) for row in rows] == [("a.dcm", 1, 2), ("a.dcm", 1, 3), ("b.dcm", 0, 4)]


def test_what_is_said_twice_alike_is_taken_and_other_columns_may_be_doubled(tmp_path):
    text = 'file,fractured,region,note,note\na,1,Hip,"5 mm, ""old""",x\na,1,hip,,\n'
    (tmp_path / "labels.csv").write_text(text)
    rows = read_label_table(tmp_path / "labels.csv")
    assert [(row.file, row.label, row.region) for row in rows] == [("a", 1, "Hip"), ("a", 1, "hip")]


# Real files --------------------------------------------------------------------------------------------


def test_real_dicom_files_of_every_kind(fracture_data, tmp_path):
    folder = fracture_data / "dicom"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.dcm"))
    rows = [{"file": file, "fractured": number % 2} for number, file in enumerate(files)]
    data = read_dicom_folder(folder, write_table(tmp_path, *rows))
    assert len(files) == 55
    known = {row["file"]: row["fractured"] for row in rows}
    assert all(case.label == known[case.id] for case in data.cases)
    regions = {case.id: case.region for case in data.cases}
    assert regions["radiograph/RG1_JLSN.dcm"] == "chest"
    assert regions["radiograph/RG2_JPLY.dcm"] == "hip", "a file without preamble is read too"
    readable = set()
    for file in files:
        with suppress(UnreadableImage):  # which ones decode is another test's business
            read_image(folder / file)
            readable.add(file)
    assert readable <= set(regions), "whatever can be opened is a case"
    lost = sum(int(note.split()[0]) for note in data.notes if "are no DICOM" in note or "hold no image" in note)
    assert len(data.cases) + lost == 55 + 1, "the 55 files and TABLE.csv"


# The synthetic CT data set -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def phantom_ct(tmp_path_factory) -> Path:
    return write_phantom_ct(tmp_path_factory.mktemp("ct") / "set", patients=6, slices=4, size=(96, 96))


def test_phantom_ct_is_read_as_it_was_written(phantom_ct):
    data = open_data(phantom_ct)
    assert data.name == "dicom"
    assert data.notes == ()
    assert "SYNTHETIC" in data.attribution
    assert len(data.cases) == 6 * 4 * len(VIEWS)
    assert {case.region for case in data.cases} == {"ankle"}
    assert len({case.patient for case in data.cases}) == 6
    assert all(bool(case.polygons) == bool(case.label) for case in data.cases)


def test_about_a_quarter_is_fractured_in_some_patients_only(phantom_ct):
    data = open_data(phantom_ct)
    assert 0.15 < data.labels.mean() < 0.40
    fractured = {case.patient for case in data.cases if case.label}
    assert 1 < len(fractured) < 6
    assert {Path(case.id).name.split("-")[0] for case in data.cases if case.label} == set(VIEWS)


def test_phantom_slices_open_and_hold_their_outlines(phantom_ct):
    for case in [case for case in open_data(phantom_ct).cases if case.label][:3]:
        film = read_image(case.path)
        assert film.shape == (96, 96)
        (ring,) = case.polygons
        assert ring.min() >= 0 and ring.max() <= 96
        assert len(ring) >= 3
    annotations = json.loads((phantom_ct / "annotations.json").read_text())["annotations"]
    assert all(0 < item["area"] <= np.prod(item["bbox"][2:]) + 0.1 for item in annotations)


def test_the_seed_decides_every_byte(tmp_path):
    def contents(name: str, seed: int) -> dict[str, bytes]:
        root = write_phantom_ct(tmp_path / name, patients=2, slices=1, seed=seed, size=(64, 64))
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    first, again, other = contents("a", 3), contents("b", 3), contents("c", 4)
    assert first == again
    assert first.keys() == other.keys() and first != other


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(DataSetError, match="not empty"):
        write_phantom_ct(tmp_path, patients=1, slices=1)
    with pytest.raises(DataSetError, match="cannot be written"):
        write_phantom_ct(tmp_path / "mine.txt", patients=1, slices=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_reading_data_sets_loads_nothing_heavy():
    code = (
        "import sys, fracture_core.datasets\n"
        "print(*{'torch', 'pydicom', 'pandas', 'scipy', 'urllib.request', 'tqdm'} & set(sys.modules))"
    )
    root = Path(__file__).resolve().parent.parent
    answer = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
