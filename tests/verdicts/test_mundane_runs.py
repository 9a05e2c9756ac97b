"""The runs that verdicts are judged with: optimizers as torch has them, gradients and series as they are described."""

from __future__ import annotations

import ast

import numpy as np
import pytest

import wcdfa
from benchmarks.mundane import noise, windows
from benchmarks.mundane.gradients import GRADIENTS, Gradients, LeastSquares, Quadratic, Running, White
from benchmarks.mundane.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSprop
from benchmarks.mundane.schedules import SCHEDULES, OneCycle, WarmupCosine
from tests.helpers.documents import ROOT
from wcdfa.verdicts.criteria import Criteria

STEPS = 60
OTHERS = {
    "clipped": SGD(momentum=0.9, clip_norm=0.8),
    "decayed": SGD(momentum=0.9, weight_decay=0.1),
    "Adam, decayed": Adam(weight_decay=0.1),
    "AdamW, decayed and clipped": AdamW(weight_decay=0.1, clip_norm=0.8),
    "RMSprop, decayed": RMSprop(weight_decay=0.1),
}
TORCH = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}


class Given(Gradients):
    """The same gradients of one run, whatever the weights."""

    def begin(self, optimizer, runs, rng):
        draws = iter(given())
        return Running(np.zeros((runs, self.d), np.float32), lambda weights: next(draws)[None])


def given():
    return np.random.default_rng(5).standard_normal((STEPS, Given().d)).astype(np.float32) * np.float32(0.1)


def torch_norms(torch, ours: Optimizer, schedule=None):
    """‖ΔW‖, lr and momentum of the class of torch.optim with the same hyperparameters on the same gradients."""
    keywords = {name: value for name, value in ours.keywords.items() if name not in ("optimizer", "clip_norm")}
    weights = torch.nn.Parameter(torch.zeros(Given().d, dtype=torch.float64))  # so that weights round no change
    theirs = getattr(torch.optim, TORCH[ours.name])([weights], lr=ours.lr, **keywords)
    follows = None if schedule is None else schedule(theirs)
    found = []
    for gradient in given():
        before = weights.detach().clone()
        weights.grad = torch.from_numpy(gradient.astype(np.float64))
        if ours.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_([weights], ours.clip_norm)
        group = theirs.param_groups[0]
        momentum = group["betas"][0] if "betas" in group else group.get("momentum", 0.0)
        rate = group["lr"]
        theirs.step()
        if follows is not None:
            follows.step()
        found.append((float((weights.detach() - before).norm()), rate, momentum))
    return np.array(found).T


@pytest.mark.parametrize("name", [*OPTIMIZERS, *OTHERS])
def test_optimizers_give_the_norms_of_torch(torch, name):
    ours = (OPTIMIZERS | OTHERS)[name]
    np.testing.assert_allclose(windows(ours, Given(), runs=1, window=STEPS).norms[0], torch_norms(torch, ours)[0], rtol=1e-5)


@pytest.mark.parametrize("name", ["SGD .9", "AdamW .9 .999"])
def test_one_cycle_gives_the_rates_momenta_and_norms_of_torch(torch, name):
    ours = OPTIMIZERS[name]
    made = windows(ours, Given(), runs=1, window=STEPS, schedule=OneCycle(total=STEPS))
    norms, lr, momentum = torch_norms(
        torch, ours, lambda theirs: torch.optim.lr_scheduler.OneCycleLR(theirs, max_lr=ours.lr, total_steps=STEPS)
    )
    np.testing.assert_allclose(made.lr, lr, rtol=1e-9)
    np.testing.assert_allclose(made.momentum, momentum, rtol=1e-9)
    np.testing.assert_allclose(made.norms[0], norms, rtol=1e-5)


def test_warm_up_and_cosine():
    rate = WarmupCosine(warmup=100, total=5000).rate(np.arange(5000))
    np.testing.assert_allclose(rate[:100], np.arange(1, 101) / 100)
    assert rate.argmax() in (99, 100)
    np.testing.assert_allclose(rate[2550], 0.5, rtol=0.01)
    assert 0 < rate[-1] < 1e-6


def test_a_later_window_is_the_same_run_later():
    whole = windows(OPTIMIZERS["AdamW .9 .95"], White(), runs=3, window=40, schedule=SCHEDULES["OneCycle"], seed=2)
    later = windows(OPTIMIZERS["AdamW .9 .95"], White(), runs=3, window=30, first=10, schedule=SCHEDULES["OneCycle"], seed=2)
    for one, other in zip(whole, later, strict=True):
        np.testing.assert_array_equal(one[..., 10:], other)
    assert later.steps[0] == 11


def test_runs_are_independent_however_many_are_held_at_a_time():
    norms = windows(SGD(), White(d=20_000), runs=7, window=50).norms
    assert np.abs(np.corrcoef(norms) - np.eye(7)).max() < 0.6


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_verdict_knows_the_optimizers(name):
    """Their hyperparameters under the names of torch, and in the line that names them."""
    keywords = OPTIMIZERS[name].keywords
    rule = Criteria.given(**keywords).optimizer
    assert {"optimizer": rule.name, **{key: getattr(rule, key) for key in keywords if key != "optimizer"}} == keywords


