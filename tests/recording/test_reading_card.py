"""What a notebook shows of a reading and of a monitor."""

from __future__ import annotations

import numpy as np

import wcdfa
from tests.helpers.cards import shown, text_of
from wcdfa.recording.reading import Reading

NORMS = np.exp(wcdfa.synthetic.white_noise(300, seed=0))


def test_a_reading():
    reading = Reading(
        NORMS,
        300,
        3,
        lr=np.linspace(0.1, 0.01, 300),
        steps=np.arange(300) + 5,
        groups={"a": NORMS, "b": NORMS},
        optimizer="sgd",
        hyperparameters={"momentum": 0.9, "nesterov": False},
    )
    tree, text = shown(reading)
    assert text.startswith("300 norms ‖ΔW‖, steps 5–304 Made by sgd, momentum 0.9; 2 groups of parameters.")
    assert "Learning rate 0.1 at first, 0.01 at last. 3 steps are left out" in text
    assert "Next: reading.verdict() says" in text
    assert tree.find(".//svg") is not None


def test_readings_with_little_in_them():
    tree, text = shown(Reading(np.empty(0), 0, 0))
    assert text == "0 norms ‖ΔW‖ Next: Train on: too few steps yet (0 of 28)."
    assert tree.find(".//svg") is None
    few = Reading(np.array([1.0, np.nan, 2.0]), 3, 1, lr=np.full(3, np.nan), unknown="it is <new>")
    assert "too few steps yet (2 of 28)." in text_of(few)
    assert "Optimizer unknown: it is <new>." in text_of(few)
    assert "1 step is left out" in text_of(few)


def test_an_ensemble():
    reading = Reading(np.ones((2, 3, 40)), np.full((2, 3), 40), np.zeros((2, 3), int))
    assert text_of(reading).startswith("‖ΔW‖ of an ensemble of 6 runs, 40 steps each")
    assert "Next: reading.member(i) gives one of them." in text_of(reading)


def test_a_monitor_before_and_after_its_first_alpha():
    monitor = wcdfa.WeightChangeDFA(window=128)
    assert text_of(monitor) == "no α yet: 0 of 128 norms Next: Train on: too few steps yet (0 of 28)."
    for norm in NORMS[:100]:
        monitor.update(norm)
    assert text_of(monitor).startswith("no α yet: 100 of 128 norms Next: monitor.verdict() says")
    for norm in NORMS[100:]:
        monitor.update(norm)
    result = monitor.result
    assert text_of(monitor).startswith(f"α = {result.alpha:.2f} ({result.low:.2f}–{result.high:.2f}) 128 norms in a window")
    assert f"the last from step {monitor.step}." in text_of(monitor)
    assert text_of(wcdfa.RollingWeightChangeDFA()).startswith("no α yet: 0 of 500 norms")


def test_a_monitor_without_alpha():
    monitor = wcdfa.WeightChangeDFA(window=50)
    for _ in range(50):
        monitor.update(1.0)
    assert text_of(monitor).startswith(f"no α: {monitor.reason}")


def test_a_logger_may_show_its_monitor():
    seen = []
    monitor = wcdfa.WeightChangeDFA(window=50, stride=50, logger=lambda step, metrics: seen.append(text_of(monitor)))
    for norm in NORMS[:60]:
        monitor.update(norm)
    assert len(seen) == 1
    assert "the last from step 50." in seen[0]
