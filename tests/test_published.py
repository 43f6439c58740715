"""The papers' figures: each number is what is printed, and every model is one that can be trained here."""

from __future__ import annotations

import json
import re

import pytest

from fracture_core.errors import FractureError
from fracture_core.models import MODELS
from fracture_core.results import METRICS, PUBLISHED, load_published
from fracture_core.results.published import SPLITS

PAPERS = load_published()
ROWS = [(paper, row) for paper in PAPERS.values() for row in paper.rows]

# What the papers call each metric, in small letters and without the split's name.
NAMES = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1 score": "f1",
    "f1-score": "f1",
    "auc": "auc",
    "auc roc": "auc",
    "roc-auc score": "auc",
    "loss": "loss",
}
MISPRINTS = {("lisbon2023", "ResNet-152", "precision"): "456"}


def metric(name: str) -> str:
    return NAMES[re.sub(r"^(test(ing)?|validation|train(ing)?) | \(%\)$", "", name.lower())]


def value(text: str, *, loss: bool) -> float:
    """A printed figure on the 0 to 1 scale: what is above 1, a loss apart, is per cent."""
    (number,) = re.findall(r"\d+(?:\.\d+)?", text)
    return float(number) / (100 if not loss and (float(number) > 1 or text.endswith("%")) else 1)


def identify(item: object) -> str:
    return getattr(item, "key", None) or f"{item.model}-{item.split}-{item.epoch or 'last'}"


@pytest.mark.parametrize(
    ("key", "rows", "figures"),
    [
        ("abirami2024", 4, 16),  # four models of Table 1
        ("lisbon2023", 10, 30),  # five models of Table 1, training and validation
        ("multiregion2024", 6, 21),  # three models; training and test of an unnamed one, and its class 1
        ("gupta2024", 8, 12),  # test, validation, training; five of Table I
        ("wang2024", 9, 18),  # three models on test, and after the first and the last epoch
    ],
)
def test_every_figure_is_there(key: str, rows: int, figures: int) -> None:
    assert len(PAPERS[key].rows) == rows
    assert sum(len(row.printed) for row in PAPERS[key].rows) == figures


def test_the_five_papers_in_the_models_table_are_those_published() -> None:
    used = {(paper, model) for model, spec in MODELS.items() for paper in spec.papers}
    assert {(paper.key, row.model_key) for paper, row in ROWS if row.model_key} == used
    assert set(PAPERS) == {paper for paper, _ in used}


@pytest.mark.parametrize(("paper", "row"), ROWS, ids=identify)
def test_the_numbers_are_those_printed(paper, row) -> None:
    assert list(map(metric, row.printed)) == list(row.metrics), "in one order, by one vocabulary"
    assert set(row.metrics) <= set(METRICS)
    assert row.metrics
    for name, number in row.metrics.items():
        text = row.as_printed(name)
        if number is None:
            assert MISPRINTS[paper.key, row.model, name] == text
        else:
            assert number == pytest.approx(value(text, loss=name == "loss"), abs=1e-9)
            assert 0 <= number <= 1


@pytest.mark.parametrize(("paper", "row"), ROWS, ids=identify)
def test_a_row_says_what_it_is(paper, row) -> None:
    assert row.split in SPLITS
    assert row.model
    assert row.where
    assert row.model_key is None or row.model_key in MODELS
    assert not (row.cited and row.model_key), "what a paper quotes is not its own model"
    assert row.model_key or row.cited or "not named" in row.model
    for name in row.printed:  # the printed name's own split is the row's
        word = re.match(r"(test|validation|train)", name.lower())
        assert word is None or word.group() == row.split


