"""Readers on other threads while training goes on."""

from __future__ import annotations

import copy
import json
import threading
import warnings

import numpy as np

from tests.conftest import require
from wcdfa import RollingWeightChangeDFA, WeightChangeDFA, synthetic, verdict

NORMS = np.exp(0.1 * synthetic.white_noise(2000, seed=0)).astype(np.float32)
READERS = {
    "alpha": lambda monitor: monitor.alpha,
    "history": lambda monitor: [float(alpha) for alpha in monitor.history],
    "metrics": lambda monitor: monitor.metrics(),
    "state": lambda monitor: json.dumps(monitor.state_dict(), allow_nan=False),
    "summary": lambda monitor: monitor.summary(),
}


def test_four_threads_read_while_another_records():
    jax = require("jax")
    alone = WeightChangeDFA(window=128, stride=64)
    for norm in NORMS:
        alone.update(norm)
    monitor, done, errors = RollingWeightChangeDFA(window=128, stride=64), threading.Event(), []

    def reads(read):
        seen = 0
        try:
            while not done.is_set():
                read(monitor)
                before, seen = seen, len(monitor.history)
                assert before <= seen
                done.wait(0.002)
        except BaseException as error:  # noqa: BLE001 - it is told below
            errors.append(error)

    threads = [threading.Thread(target=reads, args=(read,)) for read in READERS.values()]
    for thread in threads:
        thread.start()
    try:
        for norm in jax.device_put(list(NORMS)):
            monitor.update(norm)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert monitor.history == alone.history
    np.testing.assert_array_equal(monitor.get_signal(), alone.get_signal())
    assert copy.deepcopy(monitor).history == alone.history


def test_two_threads_that_record_lose_nothing():
    monitor = WeightChangeDFA(window=1000, stride=100)

    def updates(norms):
        for norm in norms:
            monitor.update(norm)

    threads = [threading.Thread(target=updates, args=(NORMS[i:1000:4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(np.sort(monitor.get_signal()), np.sort(NORMS[:1000]))
    assert len(monitor.history) == 1


def test_four_threads_are_each_told_their_own_reason():
    """What a window lacks is a value of its result: no thread sees another's, and the filters of warnings stay as they were."""
    constant, line, short = np.ones(64), np.exp(np.arange(64.0) / 100), np.where(np.arange(64) < 40, np.nan, 1.0)
    expected = {"constant": "is constant, so", "line": "rounding error", "short": "24 of 64 norms remain"}
    series, wrong, filters = {"constant": constant, "line": line, "short": short}, [], list(warnings.filters)

    def judges(name):
        for _ in range(100):
            try:
                said = str(verdict(series[name], order=2))
            except ValueError as error:
                said = str(error)
            if expected[name] not in said:
                wrong.append((name, said))

    threads = [threading.Thread(target=judges, args=(name,)) for name in ("constant", "line", "short", "constant")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert warnings.filters == filters
