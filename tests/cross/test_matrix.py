"""All pairs of several series: ρ, what is left when others are taken out, p-values for all pairs together."""

from __future__ import annotations

import numpy as np
import pytest

from wcdfa import coupling, coupling_matrix, dfa, fluctuations, synthetic

N = 256
A, B, C = synthetic.arfima(N, d=0.3, batch=(3,), seed=0)
few = {"replicates": 99}


def test_each_pair_is_that_of_coupling():
    found = coupling_matrix([A, A + B, C], **few)
    for i, j, x, y in ((0, 1, A, A + B), (0, 2, A, C), (2, 1, C, A + B)):
        alone = coupling(x, y, **few)
        np.testing.assert_allclose(found.rho[i, j], alone.rho, atol=1e-12)
        np.testing.assert_allclose(found.low[i, j], alone.low, atol=0.15)  # of other simulated pairs
    np.testing.assert_array_equal(found.rho, found.rho.swapaxes(0, 1))
    np.testing.assert_array_equal(np.diagonal(found.rho), 1)
    assert str(found) == "1 of 3 pairs is coupled (p ≤ 0.05, corrected for 3 pairs): series 0 and 1 (p = 0.01)"
    assert (np.nan_to_num(found.p_corrected) >= np.nan_to_num(found.p_value) - 0.05).all()


def test_what_a_third_series_drives_is_no_coupling_of_its_own():
    found = coupling_matrix(np.stack([A, A + B, A + C]), **few)
    assert found.p_value[1, 2] <= 0.02
    assert found.partial_p_value[1, 2] > 0.05
    assert found.partial_p_value[0, 1] <= 0.02


def test_partial_and_multiple_are_those_of_regression():
    """At one size: the residuals of two series after regression on the third, and the share that both others explain."""
    found = coupling_matrix(np.stack([A, A + B, A + C]), scales=[16], **few)
    (r01, r02, r12) = found.rho[0, 1, 0], found.rho[0, 2, 0], found.rho[1, 2, 0]
    by_hand = (r12 - r01 * r02) / np.sqrt((1 - r01**2) * (1 - r02**2))
    assert found.partial[1, 2, 0] == pytest.approx(by_hand)
    explained = (r01**2 + r02**2 - 2 * r01 * r02 * r12) / (1 - r12**2)
    assert found.multiple[0, 0] == pytest.approx(explained)
    two = coupling_matrix(np.stack([A, A + B]), **few)
    np.testing.assert_allclose(two.partial, two.rho)
    np.testing.assert_allclose(two.multiple[0], two.rho[0, 1] ** 2)


def test_identical_series_and_series_that_cannot_be_compared():
    found = coupling_matrix(np.stack([A, A, B, np.ones(N), np.full(N, np.nan)]), **few)
    np.testing.assert_allclose(found.rho[0, 1], 1, atol=1e-12)
    assert np.isnan(found.partial).all()
    assert "sums of others" in found.partial_reason
    assert found.cause.tolist() == [0, 0, 0, 1, 3]
    assert np.isnan(found.rho[3]).all()
    assert np.isnan(found.p_value[:, 4]).all()
    assert str(found).endswith("not compared: 7 pairs, where a series holds a value that is NaN or infinite")
    assert str(coupling_matrix(np.ones((2, N)))) == "not compared: a series is constant"


def test_one_series_that_is_constant_leaves_the_others_as_they_are():
    found, without = coupling_matrix(np.stack([A, np.ones(N), A + B]), **few), coupling_matrix(np.stack([A, A + B]), **few)
    np.testing.assert_allclose(found.rho[0, 2], without.rho[0, 1], atol=1e-12)
    np.testing.assert_array_equal(found.p_corrected[0, 2], without.p_corrected[0, 1])
    assert found.reason == "a series is constant"


def test_a_permutation_of_the_series_permutes_the_result():
    order, x = [2, 0, 1], np.stack([A, A + B, C])
    found, permuted = coupling_matrix(x, **few), coupling_matrix(x[order], **few)
    np.testing.assert_allclose(permuted.rho, found.rho[np.ix_(order, order)], atol=1e-12)
    np.testing.assert_allclose(permuted.partial, found.partial[np.ix_(order, order)], atol=1e-9)


def test_a_batch_of_sets():
    x = np.stack([np.stack([A, A + B, C]), np.stack([C, B, A])])
    found = coupling_matrix(x, **few)
    assert found.partial.shape == (2, 3, 3, len(found.scales))
    np.testing.assert_array_equal(found.at(0).p_corrected, coupling_matrix(x[0], **few).p_corrected)
    assert str(found) == "1 of 6 pairs is coupled (p ≤ 0.05)"
    np.testing.assert_array_equal(coupling_matrix(x.transpose(0, 2, 1), axis=1, **few).rho, found.rho)


def test_all_pairs_together_keep_the_level():
    """With five series there are ten pairs: without the correction, some pair is called coupled in about a third of the sets."""
    found = coupling_matrix(synthetic.arfima(128, d=0.5, batch=(60, 5), seed=7), scales=[4, 8, 16, 32], **few)
    any_pair = [np.nanmin(p, axis=(1, 2)) <= 0.05 for p in (found.p_value, found.p_corrected)]
    assert np.mean(any_pair[0]) > 0.2
    assert np.mean(any_pair[1]) < 0.17


def test_misuse():
    with pytest.raises(ValueError, match="at least two series"):
        coupling_matrix(A)
    with pytest.raises(ValueError, match="at least two series"):
        coupling_matrix(A[None])


def test_an_empty_batch_a_sum_of_others_and_one_pair():
    found = coupling_matrix(np.zeros((0, 3, N)), **few)
    assert found.rho.shape[:3] == (0, 3, 3)
    assert found.p_value.shape == (0, 3, 3)
    assert str(found) == "no series to compare: the batch is empty"
    said = str(coupling_matrix([A, B, A + B], **few))
    assert "no partial ρ: some series are sums of others" in said
    assert "partial" not in str(coupling_matrix([A, B, A + C], **few))
    assert str(coupling_matrix([A, C], **few)).startswith("0 of 1 pair is coupled")


def test_time_along_the_first_axis_is_pointed_out():
    with pytest.raises(ValueError, match=r"shape is \(500, 4\): give axis=0 if it runs along the first"):
        coupling_matrix(np.zeros((500, 4)))
    for measure in (dfa, fluctuations):
        with pytest.raises(ValueError, match=r"shape is \(2, 300, 5\): give axis=1 if it runs along the 2nd"):
            measure(np.zeros((2, 300, 5)))
        with pytest.raises(ValueError, match="the series has 5 samples") as raised:
            measure(np.zeros((5, 5)))
        assert "Time runs" not in str(raised.value)
