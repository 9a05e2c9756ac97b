"""The catalogue that the fault bench makes, and that the package ships."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("sklearn")

from benchmarks.fault_runs import catalogue, diagnosing, faults
from benchmarks.fault_runs.trainings import TRAININGS
from wcdfa.verdicts.signatures import CAUSES, Signature, parsed, signatures


def test_every_fault_has_a_cause_of_the_catalogue():
    for training in TRAININGS:
        for optimizer in diagnosing.NAMED:
            for fault in faults.applying(training, optimizer):
                assert diagnosing.cause_of(fault, optimizer) in CAUSES


def test_a_catalogue_is_read_as_it_was_written():
    effects = {"level": (1.5, 0.25), "cosine": (-2.0, 0.0)}
    given = Signature("labels", "label noise 20 %", "mlp", "sgd", "change", effects)
    assert parsed(catalogue.text([given, given], "a command")) == (given, given)


def test_every_cause_of_the_words_has_a_signature():
    assert {signature.cause for signature in signatures()} == set(CAUSES)
