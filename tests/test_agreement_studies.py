"""Columns of readings, readers against a reference, aided against unaided, and the long form of reader studies."""

from __future__ import annotations

import csv
import math
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fracture_core.agreement import (
    NOT_READ,
    Column,
    PairedReadings,
    aided_effect,
    columns_of,
    columns_of_table,
    crossed,
    mrmc_long,
    pair_readings,
    reader_accuracy,
    reading_score,
    truth_by,
    write_mrmc,
)
from fracture_core.annotations.readings import FINDINGS, Reading, ReadingTable
from fracture_core.errors import FractureError, UnknownName
from fracture_core.marks import Mark
from fracture_core.metrics import mcnemar, proportion

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MARK = Mark("box", ((1.0, 1.0), (5.0, 4.0)))


def film(number):
    return f"{number:064x}"


def reading(number, reader, finding, *, shown="nothing", confidence=80, minutes=0, seconds=30.0, **others):
    at = NOON + timedelta(minutes=minutes)
    marks = (MARK,) if finding == "fracture" else ()
    known = {"id": f"{reader}-{number}-{shown}-{minutes}", "film": film(number), "reader": reader, "finding": finding}
    times = {"shown": shown, "started": at, "committed": at, "seconds": seconds}
    return Reading(**known, confidence=confidence, marks=marks, note="", **times, **others)


# Columns of readings


def test_columns_hold_the_unaided_current_readings():
    first = reading(1, "bob", "none")
    readings = [
        reading(2, "bob", "uncertain", minutes=5),
        first,
        reading(1, "bob", "fracture", minutes=1, supersedes=first.id),
        reading(1, "ann", "none"),
        reading(1, "ann", "fracture", shown="heatmap", minutes=3),
    ]
    films, (ann, bob) = columns_of(readings)
    assert films == (film(1), film(2)) and (ann.name, bob.name) == ("ann", "bob")
    assert ann.findings.tolist() == [0, NOT_READ] and bob.findings.tolist() == [2, 1]
    assert ann.marks == [(), None] and bob.marks == [(MARK,), ()]
    _, (aided,) = columns_of(readings, aided=True, films=[film(2), film(1)])
    assert aided.findings.tolist() == [NOT_READ, 2]


def test_a_superseded_reading_stays_out_though_it_was_committed_later():
    old = reading(1, "bob", "none", minutes=9)
    _, (bob,) = columns_of([replace(old, id="new", finding="fracture", committed=NOON, supersedes=old.id), old])
    assert bob.findings.tolist() == [2]


def test_a_table_gives_the_columns_of_its_readings(rng):
    readings = [
        reading(number, name, FINDINGS[rng.integers(3)], shown=shown)
        for number in range(20)
        for name in ("ann", "bob", "cy")
        for shown in ("nothing", "prediction")
        if rng.random() < 0.8
    ]
    table = ReadingTable(
        **{
            name: [getattr(r, "id" if name == "reading" else name) for r in readings]
            for name in ("reading", "film", "reader")
        },
        name=[""] * len(readings),
        finding=np.array([FINDINGS.index(r.finding) for r in readings], dtype=np.int8),
        confidence=np.array([r.confidence for r in readings], dtype=np.float32),
        marks=np.array([len(r.marks) for r in readings], dtype=np.int32),
        aided=np.array([r.aided for r in readings]),
        seconds=np.array([r.seconds for r in readings]),
    )
    for aided in (False, True):
        films, columns = columns_of(readings, aided=aided)
        films_too, columns_too = columns_of_table(table, aided=aided)
        assert films == films_too
        for one, other in zip(columns, columns_too, strict=True):
            assert one.name == other.name and one.findings.tolist() == other.findings.tolist()


# Accuracy


def test_readers_against_a_named_one_by_hand():
    truth = Column("expert", np.array([2, 2, 2, 0, 0, 1, -1]))
    ann = Column("ann", np.array([2, 2, 0, 0, 1, 2, 2]))
    (found,) = reader_accuracy([truth, ann], reference="expert")
    assert (found.name, found.reference, found.films) == ("ann", "expert", 5)
    assert found.sensitivity == proportion(2, 3) and found.specificity == proportion(2, 2)
    (doubting,) = reader_accuracy([truth, ann], reference="expert", positive="uncertain")
    assert doubting.specificity == proportion(1, 2)
    with pytest.raises(UnknownName, match="nobody"):
        reader_accuracy([truth, ann], reference="nobody")
    with pytest.raises(UnknownName, match="none"):
        reader_accuracy([truth, ann], reference="expert", positive="none")


