"""α of a run has no band where its windows contradict it or have an explanation."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa.preprocess.options import Preparation
from wcdfa.verdicts.run_alpha import alpha_of_run
from wcdfa.verdicts.sentences import apart, of_run
from wcdfa.verdicts.windows import judge

T = np.arange(2000)


def noise(seed, n=2000):
    return 0.02 * np.random.default_rng(seed).standard_normal(n)


def said(norms, window=500, order=1, **options):
    run = alpha_of_run(norms, Preparation())
    verdicts = judge(norms, window=window, order=order, **options).verdicts
    return run, verdicts, of_run(run, verdicts)


@pytest.mark.parametrize(("count", "breaks"), [(28, False), (30, False), (31, False), (100, False), (127, False), (90, True)])
def test_the_reason_counts_the_norms_that_there_are(count, breaks):
    norms = np.exp(noise(0, count))
    if breaks:
        norms[40] = np.nan
    assert f"there are {count - breaks}; record more steps" in wcdfa.run_alpha(norms).reason


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("course", ["decay", "line", "rise"])
def test_a_run_whose_windows_follow_a_trend_has_no_band(seed, course):
    level = {"decay": np.exp(-T / 400), "line": 3 - T / 1000, "rise": 1 + (T / 700) ** 2}[course]
    run, verdicts, lines = said(level * np.exp(0.05 * noise(seed)))
    assert all("trend" in each.explained_by or "saturated" in each.explained_by for each in verdicts)
    assert all("with probability" not in line for line in lines)
    if not apart(run, verdicts):
        assert lines[0].endswith("no label, because its windows are explained by trend")


@pytest.mark.parametrize("seed", range(3))
def test_a_run_of_noise_keeps_its_band(seed):
    _, _, lines = said(np.exp(noise(seed)), window=1000)
    assert any("disordered with probability" in line for line in lines)


def test_one_window_is_not_called_several():
    from wcdfa.nulls.replay import optimizer_norms

    norms = optimizer_norms(2000, optimizer="sgd", momentum=0.9, replicates=1, seed=1)[0]
    run, verdicts, lines = said(norms, window=2000)
    assert len(verdicts) == 1
    assert apart(run, verdicts)
    assert "windows" not in "".join(lines).split("because", 1)[1].split(":")[0]
    assert lines[0].endswith("one exponent does not fit the run and its window")
    assert "that of its window (" in lines[1]
    assert "on average" not in lines[1]
    assert "its windows" in " ".join(said(norms, window=500)[2])
