"""The films of one visitor: kept in the session's memory alone, answered once, opened when looked at.

Nothing here is written to disk; closing the page or pressing "Remove all films" forgets everything.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from fracture_core import overlay
from fracture_core.errors import FractureError

if TYPE_CHECKING:
    from fracture_core.explain import Heatmap
    from fracture_core.imaging import Radiograph
    from fracture_core.inference import Classifier, Outcome, Prediction, View

SELECTED = "selected_film"  # session: key of the film opened from the table
PAUSED = "paused"  # session: identity of the model whose answering the user stopped
OPENED = 6  # films kept decoded; opening one more forgets the one not looked at longest
THUMBNAIL = 96  # px
VIEWS = ("none", "one", "table", "chosen")


@dataclass(frozen=True, eq=False)
class Film:
    """A file as it came: ``key`` tells it from others, ``note`` says where a sample is from."""

    key: str
    name: str
    content: bytes
    note: str = ""


@dataclass(frozen=True, eq=False)
class Answer:
    """One film's line in the table: a prediction and a thumbnail, or the error in words."""

    film: Film
    prediction: Prediction | None = None
    notes: tuple[str, ...] = ()
    thumbnail: str = ""
    error: str = ""


@dataclass(eq=False)
class Opened:
    """A decoded film with what was computed on it so far; maps are computed once per model and method."""

    film: Film
    radiograph: Radiograph
    views: dict[str, View] = field(default_factory=dict)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    heatmaps: dict[tuple[str, str], Heatmap] = field(default_factory=dict)
    encoded: dict[str, Any] = field(default_factory=dict)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What whoever reads the film has to know of it: that a part is missing, or which frame of several it is."""
        return tuple(note for note in self.radiograph.notes if note.startswith(("truncated:", "frame ")))

    def view(self, classifier: Classifier) -> View:
        if classifier.card.identity not in self.views:
            self.views[classifier.card.identity] = classifier.view(self.radiograph)
        return self.views[classifier.card.identity]

    def prediction(self, classifier: Classifier, *, operating_point: str) -> Prediction:
        from fracture_core.inference import at_operating_point

        key = classifier.card.identity
        if key not in self.predictions:
            self.predictions[key] = classifier.predict(self.radiograph, view=self.view(classifier))
        return at_operating_point(self.predictions[key], classifier.card, operating_point)

    def heatmap(self, classifier: Classifier, *, method: str) -> Heatmap:
        from fracture_core.explain import explain

        key = (classifier.card.identity, method)
        if key not in self.heatmaps:
            view = self.view(classifier)
            self.heatmaps[key] = explain(classifier, self.radiograph, method=method, view=view)
        return self.heatmaps[key]


class Tray:
    """All of a session's films, in the order they came.

    At a click Streamlit starts the page's script anew at once, and the script before it goes on until it next touches
    the session: it may be decoding or answering a film that the click has removed. What it makes of it is not kept.
    """

    def __init__(self) -> None:
        self.films: dict[str, Film] = {}
        self.answers: dict[tuple[str, str], Answer] = {}
        self.opened: OrderedDict[tuple[str, int | None], Opened] = OrderedDict()
        self._removals = 0  # tells what to forget of opened films: those of other pages were never in films
        self._changing = threading.Lock()

    def add(self, film: Film) -> None:
        self.films.setdefault(film.key, film)

    def remove(self, film: Film) -> None:
        """Forget a film and everything computed on it."""
        with self._changing:
            self._removals += 1
            self.films.pop(film.key, None)
            self.answers = {key: answer for key, answer in self.answers.items() if key[0] != film.key}
            self.opened = OrderedDict((key, kept) for key, kept in self.opened.items() if key[0] != film.key)

    def clear(self) -> None:
        """Forget all films and everything computed on them."""
        with self._changing:
            self._removals += 1
            self.films.clear()
            self.answers.clear()
            self.opened.clear()

    def open(self, film: Film, *, frame: int | None = None) -> Opened:
        """Decode a film, or take it as it was left; it is not kept where films are removed meanwhile.

        Raises:
            UnreadableImage: it cannot be decoded.
        """
        from fracture_core.imaging import read_image

        key = (film.key, frame)
        with self._changing:
            if key in self.opened:
                self.opened.move_to_end(key)
                return self.opened[key]
            removals = self._removals
        opened = Opened(film, read_image(film.content, name=film.name, frame=frame))
        with self._changing:
            if self._removals == removals:
                if opened.radiograph.frames > 1:  # the one shown unasked may be asked for
                    self.opened[film.key, opened.radiograph.frame] = opened
                self.opened[key] = opened
                while len(self.opened) > OPENED:
                    self.opened.popitem(last=False)
        return opened

    def unanswered(self, model: str) -> list[Film]:
        return [film for film in self.films.values() if (film.key, model) not in self.answers]

    def answered(self, model: str) -> list[Answer]:
        return [self.answers[key, model] for key in self.films if (key, model) in self.answers]

    def answer_all(self, classifier: Classifier, *, operating_point: str) -> Iterator[Answer]:
        """Answer the films that have no answer of this model yet, one by one; each is kept as it comes.

        The answer to a film that was removed meanwhile is not kept.
        """
        from fracture_core.inference import predict_many

        model = classifier.card.identity
        waiting = self.unanswered(model)
        sources = ((film.name, film.content) for film in waiting)
        for outcome in predict_many(classifier, sources, operating_point=operating_point):
            film = waiting[outcome.index]
            answer = _answer(film, outcome)
            with self._changing:
                if film.key in self.films:
                    self.answers[film.key, model] = answer
            yield answer


def _answer(film: Film, outcome: Outcome) -> Answer:
    if outcome.radiograph is None:
        return Answer(film, error=str(outcome.error))
    return Answer(film, outcome.prediction, outcome.radiograph.notes, thumbnail(outcome.radiograph.pixels))


def thumbnail(pixels: np.ndarray, *, longest: int = THUMBNAIL) -> str:
    """A film as a small data URL."""
    small = overlay.to_uint8(overlay.fit_within(pixels, longest))
    return overlay.data_url(overlay.encode_jpeg(small, quality=80), "image/jpeg")


@st.cache_data(show_spinner=False, hash_funcs={Film: lambda film: film.key})
def thumbnail_of(film: Film, *, longest: int = 240) -> str:
    """A sample as a picture for its button."""
    from fracture_core.imaging import read_image

    return thumbnail(read_image(film.content, name=film.name).pixels, longest=longest)


def tell_remarks(opened: Opened) -> None:
    """Say under a film what its reader has to know of it."""
    for remark in opened.remarks:
        st.caption(f":material/info: {remark[:1].upper()}{remark[1:]}.")


def tray() -> Tray:
    """This session's films."""
    if "tray" not in st.session_state:
        st.session_state["tray"] = Tray()
    found: Tray = st.session_state["tray"]
    return found


