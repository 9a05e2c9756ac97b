"""NormRecorder: what it records eagerly, in a graph and under XLA; restored elsewhere; over replicas; and what it refuses."""

from __future__ import annotations

import logging
from itertools import pairwise

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.processes import printed, start
from wcdfa.backends import numpy as numpy_backend

MODES = {"eager": lambda tf, f: f, "graph": lambda tf, f: tf.function(f), "xla": lambda tf, f: tf.function(f, jit_compile=True)}


@pytest.fixture(scope="module")
def tf():
    return require("tensorflow")


@pytest.fixture(scope="module")
def backend(tf):
    from wcdfa.backends.tensorflow import recorder as tensorflow

    return tensorflow


@pytest.fixture(autouse=True)
def quiet(tf):
    """Without the remark that tests trace more than one function of the same name."""
    logger, level = tf.get_logger(), tf.get_logger().level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


def made(tf, dtype="float32"):
    rng = np.random.default_rng(0)
    shapes = {"encoder/w": (40, 300), "encoder/b": (300,), "head/w": (300, 3)}
    return {name: tf.Variable(tf.cast(rng.standard_normal(shape), dtype), name=name) for name, shape in shapes.items()}


def moves(tf, number, variables, scale=0.1):
    rng = np.random.default_rng(1 + number)  # others than those of the start
    return {name: tf.cast(scale * rng.standard_normal(v.shape), v.dtype) for name, v in variables.items()}


def trained(tf, recorder, variables, updates, mode, lr=None):
    """Norms counted outside, step by step; and the step."""

    def step(update, rate):
        for name, variable in variables.items():
            variable.assign_sub(update[name])
        recorder.record(variables, rate)

    step, history = MODES[mode](tf, step), [snapshot(variables)]
    for number, update in enumerate(updates):
        step(update, None if lr is None else tf.constant(lr[number]))
        history.append(snapshot(variables))
    return history, step


def snapshot(variables):
    return {name: variable.numpy().astype(np.float64) for name, variable in variables.items()}


def norms(history, part=""):
    some = [{name: value for name, value in each.items() if part in name} for each in history]
    return np.array([numpy_backend.delta_norm(b, a) for a, b in pairwise(some)])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
def test_norms_are_those_of_the_variables(backend, tf, dtype, mode):
    variables = made(tf, dtype)
    recorder = backend.NormRecorder(variables, window=8, groups=1)
    history, step = trained(tf, recorder, variables, [moves(tf, i, variables, 0.001) for i in range(12)], mode)
    found = recorder.read()
    np.testing.assert_allclose(found.norms, norms(history)[-8:], rtol=1e-6)
    for group in ("encoder", "head"):
        np.testing.assert_allclose(found.groups[group], norms(history, group)[-8:], rtol=1e-6)
    assert (found.count, found.skipped, found.lr, found.optimizer, found.norms.dtype) == (12, 0, None, None, "float32")
    np.testing.assert_array_equal(found.steps, np.arange(5, 13))
    if mode != "eager":
        assert step.experimental_get_tracing_count() == 1


def test_eager_graph_and_xla_agree(backend, tf):
    found = []
    for mode in MODES:
        variables = made(tf)
        recorder = backend.NormRecorder(variables, window=9, groups=2)
        trained(tf, recorder, variables, [moves(tf, i, variables) for i in range(7)], mode, lr=np.linspace(1, 2, 7))
        found.append(recorder.read())
    for other in found[1:]:
        np.testing.assert_allclose(other.norms, found[0].norms, rtol=3e-7)
        np.testing.assert_allclose(other.groups["head/w"], found[0].groups["head/w"], rtol=3e-7)
        np.testing.assert_array_equal(other.lr, found[0].lr)
    np.testing.assert_array_equal(found[0].lr, np.linspace(1, 2, 7).astype(np.float32))


