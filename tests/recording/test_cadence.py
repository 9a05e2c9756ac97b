"""When norms are recorded, α computed and the logger called."""

from __future__ import annotations

import logging
from random import Random

import numpy as np
import pytest

import wcdfa.backends.numpy
from wcdfa import WeightChangeDFA, synthetic
from wcdfa.recording.cadence import cadence, due

NORMS = np.exp(0.1 * synthetic.white_noise(400, seed=0))


def walk(steps):
    """Parameters of which each step i is i long."""
    w = np.zeros(3)
    yield {"w": w}
    for i in range(1, steps + 1):
        w[i % 3] += i
        yield {"w": w}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (0, ValueError, "stride must be at least 1, got 0"),
        (-3, ValueError, "stride must be at least 1, got -3"),
        (2.5, ValueError, "stride must be a whole number of steps or a callable from step to bool, at least 1, got 2.5"),
        ("10", TypeError, "stride must be a whole number of steps or a callable from step to bool, at least 1, got '10'"),
        (True, TypeError, "got True"),
        (None, TypeError, "got None"),
    ],
)
def test_what_is_no_cadence(given, error, message):
    with pytest.raises(error, match=message):
        cadence("stride", given)


@pytest.mark.parametrize("option", ["stride", "record_every", "log_every"])
def test_the_monitor_names_the_option(option):
    with pytest.raises(ValueError, match=f"{option} must be at least 1, got 0"):
        WeightChangeDFA(**{option: 0})


def test_numbers_and_callables():
    assert cadence("stride", np.int64(5)) == 5
    assert [step for step in range(1, 10) if due(3, step)] == [3, 6, 9]
    assert [step for step in range(1, 10) if due(cadence("stride", lambda step: step % 4 == 1), step)] == [1, 5, 9]


@pytest.mark.parametrize(
    ("every", "recorded"), [(1, [1, 2, 3, 4, 5, 6, 7]), (3, [3, 6]), (lambda call: call in (1, 2, 6), [1, 2, 6])]
)
def test_norms_are_of_one_step_however_few_are_recorded(every, recorded):
    monitor = WeightChangeDFA(record_every=every)
    for parameters in walk(7):
        monitor.update(parameters)
    np.testing.assert_array_equal(monitor.get_signal(), recorded)
    np.testing.assert_array_equal(monitor.reading().steps, recorded)


def test_numbers_too_are_recorded_every_so_often():
    monitor = WeightChangeDFA(record_every=3)
    for norm in range(1, 12):
        monitor.update(norm)
    np.testing.assert_array_equal(monitor.get_signal(), [3, 6, 9])
    np.testing.assert_array_equal(monitor.reading().steps, [3, 6, 9])


def test_parameters_are_copied_only_before_a_step_that_is_recorded(monkeypatch):
    copies = []
    copied = wcdfa.backends.numpy.copied
    monkeypatch.setattr(wcdfa.backends.numpy, "copied", lambda parameters: copies.append(1) or copied(parameters))
    monitor = WeightChangeDFA(record_every=10)
    for parameters in walk(100):
        monitor.update(parameters)
    assert len(copies) == monitor.n_samples == 10


def test_a_cadence_may_be_a_matter_of_chance():
    random = Random(0)
    monitor = WeightChangeDFA(record_every=lambda call: random.random() < 0.5)
    for parameters in walk(40):
        monitor.update(parameters)
    np.testing.assert_array_equal(monitor.get_signal(), monitor.reading().steps)  # still of one step each
    assert 5 < monitor.n_samples < 35


def test_zeros_leave_the_steps_evenly_spaced():
    monitor = WeightChangeDFA(50, 50, record_every=3)
    for i, norm in enumerate(NORMS):
        monitor.update(0.0 if i % 30 == 29 else norm)
    np.testing.assert_array_equal(np.diff(monitor.reading().steps), 3)
    assert monitor.skipped == 13
    assert np.isfinite(monitor.alpha)


def test_alpha_where_the_callable_says_so():
    due_at = {10, 60, 61, 130}
    monitor = WeightChangeDFA(window=60, stride=lambda count: count in due_at)
    monitor.update(0.0)  # no norm, so not counted
    ready = [monitor.update(norm).ready for norm in NORMS[:150]]
    assert ready.index(True) == 59
    assert len(monitor.history) == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [64, 80, 96, 112]),
        ({"log_every": 30}, [30, 60, 90, 120]),
        ({"log_every": lambda count: count in (1, 65)}, [1, 65]),
        ({"record_every": 2, "log_every": 20}, [40, 80, 120]),
    ],
)
def test_when_the_logger_is_called(options, expected):
    logged = []
    monitor = WeightChangeDFA(64, 16, **options, logger=lambda *call: logged.append(call))
    for norm in NORMS[:120]:
        monitor.update(norm)
    assert [step for step, _ in logged] == expected
    for step, numbers in logged:
        assert numbers["wcdfa/step"] == step
        assert numbers["wcdfa/update_norm"] == NORMS[step - 1]
        assert ("wcdfa/alpha" in numbers) == (numbers["wcdfa/n"] == 64)
        assert all(type(number) is float for number in numbers.values())


def test_a_logger_that_raises_is_logged_once_for_each_kind_and_training_goes_on(caplog):
    def logger(step, numbers):
        raise ConnectionError("tracker is away") if step < 90 else OSError(f"disk is full at {step}")

    monitor, calm = WeightChangeDFA(64, 16, logger=logger), WeightChangeDFA(64, 16)
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        for norm in NORMS[:120]:
            calm.update(norm)
            monitor.update(norm)
    assert monitor.history == calm.history
    assert len(caplog.records) == 2
    assert "the logger of a monitor failed; training goes on" in caplog.text
    assert "further errors of the kind ConnectionError are not logged" in caplog.text
    assert "tracker is away" in caplog.text
    assert "disk is full at 96" in caplog.text


def test_a_logger_may_ask_the_monitor():
    found = []
    monitor = WeightChangeDFA(
        64, 16, logger=lambda step, numbers: found.append((monitor.alpha, monitor.history[-1], len(monitor.history)))
    )
    for norm in NORMS[:120]:
        monitor.update(norm)
    assert found == [(alpha, alpha, i) for i, alpha in enumerate(monitor.history, start=1)]