def uploaded_film(name: str, content: bytes) -> Film:
    """A film as dropped; the same file dropped twice under one name is one film."""
    digest = hashlib.sha256(name.encode() + b"\0" + content).hexdigest()
    return Film(digest[:16], name, content)


@st.cache_data(show_spinner=False)
def synthetic_samples() -> list[Film]:
    """Three drawn radiographs, marked as such."""
    from fracture_core import phantom

    return [
        Film(
            f"sample-{index + 1}",
            sample.filename,
            phantom.to_png(sample.phantom),
            f"{sample.title} (synthetic)",
        )
        for index, sample in enumerate(phantom.samples())
    ]


def fracatlas_samples(names: list[str]) -> list[Film]:
    """Films of FracAtlas by id, where ``$FRACTURE_DATA`` holds it; none elsewhere."""
    root = os.environ.get("FRACTURE_DATA")
    if not root:
        return []
    images = Path(root) / "fracatlas" / "images"
    found = []
    for name in names:
        path = next(
            (p for folder in ("Fractured", "Non_fractured") if (p := images / folder / f"{name}.jpg").is_file()),
            None,
        )
        if path is not None:
            found.append(Film(f"fracatlas-{name}", path.name, path.read_bytes(), _fracatlas_note(path)))
    return found


def _fracatlas_note(path: Path) -> str:
    truth = "fractured" if path.parent.name == "Fractured" else "not fractured"
    return f"FracAtlas, {truth} by its experts"


def sample(key: str, fracatlas: list[str]) -> Film:
    """A sample by key, as it stands in the page's address.

    Raises:
        FractureError: there is no such sample here.
    """
    for film in [*synthetic_samples(), *fracatlas_samples(fracatlas)]:
        if film.key == key:
            return film
    raise FractureError(f"There is no sample film '{key}' on this server. Choose one below, or drop your own.")


def view_of(films: Tray) -> str:
    """What of these films is to be seen, one of ``VIEWS``: "chosen" is a film opened from the table."""
    if len(films.films) < 2:
        return "one" if films.films else "none"
    return "chosen" if st.session_state.get(SELECTED) in films.films else "table"


def remove(film: Film) -> None:
    """Forget one film, and leave its view."""
    tray().remove(film)
    _leave()


def remove_all() -> None:
    """Forget all films."""
    tray().clear()
    _leave()


def _leave() -> None:
    st.session_state.pop(SELECTED, None)
    st.query_params.pop("film", None)