@pytest.mark.parametrize("window", [1, 4, 9, 10, 11])
def test_the_last_norms_oldest_first(backend, tf, window):
    variables = made(tf)
    recorder = backend.NormRecorder(variables, window=window)
    history, _ = trained(tf, recorder, variables, [moves(tf, i, variables) for i in range(10)], "graph")
    np.testing.assert_allclose(recorder.read().norms, norms(history)[-window:], rtol=1e-6)
    np.testing.assert_array_equal(recorder.read().steps, np.arange(1, 11)[-window:])


def test_nothing_leaves_the_graph(backend, tf):
    variables = made(tf)
    recorder = backend.NormRecorder(variables, window=8, groups=1, lr=lambda calls: 1 / (1 + tf.cast(calls, tf.float32)))
    function = tf.function(lambda: recorder.record(variables))
    function()
    assert function.experimental_get_tracing_count() == 1
    kinds = {operation.type for operation in function.get_concrete_function().graph.get_operations()}
    assert not {
        kind for kind in kinds if any(word in kind for word in ("Py", "Host", "Print", "Assert", "Send", "Recv", "Map", "While"))
    }
    assert "AssignVariableOp" in kinds
    # all of its variables have kernels on a GPU, where TensorFlow has none for smaller integers
    assert {variable.dtype.name for variable in recorder.variables} == {"float32", "int64"}
    assert recorder.trainable_variables == ()


@pytest.mark.parametrize("mode", MODES)
def test_no_step_is_counted_and_what_is_not_finite_is_a_gap(backend, tf, mode):
    weights, bias = tf.Variable([1.0, 2.0]), tf.Variable([0.0])
    variables = {"weights": weights, "bias": bias}
    recorder = backend.NormRecorder(variables, window=10, groups=1)
    steps = [([1, 1], 0), ([0, 0], 0), ([0, 0], 2), ([np.inf, 1], 1), ([1, 1], 1), ([0, 0], 0)]

    def step(update, shift):
        weights.assign_add(update)
        bias.assign_add(shift)
        recorder.record(variables)

    step = MODES[mode](tf, step)
    for update, shift in steps:
        step(tf.constant(update, tf.float32), tf.constant([shift], tf.float32))
    weights.assign([1.0, 1.0])  # from where it had been infinite
    step(tf.zeros(2), tf.zeros(1))
    step(tf.constant([3.0, 4.0]), tf.zeros(1))
    found = recorder.read()
    np.testing.assert_allclose(found.norms, [np.sqrt(2), 2, *[np.nan] * 4, 5], rtol=1e-6)
    np.testing.assert_allclose(found.groups["bias"], [0, 2, 1, 1, 0, 0, 0])  # of a group that stood still while others moved
    assert (found.count, found.skipped) == (7, 1)


@pytest.mark.parametrize("lr", ["number", "tensor", "variable", "schedule", "given", "keras"])
@pytest.mark.parametrize("mode", MODES)
def test_learning_rate(backend, tf, mode, lr):
    variables, held, expected = {"w": tf.Variable([1.0, 2.0])}, tf.Variable(0.5), [0.5, 0.25, 0.25, 0.125]
    schedule = tf.function(lambda calls: tf.pow(0.5, tf.cast(calls + 1, tf.float32)))
    if lr == "keras":
        require("keras")
        import keras

        schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    given = {"number": 0.5, "tensor": tf.constant([0.5]), "variable": held, "schedule": schedule, "keras": schedule, "given": 7.0}[
        lr
    ]
    recorder = backend.NormRecorder(variables, window=6, lr=given)

    def step(rate):
        variables["w"].assign_add([1.0, 0.0])
        recorder.record(variables, rate if lr == "given" else None)

    step = MODES[mode](tf, step)
    for number in range(3):
        held.assign(expected[number])
        step(tf.constant(expected[number]))
    wanted = {"number": [0.5] * 3, "tensor": [0.5] * 3, "variable": expected[:3], "given": expected[:3]}.get(lr, [0.5, 0.25, 0.125])
    np.testing.assert_array_equal(recorder.read().lr, wanted)
    assert [variable.name for variable in recorder.variables if variable is held] == []  # not ours to save