def test_nobody_is_judged_by_their_own_vote():
    """The majority of all three would call ann right on the first film; the others alone tie there."""
    ann, bob, cy = (Column(n, np.array(c)) for n, c in (("ann", [2, 0, 0]), ("bob", [2, 2, 0]), ("cy", [0, 2, 0])))
    model = Column("model", np.array([2, 2, 2]), kind="model")
    found = {row.name: row for row in reader_accuracy([ann, bob, cy, model])}
    assert found["ann"].films == 2 and found["ann"].sensitivity == proportion(0, 1)
    assert found["model"].reference == "the readers" and found["ann"].reference == "the other readers"
    assert found["model"].sensitivity == proportion(2, 2) and found["model"].specificity == proportion(0, 1)
    with pytest.raises(FractureError, match="no other reader"):
        reader_accuracy([ann, model])


def test_films_of_a_patient_widen_the_interval(rng):
    truth = np.repeat(rng.integers(0, 2, 40) * 2, 5)
    calls = np.where(np.repeat(rng.random(40) < 0.25, 5), 2 - truth, truth)
    columns = [Column("expert", truth), Column("ann", calls)]
    (alone,), (grouped,) = (
        reader_accuracy(columns, reference="expert", groups=groups) for groups in (None, np.repeat(np.arange(40), 5))
    )
    assert alone.sensitivity.value == grouped.sensitivity.value
    assert grouped.sensitivity.high - grouped.sensitivity.low > 1.4 * (alone.sensitivity.high - alone.sensitivity.low)


def test_films_of_one_patient_have_no_interval():
    truth, calls = np.repeat([2, 0], 10), np.tile([2, 0], 10)
    columns = [Column("expert", truth), Column("ann", calls)]
    (found,) = reader_accuracy(columns, reference="expert", groups=np.zeros(20, dtype=int))
    for rate in (found.sensitivity, found.specificity):
        assert (rate.value, rate.n) == (0.5, 10) and math.isnan(rate.low) and math.isnan(rate.high)


# Aided against unaided


def _effect_by_hand():
    readings = []
    for number, (unaided, aided) in enumerate(
        [("none", "fracture"), ("fracture", "fracture"), ("none", "uncertain")]
    ):
        readings.append(reading(number, "ann", unaided, confidence=60, seconds=40.0))
        readings.append(reading(number, "ann", aided, shown="prediction", confidence=70 + 10 * number, minutes=1))
    readings.append(reading(0, "bob", "fracture", seconds=20.0))
    readings.append(reading(0, "bob", "none", shown="heatmap", confidence=None, seconds=50.0))
    readings.append(reading(1, "bob", "fracture"))  # never read aided: no pair
    return readings


def test_the_change_by_hand():
    pairs = pair_readings(_effect_by_hand())
    assert pairs.films == tuple(map(film, range(3))) and pairs.readers == ("ann", "bob")
    assert pairs.findings[:, :, 1].tolist() == [[2, NOT_READ, NOT_READ], [0, NOT_READ, NOT_READ]]
    truth = np.array([1, 1, 0])
    found = aided_effect(pairs, truth, rounds=200)
    by_reader = aided_effect(pairs, np.repeat(truth[:, None], 2, axis=1), rounds=200)
    assert (by_reader.sensitivity, by_reader.readers) == (found.sensitivity, found.readers)
    assert (found.sensitivity.unaided, found.sensitivity.aided) == pytest.approx((2 / 3, 2 / 3))
    assert found.sensitivity.by_film.value == 0 and found.sensitivity.by_film.n == 3
    assert (found.specificity.unaided, found.specificity.aided) == (1, 1)
    assert found.confidence.by_film.value == pytest.approx((10 + 20 + 30) / 3) and found.confidence.by_film.n == 3
    assert found.seconds.by_film.value == pytest.approx((-10 * 3 + 30) / 4) and found.seconds.aided == 35
    ann, bob = found.readers
    assert (ann.reader, ann.sensitivity.first_only, ann.sensitivity.second_only, ann.accuracy.n) == ("ann", 1, 0, 3)
    assert (bob.sensitivity.second_only, bob.specificity.n) == (1, 0)
    doubting = aided_effect(pairs, truth, positive="uncertain", rounds=50)
    assert (doubting.specificity.unaided, doubting.specificity.aided) == (1, 0)


