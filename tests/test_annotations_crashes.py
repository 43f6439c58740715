"""Nothing acknowledged is lost: not to a kill at any moment, not to another window writing at the same time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest
from annotation_writers import BOX, FILM, film_of, mark_at_once, open_at_once, write_until_killed

from fracture_core.annotations import StaleEdit, StoreError, open_store
from fracture_core.annotations.engine import engine_for, reading

pytest_plugins = ("annotation_stores",)
KILLS = 200
GRACE_SECONDS = (
    0.006  # about one save: a writer dies up to this long after an acknowledgement, anywhere within the next
)

posix = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this platform has no SIGKILL")


@pytest.fixture(scope="module")
def warmed():
    """Makes processes that have SQLAlchemy loaded already: two hundred fresh interpreters would take minutes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["annotation_writers", "fracture_core.annotations.store", "pg8000.dbapi"])
    return context


def acknowledged(receiver, process, *, enough, grace):
    """The lines that a writer managed to write until it was killed, ``grace`` seconds after it had written enough."""
    lines = b""
    while lines.count(b"\n") < enough:
        lines += (more := os.read(receiver, 65536))
        assert more, "the writer died by itself"
    time.sleep(grace)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while more := os.read(receiver, 65536):
        lines += more
    return [line.split() for line in lines.decode().split("\n")[:-1]]


def check_whole(marks, note):
    """Two marks at a time belong together, and the note counts them."""
    assert int(note) == len(marks) > 0 and len(marks) % 2 == 0
    assert [mark.id[:-1] for mark in marks[::2]] == [mark.id[:-1] for mark in marks[1::2]]


def check_kept(store, film, lines):
    """Every acknowledged reading and draft is there, the last of them or what came after it; all are whole."""
    readings = {kept.id: kept for kept in store.readings(film=film, superseded=True)}
    for kept in readings.values():
        check_whole(kept.marks, kept.note)
    for kind, key, mark in lines:
        if kind == "reading":
            assert readings[key].marks[-1].id == mark
    drafts = [(int(version), mark) for kind, version, mark in lines if kind == "draft"]
    draft = store.draft(film, "Anna", "nothing")
    assert draft.version >= max(version for version, _ in drafts)
    if draft.updated is not None:
        check_whole(draft.marks, draft.note)
        assert draft.marks[-1].id == dict(drafts).get(draft.version, draft.marks[-1].id)
    saved = [entry for entry in store.history(film) if entry.kind == "draft saved"]
    assert {version for version, _ in drafts} <= {entry.detail["version"] for entry in saved}
    commits = [entry.detail["reading"] for entry in store.history(film) if entry.kind == "committed"]
    assert sorted(commits) == sorted(readings)


@posix
@pytest.mark.slow
def test_two_hundred_kills_lose_no_acknowledged_mark(opened, store_url, warmed):
    rng = np.random.default_rng(0)
    store = opened()
    store.add_reader("Anna")
    store.add_films([film_of(number) for number in range(KILLS)])
    totals = {"draft": 0, "reading": 0}
    written = {}
    for number in range(KILLS):
        film = film_of(number).sha256
        receiver, sender = warmed.Pipe(duplex=False)
        process = warmed.Process(target=write_until_killed, args=(store_url, film, sender))
        process.start()
        sender.close()
        with receiver:
            moment = {"enough": int(rng.integers(1, 7)), "grace": rng.uniform(0, GRACE_SECONDS)}
            lines = acknowledged(receiver.fileno(), process, **moment)
        store.close()  # its connections: what is read next is read anew
        check_kept(store, film, lines)
        written[film] = lines
        for kind, *_ in lines:
            totals[kind] += 1
    assert totals["draft"] > KILLS and totals["reading"] > KILLS // 2
    for film, lines in written.items():
        check_kept(store, film, lines)
    if store_url.startswith("sqlite"):
        with reading(engine_for(store_url)) as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_marks_added_to_one_draft_at_once_are_all_kept(store, store_url, warmed, kind):
    """Whoever is refused opens the draft again and marks anew; nobody's mark is overwritten."""
    writers, count = 3, 12
    arguments = [(store_url, FILM.sha256, f"w{writer}-", count) for writer in range(writers)]
    if kind == "threads":
        barrier = Barrier(writers)
        with ThreadPoolExecutor(writers) as pool:
            refused = sum(pool.map(lambda each: mark_at_once(*each, barrier), arguments))
    else:
        with warmed.Manager() as manager:
            barrier = manager.Barrier(writers)
            with warmed.Pool(writers) as pool:
                refused = sum(pool.starmap(mark_at_once, [(*each, barrier) for each in arguments]))
    draft = store.draft(FILM.sha256, "Anna", "nothing")
    assert {mark.id for mark in draft.marks} == {f"w{w}-{n}" for w in range(writers) for n in range(count)}
    assert draft.version == len(draft.marks) == writers * count
    assert len(store.history(FILM.sha256)) == writers * count
    assert refused > 0, "they did write at once"


