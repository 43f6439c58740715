"""The time that a reader spends on a film: what is done counts, long absences and other films do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ui import reading_clock
from ui.reading_clock import LONGEST_PAUSE, ReadingClock


class Time:
    def __init__(self) -> None:
        self.at = datetime(2024, 5, 6, tzinfo=UTC)

    def goes_on(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    told = Time()
    monkeypatch.setattr(reading_clock, "now", lambda: told.at)
    return told


def test_without_a_gesture_the_time_since_the_opening_counts(time: Time) -> None:
    clock = ReadingClock(0.0)
    time.goes_on(42)
    assert clock.spent() == 42


def test_a_reopened_film_goes_on_from_what_was_kept(time: Time) -> None:
    clock = ReadingClock(12.0)
    time.goes_on(1)
    assert clock.spent() == 13


def test_an_absence_counts_up_to_the_longest_pause_and_each_anew(time: Time) -> None:
    clock = ReadingClock(0.0)
    time.goes_on(20 * 3600)
    assert clock.done() == LONGEST_PAUSE
    time.goes_on(5)
    assert clock.spent() == LONGEST_PAUSE + 5


def test_the_browsers_count_stands_where_it_is_higher(time: Time) -> None:
    clock = ReadingClock(0.0)
    time.goes_on(10)
    assert clock.done(heard=400.0) == 400.0
    time.goes_on(3)
    assert clock.spent(heard=400.0) == 403.0


def test_a_clock_that_was_set_back_takes_nothing_away(time: Time) -> None:
    clock = ReadingClock(7.0)
    time.goes_on(-60)
    assert clock.spent() == 7.0
