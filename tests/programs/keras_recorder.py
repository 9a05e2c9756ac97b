"""What `monitored` records on the backend that KERAS_BACKEND names, against the variables. Run by keras_checks.py.

Every function called check_… is run; one that returns something has it printed, as JSON by the names of the functions.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

import wcdfa
from tests.programs.keras_runs import BACKEND, BATCH, Weights, compiled, data, fitted, network, on_host, plain
from wcdfa.backends.keras.parameters import monitored, read

SGD, Adam, LossScale = keras.optimizers.SGD, keras.optimizers.Adam, keras.optimizers.LossScaleOptimizer
CLOSE = 1e-6


def require_equal(reading, expected, rtol=CLOSE):
    real = expected[expected != 0]
    np.testing.assert_allclose(reading.norms, real[-len(reading.norms) :], rtol=rtol)
    assert reading.count == len(real), (reading.count, len(real))
    assert reading.steps.tolist() == list(range(1, len(real) + 1))[-len(reading.norms) :]


def recorded(model, batches=30):
    weights = fitted(model, batches)
    require_equal(read(model), weights.norms())
    return read(model), weights


def check_plain():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 60)
    model = compiled(monitored(SGD(schedule, momentum=0.9), window=100, groups={"first": "first/", "biases": "bias"}))
    weights = fitted(model, 50)
    found = read(model)
    require_equal(found, weights.norms())
    np.testing.assert_array_equal(model.optimizer.reading().norms, found.norms)
    np.testing.assert_allclose(found.groups["first"], weights.norms("first/"), rtol=CLOSE)
    np.testing.assert_allclose(found.groups["biases"], weights.norms("last/bias"), rtol=CLOSE)
    np.testing.assert_allclose(found.lr, 0.05 * (1 + np.cos(np.pi * np.arange(50) / 60)), rtol=1e-5)
    assert (found.skipped, found.optimizer, found.hyperparameters) == (0, "sgd", {"momentum": 0.9, "nesterov": False})
    return plain(found)


def check_trains_as_without():
    bare, model = compiled(Adam(0.01)), compiled(monitored(Adam(0.01)))
    expected, weights = fitted(bare), fitted(model)
    for path, value in expected.seen[-1].items():
        np.testing.assert_allclose(weights.seen[-1][path], value, rtol=1e-5, atol=1e-6)
    require_equal(read(model), weights.norms())


def check_ring():
    model = compiled(monitored(Adam(0.01), window=7))
    recorded(model)
    assert len(read(model).norms) == 7


def check_accumulation():
    model = compiled(monitored(Adam(keras.optimizers.schedules.PolynomialDecay(0.1, 30, 0.0), gradient_accumulation_steps=4)))
    found, _ = recorded(model)
    assert (found.count, found.skipped) == (7, 23)
    np.testing.assert_allclose(found.lr, 0.1 * (1 - np.arange(3, 30, 4) / 30), rtol=1e-5)  # that of the batch that steps
    assert (model.optimizer.gradient_accumulation_steps, int(model.optimizer.iterations)) == (4, 7)


def check_averages():
    model = compiled(monitored(Adam(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=5)))
    found, _ = recorded(model)
    assert found.optimizer is None
    model = compiled(monitored(Adam(0.01, use_ema=True, ema_momentum=0.9)))
    found, weights = recorded(model)
    assert found.optimizer == "adam"
    last = weights.seen[-1]
    assert any(np.max(np.abs(on_host(v) - last[v.path])) > 1e-3 for v in model.trainable_variables)  # finalized, and no step
    assert found.count == 30


def check_mixed_precision():
    model = compiled(monitored(Adam(0.01)), dtype="mixed_float16")
    assert type(model.optimizer) is LossScale
    recorded(model)
    assert read(model).optimizer == "adam"


def check_loss_scale():
    """So large a scale overflows: the first steps are refused, until it is small enough."""
    for make in (lambda scaled: monitored(scaled(SGD(1e-5))), lambda scaled: scaled(monitored(SGD(1e-5)))):
        for dtype, power in (("float32", 127), ("mixed_float16", 16)):
            model = compiled(
                make(lambda inner, power=power: LossScale(inner, initial_scale=2.0**power)), dtype=dtype, loss_weights=1000.0
            )
            assert isinstance(model.optimizer, LossScale)
            inner = model.optimizer.inner_optimizer
            assert not isinstance(getattr(inner, "inner_optimizer", inner), LossScale)  # scaled once, not twice
            _, weights = recorded(model)
            refused = int(np.sum(weights.norms() == 0))
            assert 0 < refused < 30
            assert read(model).skipped == 0  # the recorder is not called for a step that is refused
            assert float(on_host(model.optimizer.dynamic_scale)) == 2.0 ** (power - refused)
    optimizer, variables = LossScale(SGD(0.1)), network().trainable_variables
    optimizer.build(variables)
    optimizer = monitored(optimizer)
    assert optimizer.inner_optimizer.built


def check_constraints():
    """A step that ends in a product is measured as it is stored, however small, and compiled or not."""
    for constraint in ("max_norm", "unit_norm"):
        for jit_compile in (False,) if BACKEND == "torch" else (False, True):
            keras.utils.set_random_seed(0)
            layers = [keras.layers.Dense(64, kernel_constraint=constraint), keras.layers.Dense(1)]
            model = keras.Sequential([keras.Input((6,)), *layers])
            model.compile(monitored(SGD(1e-6)), loss="mse", jit_compile=jit_compile)
            recorded(model, 10)


def check_without_state():
    """`stateless_apply` in a loop of one's own; TensorFlow refuses it with any optimizer."""
    if BACKEND == "tensorflow":
        return
    variables = [keras.Variable([3.0, 4.0])]
    optimizer = monitored(SGD(0.1))
    optimizer.build(variables)
    values, state = [keras.ops.copy(variables[0].value)], [variable.value for variable in optimizer.variables]
    for _ in range(3):
        values, state = optimizer.stateless_apply(state, [1.0 * value for value in values], values)
        values = [getattr(value, "value", value) for value in values]
    for variable, value in zip(optimizer.variables, state, strict=True):
        variable.assign(value)
    np.testing.assert_allclose(read(optimizer).norms, [0.5, 0.45, 0.405], rtol=CLOSE)


