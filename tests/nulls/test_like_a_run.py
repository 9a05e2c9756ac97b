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
from wcdfa.verdicts.evidence import gathered
from wcdfa.verdicts.shared_null import SharedNull
from wcdfa.verdicts.single_window import judged, verdict, weighed
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


@pytest.mark.parametrize("name", [name for name, rule in OPTIMIZERS.items() if rule.no_alpha is None])
def test_an_optimizer_is_not_beyond_itself(name):
    rule = OPTIMIZERS[name]
    dimension = rule.default_shape if len(rule.default_shape) == 2 else None
    criteria = Criteria.given(optimizer=name, method="ols", dimension=dimension)
    null = criteria.simulation.alphas(200, criteria.optimizer, criteria.measurement, criteria.preparation)
    own = optimizer_norms(200, optimizer=name, replicates=WINDOWS, seed=7)
    verdicts = [judged(each, criteria, null=null) for each in own]
    assert sum("beyond the optimizer" in str(each) for each in verdicts) <= MOST
    assert sum(each.null.p_value < 0.05 for each in verdicts) <= MOST
    drifting = own * np.exp(0.3 * synthetic.random_walk(200, batch=(WINDOWS,), seed=1))  # so that it can fail
    assert sum(judged(each, criteria, null=null).null.p_value < 0.05 for each in drifting) > MOST


SHAPES = [(8, 8), (8, 32), (32, 8)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["muon", "adafactor"])
def test_what_depends_on_the_shape_is_not_beyond_the_optimizer(name, shape):
    """Where the shape is unknown, nothing is said to be beyond; where it is given, no more than chance has it."""
    own = optimizer_norms(150, optimizer=name, dimension=shape, replicates=WINDOWS, seed=7)
    lines = {}
    for dimension in (None, shape):
        criteria = Criteria.given(optimizer=name, method="ols", dimension=dimension, replicates=200)
        null = SharedNull(criteria, 150, None).at_step(None)
        lines[dimension] = [str(weighed(gathered(criteria.preparation.of(each), criteria, null=null))) for each in own]
    assert not any("beyond the optimizer" in line for line in lines[None])
    assert sum("beyond the optimizer" in line for line in lines[shape]) <= MOST
    assert not any("undecided: α of the optimizer" in line for line in lines[shape])


def test_the_finding_states_the_shape_and_what_it_decides():
    own = optimizer_norms(150, optimizer="muon", dimension=(8, 32), replicates=1, seed=3)[0]
    own *= np.exp(synthetic.random_walk(150, seed=1))
    options = {"optimizer": "muon", "method": "ols", "replicates": 100, "spikes": None}
    unknown, known = verdict(own, **options), verdict(own, dimension=(8, 32), **options)
    texts = [next(f for f in each.findings if f.kind == "optimizer") for each in (unknown, known)]
    assert texts[0].text.startswith("Muon(Nesterov momentum 0.95) alone, on a matrix of 8 × 8, gives")
    assert texts[0].text.endswith("give dimension=(rows, columns)")
    assert texts[0].brief == "undecided: α of the optimizer depends on the shapes of the matrices"
    assert "on a matrix of 8 × 32, gives" in texts[1].text
    assert texts[1].brief.startswith("beyond the optimizer")
    given = verdict(own, null=[0.1, 0.2], **options)  # of which nothing else is known
    assert next(f.text for f in given.findings if f.kind == "optimizer").startswith("Muon(Nesterov momentum 0.95) alone gives")


@pytest.mark.parametrize("start", [0, 300, 2000])
def test_a_young_nadam_is_compared_with_one_of_its_age(start):
    """Its momentum takes 30,000 steps to grow, and α with it."""
    own = optimizer_norms(150, optimizer="nadam", start=start, replicates=WINDOWS, seed=7)
    steps = start + 1 + np.arange(150)
    options = {"optimizer": "nadam", "method": "ols", "window": 150}
    verdicts = [judge(each, steps=steps, **options).verdicts[0] for each in own[:1]]
    criteria = Criteria.given(optimizer="nadam", method="ols")
    null = SharedNull(criteria, 150, None).at_step(start + 1)
    assert verdicts[0].null == verdict(own[0], steps=steps, optimizer="nadam", method="ols").null
    verdicts = [judged(each, criteria, null=null.alphas) for each in own]
    assert f"as after {start:,} steps," in " ".join(f.text for f in judge(own[0], steps=steps, **options).verdicts[0].findings)
    assert sum("beyond the optimizer" in str(each) for each in verdicts) <= MOST
    assert sum(each.alpha < each.null.low for each in verdicts) <= MOST
    unknown = judged(own[0], criteria)
    assert "NAdam(0.9, 0.999) alone, as after 30,000 steps, gives" in " ".join(f.text for f in unknown.findings)


def test_windows_are_replayed_at_their_own_steps():
    own = optimizer_norms(600, optimizer="nadam", start=0, replicates=1)[0]
    options = {"optimizer": "nadam", "method": "ols", "replicates": 50, "window": 200}
    starts = [each.null.median for each in judge(own, steps=1 + np.arange(600), **options).verdicts]
    assert len(set(starts)) == 3
    later = judge(own, steps=50_001 + np.arange(600), **options).verdicts
    assert len({each.null.median for each in later}) == 1
    assert later[0].null.median > starts[0] + 0.1
    assert later[0].null.median == judge(own, **options).verdicts[0].null.median


def test_lion_is_not_compared():
    found = verdict(np.exp(0.1 * synthetic.white_noise(200, seed=2)), optimizer="lion", replicates=20)
    assert "not compared: Lion(0.9, 0.99) alone has no α" in str(found)
    assert any("its changes are signs" in finding.text for finding in found.findings)


@pytest.mark.parametrize("name", ["muon", "adafactor"])
@pytest.mark.parametrize(("shape", "instead"), [((768, 3072), (16, 64)), ((4096, 64), (128, 8)), ((33, 32), (32, 32))])
def test_a_matrix_that_takes_minutes_is_refused_with_one_that_does_not(name, shape, instead):
    with pytest.raises(ValueError, match=f"1,024 numbers are the most.*such as \\({instead[0]}, {instead[1]}\\)"):
        verdict(np.exp(synthetic.white_noise(200, seed=0)), optimizer=name, dimension=shape)
    assert Criteria.given(optimizer=name, dimension=instead).simulation.dimension == instead
