"""Model cards: what they say is true of the card that they are made from, and nothing else is said."""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cards_made import build, made, share, words

from fracture_core import RESEARCH_ONLY, weights
from fracture_core.errors import FractureError
from fracture_core.metrics import Estimate
from fracture_core.model_card import (
    Document,
    Picture,
    Table,
    belongs,
    find_gate,
    find_localisation,
    find_record,
    model_card,
    to_html,
    to_pdf,
)
from fracture_core.model_card.evidence import verdict
from fracture_core.results import read_outlines, read_run
from fracture_core.weights import Card

VOID = {"meta", "br", "hr", "img", "link", "input"}


@pytest.fixture(scope="module")
def whole() -> Document:
    """The card of the installed default model, with all that belongs to it."""
    card = weights.load_card("default", root=weights.WEIGHTS)
    outline = find_record(card, read_outlines().runs)
    assert outline is not None
    return model_card(card, read_run(outline["id"]), find_localisation(card), gate=find_gate(root=weights.WEIGHTS))


# ------------------------------------------------------------------------------------------- what it is made from


def test_a_card_finds_its_run_record_and_no_other() -> None:
    card = weights.load_card("default", root=weights.WEIGHTS)
    outlines = read_outlines().runs
    assert [record["id"] for record in outlines if belongs(record, card)] == [find_record(card, outlines)["id"]]
    other = copy.deepcopy(dict(find_record(card, outlines)))
    other["seed"] = 77
    assert not belongs(other, card)
    assert not belongs({}, Card("bare", {})), "two things without figures are not of one run"


def test_maps_of_other_weights_are_not_taken(tmp_path: Path) -> None:
    card = Card("made", made())
    record = {"weights": "00" * 32, "parts": {"test": {}}}
    (tmp_path / "made.json").write_text(json.dumps(record))
    assert find_localisation(card, folder=tmp_path) is None
    (tmp_path / "made.json").write_text(json.dumps(record | {"weights": card.sha256}))
    assert find_localisation(card, folder=tmp_path) is not None
    (tmp_path / "made.json").write_text("{")
    with pytest.raises(FractureError, match="cannot be read"):
        find_localisation(card, folder=tmp_path)


# ----------------------------------------------------------------------------------------------------- what it says


def test_every_section_of_the_default_model_is_there_with_its_figures(whole: Document) -> None:
    card = weights.load_card("default", root=weights.WEIGHTS)
    keys = [section.key for section in whole.sections]
    assert keys == [
        *("use", "data", "making", "thresholds", "performance"),
        *("calibration", "subgroups", "explanation", "failures", "licence"),
    ]
    assert all(section.blocks for section in whole.sections)
    assert card.metrics["auc"].decimal() in words(whole, "performance")
    assert f"{card.calibration.temperature:.3f}" in words(whole, "calibration")
    assert card.sha256 in words(whole, "licence")
    assert "two radiologists and an orthopaedist" in words(whole, "data")
    for point in card.operating_points.values():
        assert point.sensitivity.percent() in words(whole, "thresholds")
    assert [fact.label for fact in whole.key_facts] == [
        *("AUC", "Sensitivity", "Specificity", "Calibration error", "Test films")
    ]
    pictures = [block for section in whole.sections for block in section.blocks if isinstance(block, Picture)]
    assert [type(picture.chart).__name__ for picture in pictures] == ["Histogram", "Reliability", "Forest"]


def test_the_failures_are_those_of_the_record(whole: Document) -> None:
    card = weights.load_card("default", root=weights.WEIGHTS)
    record = read_run(find_record(card, read_outlines().runs)["id"])
    cases, threshold = record["cases"], card.operating_points["balanced"].threshold
    missed = sorted(
        (score, name)
        for name, split, label, score in zip(cases["id"], cases["split"], cases["label"], cases["score"], strict=True)
        if split == "test" and label == 1 and score < threshold
    )
    table = whole.section("failures").blocks[0]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == [name for _, name in missed[:10]]
    assert f"10 of {len(missed)}" in table.note


def test_a_small_subgroup_is_named_with_what_is_hardly_known() -> None:
    said = words(build(), "use")
    assert "the sensitivity is hardly known: wrist (4)" in said
    assert "the specificity is hardly known" not in said, "26 films are not few"


def test_a_subgroup_clearly_below_all_films_is_named_and_a_vague_one_is_not() -> None:
    group = made()["subgroups"][0] | {"fractured": 12, "sensitivity": share(3, 12, reach=0.2)}
    assert "Sensitivity lies below that of all films" in words(build(subgroups=[group]), "use")
    vague = group | {"sensitivity": share(6, 12, reach=0.3)}
    assert "Sensitivity lies below" not in words(build(subgroups=[vague]), "use")


