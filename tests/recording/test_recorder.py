"""What happens between `update` and the ring: devices, bad norms, wrong types."""

from __future__ import annotations

import copy
import logging

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa import WeightChangeDFA, synthetic

NORMS = np.exp(0.1 * synthetic.white_noise(400, seed=0))
ZEROS = np.where(np.arange(400) % 7 == 3, 0.0, NORMS)


class OnDevice:
    """A number on a device, that counts how often one was copied from there."""

    shape, dtype = (), np.dtype("float32")
    copied = 0

    def __init__(self, value):
        self.value = value

    def item(self):
        OnDevice.copied += 1
        return self.value


@pytest.fixture(autouse=True)
def none_copied():
    OnDevice.copied = 0


def test_a_norm_stays_on_its_device_until_alpha_is_due():
    monitor = WeightChangeDFA(window=64, stride=16)
    for i, norm in enumerate(NORMS[:100], start=1):
        monitor.update(OnDevice(norm))
        assert OnDevice.copied == i // 16 * 16


@pytest.mark.parametrize("ask", ["alpha", "history", "n_samples", "get_signal", "state_dict", "metrics", "skipped", "__repr__"])
def test_or_until_something_is_asked_for(ask):
    monitor = WeightChangeDFA(window=64, stride=16)
    for norm in NORMS[:5]:
        monitor.update(OnDevice(norm), lr=OnDevice(0.1))
    assert OnDevice.copied == 0
    found = getattr(monitor, ask)
    if callable(found):
        found()
    assert OnDevice.copied == 10
    assert monitor.n_samples == 5
    assert OnDevice.copied == 10


def test_norms_that_are_not_recorded_are_never_copied():
    monitor = WeightChangeDFA(window=64, stride=16, record_every=10)
    for norm in NORMS:
        monitor.update(OnDevice(norm))
    assert monitor.n_samples == OnDevice.copied == 40


def test_no_more_than_a_window_waits():
    monitor = WeightChangeDFA(window=50, stride=10**9)
    for norm in NORMS:
        monitor.update(OnDevice(norm))
    assert OnDevice.copied == 400


@pytest.mark.parametrize("options", [{}, {"stride": lambda count: count % 10 == 0}, {"log_every": 7}, {"stride": 300}])
@pytest.mark.parametrize("norms", [NORMS, ZEROS], ids=["norms", "with zeros"])
def test_where_a_norm_lives_makes_no_difference(norms, options):
    logs = {float: [], OnDevice: []}
    monitors = {
        kind: WeightChangeDFA(64, **options, logger=lambda step, numbers, log=log: log.append((step, numbers)))
        for kind, log in logs.items()
    }
    for norm in norms:
        for kind, monitor in monitors.items():
            monitor.update(kind(norm), lr=kind(0.1))
    host, device = monitors.values()
    assert host.state_dict() == device.state_dict()
    assert len(host.history) > 0
    assert logs[float] == logs[OnDevice]


def test_jax_and_torch_norms():
    jax, torch = require("jax"), require("torch")
    host, others = WeightChangeDFA(64), (WeightChangeDFA(64), WeightChangeDFA(64))
    for norm in ZEROS[:150].astype(np.float32):
        host.update(norm)
        others[0].update(jax.numpy.asarray(norm))
        others[1].update(torch.tensor(norm))
    for other in others:
        assert other.state_dict() == host.state_dict()


def test_a_buffer_that_is_written_again_does_not_change_what_was_recorded():
    torch = require("torch")
    for buffer in (np.zeros(1), torch.zeros(()), torch.zeros((), requires_grad=True)):
        monitor = WeightChangeDFA(64).update(OnDevice(9.0))
        for norm in (1.0, 2.0, 3.0):
            with torch.no_grad():
                buffer[...] = norm
            monitor.update(buffer)
        np.testing.assert_array_equal(monitor.get_signal(), [9, 1, 2, 3])


