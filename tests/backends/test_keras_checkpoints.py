"""Keras runs that are stopped, saved and gone on with in another process, on each backend."""

from __future__ import annotations

import pytest

from tests.conftest import require
from tests.helpers.processes import printed, start


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_stopped_and_gone_on_with(backend, tmp_path):
    """From .keras files, weights, tf.train.Checkpoint and Keras' own backups: the series is that of the run that went on."""
    require("keras")
    require(backend)

    def told(*commands):
        return printed(start("keras_checkpoints.py", tmp_path, *commands, KERAS_BACKEND=backend))

    stopped, whole = told("interrupt", "save")
    resumed, said = told("resume", "refuse")
    assert stopped == 60
    assert (whole["plain"]["count"], len(whole["plain"]["norms"]), whole["plain"]["iterations"]) == (30, 10, 30)
    assert len(set(whole["plain"]["norms"])) == 10
    kinds = {"model", "weights", *(("checkpoint", "late checkpoint") if backend == "tensorflow" else ())}
    assert resumed["plain"] == dict.fromkeys(kinds, whole["plain"])
    assert resumed["scaled"] == whole["scaled"]
    assert set(whole["scaled"]["groups"]) == {"first", "last"}
    assert resumed["epochs"] == whole["epochs"]
    assert len(whole["epochs"]["alpha"]) == 8
    for name, window, groups in (("window", 7, "all, net/first, net/last"), ("groups", 10, "all")):
        error, _, count = said[name]
        assert (
            f"has window={window} and the groups {groups}, but the saved state has window=10 and the groups all, net/first,"
            in error
        )
        assert count == 4
    other = "the saved ones belong to other variables"
    for name, found, why in (
        ("bare", None, "because none were saved"),
        ("late", None, "because it has no variables yet: call build(model.trainable"),
        ("frozen", [], f"because {other}"),
        ("frozen", [], "goes on without its groups: no parameter belongs to group 'first'"),
    ):
        error, warned, count = said[name]
        assert (error, count) == (found, 4)
        assert any("optimizer 'monitored_adam_w" in each and why in each for each in warned), warned