@pytest.mark.parametrize(("mean", "scale"), [(0.0, 0.0), (0.1, 0.0), (1.0, 0.0), (0.0, 0.3)])
def test_white_gradients_have_the_power_that_they_say(mean, scale):
    sizes = windows(SGD(), White(mean=mean, scale=scale), runs=200, window=100).gradient_norms
    np.testing.assert_allclose(np.mean(sizes**2), (1 + mean) * np.exp(2 * scale**2), rtol=0.03)
    assert np.std(np.log(sizes)) == pytest.approx((scale**2 + 1 / 256) ** 0.5, rel=0.2)


@pytest.mark.parametrize("optimizer", ["SGD", "SGD .9", "Nesterov .9", "AdamW .9 .95"])
@pytest.mark.parametrize("sharpness", [0.1, 0.5])
def test_quadratics_are_stationary_from_the_first_step(optimizer, sharpness):
    sizes = windows(OPTIMIZERS[optimizer], Quadratic(sharpness=sharpness), runs=200, window=600).gradient_norms
    first, last = np.mean(sizes[:, :100] ** 2), np.mean(sizes[:, 500:] ** 2)
    assert last == pytest.approx(first, rel=0.05)


def test_a_quadratic_undoes_the_share_of_an_error_that_it_says():
    """SGD without momentum: the first coordinate is an AR(1) of 1 - sharpness."""
    run = Quadratic(sharpness=0.4).begin(SGD(lr=0.1), 2000, np.random.default_rng(0))
    before = run.weights[:, 0].copy()
    after = before - np.float32(0.1) * run.draw()[:, 0]
    assert np.mean(after * before) / np.mean(before**2) == pytest.approx(0.6, abs=0.04)
    assert np.var(after) == pytest.approx(np.var(before), rel=0.15)


def test_least_squares_learn():
    sizes = windows(OPTIMIZERS["SGD .9"], LeastSquares(distance=1.0), runs=20, window=1500).gradient_norms
    solved = windows(OPTIMIZERS["SGD .9"], LeastSquares(), runs=20, window=200, first=300).gradient_norms
    assert np.median(sizes[:, :100]) > 1.5 * np.median(sizes[:, -100:])
    assert np.median(sizes[:, -200:]) == pytest.approx(np.median(solved), rel=0.2)


@pytest.mark.parametrize("alpha", [0.05, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("innovations", ["normal", "t3"])
def test_noise_has_the_covariances_of_its_exponent(alpha, innovations):
    x = noise.arfima(alpha, 64, runs=20_000, seed=1, innovations=innovations)
    expected = noise.autocovariance(alpha - 0.5, 3)
    found = [np.mean(x[:, : 64 - lag] * x[:, lag:]) for lag in range(4)]
    np.testing.assert_allclose(found, expected, atol=0.03 * expected[0])


@pytest.mark.parametrize(
    ("keywords", "expected"), [({"ma": (0.5,)}, 0.4), ({"ma": (-0.5,)}, -0.4), ({"ar": (0.5,)}, 0.5), ({"ar": (0.3, 0.2)}, 0.375)]
)
def test_noise_has_the_short_memory_that_it_says(keywords, expected):
    x = noise.arfima(0.5, 200, runs=500, seed=2, **keywords)
    assert np.mean(x[:, 1:] * x[:, :-1]) / np.mean(x**2) == pytest.approx(expected, abs=0.02)


def test_noise_on_a_signal_has_its_share():
    x = noise.arfima(0.7, 300, runs=500, seed=3, snr=4.0)
    assert np.var(x) == pytest.approx(1.25, rel=0.03)


@pytest.mark.parametrize("alpha", [0.3, 0.7, 1.0, 1.4, 1.8])
def test_noise_has_its_exponent(alpha):
    assert wcdfa.dfa(noise.arfima(alpha, 1024, runs=200, seed=4), method="gls").alpha.mean() == pytest.approx(alpha, abs=0.02)


def test_norms_and_level_steps():
    norms = noise.norms(noise.arfima(1.0, 500, runs=40, seed=0), 0.2)
    assert np.std(np.log(norms), axis=1) == pytest.approx(0.2)
    ratio = noise.with_level_step(norms, 2.0, seed=1) / norms
    assert np.all(ratio[:, :60] == 1)
    assert np.all(ratio[:, -60:] == 2)
    assert np.all(np.diff(ratio, axis=1).sum(axis=1) == 1)


@pytest.mark.parametrize(("optimizer", "first", "alpha"), [("SGD", 0, 0.5), ("SGD .9", 300, 0.99), ("AdamW .9 .95", 300, 0.98)])
def test_white_gradients_give_the_exponents_that_were_measured_elsewhere(optimizer, first, alpha):
    norms = windows(OPTIMIZERS[optimizer], White(d=64), runs=100, window=500, first=first).norms
    assert wcdfa.dfa(np.log(norms)).alpha.mean() == pytest.approx(alpha, abs=0.03)


@pytest.mark.parametrize("name", GRADIENTS)
def test_every_kind_of_gradients_trains(name):
    for optimizer in ("SGD .9", "AdamW .9 .999"):
        made = windows(OPTIMIZERS[optimizer], GRADIENTS[name], runs=2, window=20, schedule=WarmupCosine())
        assert np.all((made.norms > 0) & np.isfinite(made.norms))


def test_nothing_of_what_is_judged_is_used():
    for path in (ROOT / "benchmarks" / "mundane").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            assert not [name for name in names if name.partition(".")[0] == "wcdfa"], path