@pytest.mark.parametrize("mode", MODES)
def test_embeddings(backend, tf, mode):
    """Their gradients are IndexedSlices, which name a row more than once; what is recorded is what the variable has become."""
    table = tf.Variable(np.random.default_rng(0).standard_normal((50, 8)), dtype=tf.float32)
    recorder = backend.NormRecorder([table], window=9)

    def step(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(tf.gather(table, rows)))
        gradient = tape.gradient(loss, table)
        assert isinstance(gradient, tf.IndexedSlices)
        table.scatter_sub(tf.IndexedSlices(0.01 * gradient.values, gradient.indices))
        recorder.record([table])

    step, history = MODES[mode](tf, step), [table.numpy()]
    for rows in ([1, 2, 1], [0, 0, 0], [49, 3, 7]):
        step(tf.constant(rows))
        history.append(table.numpy())
    expected = [numpy_backend.delta_norm(b, a) for a, b in pairwise(history)]
    np.testing.assert_allclose(recorder.read().norms, expected, rtol=1e-6)


def test_made_without_variables(backend, tf):
    """The first call sets the reference, or, where a function is traced, what the variables are before it runs."""
    eager, traced, xla = (made(tf) for _ in range(3))
    recorder = backend.NormRecorder(window=9)
    assert not recorder.built
    assert (recorder.read().count, recorder.read().norms.tolist()) == (0, [])
    history, _ = trained(tf, recorder, eager, [moves(tf, i, eager) for i in range(5)], "eager")
    np.testing.assert_allclose(recorder.read().norms, norms(history)[1:], rtol=1e-6)
    assert recorder.read().skipped == 0
    for mode, variables in (("graph", traced), ("xla", xla)):
        recorder = backend.NormRecorder(window=9)
        history, step = trained(tf, recorder, variables, [moves(tf, i, variables) for i in range(5)], mode)
        np.testing.assert_allclose(recorder.read().norms, norms(history), rtol=1e-6)
        assert step.experimental_get_tracing_count() == 2  # as TensorFlow does where a function makes variables


def test_made_inside_a_function_that_makes_the_variables(backend, tf):
    recorder, held = backend.NormRecorder(window=9), []

    @tf.function
    def step():
        if not held:
            held.append(tf.Variable([1.0, 2.0]))
        held[0].assign_add([3.0, 4.0])
        recorder.record(held)

    with pytest.raises(ValueError, match=r"'Variable' has no value yet while the tf.function is traced; call build\(variables\)"):
        step()
    with pytest.raises(ValueError, match=r"'parameters' has no value yet while the tf.function is traced"):
        tf.function(lambda x: recorder.record(x))(tf.ones(3))
    assert not recorder.built


def test_tensors_instead_of_variables(backend, tf):
    recorder = backend.NormRecorder({"w": tf.zeros(2), "n": np.zeros(3, np.float32)}, window=9)
    record = tf.function(recorder.record, input_signature=[{"w": tf.TensorSpec([None]), "n": tf.TensorSpec([3])}])
    record({"w": tf.constant([3.0, 4.0]), "n": tf.zeros(3)})
    recorder.record({"w": np.float32([3, 4]), "n": tf.ones(3)})
    np.testing.assert_allclose(recorder.read().norms, [5, np.sqrt(3)])
    with pytest.raises(tf.errors.InvalidArgumentError):
        record({"w": tf.ones(1), "n": tf.zeros(3)})


def test_build_again_leaves_out_a_jump(backend, tf):
    variables = made(tf)
    recorder = backend.NormRecorder(variables, window=9)
    _, step = trained(tf, recorder, variables, [moves(tf, i, variables) for i in range(2)], "graph")
    variables["head/w"].assign(tf.ones((300, 3)))  # weights that were loaded
    recorder.build(variables)
    update = moves(tf, 2, variables)
    step(update, None)
    found = recorder.read()
    assert found.count == 3
    np.testing.assert_allclose(found.norms[-1], numpy_backend.delta_norm(snapshot(update), mapped_zeros(update)), rtol=1e-5)


def mapped_zeros(tree):
    return {name: np.zeros(value.shape) for name, value in tree.items()}


