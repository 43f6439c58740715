"""A user's own table: what is taken, what is refused with a sentence, and that nothing is lost on the way."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fracture_core.claims import audit_rows, audit_table
from fracture_core.claims.figures import RATES
from fracture_core.claims.table import SYNONYMS, TableError, claims_csv, example, ignored_columns, read_claims_table


def printed(claim) -> dict[str, str]:
    return {name: figure.printed for name, figure in claim.figures.items()}


@pytest.mark.parametrize(
    "text",
    [
        "model,acc,f1\nA,0.91,0.90\n",
        "Model ; Accuracy ; F1-Score\nA ; 0.91 ; 0.90",
        "MODEL\tTest Acc\tF1 score\r\nA\t0.91\t0.90\r\n",
        "\ufeff\nmodel,acc,f1,,\nA,0.91,0.90,,\n\n",
        "f1,epochs,model,accuracy\n0.90,20,A,0.91\n",
    ],
)
def test_commas_semicolons_and_tabs_are_alike(text):
    (claim,) = read_claims_table(text)
    assert claim.model == "A"
    assert printed(claim) == {"accuracy": "0.91", "f1": "0.90"}


def test_per_cent_and_decimal_commas_are_taken_as_printed():
    (claim,) = read_claims_table("model;acc;recall;precision (%);f1\nA;96,83 %;0,9606;97,7;\n")
    assert printed(claim) == {"accuracy": "96,83 %", "recall": "0,9606", "precision": "97,7"}
    assert [float(figure.value) for figure in claim.figures.values()] == pytest.approx([0.9683, 0.9606, 0.977])
    assert [float(figure.unit) for figure in claim.figures.values()] == pytest.approx([1e-4, 1e-4, 1e-3])


def test_quoted_decimal_commas_are_taken():
    (claim,) = read_claims_table('model,acc\n"A, big","0,91"\n')
    assert (claim.model, printed(claim)) == ("A, big", {"accuracy": "0,91"})


@pytest.mark.parametrize("absent", ["", "-", "–", "n/a", "NaN", "not stated", "n/s"])
def test_absent_figures_are_absent(absent):
    (claim,) = read_claims_table(f"model,acc,f1\nA,{absent},0.9\n")
    assert set(claim.figures) == {"f1"}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ("500,200,300", ((500,), 200, 300)),
        (",200,300", ((500,), 200, 300)),
        ("500,200,", ((500,), 200, 300)),
        ("500,,300", ((500,), 200, 300)),
        ("500,,", ((500,), None, None)),
        ('"1,234",,', ((1234,), None, None)),
        ('"10,000,000",,', ((10_000_000,), None, None)),
        ("0000000000500,,", ((500,), None, None)),
        ("0" * 5000 + ",,", ((), None, None)),
        (",200,", ((), None, None)),
    ],
)
def test_class_sizes_complete_each_other(counts, expected):
    (claim,) = read_claims_table(f"acc,n,positives,negatives\n0.9,{counts}\n")
    assert (claim.sizes, claim.positives, claim.negatives) == expected
    assert claim.model == "line 2"


@pytest.mark.parametrize(("column", "name"), [(column, name) for column, names in SYNONYMS.items() for name in names])
def test_every_synonym_names_its_column(column, name):
    value = "7" if column in ("n", "positives", "negatives") else "0.5" if column in RATES else "x"
    other = "accuracy" if column != "accuracy" else "f1"
    assert ignored_columns(f"{name.upper()},{other}\n{value},0.5\n") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no rows"),
        ("model,acc\n", "holds no rows"),
        ("model,colour\nA,red\n", "names no rate"),
        ("model,acc\nA,high\n", "Line 2, column 'acc': 'high' is not a number"),
        ("model,acc\nA,0.9\nB,0.9 ± 0.1\n", "Line 3, column 'acc'"),
        ("model,acc,f1\nA,0,91,0,90\n", "separate the columns by semicolons"),
        ("acc,accuracy\n0.9,0.9\n", "'acc' and 'accuracy' both mean accuracy"),
        ("acc\n93\n0.88\n", "mixes per cent (line 2: 93) and fractions (line 3: 0.88)"),
        ("acc,n\n0.9,many\n", "Line 2, column 'n': 'many' is no whole number"),
        ("acc,Films\n0.9,many\n", "Line 2, column 'Films'"),
        ("acc,n\n0.9,1.5\n", "Write it as 1234"),
        ("acc,n\n0.9,10000001\n", "Line 2, column 'n': 10000001 is more than the 10,000,000 images"),
        ("acc,size\n0.9,2000000000000\n", "Line 2, column 'size': 2000000000000 is more"),
        ("acc,total\n0.9,99999999999999999999\n", "leave the cell empty"),
        ("acc,total\n0.9," + "9" * 5000, "leave the cell empty"),
        ("acc,n,positives\n0.9,,99999999999999999999\n", "the number of images that the figures were counted on"),
        ("acc,n,positives,negatives\n0.9,100,40,50\n", "40 positives and 50 negatives are not 100"),
        ("acc,n,positives\n0.9,100,140\n", "more images than the 100"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_and_the_way_out(text, said):
    with pytest.raises(TableError) as raised:
        read_claims_table(text)
    assert said in str(raised.value)
    assert str(raised.value).endswith(".")


def test_a_misprint_is_a_finding_and_no_error():
    found = audit_rows(read_claims_table("model,precision,recall,f1\nA,0.70,0.80,0.75\nB,456,0.66,0.64\n"))
    assert [(one.model, one.kind) for one in found] == [("B", "not a rate")]


def test_columns_that_are_not_used_are_named():
    assert ignored_columns("model,acc,epochs,loss\nA,0.9,20,0.1\n") == ("epochs", "loss")


def test_the_example_holds_two_sound_rows_and_one_that_is_not():
    audit = audit_table(read_claims_table(example()))
    assert [[one.kind for one in row.findings] for row in audit.rows] == [[], [], ["f1 above mean"]]
    assert [found.claim.model for found in audit.rebuilt] == ["Sound A", "Sound B"]


texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12)
rates = st.one_of(
    st.none(),
    st.decimals(0, 1, places=4).map(str),
    st.integers(0, 10000).map(lambda value: f"{value / 100:.2f} %"),
    st.integers(0, 999).map(lambda value: f"0,{value:03d}"),
)
rows = st.tuples(
    texts,
    texts.filter(bool),
    st.fixed_dictionaries(dict.fromkeys(RATES, rates)),
    st.integers(1, 900),
    st.integers(1, 900),
)


@given(st.lists(rows, min_size=1, max_size=5))
def test_a_table_survives_writing_and_reading(table):
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["paper", "model", *RATES, "positives", "negatives"])
    for paper, model, figures, positives, negatives in table:
        writer.writerow([paper, model, *(figures[name] or "" for name in RATES), positives, negatives])
    claims = read_claims_table(stream.getvalue())
    assert [(claim.paper, claim.model, claim.positives, claim.negatives) for claim in claims] == [
        (paper, model, positives, negatives) for paper, model, _, positives, negatives in table
    ]
    assert [printed(claim) for claim in claims] == [
        {name: text for name, text in figures.items() if text} for _, _, figures, _, _ in table
    ]
    again = read_claims_table(claims_csv(claims))
    assert again == claims
