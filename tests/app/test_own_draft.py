"""A page's own saves are told from another window's, however they fall."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from fracture_core.annotations import FilmEntry, StaleEdit, Store
from ui import own_draft
from ui.own_draft import OwnDraft

FILM = "a" * 64
ASKED = (FILM, "Anna", "nothing")


@pytest.fixture
def read(store) -> Store:
    store.add_films([FilmEntry(FILM, "film.png", 400, 500)])
    store.add_reader("Anna")
    return store


def test_a_save_in_the_middle_is_waited_for(read, monkeypatch):
    own, saving, go_on = OwnDraft(0), threading.Event(), threading.Event()
    save = Store.save_draft

    def slow(self, draft):
        saved = save(self, draft)
        saving.set()
        go_on.wait(10)
        return saved

    monkeypatch.setattr(Store, "save_draft", slow)
    first = threading.Thread(target=own.save, args=(read, replace(read.draft(*ASKED), finding="fracture")))
    first.start()
    assert saving.wait(10)
    threading.Timer(0.2, go_on.set).start()  # the page is started anew while the script before it still saves
    draft, foreign = own.stored(read, *ASKED)
    first.join()
    assert (draft.finding, foreign) == ("fracture", False)
    own.save(read, replace(draft, finding="none"))
    assert read.draft(*ASKED).finding == "none"


def test_an_overtaken_script_saves_nothing(read, monkeypatch):
    class Overtaken(BaseException):
        pass

    def ends() -> None:
        raise Overtaken

    own = OwnDraft(0)
    old = replace(read.draft(*ASKED), finding="uncertain")
    own.save(read, replace(read.draft(*ASKED), finding="fracture"))
    monkeypatch.setattr(own_draft, "_end_if_overtaken", ends)
    with pytest.raises(Overtaken):
        own.save(read, old)
    assert read.draft(*ASKED).finding == "fracture"
    monkeypatch.undo()
    own.save(read, replace(read.draft(*ASKED), finding="none"))
    assert read.draft(*ASKED).finding == "none", "the lock was let go"


def test_another_window_is_told_of(read):
    own, other = OwnDraft(0), OwnDraft(0)
    other.save(read, replace(read.draft(*ASKED), finding="none"))
    draft, foreign = own.stored(read, *ASKED)
    assert (draft.finding, foreign) == ("none", True)
    with pytest.raises(StaleEdit):
        own.save(read, replace(draft, finding="fracture"))
    with pytest.raises(StaleEdit):
        own.commit(read, replace(draft, finding="fracture"))
    assert read.draft(*ASKED).finding == "none"


def test_after_a_commit_the_next_draft_is_one_s_own(read):
    own = OwnDraft(0)
    own.save(read, replace(read.draft(*ASKED), finding="fracture"))
    own.commit(read, read.draft(*ASKED))
    draft, foreign = own.stored(read, *ASKED)
    assert not foreign
    own.save(read, replace(draft, finding="none"))
    assert read.draft(*ASKED).finding == "none"