@pytest.mark.parametrize("mode", MODES)
def test_other_variables_are_refused(backend, tf, mode):
    variables = made(tf)
    recorder = backend.NormRecorder(variables, window=9, groups=1)
    history, _ = trained(tf, recorder, variables, [moves(tf, i, variables) for i in range(3)], mode)
    way_out = r"since the recorder was built; record the same variables, or start over with reset\(variables\)"
    first = variables["encoder/w"]
    frozen = tf.Variable(first, trainable=False)
    others = [
        (variables | {"tail": tf.Variable([1.0])}, r"parameter\(s\) 'tail' are new"),
        ({name: v for name, v in variables.items() if "head" not in name}, r"parameter\(s\) 'head/w' are gone"),
        (variables | {"encoder/w": frozen}, r"parameter\(s\) 'encoder/w' are gone"),
        (
            variables | {"head/w": tf.Variable(tf.ones((300, 4)))},
            r"'head/w' is float32 of shape \(300, 4\), and was float32 of shape",
        ),
        (variables | {"head/w": tf.Variable(tf.ones((300, 3), tf.float16))}, "'head/w' is float16 of shape"),
        (variables | {"head/w": tf.Variable(variables["head/w"])}, "'head/w' is another variable, of a new model,"),
        (dict(reversed(variables.items())), "the parameters are in another order"),
    ]
    for other, said in others:
        with pytest.raises(ValueError, match=f"{said} {way_out}" if "shape" not in said else said):
            MODES[mode](tf, lambda other=other: recorder.record(other))()
        with pytest.raises(ValueError, match="record the same variables, or start over"):
            recorder.build(other)
    np.testing.assert_allclose(recorder.read().norms, norms(history), rtol=1e-6)
    for other, _ in others:
        recorder.reset(other)
        assert recorder.read().count == 0
        last = list(other.values())[-1]
        last.assign_add(tf.ones_like(last))
        MODES[mode](tf, lambda other=other: recorder.record(other))()
        np.testing.assert_allclose(recorder.read().norms, [np.sqrt(np.prod(last.shape))], rtol=1e-3)


def test_reset_keeps_a_traced_function(backend, tf):
    variables = made(tf)
    recorder = backend.NormRecorder(variables, window=3)
    _, step = trained(tf, recorder, variables, [moves(tf, i, variables) for i in range(5)], "graph", lr=[0.1] * 5)
    recorder.reset(variables)
    assert (recorder.read().count, recorder.read().skipped, recorder.read().norms.size) == (0, 0, 0)
    update = moves(tf, 9, variables)
    step(update, tf.constant(0.1))
    assert step.experimental_get_tracing_count() == 1
    np.testing.assert_allclose(recorder.read().norms, numpy_backend.delta_norm(snapshot(update), mapped_zeros(update)), rtol=1e-5)


def test_misuse(backend, tf):
    make, variables = backend.NormRecorder, [tf.Variable([1.0])]
    for window in (0, -3, 2.5):
        with pytest.raises(ValueError, match="window must be"):
            make(window=window)
    with pytest.raises(TypeError, match="b1, eps belongs to an optimizer; name it with optimizer="):
        make(b1=0.9, eps=1e-8)
    with pytest.raises(TypeError, match="sgd has no hyperparameter 'b1'; it takes lr"):
        make(optimizer="sgd", b1=0.9)
    with pytest.raises(ValueError, match="optimizer must be one of"):
        make(optimizer="lamb")
    with pytest.raises(ValueError, match="a depth of groups must be at least 1, got 0"):
        make(groups=0)
    with pytest.raises(ValueError, match="no parameter belongs to group 'tail'; the paths are w"):
        make({"w": variables[0]}, groups=["tail"])
    for lr in ("fast", [0.1, 0.2], np.ones(3)):
        with pytest.raises(TypeError, match="lr must be a number or a tensor of size 1, got"):
            make(lr=lr)
        with pytest.raises(TypeError, match="lr must be a number or a tensor of size 1, got"):
            make(variables).record(variables, lr)
    for nothing in ([], {"w": np.ones(3)}, tf.constant(1), [tf.Variable([1.0], trainable=False)], "weights"):
        with pytest.raises(TypeError, match="a recorder takes a list, dict or nest of variables or tensors, or a module"):
            make(nothing)
        with pytest.raises(TypeError, match="a recorder takes a list, dict or nest"):
            make(variables).record(nothing)
    recorder = make(variables)
    with pytest.raises(TypeError, match=r"read was called inside a tf.function, where there are no numbers yet; call it outside"):
        tf.function(lambda: recorder.read().norms)()


