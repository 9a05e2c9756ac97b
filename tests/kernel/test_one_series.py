"""F² of one short series, computed in waiting arrays: equal to the general computation, from several threads and in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from wcdfa import fluctuations
from wcdfa.inference.calibration_tables import method_sizes, overlap_of
from wcdfa.kernel.half_overlap import mean_squares_by_halves
from wcdfa.kernel.one_series import LONGEST, OneSeries, one_series
from wcdfa.kernel.side_by_side import mean_squares_side_by_side

GENERAL = {"ols": mean_squares_side_by_side, "robust": mean_squares_by_halves}


def series(kind: str, n: int) -> np.ndarray:
    white = np.random.default_rng(n).standard_normal(n)
    return {"white": white, "walk": np.cumsum(white), "offset": white + 1e6, "outlier": white + 1e6 * (np.arange(n) == n // 3)}[
        kind
    ]


@pytest.mark.parametrize("method", ["ols", "robust"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_equals_the_general_computation_for_any_length(order, method):
    done = 0
    for n in (30, 48, 49, 97, 128, 193, 256, 384, 500, 512, 769, 1000, 1024):
        try:
            sizes = method_sizes(n, order, method)
        except ValueError:
            continue
        compute = one_series(n, sizes, order, overlap_of(method))
        for kind in ("white", "walk", "offset", "outlier") if compute else ():
            x = series(kind, n)
            np.testing.assert_allclose(compute(x), GENERAL[method](x, sizes, order, np), rtol=1e-13, err_msg=f"{n} {kind}")
            done += 1
    assert done >= 28


def test_takes_any_box_sizes_on_its_grid():
    x = series("walk", 700)
    for sizes in ((4, 24), (3, 64, 96), (6, 8, 256, 384)):
        np.testing.assert_allclose(one_series(700, sizes, 1, 0.5)(x), mean_squares_by_halves(x, sizes, 1, np), rtol=1e-13)


def test_leaves_long_series_and_other_sizes_alone():
    assert one_series(LONGEST + 1, (4, 8, 16), 1, 0.5) is None
    assert one_series(500, (4, 5, 9), 1, 0.5) is None
    assert one_series(500, (4, 9, 31, 77), 1, 0.0) is None


def test_this_path_is_taken_and_only_where_it_applies(monkeypatch):
    x, taken = series("white", 256), []
    monkeypatch.setattr(OneSeries, "__call__", lambda self, x: taken.append(self) or np.ones(3))
    for options in ({"overlap": 0.3}, {"overlap": 0.5, "moment": 1}, {"final_box": False}, {"backward": True}):
        fluctuations(x, scales=[4, 8, 16], **options)
    fluctuations(np.stack([x, x]), scales=[4, 8, 16])
    fluctuations(x.astype(np.float32), scales=[4, 8, 16])
    assert not taken
    fluctuations(x, scales=[4, 8, 16])
    fluctuations(x, scales=[4, 8, 16], overlap=0.5)
    fluctuations(x, scales=[4, 8, 16], breaks=(100,))
    assert len(taken) == 4


def test_results_are_arrays_of_their_own():
    compute = one_series(500, method_sizes(500, 1, "robust"), 1, 0.5)
    first = compute(series("white", 500))
    kept = first.copy()
    compute(series("walk", 500))
    np.testing.assert_array_equal(first, kept)


def test_a_computation_may_begin_within_another():
    """As in a signal handler: the waiting arrays that are in use are not touched."""
    inner: list[np.ndarray] = []

    class Nested:
        def __init__(self) -> None:
            self.value = np.zeros(1)

        def __call__(self, x: np.ndarray) -> np.ndarray:
            self.value[:] = x
            if x[0] == 1:
                inner.append(compute(np.full(1, 2.0)))
            return self.value.copy()

    compute = OneSeries(Nested)
    assert compute(np.ones(1)) == 1
    assert inner[0] == 2


def test_several_threads_at_once():
    many = np.random.default_rng(0).standard_normal((400, 500))
    expected = [fluctuations(x)[1] for x in many]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda x: fluctuations(x)[1], many))
    np.testing.assert_array_equal(found, expected)


def test_reads_strided_and_read_only_series():
    wide = np.random.default_rng(1).standard_normal((500, 3))
    wide.setflags(write=False)
    np.testing.assert_array_equal(fluctuations(wide[:, 1])[1], fluctuations(wide[:, 1].copy())[1])
