"""The last norms of a run are logged too, wherever they are when it ends."""

from __future__ import annotations

import copy
import json
import logging
import os

import numpy as np
import pytest

from tests.conftest import require
from wcdfa import WeightChangeDFA, synthetic
from wcdfa.sinks.base import Closing, EachNorm
from wcdfa.sinks.jsonl import JSONLinesSink
from wcdfa.support.unlogged import Unlogged

NORMS = np.exp(0.1 * synthetic.white_noise(650, seed=0)).astype(np.float32)


def floats():
    return float


def arrays():
    return np.asarray


def on_a_device():
    return require("jax").numpy.asarray


def steps_in(path):
    return [json.loads(line)["wcdfa/step"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("count", [90, 650])
@pytest.mark.parametrize("kind", [floats, arrays, on_a_device])
def test_every_norm_is_in_the_file_when_the_sink_is_closed(tmp_path, kind, count):
    made = kind()
    with JSONLinesSink(tmp_path / "run.jsonl") as sink:
        monitor = WeightChangeDFA(window=500, method="gls", logger=sink)
        for norm in NORMS[:count]:
            monitor.update(made(norm), lr=0.1)
    assert steps_in(sink.path) == [*range(1, count + 1)]
    rows = [json.loads(line) for line in sink.path.read_text().splitlines()]
    assert [row["wcdfa/update_norm"] for row in rows] == NORMS[:count].tolist()
    assert [row["wcdfa/step"] for row in rows if "wcdfa/alpha" in row] == ([500, 600] if count == 650 else [])


def test_a_plain_number_is_logged_at_once_though_the_sink_has_no_end():
    class Counts(EachNorm):
        steps = ()

        def __call__(self, step, metrics):
            self.steps += (step,)

    sink = Counts()
    monitor = WeightChangeDFA(window=500, method="gls", logger=sink)
    for norm in NORMS[:90].tolist():
        monitor.update(norm)
    assert sink.steps == tuple(range(1, 91))


class Ends(Closing):
    def __init__(self):
        self.logged, self.finished = [], 0

    def __call__(self, step, metrics):
        self.logged.append(step)

    def finish(self):
        self.finished += 1


def waiting(sink, count=3):
    made = on_a_device()
    monitor = WeightChangeDFA(window=500, method="gls", logger=sink)
    for norm in NORMS[:count]:
        monitor.update(made(norm))
    return monitor


def test_a_sink_logs_what_waits_for_it_and_nothing_else():
    first, second = Ends(), Ends()
    monitors = [waiting(first), waiting(first), waiting(second)]
    copied = copy.copy(monitors[0])  # of which nothing waits that the monitor does not log itself
    gone = waiting(first, 5)
    del gone
    first.close()
    assert sorted(first.logged) == [1, 1, 2, 2, 3, 3]
    first.close()
    assert (len(first.logged), first.finished, second.logged) == (6, 2, [])
    monitors[2].logger = first
    second.close()
    assert second.logged == []
    assert copied.logger is first


def test_an_error_ends_neither_the_run_nor_the_closing(caplog):
    sink = Ends()
    monitor = waiting(sink)
    monitor.log_every = lambda count: 1 / 0
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        sink.close()
    assert sink.finished == 1
    assert [record.getMessage() for record in caplog.records] == ["the last norms of a monitor could not be logged"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_a_forked_child_leaves_the_norms_of_its_parent():
    class One:
        logger, read = "sink", 0

        def reading(self):
            self.read += 1

    one, unlogged = One(), Unlogged()
    unlogged.add(one)
    child = os.fork()
    if not child:
        unlogged.log("sink")
        os._exit(one.read)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    unlogged.log("sink")
    assert one.read == 1