def check_a_config_for_another_model():
    """Groups go by their patterns where the model is another, however alike."""
    first, second = ("encoder", "head"), ("head", "encoder")
    groups = {"encoder": "encoder", "head": "head"}
    models = [
        keras.Sequential([keras.Input((6,)), *(keras.layers.Dense(6, name=name) for name in order)]) for order in (first, second)
    ]
    optimizer = monitored(SGD(0.01), groups=groups)
    x, y = data()[0], data()[0] ** 2
    for model in models:
        model.compile(optimizer, loss="mse")
        weights = Weights()
        model.fit(x, y, batch_size=BATCH, verbose=0, callbacks=[weights])
        for name in groups:
            np.testing.assert_allclose(read(model).groups[name], weights.norms(name), rtol=CLOSE)
        optimizer = type(optimizer).from_config(optimizer.get_config())


def check_several_in_one():
    optimizers = keras.optimizers.OptimizerMap(SGD(0.1))
    optimizers["net/first/.*"] = monitored(SGD(0.1))
    model = compiled(keras.optimizers.MultiOptimizer(optimizers))
    weights = fitted(model)
    np.testing.assert_allclose(read(model).norms, weights.norms("first"), rtol=CLOSE)


def check_executions_of_several_steps():
    if BACKEND == "torch":
        return  # refused by Keras
    one, four = compiled(monitored(Adam(0.01))), compiled(monitored(Adam(0.01)), steps_per_execution=4)
    expected = fitted(one).norms()
    fitted(four)
    require_equal(read(four), expected, rtol=1e-5)


def check_eager():
    model = compiled(monitored(Adam(0.01)), run_eagerly=True)
    recorded(model, 10)


