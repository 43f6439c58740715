from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from fracture_core.errors import FractureError
from fracture_core.imaging import Radiograph, read_image
from fracture_core.inference import Outcome, load_classifier
from fracture_core.phantom import radiograph, to_png
from fracture_core.weights import load_card
from ui import many_films
from ui.films import OPENED, Answer, Film, Tray, fracatlas_samples, sample, uploaded_film
from ui.wording import GRAY, probability_words, text_colour


def film(seed: int) -> Film:
    return uploaded_film(f"{seed}.png", to_png(radiograph(seed=seed, size=(120, 90))))


def test_the_same_file_dropped_twice_is_one_film() -> None:
    tray = Tray()
    tray.add(film(1))
    tray.add(film(1))
    tray.add(uploaded_film("another name.png", film(1).content))
    assert len(tray.films) == 2


def test_no_films_name_is_a_formula_in_the_table() -> None:
    named = uploaded_film("=1+1.png", film(1).content)
    (row,) = csv.DictReader(io.StringIO(many_films._csv([Answer(named, error="-x")]).decode()))
    assert (row["file"], row["status"], row["message"], row["model"]) == ("'=1+1.png", "error", "'-x", "")


def test_the_tables_findings_are_dark_on_white() -> None:
    styled = many_films._styled([Answer(film(1), error="not an image")])
    assert f"color: {text_colour(GRAY, dark=False)}" in styled.to_html()


def test_opened_films_are_kept_until_there_are_too_many() -> None:
    tray = Tray()
    first = tray.open(film(0))
    assert tray.open(film(0)) is first
    for seed in range(1, OPENED + 1):
        tray.open(film(seed))
    assert len(tray.opened) == OPENED
    assert tray.open(film(0)) is not first


def test_each_film_is_answered_once_per_model() -> None:
    classifier, tray = load_classifier(), Tray()
    for seed in range(3):
        tray.add(film(seed))
    answers = tray.answer_all(classifier, operating_point="balanced")
    next(answers)
    answers.close()  # stopped after the first
    assert len(tray.unanswered(classifier.card.identity)) == 2
    assert len(list(tray.answer_all(classifier, operating_point="balanced"))) == 2
    assert tray.unanswered(classifier.card.identity) == []


def test_removing_a_film_forgets_all_that_was_computed_on_it() -> None:
    classifier, tray = load_classifier(), Tray()
    for seed in range(2):
        tray.add(film(seed))
        tray.open(film(seed))
    list(tray.answer_all(classifier, operating_point="balanced"))
    tray.remove(film(0))
    assert list(tray.films) == [film(1).key]
    assert {key for key, _ in tray.answers} == {key for key, _ in tray.opened} == {film(1).key}
    tray.clear()
    assert not tray.films and not tray.answers and not tray.opened


@pytest.mark.parametrize("forget", [lambda tray: tray.remove(film(0)), Tray.clear])
def test_a_film_that_is_removed_while_it_is_decoded_is_not_kept(forget, monkeypatch: pytest.MonkeyPatch) -> None:
    tray = Tray()
    tray.add(film(0))

    def interrupted(*args, **named) -> Radiograph:
        forget(tray)
        return read_image(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr("fracture_core.imaging.read_image", interrupted)
        assert tray.open(film(0)).radiograph.shape == (120, 90)
    assert not tray.opened
    assert tray.open(film(0)) is tray.open(film(0)), "a film of another page is kept though not on the tray"


def test_a_film_that_is_removed_while_it_is_answered_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(_, sources, **named) -> Iterator[Outcome]:
        for index, (name, _) in enumerate(sources):
            yield Outcome(index, name, error=FractureError("It is damaged."))

    monkeypatch.setattr("fracture_core.inference.predict_many", unread)
    classifier, tray = SimpleNamespace(card=load_card()), Tray()
    for seed in range(3):
        tray.add(film(seed))
    answers = tray.answer_all(classifier, operating_point="balanced")
    next(answers)
    tray.remove(film(1))
    next(answers)
    assert {key for key, _ in tray.answers} == {film(0).key}
    tray.clear()
    next(answers)
    assert not tray.answers


def test_a_map_is_computed_once_per_method() -> None:
    classifier, tray = load_classifier(), Tray()
    opened = tray.open(film(1))
    first = opened.heatmap(classifier, method="gradcam")
    assert opened.heatmap(classifier, method="gradcam") is first
    assert opened.heatmap(classifier, method="hirescam") is not first


def test_samples_from_the_data_set_need_the_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FRACTURE_DATA", raising=False)
    assert fracatlas_samples(["IMG0000188"]) == []
    with pytest.raises(FractureError, match="no sample film 'fracatlas-IMG0000188'"):
        sample("fracatlas-IMG0000188", ["IMG0000188"])


@pytest.mark.parametrize(
    ("probability", "words"), [(0.999, "over 0.99"), (0.001, "under 0.01"), (0.994, "0.99"), (0.5, "0.50")]
)
def test_no_film_is_certain(probability: float, words: str) -> None:
    assert probability_words(probability) == words