def test_a_keras_model_in_a_custom_loop(backend, tf):
    keras = require("keras")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras runs on another backend here")
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, name="one"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(1, name="two"),
        ]
    )
    optimizer = keras.optimizers.SGD(0.1)
    recorder = backend.NormRecorder(
        model, window=9, groups=lambda path: path.split("/")[-2], optimizer="sgd", lr=optimizer.learning_rate
    )
    data = tf.random.stateless_normal((8, 4), [0, 1])

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True) - 1))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True))
        recorder.record(model.trainable_variables)

    history = [[v.numpy() for v in model.trainable_variables]]
    for _ in range(4):
        step(data)
        history.append([v.numpy() for v in model.trainable_variables])
    found = recorder.read()
    expected = [numpy_backend.delta_norm(b, a) for a, b in pairwise(history)]
    np.testing.assert_allclose(found.norms, expected, rtol=1e-6)
    assert set(found.groups) == {"one", "norm", "two"}
    np.testing.assert_allclose(found.lr, 0.1)
    model.layers[0].trainable = False
    with pytest.raises(ValueError, match=r"one/kernel', '.*one/bias' are gone since the recorder was built"):
        recorder.record(model.trainable_variables)


def test_all_libraries_record_the_same(backend, tf):
    jax, optax = require("jax"), require("optax")
    from wcdfa.backends.optax.recorder import monitor, read

    updates = [{name: value.numpy() for name, value in moves(tf, i, made(tf), 1e-3).items()} for i in range(20)]
    start = {name: variable.numpy() for name, variable in made(tf).items()}
    host = wcdfa.WeightChangeDFA(window=50).update(parameters := {name: value.copy() for name, value in start.items()})
    tf_host, variables = wcdfa.WeightChangeDFA(window=50), made(tf)
    tf_host.update(variables)
    recorder = backend.NormRecorder(variables, window=50)
    with jax.enable_x64(False):
        tx, params = monitor(optax.identity(), window=50), jax.tree.map(jax.numpy.asarray, start)
        state = tx.init(params)
        for update in updates:
            changes, state = tx.update(jax.tree.map(lambda u: -jax.numpy.asarray(u), update), state, params)
            params = optax.apply_updates(params, changes)
            for name, variable in variables.items():
                parameters[name] -= update[name]
                variable.assign_sub(update[name])
            recorder.record(variables)
            tf_host.update(variables)
            host.update(parameters)
        found = read(state).norms
    for other in (found, recorder.read().norms, tf_host.get_signal()):
        np.testing.assert_allclose(other, host.get_signal(), rtol=1e-6)


def test_a_monitor_drains_it_and_judges(backend, tf):
    weights = tf.Variable(tf.zeros(300))
    recorder = backend.NormRecorder([weights], window=200, optimizer="sgd", lr=0.1, momentum=0.9)
    velocity, monitor = tf.Variable(tf.zeros(300), trainable=False), wcdfa.WeightChangeDFA(window=200, stride=100)

    @tf.function(jit_compile=True)
    def steps(seed):
        for number in tf.range(50):
            velocity.assign(0.9 * velocity + tf.random.stateless_normal((300,), [seed, number]))
            weights.assign_sub(0.1 * velocity)
            recorder.record([weights])

    for seed in range(8):
        steps(tf.constant(seed))
        monitor.update(recorder.read())
    assert recorder.read().count == 400
    assert len(monitor.history) == 3
    assert "optimizer" in recorder.read().verdict().explained_by
    assert recorder.read().hyperparameters == {"momentum": 0.9}