def check_not_finite():
    x, y = data()
    x[12 * BATCH] = np.nan
    model, weights = compiled(monitored(SGD(0.01), groups=2)), Weights()
    model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[weights])
    found = read(model)
    np.testing.assert_allclose(found.norms[:12], weights.norms()[:12], rtol=CLOSE)
    assert np.isnan(found.norms[12:]).all()
    assert (found.count, found.skipped) == (30, 0)
    assert np.isnan(found.groups["net/first"][12:]).all()


def check_own_loops():
    """`apply` and `apply_gradients` without a model; one variable gets no gradient, and one never has a place in the norm."""
    for stateful in ("apply", "apply_gradients"):
        variables = [keras.Variable([3.0, 4.0], name="moved"), keras.Variable([1.0], name="still")]
        optimizer = monitored(SGD(0.1), groups=1)
        for _ in range(3):
            gradients = [keras.ops.convert_to_tensor(variables[0]) * 1.0, keras.ops.zeros(1)]
            if stateful == "apply":
                optimizer.apply(gradients, variables)
            else:
                assert int(optimizer.apply_gradients(zip(gradients, variables, strict=True))) == read(optimizer).count
        np.testing.assert_allclose(read(optimizer).norms, [0.5, 0.45, 0.405], rtol=CLOSE)
        assert read(optimizer).groups["still"].tolist() == [0, 0, 0]
    optimizer.apply([], variables)
    assert read(optimizer).count == 3
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply([keras.ops.ones(1)], [keras.Variable([1.0])])
    with pytest.raises(ValueError, match="must already be built"):
        monitored(SGD(0.1)).apply([keras.ops.ones(1)])


def check_wrapped_when_built():
    """A model that was trained without goes on with its optimizer as it is."""
    bare, model = compiled(Adam(0.01)), compiled(Adam(0.01))
    fitted(bare)
    fitted(model)
    model.compile(monitored(model.optimizer), loss="mse")
    expected, weights = fitted(bare), fitted(model)
    for path, value in expected.seen[-1].items():
        np.testing.assert_allclose(weights.seen[-1][path], value, rtol=1e-5, atol=1e-6)
    require_equal(read(model), weights.norms())
    assert int(model.optimizer.iterations) == 60


def check_settings_are_those_of_the_inner_optimizer():
    optimizer = monitored(Adam(0.01, beta_1=0.8, clipnorm=1.0, loss_scale_factor=8.0))
    assert (optimizer.beta_1, optimizer.clipnorm, optimizer.loss_scale_factor) == (0.8, 1.0, 8.0)
    model = compiled(optimizer)
    recorded(model)
    optimizer.learning_rate = 0.5
    fitted(model, 3)
    np.testing.assert_allclose(read(model).lr[-4:], [0.01, 0.5, 0.5, 0.5], rtol=CLOSE)
    LossScale(optimizer)  # which switches the factor off, where it is
    assert optimizer.inner_optimizer.loss_scale_factor is None
    optimizer.weight_decay = 0.1
    assert read(model).optimizer == "adamw"


