"""Mean and covariance of log F(s): against closed forms, dense matrices and simulation; and what is scaled from them."""

from __future__ import annotations

import numpy as np
import pytest

from wcdfa.inference import approximate_moments as longer
from wcdfa.inference import calibration_tables as tables
from wcdfa.inference import moments
from wcdfa.inference.approximate_moments import boxes_of, interpolated, rescaled, simulate
from wcdfa.inference.calibration import calibrate
from wcdfa.inference.moments import alpha_range, autocovariance, differences, exact_moments, interpolation, log_mean_square, nodes
from wcdfa.kernel import boxes
from wcdfa.kernel.polynomials import basis
from wcdfa.scales import default_sizes, half_sizes

SIZES = (3, 4, 5, 6, 8, 11, 16, 32, 65, 128)


def kernel(s):
    """Weights of the autocovariance at lags 0 … s-1 in E F²(s) of order 1: a polynomial of degree five.

    In content that of M. Höll and H. Kantz, Eur. Phys. J. B 88, 126 (2015), doi:10.1140/epjb/e2015-60143-1.
    """
    lag = np.arange(s, dtype=float)
    numerator = (
        s * (s**2 - 1) * (s**2 - 4)
        - (15 / 2 * s**4 - 35 / 2 * s**2 + 4) * lag
        + 15 * s * (s**2 - 1) * lag**2
        - 5 / 2 * (4 * s**2 - 1) * lag**3
        + 3 / 2 * lag**5
    )
    weights = numerator / (15 * s**2 * (s**2 - 1))
    weights[1:] *= 2
    return weights


def test_white_noise():
    """E F²(s) = (s² - 4) / (15 s)."""
    s = np.array(SIZES, dtype=float)
    np.testing.assert_allclose(np.exp(log_mean_square(SIZES, 1, 0.5)), (s**2 - 4) / (15 * s), rtol=1e-11)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.8, 0.94])
def test_the_kernel_of_order_1(alpha):
    found = np.exp(log_mean_square(SIZES, 1, alpha))
    expected = [kernel(s) @ autocovariance(alpha, 1, s)[:s] for s in SIZES]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("phi", [-0.3, 0.5])
def test_short_memory_on_top(phi):
    """White noise through an AR(1) has autocovariance φ^k / (1 - φ²)."""
    lag = np.arange(max(SIZES))
    expected = [kernel(s) @ (phi ** lag[:s] / (1 - phi**2)) for s in SIZES]
    np.testing.assert_allclose(np.exp(log_mean_square(SIZES, 1, 0.5, phi=phi)), expected, rtol=1e-10)
    shape = moments.short_memory_shape(SIZES, 1)
    difference = [(kernel(s) @ (0.01 ** lag[:s])) / (kernel(s)[0]) for s in SIZES]  # d log F² / dφ at α = 1/2
    derivative = (interpolation(1, np.array([0.5])) @ shape)[0]
    np.testing.assert_allclose(derivative, np.log(difference) / 0.02, atol=0.02)  # over ± 0.15 there, 0 … 0.01 here