def test_drafts_of_two_readers_at_once_do_not_disturb_each_other(store, opened):
    barrier = Barrier(2)

    def mark(reader):
        own = opened()
        draft = own.draft(FILM.sha256, reader, "nothing")
        barrier.wait()
        for number in range(15):
            draft = own.save_draft(replace(draft, marks=(*draft.marks, replace(BOX, id=str(number)))))
        return own.commit(replace(draft, finding="fracture"))

    with ThreadPoolExecutor(2) as pool:
        committed = list(pool.map(mark, ("Anna", "Boris")))
    assert sorted(store.readings(), key=lambda reading: reading.reader) == committed
    assert [len(reading.marks) for reading in committed] == [15, 15]


@pytest.mark.parametrize("saved", [True, False], ids=["saved", "never saved"])
@pytest.mark.parametrize("correcting", [True, False], ids=["correction", "first"])
def test_of_two_commits_at_once_one_stands(store, opened, saved, correcting):
    if correcting:
        store.commit(replace(store.draft(FILM.sha256, "Anna", "nothing"), finding="none"))
    draft = replace(store.draft(FILM.sha256, "Anna", "nothing"), finding="fracture")
    draft = store.save_draft(draft) if saved else draft
    barrier, stores = Barrier(4), [opened() for _ in range(4)]

    def commit(own):
        barrier.wait()
        try:
            return own.commit(draft)
        except StaleEdit as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(commit, stores))
    words = [answer for answer in answers if isinstance(answer, str)]
    assert len(words) == 3 and all("in another window" in word and "open it again" in word for word in words)
    assert store.readings() == [answer for answer in answers if not isinstance(answer, str)]
    assert len(store.readings(superseded=True)) == 1 + correcting


def test_the_same_film_and_reader_added_at_once_are_there_once(opened):
    barrier, stores = Barrier(4), [opened() for _ in range(4)]

    def add(own):
        barrier.wait()
        own.add_film(FILM)
        return own.add_reader("Anna")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(add, stores)) == ["Anna"] * 4
    assert stores[0].films() == [FILM] and stores[0].readers() == ["Anna"]


def test_a_store_opened_at_once_by_many_is_made_once(store_url, warmed):
    with warmed.Manager() as manager:
        barrier, told = manager.Barrier(4), manager.Queue()
        processes = [
            warmed.Process(target=open_at_once, args=(store_url, f"reader {n}", barrier, told)) for n in range(4)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [told.get(timeout=5) for _ in processes] == ["opened"] * 4
    with open_store(store_url) as store:
        assert store.readers() == [f"reader {n}" for n in range(4)]


def test_a_server_that_stops_is_named_and_found_again(postgresql):
    with open_store(postgresql.database()) as store:
        store.add_reader("Anna")
        postgresql.control("pg_ctl", "stop", "-m", "immediate")
        try:
            with pytest.raises(StoreError, match="does not answer: start its server"):
                store.readers()
        finally:
            postgresql.start()
        assert store.readers() == ["Anna"]
