"""An audit that runs behind the page: in a thread of its own, followed, and stopped when asked."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from fracture_core.audit import Audit, audit, groups_table
from fracture_core.datasets import Case, DataSet, open_data
from fracture_core.errors import DataSetError, FractureError

log = logging.getLogger(__name__)
JOB = "audit_job"  # session: the audit that runs or ran last
WAITING, OPENING, READING, COMPARING = "waiting", "opening", "reading", "comparing"
DONE, FAILED, STOPPED = "done", "failed", "stopped"
_OVER = (DONE, FAILED, STOPPED)
_EVERY = 1.0  # s between two looks at the audit
_one_at_a_time = threading.Lock()  # all visitors share the processors


class _Stop(Exception):
    """The visitor asked for it."""


@dataclass(frozen=True, eq=False)
class Result:
    """What an audit gave: its plain data, ``groups.csv`` as text, and the cases by id."""

    plain: dict[str, Any]
    groups: str
    cases: dict[str, Case]


class Job:
    """One audit of a folder; it begins at once, and the page looks at it from time to time.

    Attributes:
        folder: as given.
        state: one of the words above.
        done, total: files read; total is 0 until it is known.
        error: a sentence fit to show, once it has failed.
        result: once it is done.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.state = WAITING
        self.done = self.total = 0
        self.error = ""
        self.result: Result | None = None
        self._reading_since = 0.0
        self._asked_to_stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="audit", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return self.state in _OVER

    def stop(self) -> None:
        """Leave it; what is being compared at the moment is compared to its end, and thrown away."""
        self._asked_to_stop.set()
        if not self.over:
            self.state = STOPPED

    def join(self, timeout: float) -> None:
        """Wait for the thread, at most ``timeout`` seconds."""
        self._thread.join(timeout)

    def words(self) -> str:
        """Where it stands, with what is left."""
        if self.state == READING:
            return progress_words(self.done, self.total, time.monotonic() - self._reading_since)
        return {
            WAITING: "Waiting for another audit on this server to end",
            OPENING: "Looking at the folder",
            COMPARING: f"All {self.total:,} files read; comparing the films with each other, which takes a while",
        }.get(self.state, self.state.capitalize())

    def _work(self) -> None:
        try:
            self._wait()
            try:
                self._reach(OPENING)
                data = opened(self.folder)
                self._reading_since = time.monotonic()
                self._reach(READING)
                found = audit(data, progress=self._progress)
                result = Result(found.as_dict(), groups_table(found), _cases(found))
                self._reach(READING)
                self.result = result
                self.state = DONE
            finally:
                _one_at_a_time.release()
        except _Stop:
            self.state = STOPPED
        except FractureError as error:
            self._fail(str(error))
        except Exception:
            log.exception("an audit failed")
            self._fail("The audit did not work, and the fault is ours. The server's log says more.")

    def _wait(self) -> None:
        while not _one_at_a_time.acquire(timeout=0.1):
            if self._asked_to_stop.is_set():
                raise _Stop
        if self._asked_to_stop.is_set():
            _one_at_a_time.release()
            raise _Stop

    def _reach(self, state: str) -> None:
        if self._asked_to_stop.is_set():
            raise _Stop
        self.state = state

    def _progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        self._reach(READING if done < total else COMPARING)

    def _fail(self, sentence: str) -> None:
        if not self._asked_to_stop.is_set():
            self.error = sentence
            self.state = FAILED


def _cases(found: Audit) -> dict[str, Case]:
    return {case.id: case for case in found.data.cases}


def opened(folder: str) -> DataSet:
    """The data set in a folder of the server.

    Raises:
        DataSetError: there is none, its layout is not known, or it may not be read.
    """
    if not folder.strip():
        raise DataSetError("No folder is named. Give the path of a folder on the server.")
    try:
        return open_data(Path(folder.strip()).expanduser())
    except (OSError, RuntimeError, ValueError) as error:  # no home of that user; a name with a null character
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataSetError(
            f"The folder '{folder}' cannot be read ({reason}). Give the server's user the right to read it and all "
            "that is in it, or name another."
        ) from error


def progress_words(done: int, total: int, seconds: float) -> str:
    """``1,204 of 3,469 files, about 40 s left``; without a guess until a few files and seconds have passed."""
    said = f"{done:,} of {total:,} files"
    if done < 5 or seconds < 2:
        return said
    left = seconds / done * (total - done)
    return (
        f"{said}, about {round(left / 60)} min left" if left > 90 else f"{said}, about {max(1, round(left))} s left"
    )


def current() -> Job | None:
    """This session's audit, running or over."""
    job: Job | None = st.session_state.get(JOB)
    return job


def begin(folder: str) -> None:
    """Audit a folder, in place of the audit before."""
    before = current()
    if before is not None:
        before.stop()
    st.session_state[JOB] = Job(folder)


@st.fragment(run_every=_EVERY)
def follow(job: Job) -> None:
    """Progress and a way out; the page is drawn anew when the audit is over."""
    if job.over:
        st.rerun()
    with st.container(border=True):
        st.markdown(f"Auditing `{job.folder}`")
        st.progress(job.done / job.total if job.total else 0.0, text=job.words())
        if st.button("Stop", key="audit-stop", icon=":material/stop:"):
            job.stop()
            st.rerun()
