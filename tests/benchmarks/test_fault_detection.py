"""What the fault bench says of runs that are made up: false alarms at the stated rate, and a change of level found when it comes."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.processes import ROOT

pytest.importorskip("torch")

import wcdfa
from benchmarks.fault_runs import detection, statistics

STEPS, START, BASELINE = 2500, 1500, 500
TRAINING = SimpleNamespace(baseline=BASELINE)


def made(seed, momentum=0.9, later=0.9, level=1.0):
    """A run of white gradients through momentum, in which momentum and level of the weight change are others after the start."""
    rng = np.random.default_rng(seed)
    change, changes = np.zeros(200), []
    for step in range(STEPS):
        change = (momentum if step < START else later) * change + rng.standard_normal(200)
        changes.append(change * (level if step >= START else 1))
    vectors = np.array(changes)
    norms = np.linalg.norm(vectors, axis=1)
    cosine = np.concatenate([[np.nan], (vectors[1:] * vectors[:-1]).sum(1) / norms[1:] / norms[:-1]])
    noise = 1 + 0.1 * rng.standard_normal((2, STEPS))
    return {
        "steps": np.arange(1, STEPS + 1),
        "norms": norms,
        "groups": {"weight": norms, "frozen": np.zeros(STEPS)},
        "cosine": cosine,
        "cosines": {},
        "weight_norm": np.full(STEPS, 10.0),
        "sketch": vectors[:, :16].astype(np.float32),
        "lr": np.ones(STEPS),
        "gradients": np.abs(noise[0]) + 1,
        "loss": noise[1],
        "validation": np.where(np.arange(1, STEPS + 1) % 10 == 0, noise[1], np.nan),
    }


def changes(**options):
    return detection.changes(made(**options), TRAINING, START)


@pytest.fixture(scope="module")
def controls():
    return [changes(seed=seed) for seed in range(20)]


@pytest.fixture(scope="module")
def fitted(controls):
    return detection.detectors(controls)


def test_one_healthy_run_in_twenty_sets_off_each_detector(controls, fitted):
    for name, detector in fitted.items():
        assert sum(np.isfinite(detector.delay(each)) for each in controls) == 1, name


def test_another_level_is_found_in_the_size_alone(fitted):
    found = changes(seed=100, level=2.0)
    assert fitted["level"].delay(found) == fitted["tensor level"].delay(found) == fitted["all of wcdfa"].delay(found) == 50
    assert fitted["cosine"].delay(found) == np.inf
    assert fitted["these three"].delay(found) == np.inf


def test_another_momentum_is_found_in_the_direction(fitted):
    found = changes(seed=100, later=0.8)
    assert fitted["cosine"].delay(found) <= 100
    assert fitted["vector α, 4-16"].delay(found) <= 500


def test_a_run_that_is_no_longer_finite_is_an_alarm(fitted):
    run = made(seed=100)
    for name in ("norms", "loss", "validation", "gradients", "cosine", "sketch"):
        run[name][START + 1 :] = np.nan
    found = detection.changes(run, TRAINING, START)
    for name in ("train loss", "gradient norm", "level", "cosine", "vector α, 4-16", "α", "these three", "all of wcdfa"):
        assert fitted[name].delay(found) <= 500, name


def test_statistics_of_white_gradients_through_momentum():
    found = statistics.tracks(made(seed=5))
    assert found["cosine, 500"] == pytest.approx(0.9, abs=0.01)
    assert found["vector α, 4-16"] == pytest.approx(1.371, abs=0.05)
    assert found["vector α, 16-125"] == pytest.approx(1.061, abs=0.15)
    norms = made(seed=5)["norms"][:500]
    assert found["α"][0] == pytest.approx(wcdfa.dfa(np.log(norms), method="gls").alpha)
    assert found["level, 500"][0] == pytest.approx(np.log(norms).mean())
    assert {len(values) for values in found.values()} == {len(statistics.stops(STEPS))}


def test_the_script_keeps_its_runs_and_prints_its_tables(tmp_path):
    pytest.importorskip("sklearn")
    script = [sys.executable, str(ROOT / "benchmarks" / "faults.py"), "--quick", "--only", "batch twice", "--runs", str(tmp_path)]
    script += ["--seeds", "3", "--controls", "4"]
    ran = [
        subprocess.run(script, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
        for _ in range(2)
    ]
    for each in ran:
        assert each.returncode == 0, each.stderr[-3000:]
        assert "found in 80 %, of 1 faults" in each.stdout
    assert ran[0].stdout.startswith("10 of 10 groups of runs have something missing")
    assert ran[1].stdout.startswith("0 of 10 groups of runs have something missing")
    assert ran[0].stdout.partition("\nmlp")[2] == ran[1].stdout.partition("\nmlp")[2]
