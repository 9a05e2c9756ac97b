"""A line that names no band says why, and a short log is told what to do."""

from __future__ import annotations

import re

import numpy as np
import pytest

import wcdfa
from wcdfa.analysis.diagnosing import lines_of
from wcdfa.cli.wording import of_text


def noise(n, seed=0):
    return np.exp(0.1 * np.random.default_rng(seed).standard_normal(n))


@pytest.mark.parametrize("seed", range(3))
def test_a_bend_is_named_as_the_reason(seed):
    """A slow wave on top of noise: no single exponent."""
    wave = np.exp(0.3 * np.sin(2 * np.pi * np.arange(2000) / 60))
    found = wcdfa.verdict(wave * noise(2000, seed))
    assert any(each.kind == "misfit" for each in found.findings)
    assert ("because log F(s) bends" in str(found)) == (found.regime == "undecided" and not found.explained_by)


@pytest.mark.parametrize("seed", range(3))
def test_no_bend_is_no_reason(seed):
    found = wcdfa.verdict(noise(300, seed))
    assert ("because" in str(found)) == any(each.kind == "misfit" for each in found.findings)


@pytest.mark.parametrize("start", [0, 100, 5000, None])
@pytest.mark.parametrize("n", [30, 250, 400, 434, 500, 700, 999, 1150])
def test_the_advice_on_a_short_log_has_what_it_promises(n, start):
    """Either the named baseline is enough for changes, or so many steps are."""
    found = wcdfa.diagnose(noise(n), start=start)
    reasons = [each for each in found.not_compared if each.startswith("changes")]
    if not reasons:
        return
    (reason,) = reasons
    assert len(reason) < 140
    given = re.search(r"baseline=(\d+)$", reason)
    if given is not None:
        assert of_text(reason).endswith(f"--baseline {given[1]}")
        again = wcdfa.diagnose(noise(n), start=start, baseline=int(given[1]))
    else:
        longer = int(re.search(r"record at least ([\d,]+)$", reason)[1].replace(",", ""))
        again = wcdfa.diagnose(noise(longer), start=start)
        shorter = wcdfa.diagnose(noise(longer - 8), start=start)
        assert any(each.startswith("changes") for each in shorter.not_compared)
    assert not any(each.startswith("changes") for each in again.not_compared)


@pytest.mark.parametrize("n", [30, 500, 1000])
def test_the_first_screen_of_a_short_log_says_each_reason_once(n):
    (line,) = lines_of(wcdfa.diagnose(noise(n), start=0))
    assert line.startswith("not diagnosed: changes, because a baseline needs 300 norms after the first ")
    assert len(line) < 140
    assert "no optimizer" not in line


@pytest.mark.parametrize(
    ("lr", "said"),
    [
        (None, "was not logged"),
        (np.full(700, np.nan), "was not logged"),
        (np.r_[np.nan, np.ones(699)], "is not known at 1 of 700 steps"),
    ],
)
def test_a_rate_that_was_never_logged_is_not_counted(lr, said):
    found = wcdfa.diagnose(noise(700), lr=lr)
    assert f"what the learning rate explains, because it {said}: no cause is named" in found.not_compared
