"""‖ΔW‖ of JAX trees, and the optimizer null in JAX: the same distribution as in NumPy, from the same rules."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from wcdfa.backends import numpy as numpy_backend
from wcdfa.nulls import nulls


@pytest.fixture(autouse=True)
def float32():
    """JAX as it comes, even after a test of the core that switched float64 on."""
    with require("jax").enable_x64(False):
        yield


@pytest.fixture
def optimizer_alphas():
    require("jax")
    from wcdfa.backends.jax.null import optimizer_alphas

    return optimizer_alphas


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
        {"optimizer": "adamw", "betas": (0.95, 0.999), "weight_decay": 0.1, "lr": np.linspace(1e-3, 1e-4, 256), "clip_norm": 0.9},
        {"optimizer": "rmsprop", "momentum": 0.9},
    ],
    ids=lambda options: options["optimizer"],
)
def test_it_has_the_distribution_of_the_numpy_one(optimizer_alphas, options):
    found = np.asarray(optimizer_alphas(256, replicates=400, **options))
    expected = nulls.optimizer_alphas(256, replicates=400, **options)
    assert found.dtype == np.float32
    error = math.sqrt((found.var() + expected.var()) / 400)
    assert abs(found.mean() - expected.mean()) < 4 * error
    assert abs(found.std() / expected.std() - 1) < 4 / math.sqrt(400)  # the relative error of each is 1 / sqrt(2 · 400)


def test_gradient_norms_are_exact(optimizer_alphas):
    """Plain SGD hands the norm of the gradient on: every replicate has its exponent."""
    gradient_norm = np.exp(0.2 * wcdfa.synthetic.arfima(256, d=0.5, seed=0))
    found = optimizer_alphas(256, optimizer="sgd", gradient_norm=gradient_norm, replicates=5)
    np.testing.assert_allclose(found, wcdfa.dfa(np.log(gradient_norm)).alpha, atol=1e-4)


def test_seeds(optimizer_alphas):
    draw = [np.asarray(optimizer_alphas(128, replicates=8, seed=seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert not np.any(draw[0] == draw[2])


def test_options_of_the_exponent(optimizer_alphas):
    first = optimizer_alphas(256, optimizer="sgd", momentum=0.9, replicates=100)
    second = optimizer_alphas(256, optimizer="sgd", momentum=0.9, replicates=100, order=2, method="gls", log=False)
    assert not np.any(np.asarray(first) == np.asarray(second))
    assert 0.8 < float(np.mean(second)) < 1.4


def test_bad_options(optimizer_alphas):
    with pytest.raises(ValueError, match="optimizer must be one of"):
        optimizer_alphas(128, optimizer="adagrad")
    with pytest.raises(TypeError, match="adamw has no hyperparameter 'momentum'"):
        optimizer_alphas(128, momentum=0.9)
    with pytest.raises(ValueError, match="lr must be one number or of shape"):
        optimizer_alphas(128, lr=np.ones(5))


@pytest.fixture(scope="module")
def backend():
    require("jax")
    from wcdfa.backends.jax import norms as jax

    return jax


@pytest.fixture(scope="module")
def jax():
    return require("jax")


@pytest.fixture(scope="module")
def jnp(jax):
    return jax.numpy


def random_tree(seed, dtype, scale=1.0):
    rng = np.random.default_rng(seed)
    draw = [(scale * rng.standard_normal(shape)).astype(dtype) for shape in ((300, 400), (7,), (), (0, 3), (2, 3, 5))]
    return {"a": [draw[0], (draw[1], draw[2])], "b": {"c": draw[3], "d": draw[4]}}


def flat(jax, tree):
    return np.concatenate([np.ravel(np.asarray(leaf)).astype(np.float64) for leaf in jax.tree.leaves(tree)])


def on_device(jax, tree):
    return jax.tree.map(jax.numpy.asarray, tree)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_delta_norm_against_one_flat_vector(backend, jax, jnp, dtype):
    new, old = (on_device(jax, random_tree(seed, jnp.dtype(dtype))) for seed in (0, 1))
    expected = np.linalg.norm(flat(jax, new) - flat(jax, old))
    for found in (backend.delta_norm(new, old), jax.jit(backend.delta_norm)(new, old)):
        assert found.shape == ()
        assert found.dtype == jnp.float32
        assert float(found) == pytest.approx(expected, rel=1e-6)


def test_float64_stays_float64(backend, jax, jnp):
    with jax.enable_x64(True):
        new, old = (on_device(jax, random_tree(seed, np.float64)) for seed in (0, 1))
        found = backend.delta_norm(new, old)
        assert found.dtype == jnp.float64
        assert float(found) == pytest.approx(np.linalg.norm(flat(jax, new) - flat(jax, old)), rel=1e-14)
        assert backend.applied_change(jnp.ones(2), jnp.full(2, 1e-12)).tolist() == [(1 + 1e-12) - 1] * 2
        assert backend.delta_norm(jnp.ones(3, dtype=jnp.float32), jnp.ones(3, dtype=jnp.float32)).dtype == jnp.float32


@pytest.mark.parametrize("size", [6e4, 2.0**-24])
def test_squares_beyond_half_precision(backend, jnp, size):
    new = {"w": jnp.full(100_001, size, dtype=jnp.float16)}
    old = {"w": jnp.zeros(100_001, dtype=jnp.float16)}
    stored = float(np.float16(size))
    assert float(backend.delta_norm(new, old)) == pytest.approx(stored * math.sqrt(100_001), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("shape", [(20_000_003,), (4000, 5000), (5_000_000, 4)])
def test_many_equal_elements_do_not_stall(backend, jnp, dtype, shape):
    x = jnp.full(shape, 1.1, dtype=dtype)
    exact = math.prod(shape) * float(x[(0,) * len(shape)]) ** 2
    assert float(backend.square_sum(x)) == pytest.approx(exact, rel=1e-6)


def test_vmap_is_a_loop(backend, jax, jnp):
    rng = np.random.default_rng(0)
    for shape in ((3, 40), (3, 50_001)):
        new, old = ({"w": jnp.asarray(rng.standard_normal(shape), dtype=jnp.float32)} for _ in range(2))
        found = jax.vmap(backend.delta_norm)(new, old)
        loop = [backend.delta_norm({"w": new["w"][i]}, {"w": old["w"][i]}) for i in range(3)]
        np.testing.assert_allclose(found, np.array(loop), rtol=1e-6)


@pytest.mark.parametrize("shape", [(4,), (50_001,), (200, 300)])
def test_gradient(backend, jax, jnp, shape):
    rng = np.random.default_rng(0)
    difference = rng.standard_normal(shape).astype(np.float32)
    difference[:2] = 0
    old = jnp.zeros(shape)
    for gradient in (jax.grad(backend.delta_norm), jax.jit(jax.grad(backend.delta_norm))):
        np.testing.assert_allclose(gradient(jnp.asarray(difference), old), difference / np.linalg.norm(difference), rtol=1e-5)
        assert not np.any(gradient(old, old))
    half = jax.grad(backend.delta_norm)(old.astype(jnp.bfloat16), old.astype(jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    assert not np.any(half)


def test_not_a_number_and_infinity_are_shown(backend, jnp):
    assert math.isnan(backend.delta_norm(jnp.array([math.nan, 0]), jnp.zeros(2)))
    assert math.isinf(backend.delta_norm(jnp.array([math.inf, 0]), jnp.zeros(2)))


def test_leaves_of_every_kind(backend, jax, jnp):
    for empty in ({}, [], None, {"a": None, "b": [jnp.tanh, "name", jax.random.key(0)]}, jnp.zeros((0, 3))):
        assert float(backend.delta_norm(empty, empty)) == 0
        assert backend.delta_norm(empty, empty).dtype == jnp.float32
    new = [None, 3, 4.0, True, np.uint8([250]), jnp.array([250], dtype=jnp.uint8), jnp.array([True]), 3 + 4j, jnp.array([1j, 2])]
    old = [None, 1, 2.5, False, np.uint8([255]), jnp.array([255], dtype=jnp.uint8), jnp.array([False]), 0, jnp.array([0, 2 + 2j])]
    squares = [4, 2.25, 1, 25, 25, 1, 25, 1, 4]
    assert float(backend.delta_norm(new, old)) == pytest.approx(math.sqrt(sum(squares)), rel=1e-6)
    rest = [jax.random.key(0), math.sin, "name", np.array("name"), object()]
    assert float(backend.delta_norm([jnp.ones(4), *rest], [jnp.zeros(4), *rest])) == 2


@pytest.mark.parametrize(
    ("new", "old", "message"),
    [
        ({"a": 1.0}, {"b": 1.0}, r"parameters\['a'\], parameters\['b'\]: in one tree only; both must hold the same parameters"),
        ([1.0, 2.0], [1.0], r"parameters\[1\]: in one tree only"),
        ({"a": 1.0}, [1.0], r"parameters\['a'\], parameters\[0\]: in one tree only"),
        (1.0, [1.0], r"parameters, parameters\[0\]: in one tree only"),
        ({"a": [np.zeros(2)]}, {"a": [np.zeros(3)]}, r"parameters\['a'\]\[0\]: shape \(2,\) against \(3,\); both must hold"),
        ({"a": np.zeros((2, 1))}, {"a": np.zeros((1, 2))}, r"parameters\['a'\]: shape \(2, 1\) against \(1, 2\)"),
        ({"a": None}, {"a": np.zeros(3)}, r"parameters\['a'\]: None against \(3,\); both must hold"),
        ({"a": np.zeros(3)}, {"a": math.sin}, r"parameters\['a'\]: shape \(3,\) against a builtin_function_or_method"),
    ],
)
def test_trees_that_differ(backend, jax, new, old, message):
    with pytest.raises(ValueError, match=message):
        backend.delta_norm(new, old)
    with pytest.raises(ValueError, match=message):
        jax.jit(lambda: backend.delta_norm(new, old))()


LEAVES = st.lists(st.floats(-1e3, 1e3, width=16), max_size=4).map(partial(np.array, dtype=np.float32))
TREES = st.recursive(LEAVES, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from("abc"), part, max_size=3))


@settings(max_examples=40, deadline=None)
@given(tree=TREES, seed=st.integers(0, 99), power=st.integers(-8, 8))
def test_it_is_the_norm_of_the_numpy_backend(backend, jax, tree, seed, power):
    rng = np.random.default_rng(seed)
    old = jax.tree.map(lambda leaf: rng.standard_normal(leaf.shape).astype(np.float32), tree)
    found = float(backend.delta_norm(tree, old))
    assert found == pytest.approx(numpy_backend.delta_norm(tree, old), rel=1e-6)
    scaled = [jax.tree.map(lambda leaf: leaf * np.float32(2.0**power), part) for part in (tree, old)]
    assert float(backend.delta_norm(*scaled)) == found * 2.0**power  # a power of two costs no digit


def halves_and_updates(jnp, dtype, update_dtype):
    """Parameters of every size with updates from far below their last digit to far above, ties and the largest numbers among them."""
    rng = np.random.default_rng(0)
    parameter = (rng.standard_normal(100_000) * 10.0 ** rng.uniform(-7, 4, 100_000)).astype(jnp.dtype(dtype))
    update = (parameter.astype(np.float64) * 2.0 ** rng.integers(-14, 2, 100_000) * rng.choice([-1, 1, 0.3], 100_000)).astype(
        jnp.dtype(update_dtype)
    )
    parameter[:5] = update[:5] = np.array([6.5e4, 0, 1, -(2.0**-20), 2.0**-14]).astype(jnp.dtype(dtype))
    return parameter, update


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("update_dtype", ["own", "float32"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_applied_change_is_what_is_stored(backend, jax, jnp, dtype, update_dtype):
    optax = require("optax")
    parameter, update = halves_and_updates(jnp, dtype, dtype if update_dtype == "own" else update_dtype)
    stored = (parameter + update).astype(parameter.dtype)
    np.testing.assert_array_equal(stored, optax.apply_updates(jnp.asarray(parameter), jnp.asarray(update)))
    expected = stored.astype(np.float32) - parameter.astype(np.float32)
    with jax.disable_jit():
        eager = backend.applied_change(jnp.asarray(parameter), jnp.asarray(update))
    compiled = jax.jit(lambda p, u: backend.applied_change(p, u))(parameter, update)
    for found in (eager, compiled):
        assert found.dtype == jnp.float32
        np.testing.assert_array_equal(np.asarray(found).view(np.uint32), expected.view(np.uint32))
    norm = jax.jit(lambda p, u: jnp.sqrt(backend.square_sum(backend.applied_change(p, u))))(parameter[5:], update[5:])
    finite = expected[5:].astype(np.float64)
    assert float(norm) == pytest.approx(np.linalg.norm(finite), rel=1e-6)


def test_applied_change_of_other_kinds(backend, jnp):
    assert backend.applied_change(jnp.ones(1, dtype=jnp.bfloat16), 0.001).tolist() == [0.0]
    assert backend.applied_change(1.0, 2.0).tolist() == 2.0
    assert backend.applied_change(jnp.ones(1, dtype=jnp.complex64), jnp.array([1j])).tolist() == [1j]
    assert backend.applied_change(jnp.array([3]), jnp.array([0.7])).tolist() == [0.0]
    tiny = jnp.array([1, 0.1], dtype=jnp.float8_e4m3fn)
    assert backend.applied_change(tiny[:1], tiny[1:]).tolist() == [0.125]
    assert float(backend.delta_norm(tiny[:1], tiny[:1] * 2)) == 1
    halves = jnp.array([jnp.inf, jnp.nan, 1], dtype=jnp.float16)
    np.testing.assert_array_equal(backend.applied_change(halves[2:], jnp.array([jnp.inf, jnp.nan, 1e6])), [np.inf, np.nan, np.inf])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("shape", [(10_000_000,), (2500, 4000), (5_000_000, 2), (10_000_019,)])
def test_no_array_as_large_as_the_parameters(backend, jax, jnp, dtype, shape):
    x = jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))
    small = math.prod(shape) / 2

    def norm(parameter, update):
        return jnp.sqrt(backend.square_sum(backend.applied_change(parameter, update)))

    for function in (lambda a, b: backend._norm([a], [b]), norm):
        compiled = jax.jit(function).lower(x, x).compile()
        assert compiled.memory_analysis().temp_size_in_bytes < small


def test_shards_are_summed_where_they_are():
    """On eight devices, in a process of their own: no parameter is gathered, copies keep their sharding."""
    require("jax")
    script = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from wcdfa.backends.jax import applied_change, copied, delta_norm, square_sum
mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y"))
function = jax.jit(lambda a, b: (delta_norm(a, b), square_sum(applied_change(a, b))))
for shape in ((800, 64), (512, 800), (40, 8)):
    for spec in (P("x"), P(None, "x"), P(("x", "y")), P(None, ("x", "y")), P("x", "y")):
        a, b = (jax.device_put(jnp.full(shape, value, jnp.bfloat16), NamedSharding(mesh, spec)) for value in (3, 1))
        text = function.lower(a, b).compile().as_text()
        assert "all-reduce" in text
        assert not any(word in text for word in ("all-gather", "all-to-all", "collective-permute")), (shape, spec)
        norm, square = function(a, b)
        assert abs(float(norm) / (2 * a.size**0.5) - 1) < 1e-6
        assert float(square) == a.size
        assert copied({"a": a})["a"].sharding == a.sharding
"""
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


