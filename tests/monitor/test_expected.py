"""What the optimizer alone gives for α, beside each α of a monitor: never replayed, and never a false band."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa.monitor import expected
from wcdfa.nulls import null_tables
from wcdfa.recording.reading import Reading
from wcdfa.sinks.keys import EXPECTED

NORMS = wcdfa.nulls.optimizer_norms(1000, optimizer="sgd", momentum=0.9, replicates=1, start=0, seed=3)[0]
STEPS = np.arange(1, 1001)
SGD = {"optimizer": "sgd", "hyperparameters": {"momentum": 0.9}}


@pytest.fixture(autouse=True)
def _replays_nothing(monkeypatch):
    monkeypatch.setattr(null_tables, "computed", None)


def metrics(stop=1000, lr=None, **known):
    reading = Reading(NORMS[stop - 500 : stop], stop, 0, steps=STEPS[stop - 500 : stop], taken=stop - 500, lr=lr, **known)
    return wcdfa.WeightChangeDFA().update(reading).metrics()


def test_the_band_is_that_of_the_verdict_without_replaying_anything(monkeypatch):
    now = metrics(**SGD)
    monkeypatch.undo()
    found = wcdfa.verdict(NORMS[500:], steps=STEPS[500:], optimizer="sgd", momentum=0.9)
    assert [now[key] for key in EXPECTED] == pytest.approx([found.null.low, found.null.high, found.p_value])
    assert now["wcdfa/expected_low"] < now["wcdfa/alpha"] < now["wcdfa/expected_high"]


def test_a_schedule_leaves_the_band_nearly_as_it_is():
    """The verdict replays its shape, which moves the ends by 0.02 or so."""
    plain, scheduled = metrics(**SGD), metrics(lr=0.1 * np.linspace(1.0, 0.5, 500), **SGD)
    for key in ("wcdfa/expected_low", "wcdfa/expected_high"):
        assert scheduled[key] == pytest.approx(plain[key], abs=0.03)


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"unknown": "its state is not known"},
        {"optimizer": "lion"},  # its norms have no α
        {"optimizer": "sgd", "hyperparameters": {"momentum": 0.123}},  # nobody has replayed it
        {"optimizer": "sgd", "hyperparameters": {"no such": 1.0}},
        SGD | {"varying": {"momentum": np.linspace(0.85, 0.95, 500)}},
    ],
    ids=str,
)
def test_there_is_no_false_band(known):
    now = metrics(**known)
    assert not set(EXPECTED) & set(now)
    assert "wcdfa/alpha" in now


def test_windows_whose_replays_are_not_shipped_have_no_band_either():
    """Of SGD, those that begin within the first 50 steps, except at the start itself."""
    assert set(EXPECTED) <= set(metrics(500, **SGD))
    assert not set(EXPECTED) & set(metrics(520, **SGD))


def test_it_is_computed_once_for_each_alpha_and_kept_in_the_state(monkeypatch):
    calls, whole = [], null_tables.known_table
    monkeypatch.setattr("wcdfa.verdicts.expected_band.known_table", lambda *args: calls.append(1) or whole(*args))
    monitor, rows = wcdfa.WeightChangeDFA(log_every=1), []
    monitor.logger = lambda step, numbers: rows.append(numbers)
    for stop in range(400, 1001, 20):
        begin = max(0, stop - 500)
        monitor.update(Reading(NORMS[begin:stop], stop, 0, steps=STEPS[begin:stop], taken=begin, **SGD))
    assert len(calls) == len(monitor.history) == 6
    other = wcdfa.WeightChangeDFA()
    other.load_state_dict(monitor.state_dict())
    assert {key: other.metrics()[key] for key in EXPECTED} == {key: rows[-1][key] for key in EXPECTED}


def test_an_error_of_the_band_itself_is_not_taken_for_an_unknown_optimizer(monkeypatch):
    def fails(*_):
        raise ValueError("of the band")

    monkeypatch.setattr(expected, "expected_band", fails)
    with pytest.raises(ValueError, match="of the band"):
        metrics(**SGD)
