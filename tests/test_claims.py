"""The claims audit: every flaw that is known by hand is found, and the three matrices are rebuilt."""

from __future__ import annotations

import csv
import tracemalloc

import pytest

from fracture_core.__main__ import main
from fracture_core.claims import (
    SEVERITIES,
    Claim,
    accuracy_of,
    audit_claims,
    audit_paper,
    audit_rows,
    audit_table,
    findings_by_row,
    marked,
    read_figure,
)
from fracture_core.claims.matrices import fitting
from fracture_core.metrics import ConfusionMatrix
from fracture_core.results import load_published

PAPERS = load_published()
FINDINGS = audit_claims(PAPERS)


def claim(**figures: object) -> Claim:
    about = {name: figures.pop(name) for name in ("n", "positives", "negatives") if name in figures}
    n = about.get("n")
    return Claim(
        model="made up",
        figures={name: read_figure(name, str(text)) for name, text in figures.items()},
        sizes=(n,) if n else (),
        independent=n,
        positives=about.get("positives"),
        negatives=about.get("negatives"),
    )


def kinds(made: Claim) -> set[tuple[str, str]]:
    return {(finding.kind, finding.severity) for finding in audit_rows([made])}


# What is printed stands for an interval -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rounded", "truncated"),
    [
        ("0.8987", (0.89865, 0.89875), (0.8987, 0.8988)),
        ("90.7", (0.9065, 0.9075), (0.907, 0.908)),
        ("96.83%", (0.96825, 0.96835), (0.9683, 0.9684)),
        ("0,93", (0.925, 0.935), (0.93, 0.94)),
        ("74", (0.735, 0.745), (0.74, 0.75)),
        ("1.0000", (0.99995, 1), (1, 1)),
        ("0", (0, 0.5), (0, 1)),
    ],
)
def test_a_figure_stands_for_what_it_can_be_shortened_from(text, rounded, truncated):
    figure = read_figure("f1", text)
    assert tuple(map(float, figure.rounded)) == pytest.approx(rounded, abs=1e-15)
    assert tuple(map(float, figure.truncated)) == pytest.approx(truncated, abs=1e-15)
    assert figure.either.low <= figure.rounded.low
    assert figure.either.high >= figure.truncated.high


@pytest.mark.parametrize("text", ["just above 0.7", "", "0.9 ± 0.1", "1e-3", "0.9.3", "%"])
def test_words_are_no_figure(text):
    assert read_figure("f1", text) is None


def test_a_value_is_said_in_the_figures_own_manner():
    assert read_figure("f1", "76.56").like(0.74725) in ("74.72 %", "74.73 %")
    assert read_figure("f1", "0.9365").like(0.5) == "0.5000"


# The flaws known by hand ----------------------------------------------------------------------------------

KNOWN = [
    ("abirami2024", "Proposed SE-ResNet", "f1 above mean", "impossible", "95.67 %"),
    ("abirami2024", "DenseNet", "f1 above mean", "impossible", "74.73 %"),
    ("abirami2024", "ResNet", "f1 not harmonic", "contradiction", "91.23 %"),
    ("lisbon2023", "ResNet-152", "not a rate", "impossible", "456"),
    ("lisbon2023", "ResNet-152", "not a rate", "impossible", "about 0.62"),
    ("lisbon2023", "", "images", "contradiction", "14,068 images; FracAtlas holds 4,083"),
    ("lisbon2023", "ResNet-50", "below majority", "suspicious", "82.44 %"),
    ("lisbon2023", "ResNet-18", "share", "note", "only as macro averages"),
    ("multiregion2024", "CNN", "other class", "contradiction", "found 207 of 238"),
    ("multiregion2024", "RESNET50", "other class", "contradiction", "found 238 of 238"),
    ("multiregion2024", "VGG16", "other class", "contradiction", "found 234 of 238"),
    ("multiregion2024", "RESNET50", "order turned", "suspicious", "worst of 3"),
    ("multiregion2024", "not named", "accuracy of no count", "impossible", "499/506 is 0.9862 and 500/506 is 0.9881"),
    ("multiregion2024", "not named", "of no model", "suspicious", "0.9867"),
    ("gupta2024", "EfficientNet-B6", "auc equals recall", "suspicious", "to 4 places"),
    ("gupta2024", "EfficientNet-B6", "majority", "note", "82.44 %"),
    ("gupta2024", "EfficientNet-B6", "share", "suspicious", "51 % of the images"),
    ("gupta2024", "EfficientNet-B6", "f1 cut off", "note", "0.9687"),
    ("gupta2024", "D. P. Yadav et al.", "conflicting figures", "contradiction", "92.44%"),
    ("wang2024", "", "grown test", "suspicious", "198 became 792"),
    ("wang2024", "Adapted ResNet50", "test is training", "suspicious", "3 of the 3"),
    ("wang2024", "EfficientNetB5", "test is training", "suspicious", "0.9"),
    ("wang2024", "ResNet50", "test is training", "suspicious", "0.89"),
    ("wang2024", "ResNet50", "not told apart", "note", "on 198 images"),
]