def test_parameters_by_path(backend, jax, jnp):
    tree = {
        "layers": [{"weight": jnp.ones((2, 3)), "bias": np.ones(3, dtype=np.float16)}, (jnp.ones(1, dtype=jnp.bfloat16),)],
        "phase": jnp.ones(2, dtype=jnp.complex64),
        "rest": [jnp.arange(3), jax.random.key(0), math.sin, None, 1.0, "name", np.arange(2), jnp.array([True])],
        "value": jnp.ones(1),
    }
    found = backend.parameters_of(tree)
    assert set(found) == {"layers/0/weight", "layers/0/bias", "layers/1/0", "phase", "value"}
    assert found["layers/0/weight"] is tree["layers"][0]["weight"]
    assert list(backend.parameters_of(jnp.ones(3))) == ["parameters"]
    assert set(backend.parameters_of({"a/b": jnp.ones(1), "a": {"b": jnp.ones(1)}})) == {"a/b", "a/b (2)"}
    assert set(backend.parameters_of({"a": {"value": jnp.ones(1)}})) == {"a/value"}  # a key, not a variable


def test_parameters_of_an_equinox_module(backend, jax, jnp):
    equinox = require("equinox")
    model = equinox.nn.MLP(2, 3, 4, 1, key=jax.random.key(0))
    assert set(backend.parameters_of(model)) == {f"layers/{i}/{name}" for i in (0, 1) for name in ("weight", "bias")}
    moved = equinox.tree_at(lambda model: model.layers[0].bias, model, model.layers[0].bias + 1)
    assert float(backend.delta_norm(moved, model)) == pytest.approx(2)


