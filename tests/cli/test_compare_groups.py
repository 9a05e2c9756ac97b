"""``wcdfa compare`` of folders of runs, and the test behind it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

import wcdfa
from tests.helpers.commands import run
from wcdfa.analysis.comparison import student_quantile, student_tail
from wcdfa.analysis.group_comparison import welch


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Folders of three runs and of two with another α, of one run each, and of the first again."""
    root = tmp_path_factory.mktemp("groups")
    for place, d, seeds in (("a", 0.0, 3), ("b", 0.4, 2), ("one", 0.0, 1), ("two", 0.4, 1)):
        for seed in range(seeds):
            log = root / place / f"seed={seed}.csv"
            log.parent.mkdir(exist_ok=True)
            n = 1100 if (place, seed) == ("b", 1) else 1000
            write(log, np.exp(0.1 * wcdfa.synthetic.arfima(n, d=d, seed=100 * ord(place[0]) + seed)))
    (root / "copy").mkdir()
    (root / "copy" / "again.csv").write_bytes((root / "a" / "seed=0.csv").read_bytes())
    return root


def write(path, norms):
    path.write_text("step,update_norm\n" + "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms.tolist(), start=1)))


def mean_alpha(path):
    norms = np.loadtxt(path, delimiter=",", skiprows=1)[:1000, 1]
    return np.mean([each.alpha for each in wcdfa.verdicts.judge(norms).verdicts])


def test_folders_are_compared_as_groups(sweep):
    done = run("compare", "a", "b", "--json", cwd=sweep)
    assert done.returncode == 0, done.stderr
    (found,) = map(json.loads, done.stdout.splitlines())
    assert [(found[name]["path"], len(found[name]["runs"])) for name in ("reference", "other")] == [("a", 3), ("b", 2)]
    alphas = [[mean_alpha(path) for path in sorted((sweep / place).iterdir())] for place in ("a", "b")]
    expected = stats.ttest_ind(alphas[1], alphas[0], equal_var=False)
    interval = expected.confidence_interval()
    mean = found["mean"]
    assert (mean["first_step"], mean["last_step"]) == (1, 1000)
    assert mean["difference"] == pytest.approx(np.mean(alphas[1]) - np.mean(alphas[0]), rel=1e-9)
    assert mean["p_value"] == pytest.approx(expected.pvalue, rel=1e-3)
    assert (mean["low"], mean["high"]) == pytest.approx((interval.low, interval.high), rel=1e-4)
    assert mean["reference_spread"] == pytest.approx(np.std(alphas[0], ddof=1))
    assert found["run"]["difference"] > 0.2


def test_what_is_said_of_groups(sweep):
    said = run("compare", "a", "b", cwd=sweep).stdout
    assert "α of b (2 runs) (other) minus α of a (3 runs) (reference): update_norm, steps 1 to 1,000, which all runs have" in said
    assert "the groups differ: +0." in said
    assert "(wcdfa explain groups-differ)" in said
    alike = run("compare", "a", "one", cwd=sweep).stdout
    assert "one run in a group: no interval over runs" in alike
    assert "(wcdfa explain few-runs)" in alike
    assert run("compare", "a", "b", "one", "--json", cwd=sweep).stdout.count("\n") == 2


def test_folders_with_one_run_each_are_two_runs(sweep):
    said = run("compare", "one", "two", cwd=sweep).stdout
    assert "α of two/seed=0.csv: update_norm (other) minus α of one/seed=0.csv: update_norm (reference)" in said
    assert "(wcdfa explain runs-differ)" in said


def test_a_folder_without_runs_of_its_own(sweep):
    done = run("compare", "a", "copy", cwd=sweep)
    assert done.returncode == 1
    assert "copy holds no run that is not in another folder too" in done.stderr


def test_groups_without_a_series_or_a_step_in_common(sweep, tmp_path):
    for place, column, first in (("a", "update_norm", 1), ("b", "grad_norm", 1), ("late", "update_norm", 5001)):
        (tmp_path / place).mkdir()
        for seed in range(2):
            rows = "".join(f"{first + step},{1 + np.sin(step * (seed + 2)) / 3!r}\n" for step in range(600))
            (tmp_path / place / f"{seed}.csv").write_text(f"step,{column}\n{rows}")
    assert (
        "the groups have no series of one name: a holds update_norm and b holds grad_norm"
        in run("compare", "a", "b", cwd=tmp_path).stderr
    )
    assert "no step is in all runs" in run("compare", "a", "late", cwd=tmp_path).stderr


def test_student_and_welch_against_scipy():
    for freedom in (1, 1.7, 4, 29.5):
        assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-4)
        for t in (0.0, 0.5, -2.0, 8.0):
            assert student_tail(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=2e-6)
    assert math.isnan(welch(np.array([0.5]), np.array([0.7, 0.8]), (1, 9)).p_value)
    assert math.isnan(welch(np.array([0.5, 0.5]), np.array([0.7, 0.7]), (1, 9)).low)