def form(size, order, box, n, differenced):
    """F² of one box as a quadratic form of the differences of the whole series: dense, from its definition."""
    cumulate = np.tril(np.ones((n, n)))
    q = basis(size, order)
    profile = np.zeros((size, n))
    profile[:, box : box + size] = np.tril(np.ones((size, size)))
    residual = profile - q @ (q.T @ profile)
    for _ in range(differenced):
        residual = residual @ cumulate
    return residual.T @ residual / size


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_the_covariance_is_that_of_dense_matrices(order, overlap):
    """E = tr(Q Γ), Cov = 2 tr(Q Γ R Γ) of the differences, whose starting values no box sees."""
    n, sizes = 60, tuple(s for s in (3, 4, 5, 6, 7, 8, 12, 16, 25, 30, 60) if s >= order + 2)
    table = exact_moments(n, sizes, order, overlap)
    at = [0, 3, 5, 8, len(table.alphas) // 2, len(table.alphas) - 1]
    for i in at:
        alpha = float(table.alphas[i])
        differenced = differences(alpha, order)
        lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        gamma = autocovariance(alpha, order, n)[lag]
        forms = []
        for size in sizes:
            starts = boxes.box_starts(n, size, overlap=overlap)[0]
            forms.append(sum(form(size, order, b, n, differenced) for b in starts) / len(starts))
        # the first values are starting values of the running sums: what they weigh must be nothing, and is left out of the sums
        for q in forms:
            assert np.abs(q[:differenced]).max(initial=0.0) < 1e-7 * np.abs(q).max()
        mean = np.array([np.sum(q * gamma) for q in forms])
        products = [q @ gamma for q in forms]
        covariance = np.array([[2 * np.sum(a * b.T) for b in products] for a in products])
        of_log = covariance / np.outer(mean, mean) / 4
        np.testing.assert_allclose(table.root[i] @ table.root[i].T, of_log, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(table.mean[i], 0.5 * np.log(mean) - np.diag(of_log), atol=1e-7)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_nothing_jumps_where_one_more_difference_is_taken(order, monkeypatch):
    n, sizes = 48, tuple(s for s in (4, 6, 8, 12, 24) if s >= order + 2)
    for k in range(1, order + 1):
        edge = k - moments.MARGIN
        for at in (edge - 1e-7, edge + 1e-7):
            assert differences(at, order) == (k if at > edge else k - 1)
        monkeypatch.setattr(moments, "nodes", lambda _, edge=edge: np.array([edge - 1e-7, edge + 1e-7]))
        monkeypatch.setattr(moments, "short_memory_shape", lambda *_: np.zeros((2, len(sizes))))
        table = exact_moments(n, sizes, order, 0.5)
        monkeypatch.undo()
        np.testing.assert_allclose(table.mean[0] - table.mean[0, 0], table.mean[1] - table.mean[1, 0], atol=1e-5)
        np.testing.assert_allclose(table.root[0], table.root[1], atol=1e-5)
        # the level too: the variance of the innovations is 1 on both sides
        np.testing.assert_allclose(table.mean[0], table.mean[1], atol=1e-5)


@pytest.mark.parametrize("alpha", [0.3, 0.8, 1.3])
@pytest.mark.parametrize(("order", "overlap"), [(1, 0.0), (1, 0.5), (2, 0.5)])
def test_simulated_series_have_these_moments(alpha, order, overlap):
    """4,000 series of 128.

    Four standard errors each, and what the second order leaves out, measured with 40,000 series: a quarter of the variance of log F
    in the mean, 6 % in the standard deviations (both are largest for the few boxes of the largest sizes), 0.065 in correlations.
    """
    sizes = half_sizes(128, order) if overlap else default_sizes(128, order)
    table = exact_moments(128, sizes, order, overlap)
    between = interpolation(order, np.array([alpha]))
    mean, root = (between @ table.mean)[0], np.einsum("an,nij->ij", between, table.root)
    log_f = simulate(128, sizes, order, overlap, alpha, 4000, seed=11)
    covariance = root @ root.T
    deviation = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(log_f.mean(axis=0) - mean) < 4 * deviation / np.sqrt(4000) + 0.25 * deviation**2)
    assert np.all(np.abs(log_f.std(axis=0) / deviation - 1) < 4 / np.sqrt(8000) + 0.06)
    correlation = covariance / np.outer(deviation, deviation)
    assert np.all(np.abs(np.corrcoef(log_f, rowvar=False) - correlation) < 4 * (1 - correlation**2) / np.sqrt(4000) + 0.065)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_between_the_nodes_all_is_smooth(order, monkeypatch):
    """Mean within 2e-4 (5e-5 in α) and root within 2e-3 (of 0.1 to 0.5) of the exact ones at the α where they are furthest from a node."""
    n, sizes = 64, half_sizes(64, order)
    table = exact_moments(n, sizes, order, 0.5)
    low, high = alpha_range(order)
    off = np.concatenate([[low], (table.alphas[1:] + table.alphas[:-1]) / 2, [high]])
    monkeypatch.setattr(moments, "nodes", lambda _: off)
    exact = exact_moments(n, sizes, order, 0.5)
    monkeypatch.undo()
    between = interpolation(order, off)
    found, wanted = between @ table.mean, exact.mean
    np.testing.assert_allclose(found - found[:, :1], wanted - wanted[:, :1], atol=2e-4)
    np.testing.assert_allclose(np.einsum("an,nij->aij", between, table.root), exact.root, atol=2e-3)
    np.testing.assert_allclose(between @ table.short_memory, exact.short_memory, atol=2e-3)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_interpolation_of_a_polynomial(order):
    low, high = alpha_range(order)
    at = np.linspace(low, high, 23)
    curve = np.polynomial.Polynomial([0.3, -1.0, 0.4, 0.02, -0.3])
    np.testing.assert_allclose(interpolation(order, at) @ curve(nodes(order)), curve(at), atol=1e-11)
    np.testing.assert_allclose(interpolation(order, at, derivative=True) @ curve(nodes(order)), curve.deriv()(at), atol=1e-9)
    assert low < nodes(order)[0] < nodes(order)[-1] < high


def deviations(table, sizes, order, method, highest):
    """Standard deviations of α on the grid from 0 to `highest`.

    Above, near the ceiling, boxes far apart are not independent, and scaling makes them too small: by half at order + 0.95.
    """
    alphas, stderr = calibrate(table, None, sizes=sizes, order=order, method=method).rows[:, :2].T
    return stderr[alphas < highest + 1e-9]


@pytest.mark.parametrize("method", ["gls", "robust"])
def test_scaled_from_512_to_700(method):
    """Standard deviations of α within 3 % of the exact ones."""
    sizes = half_sizes(512, 1)
    base = tables.table(512, sizes, 1, 0.5).moments
    scaled = rescaled(base, boxes_of(sizes, (512,), 0.5), boxes_of(sizes, (700,), 0.5))
    exact = tables.table(700, sizes, 1, 0.5).moments
    found, expected = (deviations(table, sizes, 1, method, 1.5) for table in (scaled, exact))
    np.testing.assert_allclose(found, expected, rtol=0.03)
    low = scaled.alphas < 1.5
    np.testing.assert_allclose((scaled.mean - scaled.mean[:, :1])[low], (exact.mean - exact.mean[:, :1])[low], atol=0.01)


@pytest.mark.parametrize("method", ["gls", "robust"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_scaled_from_1024_to_2048(method, order):
    known, sizes = half_sizes(1024, order), half_sizes(1024, order)
    base = tables.table(1024, known, order, 0.5).moments
    scaled = rescaled(base, boxes_of(known, (1024,), 0.5), boxes_of(sizes, (2048,), 0.5))
    wide = tables.table(2048, half_sizes(2048, order), order, 0.5).moments
    exact = wide._replace(
        mean=wide.mean[:, : len(sizes)],
        root=wide.root[:, : len(sizes), : len(sizes)],
        short_memory=wide.short_memory[:, : len(sizes)],
    )
    found, expected = (deviations(table, sizes, order, method, order + 0.7) for table in (scaled, exact))
    np.testing.assert_allclose(found, expected, rtol=0.03)


def test_rescaled_to_the_same_is_the_same():
    sizes = half_sizes(128, 1)
    base = tables.table(128, sizes, 1, 0.5).moments
    same = rescaled(base, boxes_of(sizes, (128,), 0.5), boxes_of(sizes, (128,), 0.5))
    for a, b in zip(base, same, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def slope_deviation(table, sizes, alpha):
    """Standard deviation of the least-squares slope of log F on log s."""
    line = np.log(sizes) - np.log(sizes).mean()
    root = np.einsum("an,nij->ij", interpolation(1, np.array([alpha])), table.root)
    return np.linalg.norm(line @ root) / (line @ line)


def interpolated_from_1024(n, sizes):
    known = default_sizes(1024, 1)
    base = tables.table(1024, known, 1, 0.0).moments
    return interpolated(base, known, boxes_of(known, (1024,), 0.0), sizes, boxes_of(sizes, (n,), 0.0), 1)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
def test_the_slope_of_3000_samples(alpha):
    """Within 10 % of that of 1,500 simulated series, whose own standard deviation is known to 1.8 %."""
    sizes = default_sizes(3000, 1)
    table = interpolated_from_1024(3000, sizes)
    log_f = simulate(3000, sizes, 1, 0.0, alpha, 1500, seed=5)
    line = np.log(sizes) - np.log(sizes).mean()
    slopes = log_f @ line / (line @ line)
    assert abs(slope_deviation(table, sizes, alpha) / slopes.std() - 1) < 0.10
    mean = (interpolation(1, np.array([alpha])) @ table.mean)[0]
    assert abs(slopes.mean() - mean @ line / (line @ line)) < 4 * slopes.std() / np.sqrt(1500) + 0.003


@pytest.mark.parametrize("n", [2048, 4096])
def test_the_slope_of_longer_series_against_shipped_tables(n):
    sizes = default_sizes(n, 1)
    found, exact = interpolated_from_1024(n, sizes), tables.table(n, sizes, 1, 0.0).moments
    for alpha in np.linspace(0.3, 1.7, 8):
        assert abs(slope_deviation(found, sizes, alpha) / slope_deviation(exact, sizes, alpha) - 1) < 0.10, alpha


def test_simulated_moments_are_those_of_the_exact(monkeypatch):
    """500 series: five standard errors, and for the second order what is above; up to α = 1.7, where that is all of it."""
    monkeypatch.setattr(longer, "SERIES", 500)
    sizes, steps = (4, 6, 9, 16, 30), []
    found = longer.simulated(128, sizes, 1, 0.5, each=lambda: steps.append(1))
    exact = exact_moments(128, sizes, 1, 0.5)
    assert len(steps) == len(nodes(1))
    deviation, expected = (np.sqrt(np.sum(table.root**2, axis=-1)) for table in (found, exact))
    low = found.alphas < 1.7
    assert np.all(np.abs(deviation / expected - 1)[low] < 5 / np.sqrt(1000) + 0.06)
    assert np.all((np.abs(found.mean - exact.mean) - 5 * expected / np.sqrt(500) - 0.25 * expected**2)[low] < 0)
    np.testing.assert_array_equal(found.short_memory, exact.short_memory)


def test_boxes_of():
    assert boxes_of((4, 10, 40), (100,), 0.0) == (25, 10, 2)
    assert boxes_of((4, 10, 40), (100,), 0.5) == (49, 19, 4)
    assert boxes_of((4, 10, 40), (30, 3, 67), 0.5) == (14 + 32, 5 + 12, 0 + 2)


def test_the_progress_is_told_node_by_node():
    steps = []
    exact_moments(16, (3, 4), 1, 0.5, each=lambda: steps.append(1))
    assert len(steps) == 16