def test_an_aid_is_not_held_against_the_readers_own_unaided_vote():
    # ten fractured films; ann misses four of them alone and none with the aid, cleo finds them all
    readings = []
    for number in range(10):
        readings.append(reading(number, "ann", "none" if number < 4 else "fracture"))
        readings.append(reading(number, "ann", "fracture", shown="heatmap", minutes=1))
    pairs = pair_readings(readings)
    films, alone = columns_of(readings)
    assert (truth_by(pairs, alone, films) == -1).all(), "nobody else has said anything"
    readings += [reading(number, "cleo", "fracture") for number in range(10)]
    films, columns = columns_of(readings)
    for reference in (None, "cleo"):
        found = aided_effect(pairs, truth_by(pairs, columns, films, reference=reference), rounds=100)
        assert (found.sensitivity.unaided, found.sensitivity.aided, found.sensitivity.by_film.n) == (0.6, 1.0, 10)
        assert found.specificity.by_film.n == 0
    assert (truth_by(pairs, columns, films, reference="ann") == -1).all(), "ann is not held against ann"
    # a tie, and a doubt, refer to nothing
    readings += [reading(number, "dan", "none" if number else "uncertain") for number in range(10)]
    films, columns = columns_of(readings)
    assert (truth_by(pairs, columns, films)[1:] == -1).all()


def test_no_change_is_no_certainty():
    pairs = pair_readings(_effect_by_hand())
    found = aided_effect(pairs, np.array([1, 1, 0]), rounds=50).specificity.by_film
    assert found.value == 0 and (found.low, found.high) == pytest.approx(
        (mcnemar(np.ones(1), np.ones(1)).difference.low, mcnemar(np.ones(1), np.ones(1)).difference.high)
    )


def _all_change(films, *, groups=None, readers=("ann",), calls=("none", "fracture")):
    readings = [
        reading(number, name, calls[aided], shown="prediction" if aided else "nothing", minutes=aided,
                seconds=30.0 + 15 * aided)
        for number in range(films)
        for name in readers
        for aided in (0, 1)
    ]  # fmt: skip
    return aided_effect(pair_readings(readings), np.ones(films, dtype=int), groups=groups, rounds=50)


@pytest.mark.parametrize("films", [1, 8])
@pytest.mark.parametrize(("calls", "gain"), [(("none", "fracture"), 1), (("fracture", "none"), -1)])
def test_change_in_everything_is_no_certainty(films, calls, gain):
    found = _all_change(films, calls=calls)
    aided, unaided = np.full(films, gain > 0), np.full(films, gain < 0)
    assert found.sensitivity.by_film == mcnemar(aided, unaided).difference
    assert found.sensitivity.by_film.value == gain and math.isnan(found.sensitivity.by_reader_and_film.low)
    for measure in (found.seconds, found.confidence):  # all films gained the same
        assert math.isnan(measure.by_film.low) and math.isnan(measure.by_film.high)
    assert found.seconds.by_film.value == 15 and found.seconds.by_film.n == films


def test_where_all_changed_alike_patients_count_and_not_films():
    for calls in (("none", "fracture"), ("none", "none")):
        groups = np.array([0, 0, 0, 1, 1, 2])
        found = _all_change(6, groups=groups, readers=("ann", "bob"), calls=calls).sensitivity
        few = mcnemar(np.full(3, calls[1] == "fracture"), np.zeros(3)).difference
        for estimate in (found.by_film, found.by_reader_and_film):
            assert (estimate.low, estimate.high, estimate.n) == (few.low, few.high, 12)
    one = _all_change(6, groups=np.zeros(6, dtype=int), readers=("ann", "bob"))
    assert one.sensitivity.by_film.low == mcnemar(np.ones(1), np.zeros(1)).difference.low
    assert math.isnan(one.seconds.by_film.low) and math.isnan(one.seconds.by_reader_and_film.low)


def test_readers_who_outweigh_each_other_on_every_film_leave_nothing_to_resample():
    readings = [
        reading(number, name, ("none", "fracture")[aided == (name == "ann")], shown=shown, minutes=aided)
        for number in range(4)
        for name in ("ann", "bob")
        for aided, shown in enumerate(("nothing", "prediction"))
    ]
    found = aided_effect(pair_readings(readings), np.ones(4, dtype=int)).sensitivity
    assert found.by_film.value == 0 and math.isnan(found.by_film.low)
    assert (found.by_reader_and_film.low, found.by_reader_and_film.high) == (-1, 1)


def test_unknown_truth_counts_for_time_alone():
    found = aided_effect(pair_readings(_effect_by_hand()), np.array([-1, -1, -1]), rounds=50)
    assert math.isnan(found.sensitivity.aided) and found.sensitivity.by_film.n == 0
    assert found.seconds.by_film.n == 4 and found.readers[0].accuracy.n == 0
    nobody = aided_effect(pair_readings([]), np.array([], dtype=int), rounds=10)
    assert nobody.readers == () and math.isnan(nobody.seconds.aided)


