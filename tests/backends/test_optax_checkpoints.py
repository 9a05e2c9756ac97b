"""Saved with orbax in the middle of a window and restored in another process: the same norms to the last bit."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.optax_runs import gradients, kinds, network, run
from tests.helpers.processes import printed, start

pytestmark = pytest.mark.usefixtures("float32")


@pytest.fixture
def orbax():
    require("optax")
    require("orbax.checkpoint")
    import orbax.checkpoint

    return orbax.checkpoint


def test_stopped_and_gone_on_with(orbax, tmp_path):
    """Before the window is full, when it just is, and after it has wrapped around; one step of the run was none."""
    stops = (2, 6, 9)
    whole = printed(start("optax_checkpoints.py", "save", tmp_path, *stops))
    assert (whole["count"], len(whole["norms"])) == (12, 5)
    assert len(set(whole["norms"])) == 5
    for resumed in printed(start("optax_checkpoints.py", "resume", tmp_path, *stops)):
        assert resumed == whole
    said = printed(start("optax_checkpoints.py", "refuse", tmp_path, 9))
    assert "shape" in said.lower()
    assert "(5,)" in said
    assert "(7,)" in said


def test_killed_while_saving(orbax, tmp_path):
    """The last checkpoint that is whole is found and restored."""
    said = {}
    with start("optax_checkpoints.py", "manage", tmp_path) as process:
        for line in process.stdout:
            now = json.loads(line)
            said[now["saving"]] = now
            if now["saving"] == 3:  # the first two are whole; this one is being written
                limit = time.monotonic() + 20
                while not list(tmp_path.glob("3*")) and time.monotonic() < limit:
                    time.sleep(0.0005)
                break
        process.kill()  # SIGKILL
    restored = printed(start("optax_checkpoints.py", "latest", tmp_path))
    number = restored.pop("step")
    assert number in (2, 3)
    assert restored.pop("next") == number + 1
    assert {"saving": number, **restored} == said[number]


def saved(checkpointer, folder, state):
    checkpointer.save(folder, state)
    checkpointer.wait_until_finished()


def test_another_window(optax_backend, optax, orbax, tmp_path):
    """Where orbax lets it pass, because the state is restored as it was, the monitor refuses it, and both ways out work."""
    given, params = gradients(9), network()
    short, long = (optax_backend.monitor(optax.adam(0.1), window=window) for window in (4, 7))
    history, _, state = run(short, given[:6])
    with orbax.StandardCheckpointer() as checkpointer:
        saved(checkpointer, tmp_path / "state", state)
        with_its_own = checkpointer.restore(tmp_path / "state", short.init(params))
    with pytest.raises(ValueError, match="the state holds a ring of 4 norms, and this monitor has window=7: use window=4"):
        long.update(given[0], with_its_own, history[-1])
    began = long.init(params)._replace(inner_state=optax_backend.strip(with_its_own))
    more, _, went_on = run(long, given[6:], history[-1], began)
    expected, _, _ = run(optax.adam(0.1), given)
    require("jax").tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), more[-1], expected[-1])
    assert optax_backend.read(went_on).count == 3


def test_a_checkpoint_from_before_there_was_a_monitor(optax_backend, optax, orbax, tmp_path):
    given, params, bare = gradients(8), network(), optax.inject_hyperparams(optax.adamw)(0.1)
    history, _, state = run(bare, given[:5])
    tx = optax_backend.monitor(bare, window=4, groups=1)
    with orbax.StandardCheckpointer() as checkpointer:
        saved(checkpointer, tmp_path / "state", state)
        restored = checkpointer.restore(tmp_path / "state", bare.init(params))
        began = tx.init(params)._replace(inner_state=restored)
        assert kinds(began) == kinds(tx.init(params))
        _, _, went_on = run(tx, given[5:], history[-1], began)
        # and back: a checkpoint without the monitor is one that the bare optimizer reads
        saved(checkpointer, tmp_path / "bare", optax_backend.strip(went_on))
        again = checkpointer.restore(tmp_path / "bare", bare.init(params))
    _, _, expected = run(bare, given)
    for a, b in zip(require("jax").tree.leaves(again), require("jax").tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert optax_backend.read(went_on).count == 3


def test_without_a_target(optax_backend, optax, orbax, tmp_path):
    """orbax then gives dictionaries, in which no monitor is found: the error says what is needed."""
    _, _, state = run(optax_backend.monitor(optax.adam(0.1), window=4), gradients(2))
    with orbax.StandardCheckpointer() as checkpointer:
        saved(checkpointer, tmp_path / "state", state)
        restored = checkpointer.restore(tmp_path / "state")
    with pytest.raises(ValueError, match=r"no monitor in this state: make it with monitor\(tx\).init\(params\)"):
        optax_backend.read(restored)
