"""Runs that are logged to a sink: with groups of hostile names, and one that is killed and goes on from a checkpoint before."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from wcdfa import WeightChangeDFA, synthetic
from wcdfa.sinks.keys import clean

NORMS = np.exp(0.1 * synthetic.white_noise(1000, seed=0))
HOSTILE = [
    "encoder/0",
    "layers[0]['w']",
    'layers[0]["w"]',
    "<script>alert(1)</script>",
    "../../x",
    ".",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "two lines",
    "α",
    "a" * 10_000,
    "a" * 9_999,
    "'; DROP TABLE metrics; --",
]
Logged = list[tuple[str, int, float]]  # key, step, number, in the order written


class Seen:
    """A sink that also keeps what it is given."""

    def __init__(self, sink: Any) -> None:
        self.sink = sink
        self.logged: Logged = []

    def __call__(self, step: int, metrics: dict[str, float]) -> None:
        self.logged += [(clean(key), step, value) for key, value in metrics.items()]
        self.sink(step, metrics)


def monitored(sink: Any) -> WeightChangeDFA:
    return WeightChangeDFA(window=128, stride=100, method="gls", logger=sink, log_every=1)


def thousand(sink: Any) -> Logged:
    """A run of 1,000 norms, one of them not finite, that have an α of each group."""
    seen = Seen(sink)
    monitor = WeightChangeDFA(window=128, stride=300, method="gls", groups=str, logger=seen, log_every=1)
    parameters = {name: np.zeros(2) for name in HOSTILE}
    monitor.update(parameters)
    for i, norm in enumerate(NORMS):
        for name, x in parameters.items():
            x[:] = math.inf if i == 700 and name == "α" else (-1) ** i * norm
        monitor.update(parameters)
    assert monitor.n_samples == 128
    assert len(monitor.alphas) == 1 + len(HOSTILE)
    return seen.logged


def resumed(begin: Any) -> Logged:
    """Steps 1 to 300, and in a second life, from the checkpoint at 200, 201 to 400, with other norms; ``begin()`` gives the sink of each."""
    first = Seen(begin())
    monitor = monitored(first)
    for norm in NORMS[:300]:
        monitor.update(norm)
        if monitor.reading().count == 200:
            state = monitor.state_dict()
    second = Seen(begin())
    monitor = monitored(second)
    monitor.load_state_dict(state)
    for norm in NORMS[600:800]:
        monitor.update(norm)
    assert second.logged[0][1] == 201
    return first.logged + second.logged


def same(found: Logged, expected: Logged, dtype: Any = np.float64) -> bool:
    """Whether these are the same once the last number of each key and step has replaced the others; NaN is a number."""
    found, expected = ({(key, step): value for key, step, value in each} for each in (found, expected))
    if set(found) != set(expected):
        return False
    pairs = np.array([(found[place], value) for place, value in expected.items()], dtype=np.float64).astype(dtype)
    return bool(np.array_equal(pairs[:, 0], pairs[:, 1], equal_nan=True))


@contextmanager
def room(size: int | None) -> Iterator[None]:
    """Files may not grow beyond so many bytes; None for no limit."""
    resource = pytest.importorskip("resource", reason="this system has no limit for files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY if size is None else size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