@pytest.mark.parametrize(("paper", "model", "kind", "severity", "said"), KNOWN)
def test_each_known_flaw_is_found(paper, model, kind, severity, said):
    found = [one for one in FINDINGS if (one.paper, one.model, one.kind) == (paper, model, kind)]
    assert found, "the audit must find it by itself"
    assert {one.severity for one in found} == {severity}
    assert any(said in one.sentence for one in found), [one.sentence for one in found]


def test_nothing_else_is_called_impossible():
    known = {(paper, model, kind) for paper, model, kind, severity, _ in KNOWN if severity == "impossible"}
    assert {(one.paper, one.model, one.kind) for one in FINDINGS if one.severity == "impossible"} == known


@pytest.mark.parametrize(
    ("model", "tp", "fp", "fn", "tn"),
    [("CNN", 244, 31, 24, 207), ("RESNET50", 236, 0, 32, 238), ("VGG16", 260, 4, 8, 234)],
)
def test_the_matrices_of_multiregion2024_are_rebuilt(model, tp, fp, fn, tn):
    (found,) = [one for one in audit_paper(PAPERS["multiregion2024"]).rebuilt if one.claim.model == model]
    assert found.as_printed == ConfusionMatrix(tp, fp, fn, tn)
    assert found.matrix == ConfusionMatrix(tn, fn, fp, tp)  # fractured as positive
    assert found.class_read == "not fractured"
    assert (found.shortened, found.firm, found.n) == ("rounded", True, 506)


def test_without_class_sizes_the_matrix_cannot_be_named():
    searches = [row.search for row in audit_paper(PAPERS["wang2024"]).rows if row.search is not None]
    assert len(searches) == 3
    for found in searches:
        assert found.matrix is None
        assert "at least" in found.outcome


def test_intervals_rest_on_images_that_are_no_copies():
    audit = audit_paper(PAPERS["wang2024"])
    assert {accuracy_of(row.claim).n for row in audit.rows if row.claim.split == "test"} == {198}
    estimate = accuracy_of(audit.rows[0].claim)
    assert (round(estimate.low, 3), round(estimate.high, 3)) == (0.886, 0.958)  # Wilson, 0.93 of 198


def test_a_finding_says_where_and_rests_on_figures():
    for one in FINDINGS:
        assert one.severity in SEVERITIES
        assert one.where
        assert one.figures
        assert one.sentence.endswith(".")
        assert one.sentence[0] == one.sentence[0].upper()
        assert "  " not in one.sentence


def test_a_chart_marks_the_row_it_draws():
    paper = PAPERS["abirami2024"]
    assert [one.kind for one in marked(paper, "seresnet50_abirami")] == ["f1 above mean"]
    assert marked(paper, "vgg16") == []
    by_row = findings_by_row(PAPERS["multiregion2024"])
    assert len(by_row) == len(PAPERS["multiregion2024"].rows)
    assert [one.row for found in by_row for one in found] == [
        place for place, found in enumerate(by_row) for _ in found
    ]
    assert all(one.severity != "note" for one in marked(PAPERS["gupta2024"], "efficientnet_b6"))


