"""What `monitored` records beside ‖ΔW‖ on the backend that KERAS_BACKEND names. Run by keras_checks.py, as keras_recorder.py is."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.programs.keras_runs import BACKEND, compiled, data, fitted, network
from wcdfa.backends.keras.parameters import monitored, read

SGD, Adam, LossScale = keras.optimizers.SGD, keras.optimizers.Adam, keras.optimizers.LossScaleOptimizer


def require_gradients(reading, rate, rtol=1e-5):
    """The rate times the gradient is what SGD moves by."""
    assert reading.count == len(reading.gradients) > 0
    np.testing.assert_allclose(rate * reading.gradients, reading.norms, rtol=rtol)


def check_gradients():
    model = compiled(monitored(SGD(0.05), gradients=True, groups={"first": "first/"}))
    fitted(model, 20)
    require_gradients(read(model), 0.05)
    assert list(read(model).groups) == ["first"]
    bare = compiled(monitored(SGD(0.05)))
    fitted(bare, 2)
    assert read(bare).gradients is None


def check_gradients_of_several_steps_in_one_call():
    model = compiled(monitored(SGD(0.05), gradients=True), steps_per_execution=1 if BACKEND == "torch" else 4)
    fitted(model, 12)
    require_gradients(read(model), 0.05)


def check_gradients_are_unscaled():
    model = compiled(LossScale(monitored(SGD(0.05), gradients=True), initial_scale=64.0))
    fitted(model, 5)
    require_gradients(read(model), 0.05)


def check_gradients_come_before_the_clipping_of_the_optimizer():
    model = compiled(monitored(SGD(0.05, global_clipnorm=1e-3), gradients=True))
    fitted(model, 5)
    reading = read(model)
    np.testing.assert_allclose(reading.norms, 0.05e-3, rtol=1e-3)
    assert (reading.gradients > 2e-3).all()


def check_gradients_of_an_embedding():
    """TensorFlow gives them as rows, of which some come more than once."""
    model = keras.Sequential(
        [keras.Input((3,), dtype="int32"), keras.layers.Embedding(9, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile(monitored(SGD(0.05), gradients=True), loss="mse")
    x = np.random.default_rng(0).integers(0, 9, (40, 3))
    x[:, 1] = x[:, 0]
    model.fit(x, np.ones(40), batch_size=10, verbose=0)
    require_gradients(read(model), 0.05)


def check_gradients_are_refused_where_they_would_be_of_single_batches():
    with pytest.raises(ValueError, match="gradients of single batches, of which 3 make a step"):
        monitored(SGD(0.05, gradient_accumulation_steps=3), gradients=True)
    with pytest.raises(TypeError, match="gradients must be True or False"):
        monitored("sgd", gradients=1)


def check_saved_and_loaded():
    model = compiled(monitored(SGD(0.05), gradients=True, window=30))
    fitted(model, 10)
    model.save("beside.keras")
    loaded = keras.saving.load_model("beside.keras")
    np.testing.assert_array_equal(read(loaded).gradients, read(model).gradients)
    fitted(loaded, 10)
    require_gradients(read(loaded), 0.05)
    assert (read(loaded).count, read(loaded).taken) == (20, 0)


def check_goes_on_from_norms_without_gradients():
    """What earlier releases have saved; and the other way round."""
    for before, after in ((False, True), (True, False)):
        model = compiled(monitored(SGD(0.05), window=30, gradients=before))
        fitted(model, 4)
        model.save_weights("without.weights.h5")
        other = compiled(monitored(SGD(0.05), window=30, gradients=after))
        other.optimizer.build(other.trainable_variables)
        other.load_weights("without.weights.h5")
        fitted(other, 2)
        reading = read(other)
        np.testing.assert_array_equal(reading.norms[:4], read(model).norms)
        np.testing.assert_allclose(reading.lr, 0.05, rtol=1e-6)
        if after:
            assert np.isnan(reading.gradients[:4]).all()
            np.testing.assert_allclose(0.05 * reading.gradients[4:], reading.norms[4:], rtol=1e-5)
        else:
            assert reading.gradients is None


def check_betas_that_are_variables():
    inner = Adam(0.01)
    inner.beta_1 = keras.Variable(0.9, trainable=False, name="beta_1")
    optimizer, model = monitored(inner, window=4), network()
    optimizer.build(model.trainable_variables)
    for i in range(6):
        inner.beta_1.assign(0.9 - 0.02 * i)
        optimizer.apply([keras.ops.ones(variable.shape) for variable in model.trainable_variables], model.trainable_variables)
    betas = read(optimizer).varying["betas"]
    np.testing.assert_allclose(betas, [(0.9 - 0.02 * i, 0.999) for i in range(2, 6)], rtol=1e-6)
    assert read(optimizer).hyperparameters["betas"] == pytest.approx((0.8, 0.999))
    plain = compiled(monitored(Adam(0.01)))
    fitted(plain, 3)
    assert read(plain).varying == {}


def check_steps_taken_before():
    model = network()
    again = Adam(0.01)
    model.compile(again, loss="mse")
    fitted(model, 4)
    model.compile(monitored(again, window=3), loss="mse")
    fitted(model, 2)
    assert read(model).taken == 4
    fitted(model, 3)
    assert read(model).taken == 6
    accumulating = compiled(monitored(Adam(0.01, gradient_accumulation_steps=2), window=3))
    fitted(accumulating, 10)
    assert (read(accumulating).count, read(accumulating).taken) == (5, 2)


def check_why_an_optimizer_is_unknown():
    def told(optimizer, model=None):
        optimizer = monitored(optimizer)
        optimizer.build((model or network()).trainable_variables)
        return read(optimizer).unknown

    assert told(keras.optimizers.Ftrl(0.1)) == "Ftrl is not an optimizer that wcdfa can replay"
    assert (
        told(keras.optimizers.RMSprop(0.1, centered=True)) == "RMSprop with centered=True is not an optimizer that wcdfa can replay"
    )
    averaged = SGD(0.1, use_ema=True, ema_overwrite_frequency=5)
    assert told(averaged) == "SGD overwrites the weights with their moving average every 5 steps"
    bound = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_constraint="max_norm")])
    assert told(SGD(0.1), bound) == "variables have constraints, which move them after each step of the optimizer"
    assert told(SGD(0.1)) is None


def check_logged():
    """Rate and gradient are in the logs from the first epoch on."""
    from wcdfa.backends.keras.parameters import WeightChangeCallback

    model = compiled(monitored(SGD(0.05), gradients=True))
    x, y = data(60)
    history = model.fit(x, y, batch_size=10, epochs=1, verbose=0, callbacks=[WeightChangeCallback()]).history
    np.testing.assert_allclose(history["wcdfa/lr"], 0.05, rtol=1e-6)
    np.testing.assert_allclose(history["wcdfa/gradient_norm"], read(model).gradients[-1], rtol=1e-6)
