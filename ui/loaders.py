"""Cached models, cards and run records, and the one place where errors become words."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import streamlit as st

from fracture_core import weights
from fracture_core.errors import FractureError
from fracture_core.results import RUNS, Paper, Records, load_published, read_outlines, read_run
from fracture_core.weights import Card

if TYPE_CHECKING:
    from fracture_core.annotations import Store
    from fracture_core.inference import Classifier

Given = ParamSpec("Given")
log = logging.getLogger(__name__)
WARM_UP_DELAY = 1.0  # s after the first page was asked for
_OURS = (
    "This did not work, and the fault is ours. Your films are untouched; reload the page to go on. "
    "The server's log says more."
)
_TOLD = "told"  # session: what a callback could not do
_loading = threading.Lock()


def classifier(name: str) -> Classifier:
    """Installed weights by name, loaded once per server and again when weights or card change."""
    card = weights.load_card(name)
    with _loading:  # two sessions asking at once load once
        return _load(name, card.identity)


@cache
def _load(name: str, identity: str) -> Classifier:
    from fracture_core.inference import load_classifier

    return load_classifier(name)


@cache
def store() -> Store:
    """The readings' store, opened once per server.

    Raises:
        StoreError: it cannot be opened.
    """
    from fracture_core.annotations import open_store

    return open_store()


def runs_folder() -> Path:
    """Where run records are: ``$FRACTURE_RUNS``, else the project's own."""
    return Path(os.environ.get("FRACTURE_RUNS") or RUNS)


def runs() -> Records:
    """The outlines of all run records; a record added to the folder is there at the next run of the page."""
    return read_outlines(runs_folder())


def run(identity: str) -> dict[str, Any]:
    """One whole run record.

    Raises:
        FractureError: there is none of that id.
    """
    path = runs_folder() / f"{identity}.json"
    return _run(identity, path.parent, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=32)
def _run(identity: str, folder: Path, _changed: int) -> dict[str, Any]:
    return read_run(identity, folder=folder)


@cache
def papers() -> dict[str, Paper]:
    """The papers' own figures, by key."""
    return load_published()


def cards() -> list[Card]:
    """Cards of all installed models, the default one first."""
    return [weights.load_card(name) for name in weights.installed()]


@cache
def warm_up() -> None:
    """Load the default model behind the first visitor's back, so that the first film need not wait for torch.

    It begins once the page has been painted: loading takes the processor that painting needs.
    """

    def load() -> None:
        try:
            classifier(weights.DEFAULT)
        except FractureError as error:
            log.warning("%s", error)  # the page says it again, to the user

    timer = threading.Timer(WARM_UP_DELAY, load)
    timer.daemon = True
    timer.start()


@contextmanager
def error_boundary() -> Iterator[None]:
    """Show an error beside what it concerns; the rest of the page goes on.

    A ``FractureError`` is shown as it is; anything else is logged without what the user gave, and owned up to.
    """
    try:
        yield
    except FractureError as error:
        st.error(str(error), icon=":material/error:")
    except Exception:
        log.exception("a page failed")
        st.error(_OURS, icon=":material/error:")


def callback(act: Callable[Given, None]) -> Callable[Given, None]:
    """A widget's callback whose errors ``tell`` shows: it runs before the page does, outside every boundary."""

    @wraps(act)
    def bounded(*args: Given.args, **named: Given.kwargs) -> None:
        try:
            act(*args, **named)
        except FractureError as error:
            st.session_state[_TOLD] = str(error)
        except Exception:
            log.exception("a callback failed")
            st.session_state[_TOLD] = _OURS

    return bounded


def tell() -> None:
    """Show what a callback could not do, once."""
    if told := st.session_state.pop(_TOLD, None):
        st.error(told, icon=":material/error:")