# Checks on rows of one's own -----------------------------------------------------------------------------


def test_a_sound_row_passes_clean():
    sound = claim(
        accuracy="0.9060", precision="0.9048", recall="0.8550", specificity="0.94", f1="0.8792", auc="0.951"
    )
    assert audit_rows([sound]) == []
    rates = {"accuracy": "0.9060", "precision": "0.9048", "recall": "0.8550", "f1": "0.8792"}
    assert audit_rows([claim(**rates, n=500, positives=200, negatives=300)]) == []


@pytest.mark.parametrize(
    ("figures", "kind", "severity"),
    [
        ({"f1": "0.93", "precision": "0.90", "recall": "0.91"}, "f1 above mean", "impossible"),
        ({"f1": "0.88", "precision": "0.90", "recall": "0.91"}, "f1 not harmonic", "suspicious"),
        ({"recall": "-0.2"}, "not a rate", "impossible"),
        ({"accuracy": "0.40", "f1": "0.80"}, "accuracy below f1", "suspicious"),
        (
            {"accuracy": "0.40", "f1": "0.80", "n": 50, "positives": 20, "negatives": 30},
            "accuracy below f1",
            "impossible",
        ),
        ({"accuracy": "0.95", "recall": "0.80", "specificity": "0.90"}, "accuracy not between", "suspicious"),
        ({"auc": "0.850", "recall": "0.800", "specificity": "0.900"}, "auc equals macro recall", "suspicious"),
        ({"auc": "0.60", "recall": "0.90", "specificity": "0.90"}, "auc off the point", "suspicious"),
        ({"accuracy": "0.937", "n": 50}, "accuracy of no count", "impossible"),
        ({"accuracy": "0.60", "n": 100, "positives": 30, "negatives": 70}, "below majority", "suspicious"),
        ({"accuracy": "0.72", "n": 100, "positives": 30, "negatives": 70}, "near majority", "suspicious"),
        (
            {"precision": "0.9048", "recall": "0.8551", "n": 500, "positives": 200, "negatives": 300},
            "no matrix",
            "impossible",
        ),
    ],
)
def test_each_check_fires(figures, kind, severity):
    assert (kind, severity) in kinds(claim(**figures))


@pytest.mark.parametrize(
    ("figures", "severity"),
    [
        ({"accuracy": "0.3350", "f1": "0.5869"}, "suspicious"),  # TP 285, FN 665, TN 50
        ({"accuracy": "0.3350", "f1": "0.5869", "precision": "0.5350", "recall": "0.6500"}, "suspicious"),
        ({"accuracy": "0.3350", "f1": "0.5869", "precision": "0.5350", "recall": "0.9000"}, "impossible"),
        ({"accuracy": "0.2500", "f1": "0.5869"}, "impossible"),  # below 2 − 1/F1 too
        ({"accuracy": "0.5500", "f1": "0.7200"}, "impossible"),
    ],
)
def test_an_accuracy_below_f1_is_impossible_unless_f1_may_be_harmonic_of_macro_averages(figures, severity):
    found = audit_rows([claim(**figures, n=1000, positives=950, negatives=50)])
    (said,) = [one for one in found if one.kind == "accuracy below f1"]
    assert said.severity == severity
    assert ("the harmonic mean of macro precision and recall" in said.sentence) == (severity == "suspicious")


def test_a_matrix_is_rebuilt_from_a_harmonic_macro_f1():
    rates = {"accuracy": "0.8600", "precision": "0.8565", "recall": "0.8500", "f1": "0.8533"}
    (row,) = audit_table([claim(**rates, n=500, positives=200, negatives=300)]).rows
    assert row.search.matrix == ConfusionMatrix(160, 30, 40, 270)
    assert row.search.readings == ("macro average",)


