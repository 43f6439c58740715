"""Two modalities over readers and cases: a published study worked by hand, and simulated ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fracture_core.agreement import compare_modalities
from fracture_core.agreement.rockette import AucCovariances, auc_covariance, obuchowski_rockette, reader_covariances
from fracture_core.errors import FractureError
from fracture_core.metrics import compare, roc_auc

# Van Dyke's study of aortic dissection: 2 modalities, 5 readers, 114 cases; AUCs, covariances and results as worked
# through in Chakraborty, The RJafroc Book, "Obuchowski Rockette Applications", hand calculation of dataset02
VAN_DYKE = np.array([[0.9196, 0.8588, 0.9039, 0.9731, 0.8298], [0.9478, 0.9053, 0.9217, 0.9994, 0.9300]])
VAN_DYKE_COVARIANCES = AucCovariances(0.0008023, 0.0003466, 0.0003441, 0.0002390, (0.0004840, 0.0002042))


def test_obuchowski_rockette_as_published():
    found = obuchowski_rockette(VAN_DYKE, VAN_DYKE_COVARIANCES, cases=114)
    assert found.f == pytest.approx(4.456, abs=0.01)
    assert found.df == pytest.approx(15.26, abs=0.02)
    assert found.p == pytest.approx(0.05167, abs=2e-4)
    difference = found.difference  # published as the first minus the second
    assert (difference.value, difference.low, difference.high) == pytest.approx(
        (0.0438, -0.000359, 0.08796), abs=1e-4
    )
    assert (found.first.value, found.first.low, found.first.high) == pytest.approx((0.8970, 0.8252, 0.9689), abs=2e-4)
    assert (found.second.value, found.second.low, found.second.high) == pytest.approx(
        (0.9408, 0.8941, 0.9875), abs=2e-4
    )


def _study(rng, *, readers=5, cases=60, gain=0.0):
    """Roe and Metz's model (Acad. Radiol. 4:298, 1997): effects of reader, case and their interactions."""
    truth = np.arange(cases) < cases // 2
    signal = (
        1.2
        + rng.normal(0, 0.15, (1, readers, 1))
        + rng.normal(0, 0.15, (2, readers, 1))
        + np.reshape([0, gain], (2, 1, 1))
    )
    parts = [(1, 1, cases), (2, 1, cases), (1, readers, cases), (2, readers, cases)]
    noise = sum(
        rng.normal(0, math.sqrt(share), shape) for share, shape in zip((0.3, 0.3, 0.2, 0.2), parts, strict=True)
    )
    return truth, noise + signal * truth


def test_covariances_are_delongs(rng):
    truth, scores = _study(rng)
    aucs, covariance = auc_covariance(truth, np.round(scores, 1).reshape(10, -1))
    assert aucs == pytest.approx([roc_auc(truth, row) for row in np.round(scores, 1).reshape(10, -1)])
    first, second = np.round(scores, 1)[:, 0]
    plain = compare(truth, first, second, threshold_first=1, threshold_second=1)
    variance = covariance[0, 0] + covariance[5, 5] - 2 * covariance[0, 5]
    assert plain.difference.value / math.sqrt(variance) == pytest.approx(plain.z)


def test_covariances_by_kind_by_hand():
    names = [(modality, reader) for modality in range(2) for reader in range(3)]
    kinds = np.array([[10 * (a[0] == b[0]) + (a[1] == b[1]) for b in names] for a in names], dtype=float)
    found = reader_covariances(kinds)
    assert (found.variance, found.cov1, found.cov2, found.cov3, found.cov2_each) == (11, 1, 10, 0, (10, 10))


def test_no_difference_is_rarely_found_and_a_true_one_often():
    found = [compare_modalities(*_study(np.random.default_rng(seed))).p < 0.05 for seed in range(400)]
    assert 0.025 <= np.mean(found) <= 0.08  # 5 % of 400 is 20; 10 to 32 hold 99 % of such counts
    real = [compare_modalities(*_study(np.random.default_rng(seed), gain=0.8)).p < 0.05 for seed in range(100)]
    assert np.mean(real) > 0.6


def test_readers_who_gain_the_same_leave_no_error_but_rounding():
    negative = AucCovariances(0.05, -0.02, -0.03, 0.01, (-0.05, -0.01))  # Cov2 below Cov3
    aucs = np.array([[11 / 12, 7 / 12], [1 / 2, 1 / 6]])
    assert 0 < np.var(aucs[1] - aucs[0], ddof=1) < 1e-30
    found = obuchowski_rockette(aucs, negative, cases=8)
    assert found.difference.value == pytest.approx(-5 / 12)
    assert np.isnan([found.f, found.p, found.difference.low, found.difference.high]).all()
    shared = obuchowski_rockette(aucs, AucCovariances(0.05, 0.01, 0.03, 0.01, (0.03, 0.03)), cases=8)
    assert math.isinf(shared.df) and shared.difference.low < -5 / 12 < shared.difference.high


def test_covariances_that_differ_by_rounding_are_the_same():
    scores = [[[0, 2, 1, 1, 2, 2], [1, 0, 1, 2, 0, 0]], [[0, 2, 2, 0, 0, 2], [1, 0, 0, 0, 0, 2]]]
    found = compare_modalities([1, 1, 0, 0, 0, 0], scores)
    assert 0 < found.covariances.cov2 - found.covariances.cov3 < 1e-15
    assert found.difference.value == 0.125 and math.isnan(found.difference.low) and math.isnan(found.p)


def test_modalities_that_do_not_differ(rng):
    truth, scores = _study(rng)
    same = compare_modalities(truth, np.stack([scores[0], scores[0]]))
    assert same.difference.value == 0 and math.isnan(same.p)  # no error to measure by
    swapped, plain = compare_modalities(truth, scores[::-1]), compare_modalities(truth, scores)
    assert (swapped.f, swapped.df, swapped.p) == pytest.approx((plain.f, plain.df, plain.p))
    assert swapped.difference.low == pytest.approx(-plain.difference.high)
    for fewer in (scores[:, :1], scores[:, :, :31]):
        with pytest.raises(FractureError, match="two readers"):
            compare_modalities(truth[: fewer.shape[2]], fewer)