def test_errors_are_counted_at_every_operating_point() -> None:
    assert "it misses 5 of 20 fractures and calls 6 of 30 films fractured" in words(build(), "use")


@pytest.mark.parametrize(("auc", "chance"), [(share(43, 50), False), (share(26, 50), True)])
def test_films_of_another_source_are_told_of(auc: dict[str, object], chance: bool) -> None:
    found = {"name": "multiregion", "films": 50, "fractured": 20}
    metrics = {"auc": auc, "sensitivity": share(16, 20), "specificity": share(9, 30)}
    assert "never tested on films from anywhere else" in words(build(), "use")
    told = words(build(external=[{**found, "metrics": metrics}]), "use")
    assert "never tested on films from anywhere else" not in told
    assert "On 50 films from elsewhere (Fracture Multi-Region X-ray Data, 20 fractured) its AUC is" in told
    assert ("no better than chance" in told) == chance


def test_what_trained_along_is_told_and_what_it_is_worth_there() -> None:
    also = {"name": "multiregion", "exposures": 348, "fractured": 282}
    told = words(build(also=also), "use")
    assert "348 exposures of Fracture Multi-Region X-ray Data trained along, 282 of them fractured" in told
    assert "kept out of training" not in told
    held = {"auc": share(48, 50), "sensitivity": share(19, 20), "specificity": share(27, 30)}
    told = words(build(also={**also, "held": held}), "use")
    assert "On 50 more films of that source, kept out of training, its AUC is 0.960" in told
    assert "little of films from a third source" in told
    assert "and on Fracture Multi-Region X-ray Data, and never tested on films from a third source." in told
    assert "and Fracture Multi-Region X-ray Data to tell films" in build(also=also).summary
    assert "348 exposures of Fracture Multi-Region X-ray Data trained along" in words(build(also=also), "data")
    assert "trained along" not in words(build(), "use")


def test_related_test_films_make_it_say_that_the_test_is_none() -> None:
    assert "near relative among the training films" not in words(build(), "use")
    split = made()["split"] | {"crossing": {"val": 0.8, "test": 0.97}}
    assert "97 % of its test films have a copy or a near relative" in words(build(split=split), "use")


def test_a_committees_validation_films_are_said_to_be_training_films() -> None:
    said = "The validation films are among the training films"
    assert said not in words(build(), "data")
    counts = {part: {"films": films, "fractured": 40} for part, films in (("train", 250), ("val", 200), ("test", 50))}
    split = made()["split"] | {"counts": counts, "parts": 5, "part": None}
    told = words(build(split=split, data=made()["data"] | {"films": 300}), "data")
    assert said in told
    assert "Every film belongs to a part" in told


def test_without_a_region_it_does_not_claim_any() -> None:
    nameless = made()["subgroups"][0] | {"name": "not stated"}
    for groups in ([nameless], [], None):
        document = build(subgroups=groups)
        assert "body regions of its films are not recorded" in words(document, "use")
        assert "no figures by subgroup" in words(document, "subgroups")


def test_data_of_an_unknown_publisher_get_no_readers_and_no_publication() -> None:
    said = words(build(), "data")
    assert "Who decided that, and how, is not stated" in said
    assert "published before" not in said
    assert "radiologists" not in said


def test_without_calibration_scores_are_no_probabilities() -> None:
    document = build(calibration=None, recipe={"key": "own", "fracture_weight": 2.5})
    assert "must not be read as probabilities" in words(document, "calibration")
    assert "calibration undoes" not in words(document, "making")


def test_a_flat_calibration_is_no_merit() -> None:
    document = build(calibration={"temperature": 300.0, "bias": -1.5, "flat": True})
    assert "no merit" in words(document, "calibration")
    assert "no merit" not in words(build(), "calibration")


def test_maps_that_were_not_measured_are_said_not_to_be() -> None:
    assert "has not been measured" in words(build(), "explanation")


def test_without_a_gate_it_says_that_everything_is_answered() -> None:
    assert "No gate is installed" in words(build(), "use")
    gate = {"measured": {"pictures_refused": share(98, 100)}}
    said = words(model_card(Card("made", made()), gate=gate), "use")
    assert "Of 100 pictures of other kinds it refuses 98.0 %" in said
    assert "held-out films" not in said, "the gate's card says nothing of films"


def test_a_recipe_of_a_paper_says_whether_it_can_be_set_beside_it() -> None:
    data = made(recipe={"key": "lisbon2023", "paper": "lisbon2023", "citation": "Lisbon, 2023"})
    record = data | {"id": "a-run", "comparable": {"value": False, "why": "other films"}}
    said = words(model_card(Card("made", data), record), "making")
    assert "It follows Lisbon, 2023. Its figures are no reproduction of it: other films." in said