def test_no_parameters(backend, jax, jnp):
    things = [
        "name",
        math.sin,
        object(),
        (i for i in range(3)),
        1.0,
        None,
        {},
        [1.0],
        jnp.array(1.0),
        jnp.ones((1, 1)),
        {1: 1, "a": 2},
    ]
    for thing in [*things, np.ones(3), {"w": np.ones(3)}]:
        assert backend.parameters_of(thing) is None
    assert backend.parameters_of({"count": jnp.arange(3)}) == {}


def test_no_parameters_of_a_torch_module(backend):
    assert backend.parameters_of(require("torch").nn.Linear(2, 3)) is None


def test_copies_outlive_the_originals(backend, jax, jnp):
    parameters = {"w": jnp.ones(1000), "b": jnp.zeros(3, dtype=jnp.bfloat16)}
    copies = backend.copied(parameters)
    assert all(copies[path].unsafe_buffer_pointer() != parameters[path].unsafe_buffer_pointer() for path in parameters)
    new = jax.jit(lambda w: w + 1, donate_argnums=0)(parameters["w"])
    assert parameters["w"].is_deleted()
    parameters["b"].delete()
    assert float(backend.delta_norm(new, copies["w"])) == pytest.approx(math.sqrt(1000))
    assert copies["b"].tolist() == [0, 0, 0]
    assert {path: (copy.dtype, copy.sharding) for path, copy in copies.items()}["b"] == (jnp.bfloat16, copies["w"].sharding)


def test_group_norms(backend, jax, jnp):
    new = {"a/w": jnp.full(9, 2.0), "a/b": jnp.full(4, 1.0, dtype=jnp.bfloat16), "c": jnp.full(2, 5.0)}
    old = {path: jnp.zeros_like(value) for path, value in new.items()}
    members = {"all": list(new), "a": ["a/w", "a/b"], "c": ("c",), "none": ()}
    backend._group_norms.clear_cache()
    with jax.transfer_guard("disallow"):
        found = backend.group_norms(new, old, members)
        for _ in range(3):
            backend.group_norms(old, new, {name: tuple(paths) for name, paths in members.items()})
    assert backend._group_norms._cache_size() == 1
    assert list(found) == ["all", "a", "c", "none"]
    assert {name: float(norm) ** 2 for name, norm in found.items()} == pytest.approx({"all": 90, "a": 40, "c": 50, "none": 0})
    backend.group_norms(new, old, {"c": ["c"]})
    assert backend._group_norms._cache_size() == 2
