"""Numbers near the largest and smallest that there are: words, pages and pictures of them, without a warning (pytest makes each an error)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import wcdfa
from wcdfa.analysis.results import as_json
from wcdfa.analysis.series import Settings, analyze
from wcdfa.plotting import save
from wcdfa.plotting.runs import plot_analysis
from wcdfa.readers.series import RecordedSeries
from wcdfa.report import section_of
from wcdfa.report.page import page
from wcdfa.support.text import factor

N = 256
USUAL = np.exp(0.1 * wcdfa.synthetic.arfima(N, d=0.2, seed=0))
HALF = np.arange(N) < N // 2
DECADES = 10 ** np.linspace(-300, 300, N)
SERIES = {
    "tiny": 1e-300 * USUAL,
    "subnormal": 1e-320 * USUAL,
    "huge": 1e300 * USUAL,
    "largest": USUAL / USUAL.max() * np.finfo(float).max,
    "rising": USUAL * DECADES,
    "falling": USUAL / DECADES,
    "step up": USUAL * np.where(HALF, 1e-300, 1e300),
    "step down": USUAL * np.where(HALF, 1e300, 1e-300),
    "spike": USUAL * np.where(np.arange(N) == 100, 1e300, 1e-300),
    "gap": np.where(HALF, USUAL, np.nan),
    "dead": np.where(HALF, USUAL, 0.0),
    "equal": np.full(N, 1e300),
    "infinite": np.where(np.arange(N) % 100 == 50, np.inf, USUAL),
}
RATES = {"none": None, "sweep": DECADES, "wild": np.where(np.arange(N) % 2, 1e-320, 1e300)}
LOSS = np.resize([np.nan, 1e308, -1e308, 0.0], N)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", SERIES)
def test_a_series_of_any_size_has_words_a_page_and_a_picture(tmp_path, name, rate):
    series = RecordedSeries(Path("run"), "", "update_norm", SERIES[name], np.arange(1, N + 1), RATES[rate], LOSS, 0, ())
    analysis = analyze(series, Settings(window=128))
    json.dumps(as_json(analysis), allow_nan=False)
    text = page([section_of(analysis, {"group": series})], title="any size")
    assert text.count("</html>") == 1
    if rate == "sweep":
        assert save(plot_analysis(analysis), tmp_path / "run.png").stat().st_size > 1000


def test_a_scale_changes_no_alpha():
    usual = wcdfa.verdict(USUAL).alpha
    for scale in (1e-300, 1e-150, 1e150, 1e300):
        assert wcdfa.verdict(scale * USUAL).alpha == pytest.approx(usual, rel=1e-9)


def test_a_step_of_600_decades_is_a_power_of_ten():
    (step,) = [finding for finding in wcdfa.prepare(SERIES["step up"]).findings if "level" in finding]
    assert step.endswith("the level rises by a factor of 10^600")
    (step,) = [finding for finding in wcdfa.prepare(SERIES["step down"]).findings if "level" in finding]
    assert step.endswith("the level falls by a factor of 10^600")
    assert factor(np.log(1234.0)) == "a factor of 1.23e+03"


def test_a_diagnosis_of_any_size_is_in_words():
    long = np.exp(0.1 * wcdfa.synthetic.white_noise(800, seed=0))
    jumped = long * np.where(np.arange(800) < 400, 1e-300, 1e300)
    found = wcdfa.diagnose(jumped, weight_norm=jumped, groups={"head": jumped}, gradient_norm=jumped, lr=1e-300)
    assert any("by a factor of 10^" in sentence for sentence in found.evidence), found.evidence
    assert "inf" not in str(found).split()


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_without_a_logarithm_the_way_out_is_named(scale):
    with pytest.raises(ValueError, match="divide all of them by one number"):
        wcdfa.verdict(scale * USUAL, log=False)
    series = RecordedSeries(Path("run"), "", "value", scale * (USUAL - 1.0), None, None, None, 0, ())
    with pytest.raises(ValueError, match="divide all of them by one number"):
        analyze(series, Settings(window=128))
