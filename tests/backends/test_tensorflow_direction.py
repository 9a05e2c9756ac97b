"""The direction that `NormRecorder` records: against a slow loop, eagerly, in a graph and under XLA; its gaps; in checkpoints."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.direction import Direction, direction_of, require_direction

MODES = {"eager": None, "graph": {}, "xla": {"jit_compile": True}}


@pytest.fixture
def tf():
    return require("tensorflow")


@pytest.fixture
def recorder_of(tf):
    from wcdfa.backends.tensorflow import NormRecorder

    return NormRecorder


def variables_of(tf, dtype="float32", **shapes):
    rng = np.random.default_rng(0)
    return {name: tf.Variable(tf.cast(rng.standard_normal(shape), dtype), name=name) for name, shape in shapes.items()}


def trained(tf, recorder, variables, updates, mode="eager"):
    """Subtract each update; gives the values before the first and after each step."""

    def step(update):
        for name, variable in variables.items():
            variable.assign_sub(update[name])
        recorder.record(variables)

    call, history = step if MODES[mode] is None else tf.function(step, **MODES[mode]), [values(variables)]
    for update in updates:
        call({name: tf.cast(update[name], variable.dtype) for name, variable in variables.items()})
        history.append(values(variables))
    return history


def values(variables):
    return {name: variable.numpy() for name, variable in variables.items()}


def white(variables, steps, scale=0.1):
    rng = np.random.default_rng(1)
    return [{name: scale * rng.standard_normal(v.shape) for name, v in variables.items()} for _ in range(steps)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
def test_against_a_slow_loop(tf, recorder_of, dtype, mode):
    variables = variables_of(tf, dtype, encoder=(40, 30), head=(30, 3))
    recorder = recorder_of(variables, window=5, groups=1)
    history = trained(tf, recorder, variables, white(variables, 8), mode)
    require_direction(recorder.read(), Direction(history, ("encoder", "head")))
    assert recorder.read().sketch.shape == (5, 64)


@pytest.mark.parametrize("mode", MODES)
def test_of_a_sample(tf, recorder_of, mode):
    variables = variables_of(tf, w=(260, 270), b=(1,), v=(3000,))
    recorder = recorder_of(variables, groups=1, coordinates=100)
    expected = Direction(trained(tf, recorder, variables, white(variables, 4), mode), ("w", "b", "v"), coordinates=100)
    assert expected.sample.every > 1
    assert expected.sample.counts["b"] == 0
    require_direction(recorder.read(), expected)
    assert np.isnan(recorder.read().cosines["b"]).all()


def test_white_gradients_show_the_momentum(tf, recorder_of):
    variables = variables_of(tf, w=(5000,))
    recorder, velocity, updates = recorder_of(variables), np.zeros(5000), []
    for gradient in white(variables, 150):
        velocity = 0.9 * velocity + gradient["w"]
        updates.append({"w": velocity})
    trained(tf, recorder, variables, updates, "graph")
    assert np.mean(recorder.read().cosine[50:]) == pytest.approx(0.9, abs=0.003)


@pytest.mark.parametrize("mode", MODES)
def test_gaps(tf, recorder_of, mode):
    """A step of 0 is left out; after one that is not finite, neither it nor the next has a cosine."""
    variables = {"w": tf.Variable([1.0, 2.0]), "v": tf.Variable([0.0])}
    recorder = recorder_of(variables, groups=1)
    updates = [([3, 4], 1), ([4, 3], 1), ([0, 0], 0), ([4, 3], 0), ([np.inf, 1], 1)]
    updates = [{"w": np.float32(w), "v": np.float32([v])} for w, v in updates]
    trained(tf, recorder, variables, updates, mode)
    variables["w"].assign([1.0, 2.0])
    recorder.build(variables)  # which is no step, and the next one follows nothing
    trained(tf, recorder, variables, updates[:2], mode)
    found = recorder.read()
    assert (found.count, found.skipped) == (6, 1)
    np.testing.assert_allclose(found.cosine, [np.nan, 25 / 26, 25 / (5 * 26**0.5), np.nan, np.nan, 25 / 26], rtol=1e-6)
    np.testing.assert_allclose(found.cosines["w"], [np.nan, 0.96, 1.0, np.nan, np.nan, 0.96], rtol=1e-6)
    np.testing.assert_allclose(found.cosines["v"], [np.nan, 1.0, *[np.nan] * 3, 1.0], rtol=1e-6)
    np.testing.assert_array_equal(found.sketch[3], [np.nan, -1.0, -1.0])


def test_a_jump_is_no_step(tf, recorder_of):
    weights = tf.Variable([0.0, 0.0])
    recorder = recorder_of([weights])
    for jump, after in ((False, [3.0, 4.0]), (False, [7.0, 7.0]), (True, [50.0, 0.0]), (False, [53.0, 4.0]), (False, [56.0, 8.0])):
        weights.assign(after)
        (recorder.build if jump else recorder.record)([weights])
    np.testing.assert_allclose(recorder.read().cosine, [np.nan, 0.96, np.nan, 1.0], rtol=1e-6)
    recorder.reset([weights])
    weights.assign([59.0, 12.0])
    recorder.record([weights])
    found = recorder.read()
    assert (np.isnan(found.cosine).all(), found.sketch.tolist()) == (True, [[3.0, 4.0]])


def test_complex_numbers_count_twice(tf, recorder_of):
    variable = tf.Variable([1 + 1j, 2 + 0j], dtype=tf.complex64)
    recorder = recorder_of([variable])
    for update in ([3 + 4j, 0j], [4 + 3j, 0j]):
        variable.assign_add(update)
        recorder.record([variable])
    found = recorder.read()
    np.testing.assert_allclose(found.cosine, [np.nan, 0.96], rtol=1e-6)
    np.testing.assert_allclose(found.sketch, [[3, 4, 0, 0], [4, 3, 0, 0]], rtol=1e-6)
    np.testing.assert_allclose(found.weight_norm, [np.sqrt(16 + 25 + 4), np.sqrt(64 + 64 + 4)], rtol=1e-6)


@pytest.mark.parametrize("shape", [(3,), ()])
def test_few_numbers(tf, recorder_of, shape):
    variables = variables_of(tf, w=shape)
    recorder = recorder_of(variables)
    history = trained(tf, recorder, variables, white(variables, 3))
    require_direction(recorder.read(), Direction(history))
    assert recorder.read().cosines == {}


def test_small_and_large_steps(tf, recorder_of):
    """Squares of 1e-24 are no numbers of float32."""
    variables = {"small": tf.Variable([0.0, 0.0]), "large": tf.Variable([0.0, 0.0])}
    recorder = recorder_of(variables, groups=1)
    updates = [
        {"small": 1e-24 * np.array(small), "large": 1e12 * np.array(large)}
        for small, large in (([3, 4], [4, 3]), ([1, 7], [0, -5]))
    ]
    trained(tf, recorder, variables, updates[:1])
    for variable in variables.values():
        variable.assign([0.0, 0.0])
    last = recorder.direction.change.numpy()
    recorder.build(variables)
    recorder.direction.change.assign(last)
    trained(tf, recorder, variables, updates[1:])
    np.testing.assert_allclose(recorder.read().cosines["small"], [np.nan, 31 / (5 * 50**0.5)], rtol=1e-6)
    np.testing.assert_allclose(recorder.read().cosine, [np.nan, -0.6], rtol=1e-6)


def test_without(tf, recorder_of):
    """Nothing more is kept or measured."""
    variables = variables_of(tf, w=(9,))
    recorder = recorder_of(variables, groups=1, direction=False)
    names = {each.name for each in recorder.variables}
    assert names == {"norms:0", "lr:0", "count:0", "skipped:0", "reference:0"}
    trained(tf, recorder, variables, white(variables, 3), "xla")
    assert direction_of(recorder.read()) == {}
    assert len(recorder_of(variables, groups=1).variables) == len(recorder.variables) + 3
    with pytest.raises(TypeError, match="direction must be True or False, got 1"):
        recorder_of(variables, direction=1)
    with pytest.raises(ValueError, match="coordinates must be at least 1, got 0"):
        recorder_of(variables, coordinates=0)


@pytest.mark.parametrize("known", [True, False])
def test_checkpoints_of_other_settings(tf, recorder_of, known, tmp_path):
    """A checkpoint without the direction is gone on with, and the direction begins then; another sketch is refused."""
    variables, paths = variables_of(tf, w=(40,), v=(5,)), {}
    for name, options in {"off": {"direction": False}, "on": {}, "other": {"coordinates": 7}}.items():
        recorder = recorder_of(variables, window=9, groups=1, **options)
        trained(tf, recorder, variables, white(variables, 4))
        paths[name] = tf.train.Checkpoint(recorder=recorder).write(str(tmp_path / name))

    def gone_on(name, **options):
        recorder = recorder_of(variables if known else None, window=9, groups=1, **options)
        tf.train.Checkpoint(recorder=recorder).read(paths[name]).expect_partial()
        if not known:
            recorder.record(variables)
        recorder.build(variables)
        trained(tf, recorder, variables, white(variables, 2))
        return recorder.read()

    found = gone_on("off")
    assert np.isnan(found.weight_norm[:4]).all()
    assert np.isfinite(found.weight_norm[-2:]).all()
    assert np.isfinite(found.cosine[-1])
    assert np.isnan(found.cosine[:-1]).all()
    assert gone_on("on", direction=False).cosine is None
    with pytest.raises(
        ValueError, match="holds 7 coordinates of each change, and this recorder has coordinates=64: use coordinates=7"
    ):
        gone_on("other")
    assert np.isfinite(gone_on("other", coordinates=7).sketch[-1]).all()