def test_macro_recall_and_specificity_leave_the_accuracy_and_the_auc_open():
    """Of TP 30, FN 70 and TN 10: both are 0.65, and a curve through the point may have an AUC of 0.95."""
    equal = {"accuracy": "0.3636", "recall": "0.6500", "specificity": "0.6500", "auc": "0.950"}
    assert kinds(claim(**equal, n=110, positives=100, negatives=10)) <= {
        ("below majority", "suspicious"),
        ("only average", "note"),
    }
    assert ("auc off the point", "suspicious") in kinds(claim(recall="0.65", specificity="0.65", auc="0.20"))


def test_a_weighted_recall_is_no_place_on_the_curve():
    """Of TP 3, FP 2, FN 36 and TN 159: the weighted recall is the accuracy, and binds no AUC."""
    weighted = {"precision": "0.773", "recall": "0.810", "specificity": "0.988", "f1": "0.746", "auc": "0.605"}
    sizes = {"n": 200, "positives": 39, "negatives": 161}
    assert not {kind for kind, _ in kinds(claim(accuracy="0.810", **weighted, **sizes))} & {"auc off the point"}
    (said,) = [one for one in audit_rows([claim(**weighted)]) if one.kind == "auc off the point"]
    assert said.sentence.endswith("unless recall is a weighted average of classes.")


def test_a_mean_over_folds_or_runs_is_named_as_what_could_explain_a_row():
    """Five folds of a real network, averaged: no matrix of all the images gives them, and nothing is wrong."""
    means = {"accuracy": "0.7540", "precision": "0.6506", "recall": "0.4893", "specificity": "0.8749", "f1": "0.5555"}
    found = {one.kind: one.sentence for one in audit_rows([claim(**means, n=500, positives=157, negatives=343)])}
    assert "Only a mean over folds or runs could be so." in found["no matrix"]
    assert "folds or runs, which is not stated" in found["f1 not harmonic"]
    (seeds,) = [one for one in audit_rows([claim(accuracy="0.6373", n=125)]) if one.kind == "accuracy of no count"]
    assert seeds.sentence.endswith("Only a mean over folds or runs could be.")


def test_a_row_that_is_an_average_is_told_so_and_no_more():
    m = ConfusionMatrix(30, 12, 10, 148)
    other = m.swapped()
    rates = {
        "accuracy": (m.tp + m.tn) / m.n,
        "precision": (m.precision.value + other.precision.value) / 2,
        "recall": (m.sensitivity.value + other.sensitivity.value) / 2,
        "f1": (m.f1.value + other.f1.value) / 2,
    }
    printed = {name: f"{rate:.4f}" for name, rate in rates.items()}
    found = audit_rows([claim(**printed, n=200, positives=40, negatives=160)])
    assert "only average" in {one.kind for one in found}
    assert not {one.severity for one in found} & {"impossible", "contradiction"}


def test_the_search_agrees_with_trying_every_matrix():
    """All matrices of 14 images, 6 positive: the counts of each reading, by brute force."""
    bounds = {name: read_figure(name, text).rounded for name, text in {"precision": "0.7", "f1": "0.7"}.items()}

    def fits(p, f, i):
        return bounds["precision"].holds(p) and bounds["f1"].holds(f)

    expected = {"positive": 0, "negative": 0, "macro average": 0}
    for tp in range(7):
        for tn in range(9):
            fn, fp = 6 - tp, 8 - tn
            own = (tp / (tp + fp) if tp + fp else 0, 2 * tp / (2 * tp + fp + fn))
            other = (tn / (tn + fn) if tn + fn else 0, 2 * tn / (2 * tn + fp + fn))
            expected["positive"] += fits(*own, 0)
            expected["negative"] += fits(*other, 0)
            p, r = (own[0] + other[0]) / 2, (tp / 6 + tn / 8) / 2
            harmonic = 2 * p * r / (p + r) if p + r else 0
            expected["macro average"] += fits(p, (own[1] + other[1]) / 2, 0) or fits(p, harmonic, 0)
    found = fitting(bounds, n=14, positives=6)
    assert {reading: found[reading].count for reading in expected} == expected
    assert all(expected.values()), "each reading has matrices to count"


