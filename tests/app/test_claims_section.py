"""The claims audit on the results page: the papers' findings, and a table of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.claims import audit_claims
from fracture_core.claims.table import example
from fracture_core.results import load_published

ROOT = Path(__file__).resolve().parents[2]


def show(papers: tuple[str, ...] | None = None) -> AppTest:
    def page(papers) -> None:
        from ui import claims_section

        claims_section.section(papers)

    app = AppTest.from_function(page, args=(papers,), default_timeout=60).run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.info, *app.error]
    return " ".join(str(element.value) for element in shown).replace("\\", "")


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_every_finding_is_there_with_its_severity_in_words():
    said = words(show())
    for one in audit_claims(load_published()):
        assert one.sentence in said
        assert f"**{one.severity.capitalize()}**" in said
    rows = sum(len(paper.rows) for paper in load_published().values())
    assert f"of {rows} printed rows** of 5 papers carry a finding" in said


def test_the_rebuilt_matrices_say_whose_rows_they_are():
    app = show(("multiregion2024",))
    tables = [table.value for table in app.dataframe]
    matrices = [table for table in tables if "truth" in table.columns]
    assert [table.to_numpy().tolist() for table in matrices] == [
        [["fractured", 207, 31], ["not fractured", 24, 244]],
        [["fractured", 238, 0], ["not fractured", 32, 236]],
        [["fractured", 234, 4], ["not fractured", 8, 260]],
    ]
    assert words(app).count("precision, recall and F1 are of “not fractured”") == 3
    (intervals,) = [table for table in tables if "as printed" in table.columns]
    assert set(intervals["n"]) == {506, 9246}


def test_only_the_chosen_papers_are_shown():
    app = show(("wang2024",))
    assert [expander.label.split()[0] for expander in app.expander] == ["**wang2024**"]
    assert "No paper is chosen" in words(show(()))


def test_without_a_table_the_page_says_what_to_do_and_offers_one():
    app = show(())
    assert "No table yet" in words(app)
    app.button(key="claims-example").click().run()
    assert app.text_area(key="claims-text").value == example()
    said = words(app)
    assert "**1 of 3 rows** carry a finding" in said
    assert "above the mean of precision 0.8421 and recall 0.8000" in said


def test_a_pasted_table_is_audited_and_a_sound_one_passes():
    app = show(())
    app.text_area(key="claims-text").set_value("model,acc,p,precision\n_A_,0.91,x,0.9\n").run()
    said = words(app)
    assert "**0 of 1 row** carry a finding" in said
    assert "Nothing found" in said
    assert "Columns not used: p" in said


def test_a_wrong_table_is_told_in_a_sentence():
    app = show(())
    app.text_area(key="claims-text").set_value("model,acc\nA,high\n").run()
    assert not app.exception
    assert "Line 2, column 'acc': 'high' is not a number" in words(app)
