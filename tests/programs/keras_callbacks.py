"""`WeightChangeCallback` in ``fit``, and what can go wrong, on the backend that KERAS_BACKEND names. Run by keras_checks.py.

Every function called check_… is run, or those that are named, in an empty folder.
"""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import warnings

import keras
import numpy as np
import pytest

import wcdfa
from tests.programs.keras_runs import BACKEND, BATCH, Weights, compiled, data, fitted, network
from wcdfa.backends.keras.parameters import DriftWarning, WeightChangeCallback, monitored, read
from wcdfa.sinks.keys import DIRECTION, EXPECTED

SGD, Adam = keras.optimizers.SGD, keras.optimizers.Adam
NUMBERS = (
    *("alpha", "alpha_high", "alpha_low", "lr", "n", "r2", "regime", "skipped", "step", "update_norm"),
    *("window_first_step", "window_last_step"),
)
KEYS = [f"wcdfa/{name}" for name in NUMBERS]


class Interrupt(keras.callbacks.Callback):
    def __init__(self, at):
        super().__init__()
        self.at = at

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.at:
            raise KeyboardInterrupt


def check_logs():
    """History, the CSV file, the bar and the batches show α; the keys are there from the first epoch on."""

    class Batches(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append({key: value for key, value in logs.items() if key.startswith("wcdfa/")})

    seen, model, callback = (
        [],
        compiled(monitored(SGD(0.05, momentum=0.9), groups={"biases": "bias"})),
        WeightChangeCallback(every=50),
    )
    x, y = data(60)
    shown = io.StringIO()
    others = [callback, keras.callbacks.CSVLogger("log.csv"), Batches()]
    with contextlib.redirect_stdout(shown):
        history = model.fit(x, y, batch_size=BATCH, epochs=12, verbose=2, callbacks=others).history
    keys = sorted([*KEYS, *DIRECTION, *EXPECTED, *(f"wcdfa/{name}/biases" for name in ("alpha", "cosine", "update_norm"))])
    assert sorted(history) == ["loss", *keys]
    assert all(len(values) == 12 for values in history.values())
    assert np.isnan(history["wcdfa/alpha"][:8]).all()
    assert np.isfinite(history["wcdfa/alpha"][8:]).all()  # 500 norms
    assert history["wcdfa/step"] == [60.0 * (1 + epoch) for epoch in range(12)]
    assert history["wcdfa/alpha"][-1] == callback.monitor.alpha
    with open("log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["wcdfa/alpha"]) for row in rows[8:]] == history["wcdfa/alpha"][8:]
    assert f"wcdfa/alpha: {callback.monitor.alpha:.4f}" in shown.getvalue()
    assert [bool(logs) for logs in seen[:60]] == [batch == 50 for batch in range(60)]  # where they were taken, and new
    assert sorted(seen[50]) == keys
    assert seen[50]["wcdfa/n"] == 50
    one_by_one = wcdfa.WeightChangeDFA(window=500)
    for norm, lr in zip(read(model).norms, read(model).lr, strict=True):
        one_by_one.update(float(norm), lr=float(lr))
    assert callback.monitor.window == 500
    np.testing.assert_array_equal(callback.monitor.get_signal(), one_by_one.get_signal())
    assert callback.monitor.reading().optimizer == "sgd"


def check_every_alpha_is_seen():
    """Taken in large parts or small ones, α and its history are those of every norm by itself; alike on each backend."""
    if BACKEND != "jax":
        return
    found = []
    for every in (7, 100, 300):
        monitor = wcdfa.RollingWeightChangeDFA(window=64, stride=9)
        callback, model = WeightChangeCallback(monitor, every=every), compiled(monitored(SGD(0.05, momentum=0.9)))
        fitted(model, 100, epochs=3, callbacks=[callback])
        found.append((monitor.history, callback.watch.stops, callback.watch.stderrs))
        assert [each.step for each in monitor.epochs] == [100, 200, 300]
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) == len(found[0][1]) == 26


def check_fitted_twice_and_interrupted():
    model, monitor = compiled(monitored(Adam(0.01))), wcdfa.WeightChangeDFA(window=200)
    callback = WeightChangeCallback(monitor, every=10)
    norms = [fitted(model, 20, callbacks=[callback]).norms()]
    with pytest.raises(KeyboardInterrupt):
        fitted(model, 20, callbacks=[callback, weights := Weights(), Interrupt(16)])
    norms.append(weights.norms())
    norms.append(fitted(model, 20, callbacks=[callback]).norms())
    assert [len(part) for part in norms] == [20, 17, 20]
    np.testing.assert_allclose(monitor.get_signal(), np.concatenate(norms), rtol=1e-5)
    assert monitor.reading().steps.tolist() == list(range(1, 58))
    fitted(model, 5, callbacks=[WeightChangeCallback(another := wcdfa.WeightChangeDFA(window=200))])
    np.testing.assert_array_equal(another.get_signal()[:57], monitor.get_signal())  # a new one has all that the ring has
    model.compile(monitored(Adam(0.01)), loss="mse")  # a new optimizer starts over, and so does the monitor
    norms = fitted(model, 20, callbacks=[callback]).norms()
    np.testing.assert_allclose(monitor.get_signal(), norms, rtol=1e-5)


def check_nan_loss():
    x, y = data()
    y[12 * BATCH] = np.nan
    model, weights = compiled(monitored(SGD(0.01))), Weights()
    callback = WeightChangeCallback(wcdfa.WeightChangeDFA(window=50), every=4)
    callbacks = [callback, weights, keras.callbacks.TerminateOnNaN()]
    with contextlib.redirect_stdout(io.StringIO()):
        history = model.fit(x, y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0, callbacks=callbacks).history
    assert len(history["wcdfa/alpha"]) == 1
    norms = callback.monitor.get_signal()
    assert len(norms) == 13
    np.testing.assert_allclose(norms[:12], weights.norms()[:12], rtol=1e-5)
    assert np.isnan(norms[12])


def check_another_model_and_weights_that_were_set_back():
    """The monitor never joins two runs: where the norms do not go on, α starts over."""
    first, second, callback = compiled(monitored(Adam(0.01))), compiled(monitored(Adam(0.02))), WeightChangeCallback(every=10)
    fitted(first, 20, callbacks=[callback])
    fitted(second, 30)
    fitted(second, 20, callbacks=[callback])
    np.testing.assert_array_equal(callback.monitor.get_signal(), read(second).norms.astype(np.float64))
    assert callback.monitor.reading().count == 50
    second.save_weights("half.weights.h5")
    fitted(second, 20, callbacks=[callback])
    second.load_weights("half.weights.h5")
    x, y = data(60)
    second.fit(x[::-1], y[::-1], batch_size=BATCH, shuffle=False, verbose=0)  # another branch, longer than the first
    fitted(second, 10, callbacks=[callback])
    np.testing.assert_array_equal(callback.monitor.get_signal(), read(second).norms.astype(np.float64))


def check_groups_belong_to_the_optimizer():
    with pytest.raises(ValueError, match=r"the monitor has groups=, and the optimizer records none: give groups to monitored"):
        fitted(compiled(monitored(Adam(0.01))), 2, callbacks=[WeightChangeCallback(wcdfa.WeightChangeDFA(groups=1))])


def check_averages_may_be_swapped():
    for dtype in ("float32", "mixed_float16"):
        fitted(plain := compiled(monitored(Adam(0.01, use_ema=True)), dtype=dtype), 20, epochs=2)
        for wrap in (monitored, lambda inner: monitored(keras.optimizers.LossScaleOptimizer(inner))):
            model = compiled(wrap(Adam(0.01, use_ema=True)), dtype=dtype)
            fitted(model, 20, epochs=2, callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)])
            np.testing.assert_allclose(read(model).norms, read(plain).norms, rtol=1e-2)  # swaps are no steps, which are larger