@pytest.mark.parametrize("positives", [18_000, None])
def test_the_search_goes_through_many_images(positives):
    bounds = {
        name: read_figure(name, text).either
        for name, text in {"accuracy": "0.9123", "precision": "0.8811", "recall": "0.8702", "f1": "0.8900"}.items()
    }
    found = fitting(bounds, n=50_000, positives=positives)
    assert found["positive"].count == 0  # F1 is off


@pytest.mark.parametrize("n", [10**6, 10**7, 10**20])
def test_more_images_than_can_be_searched_are_left_undecided(n):
    """Class sizes alone would fill the memory."""
    made = claim(accuracy="0.9", f1="0.85", n=n)
    (row,) = audit_table([made]).rows
    assert not {one.severity for one in row.findings} & {"impossible", "contradiction"}
    assert row.search.matrix is None
    assert row.search.readings
    assert "cannot be named" in row.search.outcome


@pytest.mark.parametrize(
    ("figures", "positives"),
    [
        ({"accuracy": "0.9", "f1": "0.85"}, None),
        ({"precision": "0.9", "recall": "0.8"}, None),
        ({"precision": "0.8811", "f1": "0.8702"}, 3_000_000),
        ({"precision": "0.911", "specificity": "0.893"}, 3_000_000),
    ],
)
@pytest.mark.parametrize("n", [999_999, 10_000_000])
def test_no_search_takes_more_memory_than_a_page_has(figures, positives, n):
    positives = positives and min(positives, n // 3)
    bounds = {name: read_figure(name, text).either for name, text in figures.items()}
    tracemalloc.start()
    try:
        fitting(bounds, n=n, positives=positives)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 100e6


def test_what_was_not_all_tried_is_not_said_to_fit():
    made = claim(precision="0.8811", f1="0.8702", n=10_000_000)
    (row,) = audit_table([made]).rows
    assert row.search.outcome.startswith(
        "The confusion matrix cannot be named: not all of 10,000,000 images could be tried"
    )


# The command ---------------------------------------------------------------------------------------------


def test_the_command_prints_every_finding_and_the_matrices(capsys):
    assert main(["claims"]) == 0
    said = capsys.readouterr().out
    for one in FINDINGS:
        assert f"[{one.severity}] {one.sentence}" in said
    assert "TP 244, FP 31, FN 24, TN 207" in said
    assert "“not fractured” as positive" in said


def test_one_paper_alone_and_a_file(tmp_path, capsys):
    out = tmp_path / "found.csv"
    assert main(["claims", "--paper", "gupta2024", "--csv", str(out)]) == 0
    assert "lisbon2023" not in capsys.readouterr().out
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["sentence"] for row in rows] == [one.sentence for one in FINDINGS if one.paper == "gupta2024"]


def test_a_table_of_ones_own(tmp_path, capsys):
    table = tmp_path / "mine.csv"
    table.write_text("Model;Acc;P (%);F1\nx;0,91;90;0,9\n", encoding="utf-8")
    assert main(["claims", "--table", str(table)]) == 0
    assert "mine.csv: 0 of 1 row with findings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--paper", "nobody2020"], "Choose from"),
        (["--table", "/no/such.csv"], "Check --table"),
        (["--table", "{here}", "--paper", "gupta2024"], "exclude each other"),
        (["--table", "{here}"], "holds no rows"),
    ],
)
def test_a_wrong_command_ends_with_a_sentence(tmp_path, capsys, arguments, said):
    here = tmp_path / "empty.csv"
    here.write_text("", encoding="utf-8")
    assert main(["claims", *(argument.replace("{here}", str(here)) for argument in arguments)]) == 2
    assert said in capsys.readouterr().err
