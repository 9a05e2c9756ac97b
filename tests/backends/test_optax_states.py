"""Recorders anywhere in the state of an optimizer: found, told apart, stripped, and in nobody's way."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.optax_runs import gradients, moves, network, norm, run

CLOSE = 5e-6
LABELS = {"encoder": "a", "head": "b"}


pytestmark = [pytest.mark.usefixtures("float32"), pytest.mark.slow]  # nearly each test compiles a program


def arrangements(optax, monitor, record):
    """By name: an optimizer with recorders in it, what it is without, and how many recorders there are."""
    adam, sgd, clip, inject = optax.adam, optax.sgd, optax.clip_by_global_norm, optax.inject_hyperparams
    labels, mask = LABELS, {"encoder": True, "head": False}
    return {
        "around": (monitor(adam(0.1)), adam(0.1), 1),
        "around a chain": (monitor(optax.chain(clip(1.0), adam(0.1))), optax.chain(clip(1.0), adam(0.1)), 1),
        "in a chain": (optax.chain(clip(1.0), monitor(adam(0.1))), optax.chain(clip(1.0), adam(0.1)), 1),
        "last of a chain": (optax.chain(adam(0.1), record()), optax.chain(adam(0.1)), 1),
        "named chain": (optax.named_chain(("adam", adam(0.1)), ("last", record())), optax.named_chain(("adam", adam(0.1))), 1),
        "twice": (monitor(monitor(adam(0.1))), adam(0.1), 2),
        "before and after": (optax.chain(record(measure="update"), adam(0.1), record()), optax.chain(adam(0.1)), 2),
        "in steps": (optax.MultiSteps(monitor(adam(0.1)), 2), optax.MultiSteps(adam(0.1), 2), 1),
        "around steps": (monitor(optax.MultiSteps(adam(0.1), 2).gradient_transformation()), optax.MultiSteps(adam(0.1), 2), 1),
        "injected": (monitor(inject(adam)(0.1)), inject(adam)(0.1), 1),
        "inside injected": (
            inject(lambda learning_rate: monitor(sgd(learning_rate)))(0.1),
            inject(lambda learning_rate: sgd(learning_rate))(0.1),
            1,
        ),
        "one a part": (
            optax.partition({"a": monitor(adam(0.1)), "b": monitor(sgd(0.1))}, labels),
            optax.partition({"a": adam(0.1), "b": sgd(0.1)}, labels),
            2,
        ),
        "around parts": (
            monitor(optax.partition({"a": adam(0.1), "b": sgd(0.1)}, labels)),
            optax.partition({"a": adam(0.1), "b": sgd(0.1)}, labels),
            1,
        ),
        "alone": (record(), optax.identity(), 1),
        "masked": (optax.masked(record(), mask), optax.masked(optax.identity(), mask), 1),
        "in a list": (
            optax.chain(optax.chain(adam(0.1), record()), monitor(clip(1.0))),
            optax.chain(optax.chain(adam(0.1)), clip(1.0)),
            2,
        ),
    }


NAMES = [
    "around", "around a chain", "in a chain", "last of a chain", "named chain", "twice", "before and after", "in steps",
    "around steps", "injected", "inside injected", "one a part", "around parts", "alone", "masked", "in a list",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_found_and_stripped(optax_backend, optax, name):
    jax, params = require("jax"), network()
    tx, bare, recorders = arrangements(optax, optax_backend.monitor, optax_backend.record)[name]
    found = optax_backend.readings(tx.init(params))
    assert len(found) == recorders
    assert all(reading.count == 0 for reading in found.values())
    given = gradients(2)
    (_, with_it, state), (_, without, expected) = run(tx, given), run(bare, given)
    assert all(reading.count + reading.skipped in (1, 2) for reading in optax_backend.readings(state).values())
    stripped = optax_backend.strip(state)
    assert jax.tree.structure(stripped) == jax.tree.structure(expected)
    same = jax.tree.map(lambda a, b: np.allclose(a, b, rtol=1e-5, atol=1e-6), (stripped, with_it), (expected, without))
    assert all(jax.tree.leaves(same))
    if recorders == 1:
        assert optax_backend.read(state).count == next(iter(optax_backend.readings(state).values())).count


def test_all_arrangements_are_tested(optax_backend, optax):
    assert list(arrangements(optax, optax_backend.monitor, optax_backend.record)) == NAMES


def test_a_bare_state_has_nothing_to_strip(optax_backend, optax):
    state = optax.chain(optax.clip(1.0), optax.adam(0.1)).init(network())
    assert require("jax").tree.structure(optax_backend.strip(state)) == require("jax").tree.structure(state)
    assert optax_backend.strip([{"a": optax_backend.record().init({})}, 3]) == [{}, 3]


def test_what_each_recorder_records(optax_backend, optax):
    """Before the clipping, after it, and what the parameters got: three different series."""
    optimizer = optax.chain(
        optax_backend.record(window=9, measure="update"),
        optax.clip_by_global_norm(1.0),
        optax_backend.record(window=9, measure="update"),
        optax.sgd(0.1, momentum=0.9),
        optax_backend.record(window=9),
    )
    given = gradients(5)
    history, _, state = run(optimizer, given)
    first, second, third = optax_backend.readings(state).values()
    assert list(optax_backend.readings(state)) == ["0", "2", "4"]
    np.testing.assert_allclose(first.norms, [norm(gradient) for gradient in given], rtol=CLOSE)
    np.testing.assert_allclose(second.norms, np.ones(5), rtol=CLOSE)
    np.testing.assert_allclose(third.norms, moves(history), rtol=CLOSE)


def test_one_monitor_a_part(optax_backend, optax):
    inject = optax.inject_hyperparams
    parts = {
        "a": optax_backend.monitor(inject(optax.adam)(0.1, b1=0.8), window=4),
        "b": optax_backend.monitor(inject(optax.sgd)(0.01, momentum=0.9), window=4),
    }
    history, _, state = run(optax.partition(parts, LABELS), gradients(6))
    found = optax_backend.readings(state)
    assert list(found) == ["inner_states/a/inner_state/wcdfa_record", "inner_states/b/inner_state/wcdfa_record"]
    encoder, head = found.values()
    for reading, part in ((encoder, "encoder"), (head, "head")):
        np.testing.assert_allclose(reading.norms, moves(history, lambda path, part=part: part in path)[-4:], rtol=CLOSE)
    # each knows its own optimizer, and not that of the other part
    assert (encoder.optimizer, encoder.hyperparameters["betas"]) == ("adam", (0.8, 0.999))
    assert (head.optimizer, head.hyperparameters) == ("sgd", {"momentum": 0.9})
    np.testing.assert_allclose(encoder.lr, 0.1)
    np.testing.assert_allclose(head.lr, 0.01)


def test_a_monitor_around_parts(optax_backend, optax):
    parts = optax.multi_transform({"a": optax.adam(0.1), "b": optax.set_to_zero()}, LABELS)
    history, _, state = run(optax_backend.monitor(parts, window=9, groups=1), gradients(4))
    found = optax_backend.read(state)
    np.testing.assert_allclose(found.norms, moves(history), rtol=CLOSE)
    np.testing.assert_allclose(found.groups["encoder"], moves(history), rtol=CLOSE)
    assert found.groups["head"].tolist() == [0, 0, 0, 0]  # frozen, and yet these were steps


def test_lookups_find_what_they_found_before(optax_backend, optax):
    params = network()
    schedule = optax.linear_schedule(0.1, 0.01, 5)
    for bare, names in (
        (optax.adam(0.1), ("count", "mu", "nu")),
        (optax.sgd(schedule), ("count",)),
        (optax.inject_hyperparams(optax.sgd)(schedule, momentum=0.9), ("hyperparams", "momentum", "trace")),
        (optax.inject_hyperparams(optax.adamw)(0.1), ("learning_rate", "weight_decay", "b1", "hyperparams", "mu")),
        (optax.contrib.reduce_on_plateau(), ("scale", "best_value", "plateau_count", "count")),
    ):
        named = {"optimizer": "adamw", "b1": 0.9, "weight_decay": 0.1, "lr": 0.1}
        with_it = optax_backend.monitor(bare, groups=1, **named).init(params)
        for name in names:
            expected = optax.tree.get(bare.init(params), name)
            found = optax.tree.get(with_it, name)
            same = require("jax").tree.map(lambda a, b: bool((a == b).all()), found, expected)
            assert all(require("jax").tree.leaves(same))
    changed = optax.tree.set(optax_backend.monitor(optax.inject_hyperparams(optax.sgd)(0.1)).init(params), learning_rate=0.5)
    assert float(optax.tree.get(changed, "learning_rate")) == 0.5


def test_parameters_in_a_state_can_be_mapped(optax_backend, optax):
    jnp = require("jax").numpy
    tx = optax_backend.monitor(optax.adam(0.1), groups=["encoder", "head"])
    state = tx.init(network())
    mapped = optax.tree.map_params(tx, lambda value: jnp.ones_like(value), state)
    assert norm(optax.tree.get(mapped, "mu")) == pytest.approx(np.sqrt(40 * 20 + 20 + 60 + 3))
    assert optax_backend.read(mapped).count == 0


def test_anything_with_a_state(optax_backend, optax):
    class Training:
        opt_state = optax_backend.monitor(optax.adam(0.1)).init(network())

    assert optax_backend.read(Training()).count == 0
    assert list(optax_backend.readings(Training())) == ["wcdfa_record"]
    assert list(optax_backend.readings({"step": 3, "opt": [Training.opt_state]})) == ["opt/0/wcdfa_record"]


def test_where_it_differs_from_the_monitor_of_optax(optax_backend, optax):
    """As the documents say: theirs keeps the latest value, in a state whose structure changes; ours the last norms, in one that stays."""
    if not hasattr(optax, "monitor"):
        pytest.skip("this release of optax has no monitor")
    jax, params, given = require("jax"), network(), gradients(3)
    theirs = optax.chain(optax.adam(0.1), optax.monitor({"norm": optax.tree.norm}))
    ours = optax_backend.monitor(optax.adam(0.1), window=3)
    for tx, same in ((theirs, False), (ours, True)):
        _, after = tx.update(given[0], tx.init(params), params)
        assert (jax.tree.structure(tx.init(params)) == jax.tree.structure(after)) == same

    def scanned(tx):
        stacked = jax.tree.map(lambda *parts: jax.numpy.stack(parts), *given)
        return jax.lax.scan(lambda state, gradient: tx.update(gradient, state, params)[::-1], tx.init(params), stacked)[0]

    assert optax_backend.read(scanned(ours)).norms.shape == (3,)
    with pytest.raises(TypeError, match="carry"):
        scanned(theirs)
    state = theirs.init(params)
    for gradient in given:
        _, state = theirs.update(gradient, state, params)
    assert optax.tree.get(state, "norm").shape == ()
