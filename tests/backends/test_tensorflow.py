"""‖ΔW‖ of TensorFlow's nests against NumPy in float64, eagerly, in a graph and under XLA; what `dfa` and `update` take of it."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from wcdfa.backends import numpy as numpy_backend

MODES = {"eager": lambda tf, f: f, "graph": lambda tf, f: tf.function(f), "xla": lambda tf, f: tf.function(f, jit_compile=True)}


@pytest.fixture(autouse=True)
def quiet(tf):
    """Without the remark that tests trace more than one function of the same name."""
    logger, level = tf.get_logger(), tf.get_logger().level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


@pytest.fixture(scope="module")
def tf():
    return require("tensorflow")


@pytest.fixture(scope="module")
def backend(tf):
    from wcdfa.backends.tensorflow import recorder as tensorflow

    return tensorflow


def mapped(function, tree):
    if isinstance(tree, dict):
        return {key: mapped(function, part) for key, part in tree.items()}
    return type(tree)(mapped(function, part) for part in tree) if isinstance(tree, (list, tuple)) else function(tree)


def random_tree(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    draw = [scale * rng.standard_normal(shape) for shape in ((300, 401), (7,), (), (0, 3), (2, 3, 5))]
    return {"a": [draw[0], (draw[1], draw[2])], "b": {"c": draw[3], "d": draw[4]}}


def widened(tree):
    return mapped(lambda x: x.numpy().astype(np.float64), tree)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16", "float8_e4m3fn"])
def test_delta_norm_against_numpy(backend, tf, dtype, mode):
    # TensorFlow makes numbers of 8 bits only of others
    new, old = (mapped(lambda x: tf.cast(tf.constant(x), dtype), random_tree(seed)) for seed in (0, 1))
    found = MODES[mode](tf, backend.delta_norm)(new, old)
    assert (found.shape, found.dtype) == ((), "float64" if dtype == "float64" else "float32")
    np.testing.assert_allclose(found, numpy_backend.delta_norm(widened(new), widened(old)), rtol=3e-7)
    variables = mapped(lambda x: tf.Variable(x), new) if dtype != "float8_e4m3fn" else new
    np.testing.assert_allclose(backend.delta_norm(variables, old), found, rtol=1e-7)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("wide", [False, True])
def test_halves_are_those_that_are_stored(backend, tf, dtype, mode, wide):
    """XLA gives what it has just computed more digits than the variable then has, unless it is told not to."""
    rng = np.random.default_rng(0)
    weights, update = (tf.constant(scale * rng.standard_normal(40_000), tf.float32) for scale in (1, 1e-3))
    variable = tf.Variable(tf.cast(weights, dtype))
    old = tf.identity(variable)

    def step(update, weights):
        if wide:
            variable.assign(tf.cast(weights - update, dtype))
        else:
            variable.assign_sub(tf.cast(update, dtype))
        return backend.delta_norm([variable], [old]), tf.norm(tf.cast(variable, tf.float32) - tf.cast(old, tf.float32))

    found, naive = MODES[mode](tf, step)(update, weights)
    expected = numpy_backend.delta_norm(*widened([[variable], [old]]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    if dtype == "bfloat16" and mode == "xla" and not wide:  # the test can tell one from the other
        assert abs(float(naive) / expected - 1) > 0.01


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("value", [0.1, 0.3, 0.7654321])
@pytest.mark.parametrize("shape", [(20_000_011,), (5_003, 3_999)])
def test_many_equal_elements(backend, tf, mode, value, shape):
    """XLA on the CPU adds up in turn, and the same error over and over."""
    new, old = tf.fill(shape, tf.constant(value)), tf.zeros(shape)
    found = MODES[mode](tf, backend.delta_norm)(new, old)
    assert float(found) == pytest.approx(np.sqrt(np.prod(shape)) * float(np.float32(value)), rel=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_gradient(backend, tf, mode):
    def slopes(new, old):
        with tf.GradientTape() as tape:
            tape.watch(new)
            norm = backend.delta_norm(new, old)
        return tape.gradient(norm, new)

    slopes = MODES[mode](tf, slopes)
    for dtype in ("float32", "bfloat16"):
        still = {"w": tf.ones((70, 100), dtype), "b": tf.zeros(3, dtype)}
        for slope in slopes(still, still).values():
            assert slope.dtype == dtype
            np.testing.assert_array_equal(slope.numpy().astype(float), 0)
        moved = {"w": still["w"], "b": tf.constant([0.0, 3.0, 4.0], dtype)}
        found = slopes(moved, still)
        np.testing.assert_allclose(found["b"].numpy().astype(float), [0, 0.6, 0.8], rtol=1e-2 if dtype == "bfloat16" else 1e-6)
        np.testing.assert_array_equal(found["w"].numpy().astype(float), 0)


@settings(deadline=None, max_examples=40)
@given(scale=st.floats(1e-6, 1e6), values=st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40))
def test_scaling(scale, values):
    require("tensorflow")
    from wcdfa.backends.tensorflow.recorder import delta_norm

    new = np.array([1.0, *values], dtype=np.float32)
    first, second = (float(delta_norm([x], [np.zeros_like(x)])) for x in (new, new * np.float32(scale)))
    assert second == pytest.approx(float(np.float32(scale)) * first, rel=1e-6)


def test_kinds_of_leaves(backend, tf):
    with tf.device("CPU:0"):
        new = [
            True,
            3,
            tf.constant(2**40 + 1, tf.int64),
            np.float32(2),
            tf.constant(1 + 1j),
            None,
            tf.Variable([1, 2], dtype=tf.uint8),
        ]
        old = [False, 1, tf.constant(2**40, tf.int64), 1.0, tf.constant(0j), None, tf.Variable([0, 4], dtype=tf.uint8)]
    found = backend.delta_norm(new, old)
    assert float(found) == pytest.approx(np.sqrt(1 + 4 + 1 + 1 + 2 + 1 + 4))
    assert found.dtype == "float64"  # as complex128 has it
    assert float(backend.delta_norm(tf.constant([1.0, 2.0], tf.float64), tf.constant([1.0, 0.0]))) == 2
    for empty in ({}, [], None, {"a": None}, [tf.zeros((0, 3))]):
        norm = backend.delta_norm(empty, empty)
        assert (float(norm), norm.dtype) == (0, "float32")
    rows = tf.IndexedSlices(tf.constant([[3.0], [1.0], [3.0]]), tf.constant([1, 0, 1]), dense_shape=[3, 1])
    assert float(backend.delta_norm(rows, tf.constant([[1.0], [6.0], [5.0]]))) == 5  # the same row twice is its sum


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        ({"a": 1.0}, {"b": 1.0}, r"parameters: key\(s\) a, b in one tree only"),
        ({"a": [1.0]}, {"a": [1.0, 2.0]}, r"parameters\['a'\]: 1 parts against 2"),
        ({"a": {"b": np.ones((2, 3))}}, {"a": {"b": np.ones((3, 2))}}, r"\['a'\]\['b'\]: shape \(2, 3\) against \(3, 2\)"),
        ([np.ones(1)], [np.ones(3)], r"parameters\[0\]: shape \(1,\) against \(3,\)"),
        ([1.0, None], [1.0, 2.0], r"parameters\[1\]: None in one tree only"),
    ],
)
def test_delta_norm_of_other_structures(backend, tf, mode, new, old, said):
    with pytest.raises(ValueError, match=said):
        MODES[mode](tf, backend.delta_norm)(*(mapped(lambda x: x if x is None else tf.constant(x), tree) for tree in (new, old)))


def test_delta_norm_of_what_is_no_number(backend, tf):
    with pytest.raises(TypeError, match=r"parameters\['a'\]: string is no number; leave it out"):
        backend.delta_norm({"a": tf.constant("x")}, {"a": tf.constant("y")})
    with pytest.raises(TypeError, match=r"parameters\[0\]: a object is no number; leave it out"):
        backend.delta_norm([object()], [object()])


def test_shapes_that_are_not_known_when_traced(backend, tf):
    anything = tf.TensorSpec(None)
    norm = tf.function(backend.delta_norm, input_signature=[[tf.TensorSpec([None, 2])], [anything]])
    assert float(norm([tf.ones((5_000, 2))], [tf.zeros((5_000, 2))])) == 100
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"parameters\[0\]: both trees must hold the same parameters"):
        norm([tf.ones((3, 2))], [tf.zeros((1, 2))])  # which would broadcast
    with pytest.raises(ValueError, match=r"shape \(None, 2\) against \(3,\)"):
        tf.function(backend.delta_norm, input_signature=[[tf.TensorSpec([None, 2])], [tf.TensorSpec([3])]])(
            [tf.ones((3, 2))], [tf.ones(3)]
        )


class Block:
    """A module of TensorFlow, made when there is one."""

    def __new__(cls, tf, *, width=3):
        class Layer(tf.Module):
            def __init__(self, seed):
                super().__init__()
                self.weight = tf.Variable(np.random.default_rng(seed).standard_normal((4, width)), dtype=tf.float32)
                self.seen = tf.Variable(0, trainable=False)
                self.mean = tf.Variable([0.0], trainable=False)

        class Net(tf.Module):
            def __init__(self):
                super().__init__()
                self.layers = [Layer(0), Layer(1)]
                self.heads = {"a": tf.Variable([1.0, 2.0]), "b": tf.Variable([3.0], dtype=tf.float64)}
                self.tied = self.layers[0].weight
                self.steps = tf.Variable(5)

        return Net()


def test_names_of_parameters(backend, tf):
    named = backend.parameters_of
    net = Block(tf)
    assert list(named(net)) == ["heads/a", "heads/b", "layers/0/weight", "layers/1/weight"]
    assert list(named({"net": net, "x": tf.ones(2)})) == [*(f"net/{path}" for path in named(net)), "x"]
    first, second = tf.Variable([1.0], name="w"), tf.Variable([1.0], name="w")
    assert named([first, second, first]) == {"w": first, "w (2)": second}
    assert list(named({"a": [first, (second,)], "c": tf.constant([1j])})) == ["a/0", "a/1/0", "c"]
    assert list(named(first)) == ["parameters"]
    for nothing in ([1.0], [np.ones(2)], {}, [tf.constant(1)], [tf.Variable([1.0], trainable=False)], "net", None, 3, object()):
        assert named(nothing) is None


def test_copies_stay_as_they_are(backend, tf):
    net, array = Block(tf), np.ones(64, np.float32)
    parameters = backend.parameters_of({"net": net, "array": array})
    copies = backend.copied(parameters)
    before = {path: np.array(value) for path, value in copies.items()}
    net.heads["a"].assign_add([1.0, 1.0])
    net.layers[0].weight.scatter_sub(tf.IndexedSlices(tf.ones((1, 3)), tf.constant([2])))
    tf.function(lambda: net.layers[1].weight.assign(tf.zeros((4, 3))), jit_compile=True)()
    array[:] = 5
    for path, value in copies.items():
        np.testing.assert_array_equal(value, before[path])
    norms = backend.group_norms(parameters, copies, {"all": list(copies), "head": ["net/heads/a"]})
    assert float(norms["head"]) == pytest.approx(np.sqrt(2))
    assert float(norms["all"]) == pytest.approx(np.sqrt(2 + 3 + np.sum(before["net/layers/1/weight"] ** 2) + 16 * 64))


@pytest.mark.parametrize("kind", ["module", "list", "dict", "tensors"])
def test_update_with_parameters(tf, kind):
    net = Block(tf)
    trained = [variable for variable in net.trainable_variables if variable.dtype.is_floating]

    def given():
        if kind == "tensors":
            return {str(i): tf.identity(variable) for i, variable in enumerate(trained)}
        return {"module": net, "list": list(trained), "dict": {"all": {str(i): v for i, v in enumerate(trained)}}}[kind]

    monitor = wcdfa.WeightChangeDFA(window=50).update(given())
    rng, expected = np.random.default_rng(0), []
    for _ in range(60):
        before = [variable.numpy() for variable in trained]
        for variable in trained:
            variable.assign_sub(tf.cast(rng.standard_normal(variable.shape), variable.dtype))
        net.steps.assign_add(100)
        net.layers[0].mean.assign_add([100.0])
        monitor.update(given())
        expected.append(numpy_backend.delta_norm([variable.numpy() for variable in trained], before))
    np.testing.assert_allclose(monitor.get_signal(), expected[-50:], rtol=1e-6)
    assert np.isfinite(monitor.alpha)
    with pytest.raises(ValueError, match="since the last update"):
        monitor.update([tf.Variable([1.0, 2.0], name="another")])


def test_update_with_groups(tf):
    net = Block(tf)
    monitor = wcdfa.WeightChangeDFA(window=50, groups=1).update(net)
    net.heads["a"].assign_add([3.0, 4.0])
    monitor.update(net)
    assert monitor.get_signal("heads").tolist() == monitor.get_signal().tolist() == [5]
    assert np.isnan(monitor.get_signal("layers")).tolist() == [False]


def test_update_with_scalars(tf, monkeypatch):
    monitor, plain = wcdfa.WeightChangeDFA(window=64, stride=64), wcdfa.WeightChangeDFA(window=64, stride=64)
    copies, to_host = [], wcdfa.recording.transfers.number
    monkeypatch.setattr(wcdfa.recording.transfers, "number", lambda given: copies.append(given) or to_host(given))
    norms, held = np.exp(wcdfa.synthetic.white_noise(128, seed=0)).astype(np.float32), tf.Variable(0.0)
    for norm in norms[:63]:
        held.assign(norm)
        monitor.update(held, lr=tf.constant(0.1))
    assert not copies  # on their device until α is due
    for norm in norms[63:]:
        monitor.update(tf.constant([norm]), lr=tf.Variable(0.1))
    assert copies
    for norm in norms:
        plain.update(float(norm), lr=float(np.float32(0.1)))
    assert monitor.history == plain.history
    assert len(monitor.history) == 2


def test_update_inside_a_function(tf):
    monitor, variable = wcdfa.WeightChangeDFA(window=50), tf.Variable([1.0, 2.0])
    for made in (
        lambda x: tf.norm(x),
        lambda x: [x],
        lambda x: [variable],
        lambda x: tf.Variable(1.0) if tf.executing_eagerly() else variable[0],
    ):
        with pytest.raises(
            TypeError, match=r"inside a tf.function: record inside with wcdfa.backends.tensorflow.recorder.NormRecorder, or"
        ):
            tf.function(lambda x, made=made: monitor.update(made(x)) and None, autograph=False)(tf.ones(2))
    assert monitor.n_samples == 0
    assert monitor.update(tf.norm(tf.ones(2))).n_samples == 1


def test_dfa_of_a_tensor(tf):
    series = wcdfa.synthetic.arfima(256, d=0.3, seed=0)
    for dtype in ("float64", "float32"):
        found = wcdfa.dfa(tf.constant(series, dtype))
        np.testing.assert_allclose(found.alpha, wcdfa.dfa(series.astype(dtype)).alpha, rtol=1e-6)
    assert wcdfa.dfa(tf.constant(np.stack([series] * 3))).alpha.shape == (3,)


def test_norms_of_user_code_need_no_shim(tf):
    weights = [tf.Variable(tf.zeros((3, 4))), tf.Variable(tf.zeros(5))]
    data = tf.data.Dataset.range(300).map(lambda i: [tf.random.stateless_normal(w.shape, [i, 7]) for w in weights])

    @tf.function
    def step(gradients):
        updates = [-0.1 * gradient for gradient in gradients]
        for weight, update in zip(weights, updates, strict=True):
            weight.assign_add(update)
        return tf.linalg.global_norm(updates)

    norms = [step(gradients) for gradients in data]
    monitor = wcdfa.WeightChangeDFA(window=256)
    for norm in norms:
        monitor.update(norm)
    np.testing.assert_allclose(monitor.get_signal(), tf.stack(norms)[-256:], rtol=1e-7)
    assert np.isfinite(wcdfa.dfa(tf.stack(norms)).alpha)
    whole = data.map(lambda *gradients: tf.linalg.global_norm(gradients)).batch(300).get_single_element()
    np.testing.assert_allclose(0.1 * whole, tf.stack(norms), rtol=1e-5)
    assert np.isfinite(wcdfa.dfa(whole).alpha)
