"""Each finding on a small made set of which the answer is known, and the known answers on real sets."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fracture_core.audit import audit, film_groups, read_audit, survey, write_audit
from fracture_core.audit.copies import components
from fracture_core.audit.films import rows_read
from fracture_core.datasets import Case, DataSet, read_fracatlas, read_multiregion
from fracture_core.errors import DataSetError, FractureError
from fracture_core.overlay import encode_jpeg, encode_png

ROOT = Path(__file__).resolve().parent.parent


def film(seed: int, shape: tuple[int, int] = (150, 120)) -> np.ndarray:
    """A uint8 film that resembles no film of another seed."""
    clouds = np.random.default_rng(seed).random((7, 6), dtype=np.float32)
    return np.uint8(20 + 200 * np.clip(cv2.resize(clouds, shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 1))


@dataclass(frozen=True)
class Made:
    """A case to make."""

    content: bytes
    label: int = 0
    split: str | None = None
    patient: str | None = None


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., DataSet]:
    """Writes films into files and gives their data set."""

    def write(*films: Made | bytes, neighbours: bool = False) -> DataSet:
        cases = []
        for index, given_film in enumerate(films):
            wanted = given_film if isinstance(given_film, Made) else Made(given_film)
            path = tmp_path / f"film{index:03d}"
            path.write_bytes(wanted.content)
            cases.append(Case(path.name, path, wanted.label, "hand", patient=wanted.patient, split=wanted.split))
        return DataSet("made", tmp_path, tuple(cases), "made for a test", neighbours=neighbours)

    return write


PNG = [encode_png(film(seed)) for seed in range(12)]


# Reading -----------------------------------------------------------------------------------------------


def test_each_different_file_is_read_once(made, tmp_path, monkeypatch):
    from fracture_core.audit import films

    data = made(PNG[0], PNG[1], PNG[0])
    link = tmp_path / "link"
    link.hardlink_to(data.cases[1].path)
    data = replace(data, cases=(*data.cases, replace(data.cases[1], id="link", path=link)))
    decoded = []
    monkeypatch.setattr(films, "read_image", lambda *a, **k: decoded.append(k["name"]) or real(*a, **k))
    from fracture_core.imaging import read_image as real

    seen = survey(data, workers=3)
    assert len(decoded) == 2
    assert seen.stored == 3
    assert seen.film_of.tolist() == [0, 1, 0, 1]


def test_progress_counts_files_to_the_end(made):
    told = []
    survey(made(*PNG[:4]), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_missing_and_empty_files_are_unreadable_and_no_copies(made, tmp_path):
    data = made(b"", b"", PNG[0])
    gone = replace(data.cases[0], id="gone", path=tmp_path / "gone")
    found = audit(replace(data, cases=(*data.cases, gone)))
    assert [(damage.case, damage.readable) for damage in found.damaged] == [(0, False), (1, False), (3, False)]
    assert "empty" in found.damaged[0].reason
    assert found.pairs.total == 0
    assert len(set(found.groups)) == 4


def test_rows_read():
    pixels = np.random.default_rng(0).random((10, 5)).astype(np.float32)
    assert rows_read(pixels) == 1
    pixels[8:] = 0.5
    assert rows_read(pixels) == pytest.approx(0.8)
    assert rows_read(np.full((4, 4), 0.5, np.float32)) == 0


# Copies ------------------------------------------------------------------------------------------------


def test_copies_are_counted_under_the_strictest_kind(made):
    found = audit(
        made(
            encode_png(film(0)),
            encode_png(film(0)),  # equal bytes
            cv2.imencode(".bmp", film(0))[1].tobytes(),  # equal pixels
            encode_jpeg(film(0), quality=60),  # near
            encode_png(np.ascontiguousarray(film(0)[:, ::-1])),  # near once mirrored
            PNG[1],
        )
    )
    assert (found.pairs.by_bytes, found.pairs.by_pixels, found.pairs.near, found.pairs.turned) == (1, 2, 3, 4)
    assert found.pairs.total == 10
    assert found.different == 5
    assert found.groups.tolist() == [0, 0, 0, 0, 0, 1]
    assert found.copies.by_pixels.tolist() == [0, 0, 0, 1, 2, 3]


def test_pairs_of_cases_are_listed_as_they_are_counted(made):
    data = made(PNG[0], PNG[0], encode_jpeg(film(0)), PNG[1], PNG[0])
    groups, pairs = film_groups(data)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (0, 2), (0, 4), (1, 2), (1, 4), (2, 4)]
    assert audit(data).pairs.total == 6
    assert groups.tolist() == [0, 0, 0, 1, 0]


def test_a_turned_copy_is_told_apart_and_joins_its_original(made):
    grain = np.random.default_rng(9).integers(0, 35, (40, 40), dtype=np.uint8)
    square = cv2.resize(film(0), (150, 150)) + cv2.resize(grain, (150, 150))
    matrix = cv2.getRotationMatrix2D((74.5, 74.5), 20, 1)
    data = made(encode_png(square), encode_png(cv2.warpAffine(square, matrix, (150, 150))), PNG[1])
    found = audit(data)
    (copy,) = found.rotated
    assert (copy.first, copy.second, round(copy.degrees)) == (0, 1, 20)
    assert found.pairs.total == 0
    assert found.copies.by_near.tolist() == [0, 1, 2]
    assert found.groups.tolist() == film_groups(data)[0].tolist() == [0, 0, 1]


# Groups ------------------------------------------------------------------------------------------------


def test_films_of_one_patient_are_joined(made):
    data = made(
        *(Made(content, patient=name) for content, name in zip(PNG, ["a", "b", None, "a", None], strict=False))
    )
    assert film_groups(data)[0].tolist() == [0, 1, 2, 0, 3]


def test_likeness_joins_no_two_patients(made):
    mirrored = encode_png(np.ascontiguousarray(film(0)[:, ::-1]))
    contents = [PNG[0], mirrored, PNG[0]]
    named = made(*(Made(content, patient=name) for content, name in zip(contents, "abc", strict=True)))
    assert film_groups(named)[0].tolist() == [0, 1, 0]  # equal films are one film, whoever it is said to be of
    unnamed = made(*(Made(content, patient=name) for content, name in zip(contents, ["a", "b", None], strict=True)))
    assert film_groups(unnamed)[0].tolist() == [0, 0, 0]


def test_neighbours_are_joined_only_where_the_data_set_says_so(made):
    assert film_groups(made(*PNG[:3]))[0].tolist() == [0, 1, 2]
    assert film_groups(made(*PNG[:3], neighbours=True))[0].tolist() == [0, 0, 0]


def test_patients_and_copies_chain(made):
    """0 and 1 are one patient's, 1 and 2 one film, 2 and 3 one patient's."""
    data = made(
        Made(PNG[0], patient="a"), Made(PNG[1], patient="a"), Made(PNG[1], patient="b"), Made(PNG[2], patient="b")
    )
    assert film_groups(data)[0].tolist() == [0, 0, 0, 0]


def test_an_empty_set_has_no_groups(made):
    groups, pairs = film_groups(made())
    assert groups.shape == (0,)
    assert pairs == []


@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([None, "a", "b", "c"])), min_size=1, max_size=9),
    st.integers(0, 8),
)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_groups_are_the_finest_partition_that_keeps_copies_and_patients_together(made, films, copied):
    cases = [Made(PNG[seed], patient=patient) for seed, patient in films]
    groups = film_groups(made(*cases))[0]
    assert sorted(set(groups.tolist())) == list(range(groups.max() + 1))
    related = [
        [one == other or (one[1] is not None and one[1] == other[1]) or one[0] == other[0] for other in films]
        for one in films
    ]
    reached = np.array(related)
    for _ in films:  # transitive closure
        reached = reached | (reached.astype(int) @ reached.astype(int) > 0)
    assert np.array_equal(groups[:, None] == groups[None, :], reached)

    original = copied % len(cases)
    with_copy = film_groups(made(*cases, Made(encode_jpeg(film(films[original][0]), quality=80))))[0]
    assert with_copy[-1] == with_copy[original]
    assert np.array_equal(with_copy[:-1], groups)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12))
def test_components_are_transitive(links):
    found = components(8, links)
    assert all(found[one] == found[other] for one, other in links)
    assert len(set(found.tolist())) >= 8 - len(links)
    firsts = [found.tolist().index(number) for number in range(found.max() + 1)]
    assert firsts == sorted(firsts)


# Conflicts ---------------------------------------------------------------------------------------------


def test_relabelling_a_copy_makes_a_conflict(made):
    films = [PNG[0], PNG[1], PNG[0], encode_jpeg(film(1)), PNG[2]]
    agreed = audit(made(*films))
    assert agreed.conflicts == ()
    cases = list(agreed.data.cases)
    cases[2] = replace(cases[2], label=1)
    cases[1] = replace(cases[1], label=1)
    found = audit(replace(agreed.data, cases=tuple(cases)))
    assert [(c.fractured, c.sound, c.kind) for c in found.conflicts] == [(2, 0, "bytes"), (1, 3, "near")]
    assert np.array_equal(found.groups, agreed.groups)


# Leaks -------------------------------------------------------------------------------------------------


def test_leaks_between_splits(made):
    found = audit(
        made(
            Made(PNG[0], 0, "train"),
            Made(PNG[1], 1, "train"),
            Made(PNG[0], 0, "test"),
            Made(encode_jpeg(film(1)), 1, "test"),
            Made(PNG[2], 1, "test"),
            Made(PNG[2], 1, "val"),
        )
    )
    counts = {
        (leak.split, leak.other, leak.label): (leak.films, leak.by_bytes, leak.by_pixels, leak.by_near)
        for leak in found.leaks
    }
    assert len(counts) == 18
    assert counts["test", "train", None] == (3, 1, 1, 2)
    assert counts["test", "train", 1] == (2, 0, 0, 1)
    assert counts["test", "train", 0] == (1, 1, 1, 1)
    assert counts["train", "test", None] == (2, 1, 1, 2)
    assert counts["test", "val", None] == (3, 1, 1, 1)
    assert counts["val", "train", None] == (1, 0, 0, 0)
    assert "test in train, all: of 3: 1 (33.3 %) / 2 (66.7 %) / 2 (66.7 %)" in found.summary()


def test_no_published_split_no_leaks(made):
    assert audit(made(PNG[0], PNG[0])).leaks == ()


def test_patients_that_cross_splits(made):
    found = audit(
        made(
            Made(PNG[0], 0, "train", "a"),
            Made(PNG[1], 0, "test", "a"),
            Made(PNG[2], 0, "test", "b"),
            Made(PNG[3], 0, None, "b"),
        )
    )
    (crossing,) = found.crossing
    assert (crossing.patient, crossing.splits) == ("a", {"train": 1, "test": 1})
    assert "with films in several splits: 1 of 2 (50.0 %)" in found.summary()


# Damage ------------------------------------------------------------------------------------------------


def test_cut_and_unreadable_films_are_told_apart(made):
    noisy = np.random.default_rng(0).integers(0, 255, (160, 160), dtype=np.uint8)
    whole = encode_jpeg(noisy, quality=90)
    found = audit(made(PNG[0], whole[: len(whole) // 2], b"no picture"))
    cut, unreadable = found.damaged
    assert (cut.case, cut.readable) == (1, True)
    assert cut.reason.startswith("truncated:")
    assert 0.4 < cut.rows_read < 0.6
    assert (unreadable.case, unreadable.readable, unreadable.rows_read) == (2, False, 0)


# Shortcuts ---------------------------------------------------------------------------------------------


def test_a_label_told_by_size_is_found(made):
    films = [
        Made(encode_png(film(seed, (150, 120 + 2 * (seed % 5) + 20 * (seed % 2)))), seed % 2) for seed in range(20)
    ]
    aucs = {found.feature: found.auc.value for found in audit(made(*films)).shortcuts}
    assert aucs["width"] == aucs["aspect"] == 1
    assert aucs["height"] == aucs["format"] == 0.5
    assert aucs["all together"] > 0.9


def test_a_label_told_by_format_is_found(made):
    films = [Made(encode_png(film(s)) if s % 2 else encode_jpeg(film(s)), s % 2) for s in range(12)]
    aucs = {found.feature: found.auc for found in audit(made(*films)).shortcuts}
    assert aucs["format"].value == 1
    assert aucs["format"].n == 12
    assert all(auc.value >= 0.5 for feature, auc in aucs.items() if feature != "all together")


def test_one_class_has_no_shortcuts(made):
    assert audit(made(*PNG[:3])).shortcuts == ()


def test_too_few_groups_have_no_model(made):
    found = audit(made(*(Made(PNG[seed], seed % 2) for seed in range(4)))).shortcuts
    assert [shortcut.feature for shortcut in found][-1] == "format"


# On disk -----------------------------------------------------------------------------------------------


def test_what_is_written_is_read_back(made, tmp_path):
    found = audit(made(Made(PNG[0], 1, "train", "p"), Made(PNG[0], 0, "test"), Made(b"no picture")))
    report = write_audit(found, tmp_path / "new" / "out")
    assert sorted(path.name for path in report.parent.iterdir()) == ["audit.json", "groups.csv"]
    plain = read_audit(report)
    assert plain == read_audit(report.parent) == json.loads(json.dumps(found.as_dict()))
    assert plain["pairs"] == {"by_bytes": 1, "by_pixels": 0, "near": 0, "turned": 0, "total": 1}
    assert plain["conflicts"] == [{"fractured": "film000", "not_fractured": "film001", "kind": "bytes"}]
    assert plain["exact"] == [["film000", "film001"]]
    with (report.parent / "groups.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [tuple(row.values()) for row in rows] == [
        ("film000", "1", "train", "p", "0", "0", "0", "0"),
        ("film001", "0", "test", "", "0", "0", "0", "0"),
        ("film002", "0", "", "", "1", "1", "1", "1"),
    ]


def test_an_audit_replaces_the_one_before(made, tmp_path):
    write_audit(audit(made(PNG[0])), tmp_path / "out")
    write_audit(audit(made(PNG[0], PNG[1])), tmp_path / "out")
    assert read_audit(tmp_path / "out")["films"] == 2


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format": 99}'])
def test_no_audit_is_said_plainly(tmp_path, content):
    if content is not None:
        (tmp_path / "audit.json").write_text(content)
    with pytest.raises(DataSetError, match="python -m fracture_core audit"):
        read_audit(tmp_path / "audit.json")


def test_a_place_that_is_no_folder_is_said_plainly(made, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FractureError, match="Choose another folder"):
        write_audit(audit(made(PNG[0])), tmp_path / "file")


def test_a_summary_fits_the_screen(made):
    films = [Made(content, index % 2, ("train", "test")[index % 2]) for index, content in enumerate(PNG)]
    lines = audit(made(*films)).summary().splitlines()
    assert 12 <= len(lines) <= 35
    assert max(map(len, lines)) < 160


# The command -------------------------------------------------------------------------------------------


def _command(*arguments: object) -> int:
    import argparse

    from fracture_core.commands import audit as command

    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers(required=True))
    options = parser.parse_args(["audit", *map(str, arguments)])
    return options.run(options)


def test_the_command_prints_and_writes(made_fracatlas, tmp_path, monkeypatch, capsys):
    root = made_fracatlas(12)
    monkeypatch.chdir(tmp_path)
    assert _command(root) == 0
    printed = capsys.readouterr().out
    assert "fracatlas: 12 films" in printed
    assert read_audit(tmp_path / "audit" / "fracatlas")["films"] == 12


def test_the_command_says_that_films_could_not_be_read(made_fracatlas, tmp_path, capsys):
    root = made_fracatlas(12)
    (root / "images" / "Non_fractured" / "IMG0000008.jpg").write_bytes(b"no picture")
    assert _command(root, "--output", tmp_path / "here") == 3
    assert "unreadable: 1 of 12 (8.3 %)" in capsys.readouterr().out
    assert (tmp_path / "here" / "groups.csv").is_file()


def test_no_data_set_is_an_error_before_anything_is_written(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataSetError):
        _command(tmp_path / "empty", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_auditing_loads_no_torch():
    code = (
        "import sys, fracture_core.audit, fracture_core.commands.audit; "
        "from fracture_core.audit import audit; from fracture_core.datasets import DataSet; "
        "audit(DataSet('none', None, (), '')).summary(); print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


# Real sets ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_real_multiregion(fracture_data):
    found = audit(read_multiregion(fracture_data / "multi_region"))
    assert len(found.data.cases) == 10_580
    # the packed form is encoded anew: four pairs of the 3,869 published files became equal byte for byte
    assert (found.stored, found.different) == (3_869, 3_865)
    leaks = {(leak.split, leak.other, leak.label): leak for leak in found.leaks}
    test, val, sound = leaks["test", "train", None], leaks["val", "train", None], leaks["test", "train", 0]
    assert (test.films, test.by_bytes) == (506, 491)
    assert (val.films, val.by_bytes) == (828, 728)
    assert (sound.films, sound.by_bytes) == (268, 268)
    assert found.conflicts == ()
    assert not any(copy.mirrored for copy in found.rotated)
    assert len(set(found.groups.tolist())) == pytest.approx(578, abs=5)
    alone = np.bincount(found.copies.by_rotation) == 1
    named = ["-rotated" in case.id for case in found.data.cases]
    assert not (alone[found.copies.by_rotation] & np.array(named)).any()


@pytest.mark.slow
def test_real_fracatlas(fracture_data):
    found = audit(read_fracatlas(fracture_data / "fracatlas"))
    kinds = [conflict.kind for conflict in found.conflicts]
    if len(found.data.cases) == 3_469:  # the part that the figures below are of
        assert found.pairs.total == 103
        assert len(kinds) - kinds.count("rotation") == 5
        assert len(set(found.groups.tolist())) == 1_280
        assert len(found.damaged) == 53
    assert all(damage.readable and 0 < damage.rows_read <= 1 for damage in found.damaged)
    assert any("IMG0003298" in note for note in found.data.notes)