def test_a_norm_that_its_device_has_no_more_is_a_gap(caplog):
    jax = require("jax")
    monitor = WeightChangeDFA(64)
    norms = [jax.numpy.asarray(norm) for norm in (1.0, 2.0, 3.0)]
    for norm in norms:
        monitor.update(norm)
    norms[1].delete()
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        np.testing.assert_array_equal(monitor.get_signal(), [1, np.nan, 3])
    assert "could not be read from its device" in caplog.text


@pytest.mark.parametrize(
    ("given", "lr", "message"),
    [
        ("0.1", None, "update takes a number, an array of size 1, a Reading, or the parameters .*; got str"),
        (None, None, "got NoneType"),
        (1.0, "fast", "lr must be a number or an array of size 1, got str"),
        (1.0, [0.1, 0.2], "lr must be a number or an array of size 1, got list"),
    ],
)
def test_a_wrong_type_amid_a_run_loses_nothing(given, lr, message):
    monitor, calm = WeightChangeDFA(64), WeightChangeDFA(64)
    for i, norm in enumerate(NORMS):
        calm.update(norm)
        monitor.update(OnDevice(norm))
        if i % 50 == 20:
            with pytest.raises(TypeError, match=message):
                monitor.update(given, lr=lr)
    assert monitor.state_dict() == calm.state_dict()


def test_a_cadence_that_raises_loses_nothing():
    def stride(count):
        if count == 70:
            raise OSError(count)
        return count % 10 == 0

    monitor = WeightChangeDFA(64, stride)
    for norm in NORMS[:69]:
        monitor.update(OnDevice(norm))
    with pytest.raises(OSError, match="70"):
        monitor.update(OnDevice(NORMS[69]))
    np.testing.assert_array_equal(monitor.get_signal(), NORMS[6:70])


@pytest.mark.parametrize("place", ["norm", "lr", "parameters"])
def test_a_traced_value_is_refused_with_a_way_out(place):
    jax = require("jax")
    monitor = WeightChangeDFA()

    def step(x):
        monitor.update({"norm": x, "lr": 1.0, "parameters": {"w": x, "b": x}}[place], lr=x if place == "lr" else None)

    with pytest.raises(
        TypeError, match=r"traced value, inside a function that JAX compiles: record inside with wcdfa\.backends\.optax"
    ):
        jax.jit(step)(1.0)
    assert monitor.n_samples == 0


def test_an_update_that_is_nan_splits_the_boxes_and_the_window_says_so():
    monitor = WeightChangeDFA(window=128, stride=32)
    for norm in [*NORMS[:128], np.nan, *NORMS[128:159]]:
        monitor.update(norm)
    assert np.isfinite(monitor.alpha)
    found = monitor.verdict()
    assert "1 norm that is not finite was dropped" in [finding.text for finding in found.findings]
    assert found.prepared.breaks == (96,)
    assert found.alpha == monitor.alpha


def test_alpha_comes_back_when_nan_updates_have_left():
    monitor = WeightChangeDFA(window=64, stride=16)
    for norm in [*NORMS[:64], *[np.nan] * 48]:
        monitor.update(norm)
    assert np.isnan(monitor.alpha)
    assert monitor.regime is None
    assert "16 of 64 norms remain (0 are 0, 48 not finite)" in monitor.reason
    assert monitor.reason in str(monitor.verdict())
    for norm in NORMS[:64]:
        monitor.update(norm)
    prepared = wcdfa.prepare(NORMS[:64])
    assert monitor.alpha == pytest.approx(wcdfa.dfa(prepared.values, breaks=prepared.cuts).alpha, rel=1e-12)
    assert monitor.reason is None
    remaining = np.array([64, 48, 32, 16, 16, 32, 48, 64])[-len(monitor.history) :]
    np.testing.assert_array_equal(np.isnan(monitor.history), remaining < 28)


def test_copies_go_on_alone():
    monitor = WeightChangeDFA(64)
    for norm in NORMS[:70]:
        monitor.update(OnDevice(norm))
    other = copy.deepcopy(monitor)
    for norm in NORMS[70:140]:
        other.update(norm)
    assert monitor.n_samples == 64
    np.testing.assert_array_equal(monitor.get_signal(), NORMS[6:70])
    np.testing.assert_array_equal(other.get_signal(), NORMS[76:140])
