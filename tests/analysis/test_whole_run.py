"""One α for a whole run, in results, reports, tables and comparisons."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import wcdfa
from tests.helpers.commands import run
from wcdfa.analysis import Settings, analyze, as_json
from wcdfa.analysis.comparison import compare
from wcdfa.readers.series import RecordedSeries
from wcdfa.report.page import page
from wcdfa.report.sections import section_of

SETTINGS = Settings(window=256)


def series(values, steps=None, name="run"):
    return RecordedSeries(Path(name), "", "norms", np.asarray(values, dtype=np.float64), steps, None, None, 0, ())


def norms(seed, d=0.0, n=1024):
    return np.exp(0.1 * wcdfa.synthetic.arfima(n, d=d, seed=seed))


def test_the_result_holds_it():
    x = norms(0, 0.5)
    found, expected = as_json(analyze(series(x), SETTINGS))["run_alpha"], wcdfa.run_alpha(x)
    assert (found["alpha"], found["low"], found["high"]) == (expected.alpha, expected.low, expected.high)
    assert (found["regime"], found["probabilities"], found["reason"]) == (expected.regime, expected.probabilities, None)


def test_a_run_that_cannot_be_prepared_as_a_whole_is_still_judged_by_windows():
    steps = np.concatenate([np.arange(512), 512 + 37 * np.arange(1, 513)])
    found = as_json(analyze(series(norms(1), steps), Settings(window=512)))
    assert found["run_alpha"]["alpha"] is None
    assert "steps are irregular" in found["run_alpha"]["reason"]
    assert found["windows"][0]["alpha"] is not None
    json.dumps(found, allow_nan=False)


def test_the_difference_of_whole_runs_is_put_together_from_their_intervals():
    a, b = norms(2), norms(3, 0.4)
    one, two = wcdfa.run_alpha(a), wcdfa.run_alpha(b)
    found = compare(series(a), series(b), SETTINGS).run
    assert (found.first_step, found.last_step) == (1, 1024)
    assert (found.reference, found.other) == (one.alpha, two.alpha)
    assert found.low == pytest.approx(found.difference - np.hypot(two.alpha - two.low, one.high - one.alpha))
    assert found.high == pytest.approx(found.difference + np.hypot(two.high - two.alpha, one.alpha - one.low))
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_equal_noisy_runs_seldom_differ():
    """20 pairs: of a nominal 5 %, more than 4 would come once in 300 times."""
    rng = np.random.default_rng(9)
    runs = [np.exp(0.1 * rng.standard_normal(600)) * norms(rng, 0.5, 600) for _ in range(40)]
    pairs = [compare(series(a), series(b), SETTINGS).run for a, b in zip(runs[::2], runs[1::2], strict=True)]
    assert sum(each.low > 0 or each.high < 0 for each in pairs) <= 4
    assert abs(np.mean([each.difference for each in pairs])) < 0.1


def test_whole_runs_without_alpha_have_no_difference():
    a, b = norms(4, n=120), norms(5, n=120)
    found = compare(series(a), series(b), Settings(window=60))
    assert np.isfinite(found.mean.difference)
    assert np.isnan([found.run.reference, found.run.other, found.run.difference, found.run.p_value]).all()


def test_the_report_has_a_line_for_the_run():
    section = section_of(analyze(series(norms(6, 0.5)), SETTINGS))
    assert section.run == str(wcdfa.run_alpha(norms(6, 0.5)))
    assert f'<p class="whole-run">{section.run}</p>' in page([section], title="run")
    assert "whole-run" not in page([section._replace(run="")], title="run")


def test_commands_print_it(tmp_path):
    for name, x in (("a", norms(7)), ("b", norms(8, 0.5))):
        np.save(tmp_path / f"{name}.npy", x)
    shown = " ".join(run("analyze", "a.npy", cwd=tmp_path).stdout.split())
    assert str(wcdfa.run_alpha(norms(7))) in shown
    compared = " ".join(run("compare", "a.npy", "b.npy", cwd=tmp_path).stdout.split())
    assert "mean of windows" in compared
    assert "as whole runs they differ: +" in compared
    found = json.loads(run("compare", "a.npy", "b.npy", "--json", cwd=tmp_path).stdout)
    assert found["run"]["reference"] == pytest.approx(wcdfa.run_alpha(norms(7)).alpha)