def check_a_model_is_given_to_the_monitor():
    class Updates(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            monitor.update(self.model)

        def on_train_batch_end(self, batch, logs=None):
            monitor.update(self.model)

    monitor, model = wcdfa.WeightChangeDFA(window=50, groups=2), compiled(monitored(Adam(0.01), groups=2))
    weights = fitted(model, callbacks=[Updates()])
    np.testing.assert_allclose(monitor.get_signal(), weights.norms(), rtol=CLOSE)
    for name in ("net/first", "net/last"):
        np.testing.assert_allclose(monitor.get_signal(name), read(model).groups[name], rtol=CLOSE)
    layer = wcdfa.WeightChangeDFA(window=50).update(model.layers[0])
    model.layers[0].set_weights([value + 1.0 for value in model.layers[0].get_weights()])
    np.testing.assert_allclose(layer.update(model.layers[0]).get_signal(), np.sqrt([112.0]), rtol=1e-5)
    variables = wcdfa.WeightChangeDFA(window=50).update(model.trainable_variables)
    model.layers[0].set_weights([value + 1.0 for value in model.layers[0].get_weights()])
    np.testing.assert_allclose(variables.update(model.trainable_variables).get_signal(), np.sqrt([112.0]), rtol=1e-5)
    norm = keras.Variable(2.0)
    kept = wcdfa.WeightChangeDFA(window=50).update(norm)
    norm.assign(3.0)
    assert kept.update(norm).get_signal().tolist() == [2.0, 3.0]


def check_alpha():
    """α of a series in the arrays of this backend, and of norms that it recorded."""
    series = np.exp(0.1 * wcdfa.synthetic.arfima(512, d=0.4, batch=(3,), seed=0))
    found = wcdfa.dfa(keras.ops.convert_to_tensor(series.astype(np.float32)))
    model = compiled(monitored(SGD(0.05, momentum=0.9), window=256))
    fitted(model, 30, epochs=10)
    monitor = wcdfa.WeightChangeDFA(window=256, stride=1).update(read(model))
    by_method = {method: float(wcdfa.dfa(read(model).norms, method=method).alpha) for method in ("robust", "gls", "ols")}
    return {"alpha": on_host(found.alpha).tolist(), "recorded": monitor.alpha, "by_method": by_method}


def check_nothing_crosses_to_the_host():
    variables = network().trainable_variables
    optimizer = monitored(Adam(keras.optimizers.schedules.CosineDecay(0.1, 60)), groups=1)
    optimizer.build(variables)
    if BACKEND == "jax":
        import jax

        values = [[variable.value for variable in part] for part in (optimizer.variables, variables, variables)]
        step = jax.jit(optimizer.stateless_apply)
        step(*values)  # compiling moves constants
        with jax.transfer_guard("disallow"):
            _, state = step(*values)
        assert "callback" not in str(jax.make_jaxpr(optimizer.stateless_apply)(*values))
        assert [value.shape for value in state] == [variable.shape for variable in optimizer.variables]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        given = [tf.TensorSpec(variable.shape) for variable in variables]
        for jit_compile in (False, True):
            step = tf.function(lambda *gradients: optimizer.apply(gradients, variables), jit_compile=jit_compile)
            graph = step.get_concrete_function(*given).graph
            kinds = {operation.type for inner in [graph, *functions(graph)] for operation in inner.get_operations()}
            assert kinds.isdisjoint({"PyFunc", "PyFuncStateless", "EagerPyFunc", "Print", "PrintV2"}), kinds
        for _ in range(3):
            step(*(tf.ones(part.shape) for part in given))  # all of it is compiled, by XLA
        assert read(optimizer).count == 3
        assert step.experimental_get_tracing_count() == 1


def functions(graph):
    return [function.graph for function in graph._functions.values() if hasattr(function, "graph")]


def check_what_only_one_backend_has():
    if BACKEND == "tensorflow":
        embedding = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(50, 3), keras.layers.Flatten()])
        embedding.compile(monitored(Adam(0.01)), loss="mse")  # gradients are IndexedSlices
        weights = Weights()
        x = np.arange(40).reshape(20, 2) % 50
        embedding.fit(x, np.ones((20, 6)), batch_size=5, verbose=0, callbacks=[weights])
        require_equal(read(embedding), weights.norms())
        replicated()
    if BACKEND == "torch":
        import torch

        variable = keras.Variable([3.0, 4.0])
        optimizer = monitored(SGD(0.1))
        optimizer.apply([torch.ones(2)], [variable])  # outside no_grad: nothing may hold on to a graph
        assert all(own.value.grad_fn is None for own in optimizer.variables)


def replicated():
    import tensorflow as tf

    cpus = tf.config.list_logical_devices("CPU")
    with tf.distribute.MirroredStrategy([cpu.name for cpu in cpus]).scope():
        model = compiled(monitored(SGD(0.01, momentum=0.9)))
    x, y = data()
    model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    one = compiled(monitored(SGD(0.01, momentum=0.9)))
    require_equal(read(model), fitted(one).norms(), rtol=1e-5)
    assert len(cpus) == 2