def check_what_fit_refuses():
    model = network()
    model.compile(Adam(0.01), loss="mse")
    callback = WeightChangeCallback()
    for optimizer, said in ((Adam(0.01), "the optimizer, Adam, records nothing"), (None, "the model has no optimizer")):
        model.compile(optimizer, loss="mse")
        with pytest.raises(ValueError, match=said + r".*compile the model with optimizer=monitored\(...\)"):
            fitted(model, 2, callbacks=[callback])
        x, y = data(2)
        model.evaluate(x, y, verbose=0, callbacks=[callback])
        model.predict(x, verbose=0, callbacks=[callback])
    with pytest.raises(
        ValueError, match=r"NoneType is not, and does not hold, one monitored optimizer: compile with optimizer=monitored\(...\)"
    ):
        read(model)
    model.compile(monitored(Adam(0.01), window=60), loss="mse")
    with pytest.raises(
        ValueError, match=r"100 steps lie between two readings .*, and the optimizer keeps 60 norms: .*window=100\)"
    ):
        fitted(model, 130, callbacks=[callback])
    fitted(model, 130, callbacks=[WeightChangeCallback(every=60)])
    fitted(model, 2, callbacks=[callback])  # the end of an epoch comes first
    model.compile(monitored(Adam(0.01, gradient_accumulation_steps=2), window=60), loss="mse")
    x, y = data(130)
    model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[WeightChangeCallback(every=100)])
    assert read(model).count == 65
    scaled = keras.optimizers.LossScaleOptimizer(Adam(0.01, gradient_accumulation_steps=2))
    model.compile(monitored(scaled, window=60), loss="mse")
    model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[WeightChangeCallback(every=100)])


