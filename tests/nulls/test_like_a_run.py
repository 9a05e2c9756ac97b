"""The null goes through what the norms of a run go through, so that an optimizer is not told from itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wcdfa import synthetic
from wcdfa.inference.exponent import measure
from wcdfa.nulls import optimizer_alphas, optimizer_norms
from wcdfa.nulls.update_rules import OPTIMIZERS
from wcdfa.preprocess.outliers import without_spikes
from wcdfa.preprocess.preparation import prepare
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.single_window import verdict
from wcdfa.verdicts.windows import judge

WINDOWS = 40
CHANCES = np.cumsum([math.comb(WINDOWS, k) * 0.05**k * 0.95 ** (WINDOWS - k) for k in range(WINDOWS)])
MOST = int(np.argmax(CHANCES > 0.9999))
"""Of 40 windows that reach p < 0.05 by chance, all but one set in ten thousand has at most so many."""


@pytest.mark.parametrize("breaks", [(), (3, 60, 61, 140)])
def test_many_series_are_filtered_as_each_by_itself(breaks):
    series = np.random.default_rng(0).standard_t(2, (5, 150))
    series[3] = np.round(series[3])
    together, replaced = without_spikes(series, breaks)
    assert replaced.sum() > 20
    for row, filtered, which in zip(series, together, replaced, strict=True):
        alone = without_spikes(row, breaks)
        np.testing.assert_array_equal(filtered, alone[0])
        np.testing.assert_array_equal(which, alone[1])


def test_the_null_is_filtered_as_prepare_does_it():
    norms = optimizer_norms(200, optimizer="adafactor", replicates=40)
    expected = [measure(prepare(each).values, order=1, method="ols").alpha for each in norms if not prepare(each).breaks]
    found = optimizer_alphas(200, optimizer="adafactor", replicates=40, method="ols", spikes="hampel")
    assert len(expected) > 30
    assert np.isin(np.round(expected, 9), np.round(found, 9)).all()
    unfiltered = optimizer_alphas(200, optimizer="adafactor", replicates=40, method="ols")
    assert np.median(found) > np.median(unfiltered) + 0.1


def test_an_unknown_filter_is_refused():
    with pytest.raises(ValueError, match="spikes must be"):
        optimizer_alphas(100, optimizer="sgd", replicates=2, spikes="median")


QUICK = {"sgd", "muon", "adafactor"}
LATER = 100_001 + np.arange(256)


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name, rule in OPTIMIZERS.items()
        if rule.no_alpha is None
    ],
)
def test_an_optimizer_is_not_told_from_itself(name):
    rule = OPTIMIZERS[name]
    dimension = rule.default_shape if len(rule.default_shape) == 2 else None
    options = {"optimizer": name, "method": "ols", "dimension": dimension, "replicates": 150, "steps": LATER}
    own = optimizer_norms(256, optimizer=name, replicates=WINDOWS, seed=7)
    verdicts = [verdict(each, **options) for each in own]
    assert sum("not explained" in str(each) or "less memory" in str(each) for each in verdicts) <= MOST
    assert sum(each.p_value < 0.05 for each in verdicts) <= MOST
    assert sum(each.null.p_value < 0.05 for each in verdicts) <= MOST
    drifting = own * np.exp(0.3 * synthetic.random_walk(256, batch=(WINDOWS,), seed=1))  # so that it can fail
    assert sum(verdict(each, **options).p_value < 0.05 for each in drifting[:20]) > MOST


SHAPES = [(8, 8), (8, 32), (32, 8)]


@pytest.mark.parametrize(
    "shape", [pytest.param(each, marks=() if each == (8, 8) else pytest.mark.slow) for each in SHAPES], ids=str
)
@pytest.mark.parametrize("name", ["muon", "adafactor"])
def test_what_depends_on_the_shape_is_not_told_from_the_optimizer(name, shape):
    """Where the shape is unknown, nothing is said to differ; where it is given, no more than chance has it."""
    own = optimizer_norms(128, optimizer=name, dimension=shape, replicates=WINDOWS, seed=7)
    options = {"optimizer": name, "method": "ols", "replicates": 150, "steps": LATER[:128]}
    lines = {given: [str(verdict(each, dimension=given, **options)) for each in own] for given in (None, shape)}
    assert not any("not explained" in line or "less memory" in line for line in lines[None])
    assert sum("not explained" in line or "less memory" in line for line in lines[shape]) <= MOST
    assert not any("undecided: α of the optimizer" in line for line in lines[shape])


def test_the_finding_states_the_shape_and_what_it_decides():
    own = optimizer_norms(128, optimizer="muon", dimension=(8, 32), replicates=1, seed=3)[0]
    own *= np.exp(synthetic.random_walk(128, seed=1))
    options = {"optimizer": "muon", "method": "ols", "replicates": 100, "spikes": None, "steps": LATER[:128]}
    unknown, known = verdict(own, **options), verdict(own, dimension=(8, 32), **options)
    texts = [next(f for f in each.findings if f.kind == "optimizer") for each in (unknown, known)]
    muon = "Muon(Nesterov momentum 0.95) on gradients without memory"
    assert texts[0].text.startswith(f"{muon}, on a matrix of 8 × 8: white ones give")
    assert texts[0].text.endswith("give dimension=(rows, columns)")
    assert texts[0].brief == "undecided: α of the optimizer depends on the shapes of the matrices"
    assert texts[1].text.startswith(f"{muon}, on a matrix of 8 × 32: white ones give")
    assert texts[1].brief.startswith(f"not explained by {muon}")
    given = verdict(own, null=[0.1, 0.2], **options)  # of which nothing else is known
    text = next(f.text for f in given.findings if f.kind == "optimizer")
    assert text.startswith("the α given for Muon(Nesterov momentum 0.95) range from 0.1")
    assert "matrix" not in text


def test_a_gradient_norm_has_no_shape_that_matters():
    """Its null is that of gradients, whatever the optimizer."""
    norms = np.exp(0.3 * synthetic.random_walk(128, seed=1))
    found = verdict(norms, optimizer="muon", quantity="gradient norm", replicates=100, steps=LATER[:128])
    text = next(f.text for f in found.findings if f.kind == "gradients")
    assert text.startswith("gradients without memory: white ones give")
    assert "matri" not in text
    assert found.p_value < 0.05


@pytest.mark.parametrize("start", [0, pytest.param(300, marks=pytest.mark.slow), pytest.param(2000, marks=pytest.mark.slow)])
def test_a_young_nadam_is_compared_with_one_of_its_age(start):
    """Its momentum takes 30,000 steps to grow, and α with it."""
    own = optimizer_norms(128, optimizer="nadam", start=start, replicates=WINDOWS, seed=7)
    steps = start + 1 + np.arange(128)
    options = {"optimizer": "nadam", "method": "ols", "replicates": 100}
    verdicts = [verdict(each, steps=steps, **options) for each in own]
    assert judge(own[0], steps=steps, window=128, **options).verdicts[0].null == verdicts[0].null
    assert verdict(own[0], start=start, **options).null == verdicts[0].null
    assert f"as after {start:,} steps:" in " ".join(f.text for f in verdicts[0].findings)
    assert sum(each.p_value < 0.05 for each in verdicts) <= MOST
    assert sum(each.alpha < each.null.low for each in verdicts) <= MOST


def test_an_age_that_is_unknown_is_said_to_be():
    own = optimizer_norms(64, optimizer="nadam", start=0, replicates=1, seed=7)[0]
    text = " ".join(f.text for f in verdict(own, optimizer="nadam", method="ols", replicates=20).findings)
    assert "NAdam(0.9, 0.999) on gradients without memory, as after 0 or 30,000 steps: white ones give" in text


def test_windows_are_replayed_at_their_own_steps():
    own = optimizer_norms(384, optimizer="nadam", start=0, replicates=1)[0]
    options = {"optimizer": "nadam", "method": "ols", "replicates": 40, "window": 128}
    starts = [each.null.median for each in judge(own, steps=1 + np.arange(384), **options).verdicts]
    assert len(set(starts)) == 3
    later = judge(own, steps=50_001 + np.arange(384), **options).verdicts
    assert len({each.null.median for each in later}) == 1
    assert later[0].null.median > starts[0] + 0.1
    unknown = judge(own, **options).verdicts[0].null  # it holds both
    assert unknown.low <= min(starts[0], later[0].null.low)
    assert unknown.high >= later[0].null.high


def test_lion_is_not_compared():
    found = verdict(np.exp(0.1 * synthetic.white_noise(256, seed=2)), optimizer="lion", replicates=20)
    assert "not compared: Lion(0.9, 0.99) alone has no α" in str(found)
    assert any("its changes are signs" in finding.text for finding in found.findings)


@pytest.mark.parametrize("name", ["muon", "adafactor"])
@pytest.mark.parametrize(("shape", "instead"), [((768, 3072), (16, 64)), ((4096, 64), (128, 8)), ((33, 32), (32, 32))])
def test_a_matrix_that_takes_minutes_is_refused_with_one_that_does_not(name, shape, instead):
    with pytest.raises(ValueError, match=f"1,024 numbers are the most.*such as \\({instead[0]}, {instead[1]}\\)"):
        verdict(np.exp(synthetic.white_noise(200, seed=0)), optimizer=name, dimension=shape)
    assert Criteria.given(optimizer=name, dimension=instead).simulation.dimension == instead
