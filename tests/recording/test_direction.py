"""The direction of a change on every array library, against loops over single numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.helpers.direction_oracle import following, slow_cosine
from wcdfa.recording.direction import Layout, directed

MEMBERS = {"all": ("a", "b", "c"), "ends": ("a", "c"), "middle": ("b",)}
SIZES = {"a": 5, "b": 7, "c": 4}
PLACES = {"all": slice(None), "ends": [*range(5), *range(12, 16)], "middle": slice(5, 12)}
NAMES = {"all": "wcdfa_cosine", "ends": "wcdfa_cosine/ends", "middle": "wcdfa_cosine/middle"}


def series_of(changes, xp, layout=None, norms=None, dtype="float64"):
    layout = Layout(SIZES, MEMBERS, 6) if layout is None else layout
    found, last = [], None
    for i, change in enumerate(changes):
        row = xp.asarray(np.asarray(change), dtype=getattr(xp, dtype))
        norm = xp.asarray(float(np.linalg.norm(change)) if norms is None else norms[i])
        series, last = directed(row, row + 1, last, norm, layout, xp)
        found.append({name: np.asarray(value) for name, value in series.items()})
    return {name: np.stack([each[name] for each in found]) for name in found[0]}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_against_a_loop(xp, dtype):
    changes = np.random.default_rng(0).standard_normal((6, 16)) * np.array([1, 1e-3, 5, 1, 2, 9])[:, None]
    found = series_of(changes.astype(dtype), xp, dtype=dtype)
    for group, places in PLACES.items():
        expected = following([change[places].tolist() for change in changes])
        np.testing.assert_allclose(found[NAMES[group]], expected, rtol=1e-5 if dtype == "float32" else 1e-6, atol=1e-6)
    np.testing.assert_allclose(found["wcdfa_weight_norm"], np.linalg.norm(changes + 1, axis=1), rtol=1e-6)
    kept = Layout(SIZES, MEMBERS, 6).sample.kept
    np.testing.assert_array_equal(found["wcdfa_sketch"], changes[:, list(kept)].astype(np.float32))


@pytest.mark.parametrize(("scale", "other"), [(1e-24, 1.0), (1e-30, 1e-30), (1e25, 1e-10), (1e36, 1e36)])
def test_no_scale_over_or_underflows(xp, scale, other):
    """In float32, whose squares end at 1e-45 and 3e38; also of a group that is far smaller than the others."""
    changes = np.random.default_rng(1).standard_normal((4, 16))
    changes[:, 5:12] *= scale
    changes[:, :5] *= other
    changes = changes.astype(np.float32)
    found = series_of(changes, xp, norms=np.ones(4), dtype="float32")
    for group, places in PLACES.items():
        expected = following([change[places].tolist() for change in changes])
        np.testing.assert_allclose(found[NAMES[group]], expected, atol=1e-6)


def test_what_has_no_direction_is_a_gap():
    changes = np.random.default_rng(2).standard_normal((9, 16))
    changes[2] = 0  # no step was taken
    changes[5, 3] = np.inf  # not in the middle
    changes[7, 5:12] = 0  # one group stands still
    norms = np.linalg.norm(changes, axis=1)
    with np.errstate(all="ignore"):
        found = series_of(changes, np, norms=norms)
    taken = [0, 1, 3, 4]
    expected = np.array([np.nan, *(slow_cosine(changes[a].tolist(), changes[b].tolist()) for a, b in pairwise(taken))])
    np.testing.assert_allclose(found["wcdfa_cosine"][taken], expected, atol=1e-6)
    np.testing.assert_array_equal(np.isnan(found["wcdfa_cosine"]), [1, 0, 1, 0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(np.isnan(found["wcdfa_cosine/middle"]), [1, 0, 1, 0, 0, 0, 1, 1, 1])


def test_a_norm_that_is_not_finite_is_followed_by_a_gap():
    """Also if the sample is finite: the number that is not may lie outside."""
    changes = np.random.default_rng(3).standard_normal((5, 16))
    with np.errstate(all="ignore"):
        found = series_of(changes, np, norms=[1, 1, np.nan, 1, 1])
    np.testing.assert_array_equal(np.isnan(found["wcdfa_cosine"]), [1, 0, 0, 1, 0])


def test_a_sample_estimates_the_norm_of_the_weights():
    sizes = {"a": 100_000, "b": 37, "c": 900_000}
    layout = Layout(sizes, MEMBERS)
    weights = np.random.default_rng(4).standard_normal(1_000_037).astype(np.float32)
    parts = dict(zip(sizes, np.split(weights, [100_000, 100_037]), strict=True))
    row = np.concatenate([parts[path][layout.sample.places(path)] for path in sizes])
    series, last = directed(row, row, None, 1.0, layout, np)
    assert float(series["wcdfa_weight_norm"]) == pytest.approx(np.linalg.norm(weights), rel=0.01)
    assert (last.dtype, last.shape) == (np.float32, (layout.sample.size,))
    again, _ = directed(row, row, last, 1.0, layout, np)
    assert float(again["wcdfa_cosine"]) == pytest.approx(1.0, abs=1e-6)


def test_a_group_without_a_number_in_the_sample():
    layout = Layout({"a": 200_000, "b": 1, "c": 1, "d": 1}, {"all": (), "b": ("b",), "c": ("c",), "d": ("d",)})
    empty = [group for group in ("b", "c", "d") if not layout.spans[group]]
    assert len(empty) >= 2  # about every third number is in the sample
    row = np.ones(layout.sample.size)
    with np.errstate(all="ignore"):
        _, last = directed(row, row, None, 1.0, layout, np)
        series, _ = directed(row, row, last, 1.0, layout, np)
    assert all(np.isnan(series[f"wcdfa_cosine/{group}"]) for group in empty)
    assert float(series["wcdfa_cosine"]) == pytest.approx(1.0)