def check_executions_of_several_steps():
    if BACKEND == "torch":
        return
    found = []
    for steps in (1, 8):
        model, callback = compiled(monitored(Adam(0.01)), steps_per_execution=steps), WeightChangeCallback(every=20)
        x, y = data(60)
        model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0, callbacks=[callback])
        found.append(callback.monitor.get_signal())
    np.testing.assert_allclose(*found, rtol=1e-5)
    model = compiled(monitored(Adam(0.01), window=60), steps_per_execution=64)
    with pytest.raises(ValueError, match=r"64 steps lie between two readings \(every=20, steps_per_execution=64\)"):
        model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[WeightChangeCallback(every=20)])


def check_own_train_step():
    """A model whose own train_step applies the gradients."""

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def call(self, x):
            return self.inner(x)

        def train_step(self, *given):
            if BACKEND == "jax":
                (trainable, others, state, metrics), (x, y, *_) = given

                def loss_of(trainable):
                    predicted, _ = self.stateless_call(trainable, others, x)
                    return keras.ops.mean((predicted - y) ** 2)

                import jax

                loss, gradients = jax.value_and_grad(loss_of)(trainable)
                trainable, state = self.optimizer.stateless_apply(state, gradients, trainable)
                return {"loss": loss}, (trainable, others, state, metrics)
            x, y = given[0][:2]
            if BACKEND == "tensorflow":
                import tensorflow as tf

                with tf.GradientTape() as tape:
                    loss = keras.ops.mean((self(x) - y) ** 2)
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            else:
                self.zero_grad()
                loss = keras.ops.mean((self(x) - y) ** 2)
                loss.backward()
                self.optimizer.apply([variable.value.grad for variable in self.trainable_variables], self.trainable_variables)
            return {"loss": loss}

    model = Own()
    model.compile(monitored(SGD(0.05)))
    callback = WeightChangeCallback(every=5)
    norms = fitted(model, callbacks=[callback]).norms()
    np.testing.assert_allclose(callback.monitor.get_signal(), norms, rtol=1e-5)
    assert len(norms) == 30


def check_layers_frozen_and_added():
    model, callback = compiled(monitored(Adam(0.01), groups=2)), WeightChangeCallback(every=5)
    fitted(model, 10, callbacks=[callback])
    model.layers[0].trainable = False
    model.compile(model.optimizer, loss="mse")
    if BACKEND == "jax":  # where Keras gives the optimizer what is trained now, and it must be all that it was built with
        with pytest.raises(ValueError, match="trainable variables"):
            fitted(model, 10, callbacks=[callback])
        model = compiled(monitored(Adam(0.01), groups=2))  # the failed step took the variables with it
        fitted(model, 10, callbacks=[callback])
    else:
        norms = fitted(model, 10, callbacks=[callback]).norms()
        np.testing.assert_allclose(callback.monitor.get_signal()[10:], norms, rtol=1e-5)
        assert callback.monitor.get_signal("net/first")[10:].tolist() == [0] * 10
    model.layers[0].trainable = True
    model.add(keras.layers.Dense(1, name="added"))
    model.compile(model.optimizer, loss="mse")
    count = read(model).count
    with pytest.raises(ValueError, match=r"Unknown variable|trainable variables"):  # of Keras: an optimizer is for its variables
        fitted(model, 10, callbacks=[callback])
    if BACKEND == "jax":
        model = network()
        model.add(keras.layers.Dense(1, name="added"))
    else:
        assert read(model).count == count
    model.compile(monitored(Adam(0.01), groups=2), loss="mse")  # a new optimizer starts over, and so does the monitor
    norms = fitted(model, 10, callbacks=[callback]).norms()
    np.testing.assert_allclose(callback.monitor.get_signal(), norms, rtol=1e-5)
    assert list(callback.monitor.reading().groups) == ["net/first", "net/last", "net/added"]


def check_a_model_made_anew():
    """The optimizer of another model is refused; on JAX it would be Keras that takes it."""
    model = compiled(monitored(Adam(0.01)))
    fitted(model, 3)
    if BACKEND != "jax":
        with pytest.raises(ValueError, match="Unknown variable"):
            fitted(compiled(model.optimizer), 3)
        assert read(model).count == 3
    else:
        found = fitted(again := compiled(model.optimizer), 3).norms()
        np.testing.assert_allclose(read(again).norms[3:], found, rtol=1e-5)


def check_a_model_by_another_name():
    class Reads(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if BACKEND == "jax":
                with pytest.raises(ValueError, match=r"holds no value: on JAX fit takes it out .* take the model from self.model"):
                    read(model)
            assert read(self.model).count == batch + 1

    model = compiled(monitored(Adam(0.01)))
    x, y = data(5)
    model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[Reads()])


