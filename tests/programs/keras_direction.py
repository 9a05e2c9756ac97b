"""The direction that `monitored` records on the backend that KERAS_BACKEND names, against a slow loop. Run by keras_checks.py."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.helpers.direction import Direction, direction_of, require_direction
from tests.programs.keras_recorder import require_equal
from tests.programs.keras_runs import BACKEND, BATCH, compiled, data, fitted, on_host
from wcdfa.backends.keras.parameters import monitored, read
from wcdfa.recording.sample import sample_of

SGD, Adam, LossScale = keras.optimizers.SGD, keras.optimizers.Adam, keras.optimizers.LossScaleOptimizer


def moved(optimizer, variables, gradients):
    """Apply gradients without a model; gives the values of the variables before the first and after each step."""
    history = [values(variables)]
    for each in gradients:
        optimizer.apply([keras.ops.cast(part, v.dtype) for part, v in zip(each, variables, strict=True)], variables)
        history.append(values(variables))
    return history


def values(variables):
    return {variable.path: on_host(variable) for variable in variables}


def white(shapes, steps, seed=0):
    rng = np.random.default_rng(seed)
    return [[rng.standard_normal(shape).astype(np.float32) for shape in shapes] for _ in range(steps)]


def check_of_a_model():
    model = compiled(monitored(SGD(0.05, momentum=0.9), window=20, groups=2))
    weights = fitted(model)
    require_direction(read(model), Direction(weights.seen, ("net/first", "net/last")))
    assert read(model).sketch.shape == (20, 64)


def check_of_a_sample():
    """Of 70,000 numbers and more, one in a prime number is looked at; a group may have none of them."""
    variables = [
        keras.Variable(np.ones(shape, np.float32), name=name) for shape, name in (((260, 270), "w"), ((1,), "b"), ((3000,), "v"))
    ]
    optimizer = monitored(SGD(0.1, momentum=0.5), groups=1, coordinates=100)
    history = moved(optimizer, variables, white([v.shape for v in variables], 4))
    expected = Direction(history, ("w", "b", "v"), coordinates=100)
    assert expected.sample.every > 1
    assert expected.sample.counts["b"] == 0
    require_direction(read(optimizer), expected)
    assert np.isnan(read(optimizer).cosines["b"]).all()
    assert read(optimizer).sketch.shape == (4, 100)


def check_white_gradients_show_the_momentum():
    variables = [keras.Variable(np.zeros(5000, np.float32), name="w")]
    optimizer = monitored(SGD(0.1, momentum=0.9))
    moved(optimizer, variables, white([(5000,)], 150))
    assert np.mean(read(optimizer).cosine[50:]) == pytest.approx(0.9, abs=0.003)


def check_several_steps_in_one_call():
    if BACKEND == "torch":
        return  # refused by Keras
    one, four = compiled(monitored(Adam(0.01))), compiled(monitored(Adam(0.01)), steps_per_execution=4)
    fitted(one)
    fitted(four)
    np.testing.assert_allclose(read(four).cosine, read(one).cosine, atol=1e-4)
    np.testing.assert_allclose(read(four).sketch, read(one).sketch, atol=1e-6)


def check_accumulation_and_averages():
    """Batches that only accumulate lie between two steps, and are left out."""
    for options in ({"gradient_accumulation_steps": 4}, {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 5}):
        model = compiled(monitored(Adam(0.01, **options)))
        weights = fitted(model)
        require_direction(read(model), Direction(weights.seen))


def check_a_loss_scale():
    model = compiled(monitored(LossScale(SGD(1e-3), initial_scale=2.0**127)), loss_weights=1000.0)
    weights = fitted(model)
    assert read(model).count < 30  # steps were refused, and the others go on as if there had been none
    require_direction(read(model), Direction(weights.seen))


def check_low_precision():
    """The norms too: without a compiler, JAX takes seconds for a run."""
    for dtype, momentum in (("bfloat16", 0.0), ("float16", 0.9)):
        for jit_compile in (False,) if BACKEND == "torch" else (False, True):
            model = compiled(monitored(SGD(0.05, momentum=momentum), groups=2), dtype=dtype, jit_compile=jit_compile)
            weights = fitted(model)
            require_equal(read(model), weights.norms())
            require_direction(read(model), Direction(weights.seen, ("net/first",)))
            assert keras.backend.standardize_dtype(model.trainable_variables[0].dtype) == dtype


def check_gaps():
    """A step of 0 is left out; after one that is not finite, neither it nor the next has a cosine."""
    variables = [keras.Variable([1.0, 2.0], name="w"), keras.Variable([0.0], name="v")]
    optimizer = monitored(SGD(1.0), groups=1)
    gradients = [[[3, 4], [1]], [[4, 3], [1]], [[0, 0], [0]], [[4, 3], [0]], [[np.inf, 1], [1]]]
    history = moved(optimizer, variables, gradients)
    variables[0].assign([1.0, 2.0])
    moved(optimizer, variables, gradients[:2])
    found = read(optimizer)
    assert (found.count, found.skipped) == (6, 1)
    np.testing.assert_allclose(found.cosine, [np.nan, 25 / 26, 25 / (5 * 26**0.5), np.nan, np.nan, 25 / 26], rtol=1e-6)
    np.testing.assert_allclose(found.cosines["w"], [np.nan, 0.96, 1.0, np.nan, np.nan, 0.96], rtol=1e-6)
    np.testing.assert_allclose(found.cosines["v"], [np.nan, 1.0, *[np.nan] * 3, 1.0], rtol=1e-6)
    np.testing.assert_array_equal(found.sketch[3], [np.nan, -1.0, -1.0])
    assert len(history) == 6


def check_not_finite_outside_the_sample():
    variable = keras.Variable(np.zeros(70_000, np.float32), name="w")
    optimizer, gradients = monitored(SGD(1.0)), white([(70_000,)], 3)
    moved(optimizer, [variable], gradients[:1])
    sample = sample_of({"w": 70_000})
    broken = np.copy(gradients[1][0])
    broken[(sample.firsts["w"] + 1) % sample.every] = np.nan
    moved(optimizer, [variable], [[broken]])
    variable.assign(np.zeros(70_000, np.float32))
    moved(optimizer, [variable], [*gradients[1:2], *gradients[2:]])
    assert np.isnan(read(optimizer).cosine).tolist() == [True, True, True, False]
    assert np.isfinite(read(optimizer).sketch).all()


def check_few_numbers():
    for start in ([3.0, 4.0, 5.0], 2.0):
        variable = keras.Variable(start, name="w")
        optimizer = monitored(SGD(0.1))
        history = moved(optimizer, [variable], white([variable.shape], 3))
        require_direction(read(optimizer), Direction(history))
        assert read(optimizer).sketch.shape == (3, np.size(start))
        assert read(optimizer).cosines == {}


def check_small_and_large_steps():
    """Squares of 1e-24 and of 1e24 are no numbers of float32."""
    variables = [keras.Variable(np.zeros(2), name=name) for name in ("small", "large")]
    optimizer = monitored(SGD(1.0), groups=1)
    for small, large in (([3, 4], [4, 3]), ([4, 3], [-4, -3])):
        for variable in variables:
            variable.assign(np.zeros(2))
        moved(optimizer, variables, [[1e-24 * np.array(small), 1e12 * np.array(large)]])
    np.testing.assert_allclose(read(optimizer).cosines["small"], [np.nan, 0.96], rtol=1e-6)
    np.testing.assert_allclose(read(optimizer).cosine, [np.nan, -1], rtol=1e-6)


def check_without():
    """Nothing more is kept or measured."""
    model, other = (compiled(monitored(SGD(0.05, momentum=0.9), direction=direction)) for direction in (False, True))
    fitted(model, 5)
    fitted(other, 5)
    assert direction_of(read(model)) == {}
    own = {variable.name for variable in other.optimizer.variables} - {variable.name for variable in model.optimizer.variables}
    assert own == {"wcdfa_direction", "wcdfa_sketch", "wcdfa_change"}
    np.testing.assert_allclose(read(model).norms, read(other).norms, rtol=1e-6)
    with pytest.raises(TypeError, match="direction must be True or False, got 1"):
        monitored("sgd", direction=1)
    with pytest.raises(ValueError, match="coordinates must be at least 1, got 0"):
        monitored("sgd", coordinates=0)


def check_loaded_from_other_settings():
    """A state without the direction is gone on with, and the direction begins then; another sketch is refused."""
    saved = {False: {"direction": False}, True: {}, 7: {"coordinates": 7}}
    for name, options in saved.items():
        model = compiled(monitored(SGD(0.05), window=30, **options))
        fitted(model, 4)
        model.save_weights(f"direction {name}.weights.h5")
    for before, options in ((False, {}), (True, {"direction": False}), (7, {})):
        model = compiled(monitored(SGD(0.05), window=30, **options))
        fitted(model, 3)
        if before == 7:
            with pytest.raises(
                ValueError, match="has coordinates=64, but the saved state has 7 coordinates of each step: make it with"
            ):
                model.load_weights("direction 7.weights.h5")
            continue
        model.load_weights(f"direction {before}.weights.h5")
        weights = fitted(model, 2)
        if before:
            assert read(model).cosine is None
            continue
        found = read(model)
        assert (found.count, np.isnan(found.weight_norm[:4]).all(), np.isnan(found.sketch[:4]).all()) == (6, True, True)
        np.testing.assert_allclose(found.cosine[4:], Direction(weights.seen).cosine, atol=2e-6)


def check_a_model_is_saved_with_its_settings():
    for options in ({"direction": False}, {"coordinates": 9}):
        model = compiled(monitored(SGD(0.05, momentum=0.9), groups=2, **options))
        fitted(model, 4)
        model.save("direction.keras")
        again = keras.saving.load_model("direction.keras")
        fitted(model, 4)
        fitted(again, 4)
        assert direction_of(read(again)) == direction_of(read(model))


def check_without_state():
    """`stateless_apply`, which TensorFlow refuses with any optimizer."""
    if BACKEND == "tensorflow":
        return
    variable = keras.Variable([3.0, 4.0], name="w")
    optimizer = monitored(SGD(1.0))
    optimizer.build([variable])
    now, state = [keras.ops.copy(variable.value)], [each.value for each in optimizer.variables]
    for gradient in ([3.0, 4.0], [4.0, 3.0]):
        now, state = optimizer.stateless_apply(state, [keras.ops.convert_to_tensor(gradient)], now)
        now = [getattr(value, "value", value) for value in now]
    for own, value in zip(optimizer.variables, state, strict=True):
        own.assign(value)
    np.testing.assert_allclose(read(optimizer).cosine, [np.nan, 0.96], rtol=1e-6)
    np.testing.assert_allclose(read(optimizer).sketch, [[-3, -4], [-4, -3]], rtol=1e-6)


def check_over_replicas():
    if BACKEND != "tensorflow":
        return
    import tensorflow as tf

    cpus = tf.config.list_logical_devices("CPU")
    with tf.distribute.MirroredStrategy([cpu.name for cpu in cpus]).scope():
        model = compiled(monitored(SGD(0.01, momentum=0.9)))
    x, y = data(10)
    model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    one = compiled(monitored(SGD(0.01, momentum=0.9)))
    fitted(one, 10)
    np.testing.assert_allclose(read(model).cosine, read(one).cosine, atol=1e-4)
    np.testing.assert_allclose(read(model).sketch, read(one).sketch, atol=1e-6)
