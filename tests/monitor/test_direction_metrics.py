"""What trackers are given of the direction, and with each α."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tests.helpers.live_runs import run_on_white, until
from wcdfa import WeightChangeDFA
from wcdfa.sinks.keys import DIRECTION

RUN = run_on_white("sgd", 700, 1)


def test_the_last_step_and_the_window_are_logged():
    monitor = WeightChangeDFA().update(until(RUN, 450))
    now = monitor.metrics()
    assert now["wcdfa/cosine"] == pytest.approx(RUN.cosine[449])
    assert now["wcdfa/cosine/layer1"] == pytest.approx(RUN.cosines["layer1"][449])
    assert now["wcdfa/update_ratio"] == pytest.approx(RUN.norms[449] / RUN.weight_norm[449])
    assert now["wcdfa/weight_norm"] == pytest.approx(RUN.weight_norm[449])
    assert "wcdfa/vector_alpha" not in now  # there is no α yet
    monitor.update(until(RUN, 640))
    now = monitor.metrics()
    assert set(DIRECTION) <= set(now)
    assert 0.86 < now["wcdfa/cosine_low"] < 0.9 < now["wcdfa/cosine_high"] < 0.96
    assert now["wcdfa/diagnosis_p"] == 1.0
    assert now["wcdfa/vector_alpha_4_16"] == pytest.approx(1.371, abs=0.03)
    assert now["wcdfa/vector_alpha_16"] == pytest.approx(1.07, abs=0.06)


def test_a_fault_has_a_small_p():
    monitor = WeightChangeDFA().update(until(run_on_white("sgd", 600, 2, fault="momentum", at=0), 600))
    assert monitor.metrics()["wcdfa/diagnosis_p"] < 1e-6
    assert monitor.metrics()["wcdfa/cosine"] < monitor.metrics()["wcdfa/cosine_low"]


def test_without_an_optimizer_the_expectation_is_not_a_number():
    monitor = WeightChangeDFA().update(until(RUN, 600)._replace(optimizer=None, hyperparameters={}))
    now = monitor.metrics()
    assert all(math.isnan(now[f"wcdfa/{name}"]) for name in ("cosine_low", "cosine_high", "diagnosis_p"))
    assert math.isfinite(now["wcdfa/vector_alpha"])


def test_without_a_direction_no_key_of_it_is_logged():
    monitor = WeightChangeDFA(window=100)
    for norm in RUN.norms[:120]:
        monitor.update(norm)
    assert not set(DIRECTION) & set(monitor.metrics())


def test_a_resumed_run_logs_what_an_uninterrupted_one_does():
    rows, again = {}, {}
    one = WeightChangeDFA(logger=rows.__setitem__, log_every=20)
    one.update(until(RUN, 530))
    other = WeightChangeDFA(logger=again.__setitem__, log_every=20)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    for each in (one, other):
        each.update(until(RUN, 690))
    assert again
    assert all(np.array_equal([*rows[step].values()], [*again[step].values()], equal_nan=True) for step in again)
    assert all(rows[step].keys() == again[step].keys() for step in again)
    assert set(DIRECTION) <= set(again[max(again)])