def check_alarms():
    """Gradients that are the data: ‖ΔW‖ is what we like. α of noise, then of a random walk. What does not stop the run shares one.

    Only how `fit` stops is a matter of the backend: the other ways are tried on one.
    """
    rng = np.random.default_rng(0)
    norms = np.exp(np.concatenate([0.1 * rng.standard_normal(1500), 0.1 * np.cumsum(rng.standard_normal(500))]))

    def alarmed(*ways):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        several = {} if BACKEND == "torch" else {"steps_per_execution": 20}
        model.compile(monitored(SGD(1.0)), loss=lambda target, predicted: keras.ops.mean(predicted), **several)
        callbacks = [
            WeightChangeCallback(wcdfa.WeightChangeDFA(window=128, method="gls"), every=20, alarms=alarms) for alarms in ways
        ]
        for each in callbacks:
            each.watch.live = None  # it says too that the weight goes to and fro, which depends on where the weight starts
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            signed = (norms * (-1.0) ** np.arange(len(norms)))[:, np.newaxis]  # lest the weight grow until float32 shows
            model.fit(signed, signed, batch_size=1, shuffle=False, verbose=0, callbacks=callbacks)
        said.append((lines[:], [str(each.message) for each in caught if each.category is DriftWarning]))
        lines.clear()
        for each in callbacks:
            np.testing.assert_allclose(each.monitor.reading().norms, norms[: read(model).count][-128:], rtol=1e-4)
        return [each.raised for each in callbacks], read(model).count

    class Lines(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    said, lines, called, handler = [], [], [], Lines()
    logging.getLogger("wcdfa").addHandler(handler)
    logging.getLogger("wcdfa").propagate = False
    (stopped,), steps = alarmed("stop")
    assert len(stopped) >= 1
    assert 1500 < steps < 2000
    assert said == [(stopped, [])]
    if BACKEND == "jax":
        (logged, quiet), all_steps = alarmed("log", None)
        (warned, told), _ = alarmed("warn", called.append)
    logging.getLogger("wcdfa").removeHandler(handler)
    if BACKEND != "jax":
        return
    assert logged == warned == quiet == told == called
    assert any("regime changed from critical to ordered" in message for message in logged)
    assert any("α drifted up beyond" in message for message in logged)
    assert said[1:] == [(logged, []), ([], warned)]
    assert stopped == logged[: len(stopped)]
    assert all_steps == 2000


def check_an_alarm_of_an_earlier_fit_does_not_stop_another():
    rng = np.random.default_rng(0)
    norms = np.exp(np.concatenate([0.1 * rng.standard_normal(1000), 0.1 * np.cumsum(rng.standard_normal(400))]))
    signed = (norms * (-1.0) ** np.arange(len(norms)))[:, np.newaxis]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(monitored(SGD(1.0), window=1400), loss=lambda target, predicted: keras.ops.mean(predicted))
    logging.getLogger("wcdfa").disabled = True
    for steps, alarms in ((1300, "log"), (100, "stop")):
        callback = WeightChangeCallback(wcdfa.WeightChangeDFA(window=128, method="gls"), every=20, alarms=alarms)
        callback.watch.live = None  # it says too that the weight goes to and fro, which depends on where the weight starts
        x, signed = signed[:steps], signed[steps:]
        model.fit(x, x, batch_size=1, shuffle=False, verbose=0, callbacks=[callback])
        assert bool(callback.raised) == (alarms == "log")
    logging.getLogger("wcdfa").disabled = False
    assert read(model).count == 1400
    assert len(callback.watch.alphas) > 30  # what was before is in the baseline


def check_tensorboard():
    if BACKEND != "tensorflow":
        return
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    model, callback = compiled(monitored(Adam(0.01, use_ema=True))), WeightChangeCallback(wcdfa.WeightChangeDFA(window=50))
    board, swap = keras.callbacks.TensorBoard("board"), keras.callbacks.SwapEMAWeights()
    fitted(model, 30, epochs=3, callbacks=[callback, board, swap])
    events = EventAccumulator("board/train", size_guidance={"tensors": 0}).Reload()
    found = [float(tensor_util.make_ndarray(each.tensor_proto)) for each in events.Tensors("epoch_wcdfa/alpha")]
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[-1], callback.monitor.alpha, rtol=1e-6)
    np.testing.assert_allclose(tensor_util.make_ndarray(events.Tensors("epoch_learning_rate")[0].tensor_proto), 0.01, rtol=1e-6)
    fitted(unswapped := compiled(monitored(Adam(0.01, use_ema=True))), 30, epochs=3)
    np.testing.assert_allclose(read(model).norms, read(unswapped).norms, rtol=1e-4)  # swaps are no steps