def ran(program, *arguments):
    require("tensorflow")
    return printed(start(program, *arguments))


def test_a_run_that_goes_on_in_a_new_process(tmp_path):
    stops = (2, 3, 7)
    (whole,) = ran("tensorflow_checkpoints.py", "save", tmp_path, *stops)
    assert (whole["count"], whole["skipped"], len(whole["norms"])) == (11, 1, 5)
    assert ran("tensorflow_checkpoints.py", "resume+late", tmp_path, *stops) == [[whole] * 3, [whole] * 6]


def test_mirrored_variables_count_once():
    found = ran("tensorflow_mirrored.py")
    assert found["replicas"] == 2
    assert found["refused"] == (
        "record was called inside strategy.run, where each replica would record the step: call it after strategy.run returns"
    )
    for inside, kind in (("outside", "ResourceVariable"), ("inside", "MirroredVariable")):
        run = found[inside]
        np.testing.assert_allclose(run["norms"], run["expected"], rtol=1e-6)
        np.testing.assert_allclose(np.hypot(run["groups"]["w"], run["groups"]["b"]), run["expected"], rtol=1e-6)
        assert (run["count"], run["traces"], run["mirrored"]) == (5, 1, ["MirroredVariable", kind, kind])
        np.testing.assert_allclose(run["delta_norm"], run["moved"], rtol=1e-6)


def restored_and_recorded(tf, path, recorder, variables, step):
    tf.train.Checkpoint(recorder=recorder, step=step).read(path).expect_partial()
    recorder.record(variables)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("options", "more", "said"),
    [
        (
            {"window": 7},
            {},
            r"the checkpoint holds a ring of 5 norms, and this recorder has window=7: use window=5 to go on, or start",
        ),
        ({"groups": 2}, {}, "the checkpoint holds 2 groups of parameters, and this recorder 3 or others: use the groups"),
        ({}, {"tail": (3,)}, "holds 3 parameters and this recorder 4, which differ from number 3 on: nothing against float32"),
        ({}, {"head/w": (300, 4)}, r"differ from number 2 on: float32\[300, 3\] against float32\[300, 4\]"),
    ],
)
def test_a_checkpoint_of_another_recorder(backend, tf, tmp_path, known, options, more, said):
    variables = made(tf)
    recorder = backend.NormRecorder(variables, window=5, groups=1)
    trained(tf, recorder, variables, [moves(tf, i, variables) for i in range(3)], "graph")
    path = tf.train.Checkpoint(recorder=recorder, step=tf.Variable(3)).write(str(tmp_path / "checkpoint"))
    others = made(tf) | {name: tf.Variable(tf.ones(shape)) for name, shape in more.items()}
    other = backend.NormRecorder(others if known else None, **{"window": 5, "groups": 1} | options)
    step = tf.Variable(0)
    with pytest.raises(ValueError, match=said) as caught:
        restored_and_recorded(tf, path, other, others, step)
    assert other.read().count == 0
    if known:
        assert int(step) == 0  # nothing was restored at all
    assert "a tf.train.Checkpoint that has no recorder in it" in str(caught.value)
    tf.train.Checkpoint(step=step).read(path).expect_partial()
    assert int(step) == 3
    if known:
        others["encoder/b"].assign_add(tf.ones(300))
        other.record(others)
        assert other.read().count == 1


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_a_step_that_ends_in_a_product(backend, tf, mode):
    """XLA would subtract from the exact product, of which 0.2 % of so small a change are not stored."""
    variable = tf.Variable(np.random.default_rng(0).standard_normal((64, 64)), dtype=tf.float32)
    recorder = backend.NormRecorder([variable], window=8)

    @tf.function(jit_compile=mode == "xla")
    def step(factor):
        variable.assign(variable * factor)
        recorder.record([variable])

    history = [variable.numpy()]
    for i in range(4):
        step(tf.constant(1 - 1e-6 * (i + 1), tf.float32))
        history.append(variable.numpy())
    np.testing.assert_allclose(recorder.read().norms, [numpy_backend.delta_norm(b, a) for a, b in pairwise(history)], rtol=1e-6)
