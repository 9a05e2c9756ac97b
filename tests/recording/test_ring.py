"""The ring on every array library, under ``jit``, and against a queue."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from array_api_extra.testing import lazy_xp_function
from hypothesis import given
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import Ring, extend, init, read, record
from wcdfa.recording.side_series import COSINE, SKETCH

lazy_xp_function(record)
lazy_xp_function(extend)

NORMS = [1.0, 0.0, 2.0, np.nan, 3.0, -0.0, np.inf, 4.0, -np.inf, 5.0, 0.0]
KEPT = np.array([np.nan, 3.0, np.nan, 4.0, np.nan, 5.0])


def as_given(ring, array):
    """The ring with arrays of the library, which are read-only where that is the point."""
    norms = {name: array(np.asarray(part)) for name, part in ring.wcdfa_norms.items()}
    return Ring(norms, *(array(np.asarray(part)) for part in ring[1:]))


def test_recording_on_every_library(xp, array):
    ring = init(6, ("head",), xp=xp, dtype=xp.float64)
    for step, norm in enumerate(NORMS, start=1):
        before = as_given(ring, array)
        old = read(before)
        ring = record(before, {"all": array(norm), "head": array(2 * norm)}, array(0.1 * step), array(step, "int32"))
        np.testing.assert_array_equal(read(before).norms, old.norms)
    found = read(ring)
    np.testing.assert_array_equal(found.norms, KEPT)
    np.testing.assert_array_equal(found.groups["head"], 2 * KEPT)
    np.testing.assert_array_equal(found.steps, [4, 5, 7, 8, 9, 10])
    np.testing.assert_allclose(found.lr, 0.1 * found.steps)
    assert (found.count, found.skipped) == (8, 3)
    assert {type(part) for part in ring.wcdfa_norms.values()} == {type(xp.zeros(1))}
    assert all(new.dtype == old.dtype and new.shape == old.shape for new, old in zip(ring[1:], before[1:], strict=True))


@pytest.mark.parametrize("at_once", [1, 3, 6, 7, 20])
def test_many_at_once_are_the_same_as_one_by_one(xp, array, at_once):
    norms, together, alone = 1.0 + np.arange(20), *[init(6, ("head",), xp=xp, dtype=xp.float64)] * 2
    for norm in norms:
        alone = record(alone, {"all": array(norm), "head": array(-norm)}, array(norm / 9), array(int(norm), "int32"))
    for start in range(0, 20, at_once):
        part = norms[start : start + at_once]
        more = {"all": array(part), "head": array(-part)}
        together = extend(as_given(together, array), more, array(part / 9), array(part, "int32"))
    for one, other in zip(read(alone), read(together), strict=True):
        np.testing.assert_equal(one, other)


@given(
    window=st.integers(1, 9),
    norms=st.lists(st.one_of(st.sampled_from([0.0, -0.0, np.nan, np.inf]), st.floats(width=32)), max_size=40),
)
def test_a_ring_is_a_queue_of_the_last_norms_that_are_not_zero(window, norms):
    ring, queue = init(window, ("a", "b")), deque(maxlen=window)
    for step, norm in enumerate(norms, start=1):
        ring = record(ring, {"all": norm, "a": step, "b": -norm}, step / 2, step)
        if norm != 0:
            queue.append((norm if np.isfinite(norm) else np.nan, step))
    found = read(ring)
    expected = np.array(queue).reshape(-1, 2).T
    np.testing.assert_array_equal(found.norms, expected[0])
    np.testing.assert_array_equal(found.groups["a"], expected[1])
    np.testing.assert_array_equal(found.groups["b"], -expected[0])
    np.testing.assert_array_equal(found.steps, expected[1])
    assert found.count == np.count_nonzero(norms)
    assert found.skipped == len(norms) - found.count
    assert (found.lr is None) == (not queue)


def test_without_a_rate_or_step():
    found = read(record(record(init(3), {"all": 0.5}), {"all": 0.25}))
    assert found.lr is None
    np.testing.assert_array_equal(found.steps, [1, 2])


def test_an_ensemble():
    jax = require("jax")
    numpy = jax.numpy
    members = numpy.asarray([[1.0, 0.0, 3.0, 4.0], [0.0, 0.0, 5.0, 0.0]])

    def run(norms):
        return jax.lax.scan(lambda ring, norm: (record(ring, {"all": norm}), None), init(3, xp=numpy), norms)[0]

    found = read(jax.vmap(run)(members))
    np.testing.assert_array_equal(found.norms, [[1, 3, 4], [np.nan, np.nan, 5]])
    np.testing.assert_array_equal(found.count, [3, 1])
    np.testing.assert_array_equal(found.skipped, [1, 3])
    second = found.member(1)
    np.testing.assert_array_equal(second.norms, [5])
    assert (second.count, second.skipped, second.lr) == (1, 3, None)
    with pytest.raises(ValueError, match=r"norms of shape \(2, 3\) belong to an ensemble; .*member"):
        found.verdict()


def test_a_verdict_knows_the_optimizer_and_lets_options_go_before():
    norms = wcdfa.nulls.replay.optimizer_norms(256, optimizer="sgd", momentum=0.9, replicates=1, seed=0)[0]
    reading = Reading(norms, 256, 0, groups={"head": norms[::-1]}, optimizer="sgd", hyperparameters={"momentum": 0.9})
    known = reading.verdict(replicates=20)
    assert known.null == wcdfa.verdict(norms, optimizer="sgd", momentum=0.9, replicates=20).null
    assert (
        reading.verdict(replicates=20, momentum=0.5).null == wcdfa.verdict(norms, optimizer="sgd", momentum=0.5, replicates=20).null
    )
    assert reading.verdict(optimizer="adam", replicates=20).null == wcdfa.verdict(norms, optimizer="adam", replicates=20).null
    assert reading.verdict("head", replicates=20).alpha == wcdfa.verdict(norms[::-1]).alpha
    with pytest.raises(ValueError, match="group must be one of 'all', 'head', got 'tail'"):
        reading.verdict("tail")


def test_the_sketch_goes_through_the_ring(xp):
    rows = np.arange(21, dtype=np.float32).reshape(7, 3)
    rows[4, 1] = np.inf
    start = init(5, ["a"], coordinates=3, xp=xp)
    one = many = start._replace(wcdfa_norms={**start.wcdfa_norms, COSINE: xp.full_like(start.wcdfa_lr, np.nan)})
    for number, row in enumerate(rows):
        one = record(one, {"all": number + 1.0, "a": 1.0, COSINE: 0.1 * number, SKETCH: xp.asarray(row)}, 0.1)
    steps = np.arange(7)
    norms = {"all": steps + 1.0, "a": np.ones(7), COSINE: 0.1 * steps, SKETCH: rows}
    many = extend(many, {name: xp.asarray(values) for name, values in norms.items()}, xp.full((7,), 0.1), xp.asarray(steps + 1))
    expected = np.where(np.isfinite(rows), rows, np.nan)[2:]
    for ring in (one, many):
        reading = read(ring)
        np.testing.assert_array_equal(reading.sketch, expected)
        np.testing.assert_allclose(reading.cosine, 0.1 * steps[2:], rtol=1e-6)
        assert list(reading.groups) == ["a"]
        assert reading.weight_norm is None
