"""What of a second data set may train along: nothing that the first one holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fracture_core.audit import companion, groups_across
from fracture_core.datasets import Case, DataSet


def data_set(folder, name, contents):
    """A data set of text files; only their bytes count here. contents: (id, bytes, label)."""
    folder.mkdir()
    cases = []
    for identifier, content, label in contents:
        path = folder / identifier
        path.write_bytes(content)
        cases.append(Case(identifier, path, label, "hand"))
    return DataSet(name, folder, tuple(cases), "made up")


def test_shared_repeated_and_contradictory_films_are_left_out(tmp_path):
    ours = data_set(tmp_path / "a", "ours", [("a0", b"0", 0), ("a1", b"1", 1)])
    theirs = data_set(
        tmp_path / "b",
        "theirs",
        [
            ("shared", b"1", 1),
            ("first", b"2", 1),
            ("again", b"2", 1),
            ("turned", b"3", 1),
            ("whole", b"4", 0),
            ("either", b"5", 0),
            ("other", b"6", 1),
        ],
    )
    groups = np.array([0, 1, 1, 2, 2, 2, 3, 4, 4])
    found = companion(ours, theirs, groups, held=0.0)
    assert [case.id for case in found.data.cases] == ["first", "turned", "whole", "either", "other"]
    assert [copies.tolist() for copies in found.exposures] == [[0, 1], [2]]
    assert (found.shared, found.contradictory, len(found.held)) == (1, 1, 0)


def test_a_share_of_the_exposures_of_each_label_is_kept_out(tmp_path):
    ours = data_set(tmp_path / "a", "ours", [("a", b"a", 0)])
    contents = [(f"f{number}", str(number).encode(), number % 2) for number in range(40)]
    theirs = data_set(tmp_path / "b", "theirs", contents)
    found = companion(ours, theirs, np.arange(41), held=0.25)
    labels = found.data.labels
    assert len(found.held) == 10
    assert labels[found.held_films].sum() == 5
    trained = {int(index) for copies in found.exposures for index in copies}
    assert trained.isdisjoint(found.held_films.tolist())
    assert len(trained) == 30


def test_groups_reach_across_data_sets(made_fracatlas, tmp_path):
    from fracture_core.datasets import open_data

    data = open_data(made_fracatlas(8))
    whole = tuple(case for case in data.cases if not case.label)  # no two of these look alike
    data = replace(data, cases=whole)
    groups = groups_across(data, replace(data, name="copy", cases=tuple(reversed(whole))))
    assert groups[: len(whole)].tolist() == groups[len(whole) :][::-1].tolist()
    assert len(set(groups.tolist())) == len(whole)