@pytest.mark.parametrize("paper", PAPERS.values(), ids=identify)
def test_a_paper_says_what_it_is(paper) -> None:
    assert paper.title
    assert paper.year in (None, int(paper.key[-4:]))
    assert paper.positive_class in ("fractured", "not fractured", "not stated")
    data = paper.data
    assert data.name
    assert set(data.counts) <= {"train", "validation", "test"}
    if data.counts:
        assert sum(data.counts.values()) == data.images
    if data.fractured is not None:
        assert data.fractured + data.not_fractured == data.images
    assert len({(row.model, row.split, row.epoch) for row in paper.rows}) == len(paper.rows)


def test_known_figures() -> None:
    """By hand from the texts, so that a slip that is consistent with itself still shows."""
    assert PAPERS["abirami2024"].result("seresnet50_abirami").metrics == {
        "precision": 0.9456,
        "recall": 0.9678,
        "f1": 0.9767,
        "accuracy": 0.9802,
    }
    assert PAPERS["lisbon2023"].result("resnet152").metrics["precision"] is None
    assert PAPERS["lisbon2023"].result("resnet34").metrics["auc"] == 0.85
    assert PAPERS["multiregion2024"].result("resnet50").metrics["precision"] == 1.0
    assert PAPERS["multiregion2024"].data.counts == {"train": 9246, "validation": 828, "test": 506}
    assert PAPERS["gupta2024"].result("efficientnet_b6").as_printed("accuracy") == "96.83%"
    assert PAPERS["wang2024"].result("seresnet50").metrics["auc"] == 0.95


def test_facts_that_the_papers_leave_out_carry_their_source() -> None:
    for paper in PAPERS.values():
        release = paper.data.release
        if release is None:
            continue
        assert release.source
        if release.fractured is not None:
            assert release.fractured + release.not_fractured == release.images
        for part, counts in release.splits.items():
            assert set(counts) == {"fractured", "not_fractured"}
            assert sum(counts.values()) == paper.data.counts[part]
    assert PAPERS["multiregion2024"].data.release.splits["test"] == {"fractured": 238, "not_fractured": 268}
    assert {PAPERS[key].data.release.images for key in ("lisbon2023", "gupta2024")} == {4083}
    assert {PAPERS[key].data.release.fractured for key in ("lisbon2023", "gupta2024")} == {717}


def test_a_part_that_was_grown_has_its_own_size_too() -> None:
    data = PAPERS["wang2024"].data
    assert {part: after / data.counts[part] for part, after in data.augmented.items()} == dict.fromkeys(
        data.counts, 4
    )


@pytest.mark.parametrize(("paper", "row"), ROWS, ids=identify)
def test_a_figure_printed_again_is_one_of_the_rows_own(paper, row) -> None:
    for again in row.elsewhere:
        assert again.metric in row.metrics
        assert again.where
        same = value(again.printed, loss=again.metric == "loss") == pytest.approx(
            row.metrics[again.metric], abs=0.005
        )
        assert same != (row.cited == "D. P. Yadav et al., 2020"), "one quoted figure contradicts another place"


def test_a_papers_last_word_on_a_model_is_its_own_test() -> None:
    assert PAPERS["gupta2024"].result("efficientnet_b6").split == "test"
    assert PAPERS["lisbon2023"].result("resnet18").split == "validation"
    assert PAPERS["wang2024"].result("resnet50").epoch is None
    assert PAPERS["gupta2024"].result("resnet18") is None


@pytest.mark.parametrize("damage", ["{", "[]", '{"papers": {"x": {"title": "half"}}}', '{"papers": {"x": 1}}'])
def test_a_damaged_file_is_told_in_a_sentence(tmp_path, damage: str) -> None:
    path = tmp_path / "published.json"
    with pytest.raises(FractureError, match="restore the file"):
        load_published(path)
    path.write_text(damage)
    with pytest.raises(FractureError, match="restore the file"):
        load_published(path)


def test_the_file_is_plain_json_with_papers_alone() -> None:
    stored = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert list(stored) == ["papers"]
    assert list(stored["papers"]) == ["abirami2024", "lisbon2023", "multiregion2024", "gupta2024", "wang2024"]