def _simulated(rng, *, films=120, readers=6, gain=0.15, spread=0.1):
    """Readers whose own gain in sensitivity varies about ``gain``."""
    truth = (np.arange(films) < films // 2).astype(int)
    hard = rng.normal(0, 0.1, films)
    skill = rng.normal(0.7, 0.05, readers)
    gains = rng.normal(gain, spread, readers)
    right = [rng.random((films, readers)) < np.clip(skill + hard[:, None] + g, 0, 1) for g in (0, gains)]
    findings = np.stack([np.where(r == (truth == 1)[:, None], 2, 0) for r in right])
    seconds = rng.gamma(4, 8, (2, films, readers))
    names = tuple(f"reader {place}" for place in range(readers))
    return PairedReadings(
        tuple(map(film, range(films))), names, findings, np.full(findings.shape, 50.0), seconds
    ), truth


def test_other_readers_are_less_sure_than_other_films(rng):
    pairs, truth = _simulated(rng)
    found = aided_effect(pairs, truth, rounds=500).sensitivity
    one, two = found.by_film, found.by_reader_and_film
    assert one.value == two.value == pytest.approx(found.aided - found.unaided)
    assert two.high - two.low > one.high - one.low
    single = PairedReadings(
        pairs.films, ("ann",), *(part[:, :, :1] for part in (pairs.findings, pairs.confidence, pairs.seconds))
    )
    alone = aided_effect(single, truth, rounds=100).sensitivity
    assert math.isnan(alone.by_reader_and_film.low) and alone.by_film.low < alone.by_film.value


def test_two_way_intervals_cover_no_effect():
    """Under no effect 95 % of intervals should hold 0; the pigeonhole bootstrap is known to err on the wide side."""
    held = []
    for seed in range(60):
        pairs, truth = _simulated(np.random.default_rng(seed), films=60, readers=5, gain=0)
        found = aided_effect(pairs, truth, rounds=200).sensitivity.by_reader_and_film
        held.append(found.low <= 0 <= found.high)
    assert np.mean(held) >= 0.88  # 53 of 60: under 95 % coverage fewer have a chance of about 1 %


# Multi-reader multi-case


def test_the_long_form_round_trips(tmp_path):
    rows = mrmc_long(_effect_by_hand(), {film(0): True, film(1): True})
    assert [row.modality for row in rows] == ["heatmap", "prediction", "prediction", *["unaided"] * 4]
    assert rows[0].score is None and rows[1].score == 85 and rows[-1].score == 90
    path = tmp_path / "study.csv"
    write_mrmc(rows, path)
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == ["reader", "case", "modality", "truth", "score", "finding", "seconds"]
    assert read[0]["score"] == "" and read[1]["case"] == film(0) and read[1]["truth"] == "1"
    assert [row["finding"] for row in read] == [row.finding for row in rows]


def test_scores_rise_with_belief():
    scores = [
        reading_score(*said)
        for said in [("none", 100), ("none", 10), ("uncertain", 90), ("fracture", 10), ("fracture", 100)]
    ]
    assert scores == [0, 45, 50, 55, 100]
    assert reading_score("fracture", None) is None and reading_score("uncertain", None) == 50


def test_a_crossed_study_keeps_what_all_read():
    readings = [
        reading(number, name, "fracture", shown=shown, confidence=10 * number)
        for number in range(4)
        for name in ("ann", "bob")
        for shown in ("nothing", "prediction")
        if (number, name, shown) != (2, "bob", "prediction")
    ]
    truth = {film(number): number % 2 == 0 for number in range(4)}
    found = crossed(mrmc_long(readings, truth), modalities=("unaided", "prediction"))
    assert found.readers == ("ann", "bob") and found.cases == (film(0), film(1), film(3))
    assert found.truth.tolist() == [True, False, False] and found.scores.shape == (2, 2, 3)
    assert found.scores[0, 0].tolist() == [50, 55, 65]
    with pytest.raises(FractureError, match="heatmap"):
        crossed(mrmc_long(readings, truth), modalities=("unaided", "heatmap"))


def test_ten_thousand_films_in_a_table_are_quick(rng):
    films = np.array([film(number) for number in range(10_000)])
    size = 3 * len(films)
    table = ReadingTable(
        [""] * size, np.tile(films, 3).tolist(), [""] * size, np.repeat(["ann", "bob", "cy"], len(films)).tolist(),
        rng.integers(0, 3, size), np.zeros(size), np.zeros(size), np.zeros(size, dtype=bool), np.zeros(size),
    )  # fmt: skip
    start = time.process_time()
    _, columns = columns_of_table(table)
    assert time.process_time() - start < 0.2 and len(columns) == 3
