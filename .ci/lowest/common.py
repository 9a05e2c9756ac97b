"""A log of norms, and what every smoke test asks of it."""

import math
import random

import wcdfa
from wcdfa.readers import read_series

STEPS = 60


def norms(count=STEPS):
    """White noise around 1."""
    draw = random.Random(0)
    return [math.exp(draw.gauss(0, 0.1)) for _ in range(count)]


def logged(sink):
    """Give norms to a monitor with this sink, and return them."""
    monitor = wcdfa.WeightChangeDFA(window=50, logger=sink, log_every=1)
    for norm in norms():
        monitor.update(norm)
    return norms()


def require_read(path, expected):
    """The log at the path holds these norms."""
    series = read_series(path, column="wcdfa/update_norm")
    assert len(series.values) == len(expected), (len(series.values), len(expected))
    assert all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(series.values, expected, strict=True))


def require_recorded(reading, moved):
    """A reading holds the norms that the parameters have moved by."""
    assert len(reading.norms) == len(moved) > 0, (len(reading.norms), len(moved))
    assert all(math.isclose(a, b, rel_tol=1e-4) for a, b in zip(reading.norms, moved, strict=True)), (reading.norms, moved)
