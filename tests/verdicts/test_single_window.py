"""The verdict: what explains an α is found where it is there, and not where it is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import wcdfa
from wcdfa import synthetic, verdict
from wcdfa.nulls.nulls import optimizer_alphas
from wcdfa.nulls.replay import optimizer_norms
from wcdfa.nulls.update_rules import SGD, named
from wcdfa.support.text import probability
from wcdfa.verdicts import Finding, findings
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.windows import drifts, judge

PINK = np.exp(0.2 * synthetic.arfima(500, d=0.5, seed=3))


def kinds(found):
    return [finding.kind for finding in found.findings if finding.kind != "preparation"]


def test_what_it_holds():
    found = verdict(PINK, replicates=50)
    prepared = wcdfa.prepare(PINK)
    expected = wcdfa.dfa(prepared.values)
    assert (found.alpha, found.low, found.high) == (expected.alpha, expected.low, expected.high)
    assert found.orders == {order: float(wcdfa.dfa(prepared.values, order=order).alpha) for order in (1, 2, 3)}
    assert found.label == wcdfa.verdicts.regime.label(expected.low, expected.high)
    assert found.null is None
    assert str(found).startswith(f"{found.label}, α = {found.alpha:.2f} ({found.low:.2f}–{found.high:.2f})")
    assert "\n" not in str(found)


def test_undecided_is_said():
    found = verdict(np.exp(0.2 * synthetic.arfima(500, d=0.7, seed=0)), replicates=50)
    assert found.low < 1.2 < found.high
    assert found.label == "undecided"
    assert str(found).startswith("undecided")


def test_a_trend_is_found_by_higher_orders():
    """White noise on a smooth decay: order 1 sees a trend, order 2 the noise."""
    norms = np.exp(-2 * np.linspace(0, 1, 500) + 0.1 * synthetic.white_noise(500, seed=0))
    found = verdict(norms, replicates=50)
    (trend,) = [finding for finding in found.findings if finding.kind == "trend"]
    assert trend.explains
    assert trend.figure == pytest.approx(found.alpha - found.orders[2])
    assert trend.text == f"order 2 gives {found.orders[2]:.2f}: a trend explains {trend.figure:.2f} of α"
    assert "explained by trend" in str(found)


def test_a_trend_is_rarely_found_where_there_is_none():
    """1 % by design, for each of two orders; 200 series, at most 10."""
    series = np.exp(0.1 * synthetic.arfima(500, d=0.5, batch=(200,), seed=1))
    found = sum("trend" in kinds(verdict(norms, replicates=1, spikes=None)) for norms in series)
    assert found <= 10


def test_saturation_is_a_trend():
    found = verdict(1 + np.linspace(0, 1, 500) ** 2 + 1e-6 * synthetic.white_noise(500, seed=0), replicates=50)
    assert "saturated" in found.explained_by
    assert "α is at the ceiling of order 1, which is 2: it shows a smooth trend" in [finding.text for finding in found.findings]


def test_the_optimizer_explains_its_own_norms_and_no_more():
    momentum = {"optimizer": "sgd", "momentum": 0.9}
    norms = optimizer_norms(500, replicates=1, seed=4, **momentum)[0]
    found = verdict(norms, replicates=200, **momentum)
    assert "optimizer" in found.explained_by
    assert found.null.low < found.alpha < found.null.high
    more = verdict(norms * np.exp(0.3 * synthetic.random_walk(500, seed=1) / 10), replicates=200, **momentum)
    assert "optimizer" not in more.explained_by
    assert more.null.p_value < 0.05
    assert more.p_value < 0.05 < found.p_value
    assert found.compared == more.compared == "SGD(momentum 0.9) on gradients without memory"
    assert f"{more.compared}: white ones give α of" in " ".join(finding.text for finding in more.findings)
    assert str(more).endswith(f"not explained by {more.compared}: more memory ({probability(more.p_value)})")
    less = verdict(np.exp(0.1 * -np.diff(synthetic.white_noise(501, seed=2))), replicates=200, **momentum)
    assert "optimizer" not in less.explained_by
    assert str(less).endswith(f": less memory than {less.compared} ({probability(less.p_value)})")


def test_a_null_may_be_given():
    alphas = optimizer_alphas(500, optimizer="adamw", spikes="hampel", replicates=100)
    found = verdict(PINK, null=alphas, optimizer="adamw")
    assert found.null == wcdfa.nulls.nulls.compare(found.alpha, alphas)
    assert np.isnan(found.p_value)
    assert found.compared is None
    (text,) = [each.text for each in found.findings if each.kind == "optimizer"]
    assert text.startswith(f"the α given for AdamW(0.9, 0.999) range from {found.null.low:.2f} to {found.null.high:.2f}: ")
    p = found.null.p_value
    assert ("optimizer" in found.explained_by) is (p >= 0.05 and found.alpha >= found.null.low)


def test_a_schedule_goes_into_window_and_null_alike():
    lr = 0.01 * np.cos(np.linspace(0, 1.5, 500))
    norms = optimizer_norms(500, optimizer="sgd", momentum=0.9, lr=lr, replicates=1, seed=3)[0]
    found = verdict(norms, lr=lr, optimizer="sgd", momentum=0.9, replicates=200)
    assert found.prepared.schedule == pytest.approx(1, abs=0.1)
    assert "optimizer" in found.explained_by
    assert verdict(norms, replicates=50).alpha > found.alpha + 0.2


def test_short_memory_is_found():
    found = verdict(np.exp(0.1 * synthetic.ar1(500, phi=0.7, seed=0)), replicates=100)
    (short,) = [finding for finding in found.findings if finding.kind == "short memory"]
    assert short.explains
    assert short.figure > 2
    assert "AR(1) with φ = 0." in short.text
    assert "short memory" not in kinds(verdict(PINK, replicates=100))


def test_a_misfit_is_said():
    """A sine is no noise of one exponent."""
    wave = 0.3 * np.sin(2 * np.pi * np.arange(500) / 50) + 0.1 * synthetic.white_noise(500, seed=0)
    assert "misfit" in kinds(verdict(np.exp(wave), replicates=50))
    assert "misfit" not in kinds(verdict(PINK, replicates=50))


def test_failure_modes_say_what_they_need():
    critical = verdict(PINK, thresholds=(1.5, 0.5), replicates=50)
    assert critical.label == "critical"
    sealed = verdict(np.exp(np.cumsum(0.01 * synthetic.arfima(500, d=0.3, seed=0))), replicates=50)
    assert [mode.name for mode in sealed.failure_modes] == ["sealed"]


def test_no_exponent_is_said():
    found = verdict(np.full(500, 0.25))
    assert (found.label, found.null) == (None, None)
    assert str(found) == "no α: the series is constant, so it does not fluctuate at any scale"
    assert np.isnan(found.alpha)


def test_names_of_optimizers():
    assert str(named("sgd", {"momentum": 0.9, "nesterov": True})) == "SGD(Nesterov momentum 0.9)"
    assert str(named("rmsprop", {})) == "RMSprop"
    assert str(named("adam", {})) == "Adam(0.9, 0.999)"
    (text,) = [each.text for each in verdict(PINK, null=[0.9, 1.0]).findings if each.kind == "optimizer"]
    assert text.startswith("the α given for the optimizer range from 0.90 to 1.00")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"optimizer": "adagrad"}, ValueError, "optimizer must be one of"),
        ({"optimizer": "sgd", "betas": (0.9, 0.99)}, TypeError, "sgd has no hyperparameter 'betas'"),
        ({"method": "magic"}, ValueError, "method must be one of"),
        ({"thresholds": (0.8, 1.2)}, ValueError, "upper above lower"),
        ({"thresholds": (1.0,)}, ValueError, "the upper one first"),
        ({"optimizer": "adamw", "betas": (0.9,)}, ValueError, r"betas must be two numbers, got \(0.9,\)"),
        ({"optimizer": "adam", "betas": 0.9}, ValueError, "betas must be two numbers, got 0.9"),
        ({"order": 7}, ValueError, "order must be 1, 2, 3 or 4"),
        ({"spikes": "all"}, ValueError, "spikes must be"),
        ({"momentum": 0.9}, TypeError, "momentum belongs to an optimizer"),
        ({"windw": 3}, TypeError, "windw belongs to an optimizer, or is misspelled; did you mean 'window'"),
        ({"group": "body"}, TypeError, "the options are log, epoch_length, spikes"),
        ({"optimizer": "sgd", "oder": 2}, TypeError, "sgd has no hyperparameter 'oder'; .*did you mean 'order'"),
        ({"optimizer": "SGD"}, ValueError, "did you mean 'sgd'"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        verdict(PINK, replicates=10, **options)


def test_order_4_and_windows_too_short_for_higher_orders():
    assert set(verdict(PINK, order=4, replicates=10).orders) == {4}
    assert set(verdict(PINK[:30], replicates=10).orders) == {1, 2}


def test_judge_is_a_verdict_for_each_window():
    norms = np.exp(0.1 * synthetic.arfima(1300, d=0.5, seed=0))
    options = {"optimizer": "sgd", "momentum": 0.9, "replicates": 50}
    judged = judge(norms, window=500, stride=400, **options)
    assert judged.starts.tolist() == [0, 400, 800]
    for start, found in zip(judged.starts, judged.verdicts, strict=True):
        alone = verdict(norms[start : start + 500], **options)
        assert (found.alpha, found.findings, found.null) == (alone.alpha, alone.findings, alone.null)
    np.testing.assert_array_equal(judged.numbers("alpha"), [v.alpha for v in judged.verdicts])
    counted = []
    judge(norms[:512], window=512, each=lambda done, total: counted.append((done, total)), replicates=10)
    assert counted == [(1, 1)]


def test_judge_survives_windows_that_cannot_be_judged():
    norms = np.exp(0.1 * synthetic.white_noise(2500, seed=0))
    norms[500:900] = 0
    norms[1000:1500] = np.nan
    norms[1600] = np.nan
    norms[2100] = -1
    judged = judge(norms, window=500, optimizer="sgd", replicates=50)
    assert [v.label is None for v in judged.verdicts] == [False, False, True, False, True]
    assert judged.verdicts[1].prepared.zeros == 400
    assert judged.verdicts[1].high - judged.verdicts[1].low > 0.4  # a hundred norms are not many
    assert str(judged.verdicts[2]).startswith("no α: 0 of 500 norms remain")
    assert judged.verdicts[3].prepared.missing == 1
    assert judged.verdicts[3].null.low < 0.5 < judged.verdicts[3].null.high
    assert "a logarithm needs norms above 0" in str(judged.verdicts[4])


def test_windows_with_gaps_take_a_calibration_that_ships(monkeypatch):
    """Otherwise each number of missing norms would compute one, in the middle of a run."""

    def compute(*_, **__):
        raise AssertionError

    monkeypatch.setattr(wcdfa.inference.calibration_tables, "compute", compute)
    for gap in ([0], [250], [0, 1, 499], [13, 77, 300]):
        norms = PINK.copy()
        norms[gap] = np.nan
        zeros = PINK.copy()
        zeros[gap] = 0
        for marred in (norms, zeros):
            found = verdict(marred, optimizer="sgd", replicates=20)
            assert abs(found.alpha - verdict(PINK, replicates=20).alpha) < 0.15


def test_a_null_that_is_none():
    """A clipped SGD step has one size: what is left of it is rounding, and explains nothing."""
    found = verdict(PINK, optimizer="sgd", clip_norm=0.01, replicates=50)
    (finding,) = [f for f in found.findings if f.kind == "optimizer"]
    assert finding.text.startswith("not compared: SGD on gradients without memory has no α: norms are constant")
    assert finding.brief == "not compared: SGD on gradients without memory has no α"
    assert np.isnan(found.p_value)
    assert "optimizer" not in found.explained_by
    with pytest.raises(ValueError, match="the null holds no α"):
        verdict(PINK, null=[])


def test_a_level_shift_is_no_drift():
    for seed in range(5):
        norms = np.exp(0.2 * synthetic.white_noise(4000, seed=seed))
        norms[2500:] *= 0.1
        norms[1500:1510] = np.nan
        assert drifts(norms, window=500) == ()


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.ones((2, 300)), {}, r"x must be one series, got shape \(2, 300\)"),
        ([], {}, r"got shape \(0,\)"),
        (PINK, {"window": 0}, "window and stride must be at least 1, got 0 and 0"),
        (PINK, {"stride": 0}, "got 500 and 0"),
        (PINK[:20], {}, "20 of 20 norms remain"),
    ],
)
def test_judge_refuses(x, options, message):
    with pytest.raises(ValueError, match=message):
        judge(x, **options)


def test_drifts_count_steps_of_the_series_as_it_came():
    calm, wild = synthetic.white_noise(4000, seed=0), synthetic.random_walk(1500, seed=0)
    norms = np.exp(0.1 * np.concatenate([calm, wild]))
    with_zeros = np.insert(norms, np.arange(0, 3000, 10), 0.0)
    (found,), (shifted,) = drifts(norms, window=500), drifts(with_zeros, window=500)
    assert found.direction == "up"
    assert abs(found.onset - 4000) < 150
    assert abs(shifted.start - found.start - 300) <= 1
    assert drifts(norms[:1500], window=500) == ()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"optimizer": "sdg"}, ValueError, "optimizer must be one of"),
        ({"momentm": 0.9}, TypeError, "momentm belongs to an optimizer, or is misspelled"),
        ({"optimizer": "sgd", "momentm": 0.9}, TypeError, "sgd has no hyperparameter 'momentm'"),
        ({"start": 100}, TypeError, "start belongs to an optimizer"),
    ],
)
@pytest.mark.parametrize("judges", [verdict, judge], ids=["verdict", "judge"])
def test_a_null_that_is_given_hides_no_misspelled_name(judges, options, error, message):
    with pytest.raises(error, match=message):
        judges(PINK, null=[0.9, 1.0, 1.1], **options)


def test_judge_takes_a_null():
    alphas = optimizer_alphas(250, optimizer="sgd", momentum=0.9, spikes="hampel", replicates=60)
    judged = judge(PINK, window=250, null=alphas, optimizer="sgd", momentum=0.9)
    for start, found in zip(judged.starts, judged.verdicts, strict=True):
        assert found.null == wcdfa.nulls.nulls.compare(found.alpha, alphas)
        assert found.findings == verdict(PINK[start : start + 250], null=alphas, optimizer="sgd", momentum=0.9).findings
    assert all("the α given for SGD(momentum 0.9)" in " ".join(f.text for f in each.findings) for each in judged.verdicts)
    assert judged.run.compared == 0  # there is no p-value of a curve to join


def test_criteria_change_by_the_names_that_verdict_has():
    criteria = Criteria.given(log=False, order=2, thresholds=(1.3, 0.7), optimizer="adamw", betas=(0.9, 0.95), seed=3)
    assert criteria.changed() == criteria
    assert criteria.changed(weight_decay=0.0).optimizer == named("adamw", {"betas": (0.9, 0.95), "weight_decay": 0.0})
    assert criteria.changed(optimizer="adamw").optimizer == criteria.optimizer
    assert criteria.changed(optimizer="sgd").optimizer == named("sgd", {})
    assert criteria.changed(optimizer=None).optimizer is None
    assert criteria.changed(optimizer=named("sgd", {"momentum": 0.5}), nesterov=True).optimizer.nesterov
    changed = criteria.changed(order=1, spikes=None, replicates=9)
    assert (changed.measurement.order, changed.preparation.spikes, changed.preparation.log) == (1, None, False)
    assert (changed.simulation.replicates, changed.simulation.seed, changed.thresholds) == (9, 3, (1.3, 0.7))


def test_a_finding_is_one_function(monkeypatch):
    """Whoever adds one writes it and puts it into the tuple: the verdict, its line and its explanation have it."""

    def even(evidence):
        if evidence.prepared is not None and len(evidence.prepared.values) % 2 == 0:
            yield Finding("even", "an even number of norms", 2.0, True, "evenness")

    monkeypatch.setattr(findings, "FINDINGS", (*findings.FINDINGS, even))
    found = verdict(PINK, replicates=50)
    assert "even" in found.explained_by
    assert str(found).startswith("explained by evenness: α = ")
    assert "even" not in verdict(PINK[:-1], replicates=50).explained_by


def test_the_name_that_the_regime_had_first_still_works():
    found = verdict(PINK, replicates=50)
    assert found.label == found.regime is not None


def test_why_there_is_no_alpha_is_said_once():
    found = verdict(np.ones(100))
    assert found.reason == "the series is constant, so it does not fluctuate at any scale"
    assert str(found) == f"no α: {found.reason}"
    assert [finding.text for finding in found.findings].count(found.reason) == 1


def test_an_optimizer_of_the_users_own():
    @dataclass(frozen=True, kw_only=True)
    class Own(SGD):
        name = "own"
        title = "my own"

    found, expected = (verdict(PINK, optimizer=rule(momentum=0.9), replicates=50) for rule in (Own, SGD))
    np.testing.assert_allclose(found.null, expected.null, rtol=1e-6)  # one of them may come from a file in single precision
