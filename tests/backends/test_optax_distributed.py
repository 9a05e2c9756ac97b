"""Norms of parameters that lie on several devices, and in several processes: those of the whole arrays, and nothing is gathered."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.processes import printed, start

HOST_DEVICES = "--xla_force_host_platform_device_count="
CLOSE = 3e-6  # XLA adds some ten thousand float32 squares in another order on each device


@pytest.fixture(autouse=True)
def frameworks():
    require("jax")
    require("optax")


def test_sharded_parameters():
    found = printed(start("optax_sharded.py", XLA_FLAGS=f"{HOST_DEVICES}8"))
    single = found["single"]
    np.testing.assert_allclose(single["all"], found["oracle"], rtol=CLOSE)
    assert len(found["jit"]) == 5
    for name, one in found["jit"].items():
        for group, norms in one["norms"].items():
            np.testing.assert_allclose(norms, single[group], rtol=CLOSE, err_msg=f"{group}, {name}")
        np.testing.assert_allclose(one["norms"]["all"], one["oracle"], rtol=CLOSE)
        for series, values in one["direction"].items():
            np.testing.assert_allclose(values, found["direction"][series], rtol=CLOSE, atol=CLOSE, err_msg=f"{series}, {name}")
        assert one["gathers"] <= one["bare gathers"], name
        assert one["reduces"] > 0, name
        assert one["sharding kept"], name
    mapped = found["shard_map"]
    for name in ("mixed, tracked", "sharded, tracked", "sharded, untracked", "two axes, tracked"):
        direction = mapped[name].pop("direction")
        for group, norms in mapped[name].items():
            np.testing.assert_allclose(norms, single[group], rtol=CLOSE, err_msg=f"{group}, {name}")
        for series in ("cosine", "cosine of first", "cosine of bias", "weights"):  # the sketch is one of other coordinates
            expected = found["direction"][series]
            np.testing.assert_allclose(direction[series], expected, rtol=CLOSE, atol=CLOSE, err_msg=f"{series}, {name}")
        assert np.isfinite(direction["sketch"]).all()
    # Where JAX does not track what varies, a parameter that all eight devices hold whole is taken for eight shards.
    untracked = mapped["mixed, untracked"]
    np.testing.assert_allclose(untracked["first"], single["first"], rtol=CLOSE)
    np.testing.assert_allclose(untracked["bias"], np.sqrt(8) * np.array(single["bias"]), rtol=CLOSE)


def test_two_processes():
    """Each reads the same norms, those of one process that trains alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    started = [start("optax_processes.py", address, 2, own, XLA_FLAGS=f"{HOST_DEVICES}1") for own in (0, 1)]
    try:
        first, second = [printed(process) for process in started]
    finally:
        for process in started:
            process.kill()
    alone = printed(start("optax_processes.py", "none", 1, 0, XLA_FLAGS=f"{HOST_DEVICES}1"))
    assert first == second
    assert (first["processes"], first["whole"]) == (2, False)
    assert (alone["processes"], alone["whole"]) == (1, True)
    for name in ("norms", "first", "lr"):
        np.testing.assert_allclose(first[name], alone[name], rtol=CLOSE)
    assert len(first["norms"]) == 3
    assert (first["betas"], first["count"]) == ([0.9, 0.999], 5)
