"""What `NormRecorder` records beside ‖ΔW‖: gradients, hyperparameters that are variables, and why it knows no optimizer."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require

RATE = 0.1


@pytest.fixture
def tf():
    return require("tensorflow")


@pytest.fixture
def recorder_of(tf):
    from wcdfa.backends.tensorflow import NormRecorder

    return NormRecorder


def trained(tf, recorder, weights, steps, compile_options=None):
    """Steps of SGD, whose norm is the rate times that of the gradient."""

    def step(number):
        gradients = [number * weight + 1.0 for weight in weights]
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.assign_sub(RATE * gradient)
        recorder.record(weights, gradients=gradients)

    call = step if compile_options is None else tf.function(step, **compile_options)
    for number in range(steps):
        call(tf.constant(float(number)))


@pytest.mark.parametrize("options", [None, {}, {"jit_compile": True}], ids=["eager", "function", "XLA"])
def test_gradients(tf, recorder_of, options):
    weights = [tf.Variable([3.0, 4.0]), tf.Variable([[1.0]])]
    recorder = recorder_of(weights, window=5, gradients=True, optimizer="sgd", lr=RATE)
    trained(tf, recorder, weights, 8, options)
    reading = recorder.read()
    np.testing.assert_allclose(RATE * reading.gradients, reading.norms, rtol=1e-5)
    assert len(reading.gradients) == 5
    assert (reading.optimizer, reading.unknown, reading.taken) == ("sgd", None, None)


def test_gradients_in_rows_and_none(tf, recorder_of):
    table, idle = tf.Variable(tf.ones((5, 1))), tf.Variable([1.0])
    recorder = recorder_of([table, idle], gradients=True)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table, [2, 2, 0]))
    gradients = tape.gradient(loss, [table, idle])
    table.assign_sub(RATE * tf.convert_to_tensor(gradients[0]))
    recorder.record([table, idle], gradients=gradients)
    np.testing.assert_allclose(recorder.read().gradients, [np.sqrt(5)], rtol=1e-6)


def test_gradients_that_are_missing_or_not_expected(tf, recorder_of):
    weights = [tf.Variable([3.0])]
    with pytest.raises(TypeError, match="give record the gradients of the step"):
        recorder_of(weights, gradients=True).record(weights)
    with pytest.raises(TypeError, match="make it with gradients=True"):
        recorder_of(weights).record(weights, gradients=weights)
    with pytest.raises(TypeError, match="gradients must be what"):
        recorder_of(weights, gradients=True).record(weights, gradients=["red"])
    with pytest.raises(TypeError, match="gradients must be True or False"):
        recorder_of(weights, gradients=weights)
    assert recorder_of(weights).read().gradients is None


def test_momentum_and_betas_that_are_variables(tf, recorder_of):
    weights, momentum = [tf.Variable([3.0])], tf.Variable(0.95)
    sgd = recorder_of(weights, optimizer="sgd", momentum=momentum)
    adam = recorder_of(weights, optimizer="adam", betas=(momentum, 0.99))

    @tf.function
    def step():
        weights[0].assign_sub([0.1])
        sgd.record(weights)
        adam.record(weights)

    for value in (0.95, 0.9, 0.85):
        momentum.assign(value)
        step()
    np.testing.assert_allclose(sgd.read().varying["momentum"], [0.95, 0.9, 0.85])
    np.testing.assert_allclose(adam.read().varying["betas"], [(0.95, 0.99), (0.9, 0.99), (0.85, 0.99)])
    assert sgd.read().hyperparameters == {"momentum": 0.85}
    assert adam.read().hyperparameters == {"betas": (0.85, 0.99)}
    constant = recorder_of(weights, optimizer="sgd", momentum=0.9)
    constant.record(weights)
    assert constant.read().varying == {}


@pytest.mark.parametrize("before", [False, True])
def test_checkpoints_with_and_without_gradients(tf, recorder_of, before, tmp_path):
    """Those of earlier releases have none."""
    weights = [tf.Variable([3.0, 4.0])]
    first = recorder_of(weights, window=6, gradients=before)
    for _ in range(4):
        weights[0].assign_sub([0.1, 0.1])
        first.record(weights, gradients=[tf.ones(2)] if before else None)
    path = tf.train.Checkpoint(recorder=first, weights=weights).write(str(tmp_path / "saved"))
    again = recorder_of(weights, window=6, gradients=True)
    tf.train.Checkpoint(recorder=again, weights=weights).read(path)
    weights[0].assign_sub([0.1, 0.1])
    again.record(weights, gradients=[tf.ones(2)])
    reading = again.read()
    np.testing.assert_array_equal(reading.norms[:4], first.read().norms)
    expected = [np.sqrt(2) if before else np.nan] * 4 + [np.sqrt(2)]
    np.testing.assert_allclose(reading.gradients, expected, rtol=1e-6)


def test_an_optimizer_that_was_not_named(tf, recorder_of):
    assert recorder_of([tf.Variable([3.0])]).read().unknown.startswith("NormRecorder was not told the optimizer")