def test_trainings_that_followed_one_another_are_told_in_turn() -> None:
    late = {"epochs": 2, "lr": 1e-4, "batch": 32, "augmentation": {"zoom": 0.3, "noise": 0.02, "gain": 0.0}}
    early = late | {"epochs": 23, "lr": 4e-4, "augmentation": {"zoom": 0.6, "noise": 0.02, "gain": 0.0}}
    said = words(model_card(Card("made", made(recipe=late, before=[early]))), "making")
    assert "23, then 2" in said and "0.0004, then 0.0001" in said and "32, then" not in said
    assert "Training films were changed at random: zoom 0.6 then 0.3, noise 0.02." in said


@pytest.mark.parametrize(
    ("value", "guess", "word"),
    [
        (Estimate(0.5, 0.4, 0.6, 9), 0.1, "better than chance"),
        (Estimate(0.5, 0.4, 0.6, 9), 0.5, "no better than chance"),
        (Estimate(0.5, 0.4, 0.6, 9), 0.9, "worse than chance"),
        (Estimate(np.nan, np.nan, np.nan, 0), 0.9, ""),
        (Estimate(0.5, 0.4, 0.6, 9), None, ""),
    ],
)
def test_a_score_is_set_beside_chance_by_its_interval(value: Estimate, guess: float | None, word: str) -> None:
    assert verdict(value, None if guess is None else Estimate(guess, guess, guess, 9)) == word


OPTIONAL = [
    *("calibration", "operating_points", "metrics", "subgroups", "split", "data", "recipe", "labels"),
    *("sha256", "seed", "commit", "licence", "title", "size"),
]


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(OPTIONAL)))
def test_a_card_without_any_of_its_parts_is_still_a_card(absent: set[str]) -> None:
    document = build(**dict.fromkeys(absent))
    assert len(document.sections) == 10 and all(section.blocks for section in document.sections)
    assert "nan" not in words(document).replace("finance", "")
    Balanced().feed(to_html(document))
    json.loads(document.to_json())


# --------------------------------------------------------------------------------------------------- how it is shown


class Balanced(HTMLParser):
    """Fails where an element is closed that is not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.hosts: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        self.hosts += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html_is_whole_and_asks_no_other_host(whole: Document) -> None:
    html = to_html(whole)
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert all(link.startswith("#") for link in parser.hosts)
    assert "url(" not in html and "@import" not in html
    anchors = {link[1:] for link in parser.hosts}
    assert all(f'id="{anchor}"' in html for anchor in anchors) and len(anchors) == 11
    assert RESEARCH_ONLY in html and "prefers-color-scheme: dark" in html
    assert html.count("<svg") == 3


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_whatever_a_card_says_stands_in_the_html_as_text(text: str) -> None:
    title = f"<script>alert(1)</script>&amp;{text}"
    parser = Balanced()
    parser.feed(to_html(build(title=title)))
    assert parser.open == []
    assert "".join(title.split()) in "".join("".join(parser.text).split())


def test_every_page_names_the_whole_version(whole: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    from fracture_core.model_card import page

    written: list[str] = []
    draw = page.write

    def noting(canvas, x, y, text, *rest, **named) -> None:
        written.append(text)
        draw(canvas, x, y, text, *rest, **named)

    monkeypatch.setattr(page, "write", noting)
    pdf = to_pdf(whole)
    feet = [text for text in written if text.startswith(RESEARCH_ONLY) and "sha256" in text]
    assert len(feet) == pages_of(pdf)
    assert all(foot.endswith(whole.identity) for foot in feet)


def pages_of(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page /") + pdf.count(b"/Type /Page>")


def test_the_pdf_opens_has_pages_and_is_the_same_again(whole: Document) -> None:
    pdf = to_pdf(whole)
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    assert pages_of(pdf) > 5
    assert pdf == to_pdf(whole)


@settings(max_examples=8, deadline=None)
@given(st.text(max_size=400), st.sets(st.sampled_from(OPTIONAL)))
def test_a_pdf_is_made_of_any_card(text: str, absent: set[str]) -> None:
    pdf = to_pdf(build(**{**dict.fromkeys(absent), "title": text or None, "licence": text * 5 or None}))
    assert pdf.startswith(b"%PDF-") and pages_of(pdf) > 1


def test_json_holds_every_block_with_its_kind(whole: Document) -> None:
    plain = json.loads(whole.to_json())
    kinds = {block["kind"] for section in plain["sections"] for block in section["blocks"]}
    assert kinds == {"paragraph", "points", "pairs", "table", "picture"}
    assert len(plain["checklist"]) == len(whole.checklist)
