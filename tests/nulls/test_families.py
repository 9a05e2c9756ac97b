"""The members of a null replay what they say: the same norms come from loops written out here."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from wcdfa.nulls import families
from wcdfa.nulls.families import Member, Setting, member_norms, members, replays, transient, with_more_coordinates
from wcdfa.nulls.gradients import Gradients
from wcdfa.nulls.update_rules import OPTIMIZERS, SGD, Adam, named

MOMENTUM = named("sgd", {"momentum": 0.9})
seen: list[np.ndarray] = []


@dataclass(frozen=True, kw_only=True)
class SeenSGD(SGD):
    """Keeps the gradients that it was given."""

    momentum: float = 0.9
    name: ClassVar[str] = "seen"

    def step(self, memory, weights, gradient, lr, count):
        seen.append(np.array(gradient, dtype=np.float64))
        return super().step(memory, weights, gradient, lr, count)


@dataclass(frozen=True, kw_only=True)
class SeenAdam(Adam):
    """Keeps the gradients that it was given."""

    name: ClassVar[str] = "seen"

    def step(self, memory, weights, gradient, lr, count):
        seen.append(np.array(gradient, dtype=np.float64))
        return super().step(memory, weights, gradient, lr, count)


def clipped(gradient, limit):
    return gradient if limit is None else gradient * min(1.0, limit / (np.linalg.norm(gradient) + 1e-6))


def sgd_norms(gradients, lr, momenta, *, nesterov=False, clip_norm=None):
    """‖ΔW‖ of ``torch.optim.SGD``, in double precision, one replicate."""
    buffer, norms = None, []
    for gradient, momentum in zip(gradients, momenta, strict=True):
        gradient = clipped(gradient, clip_norm)
        buffer = gradient if buffer is None else momentum * buffer + gradient
        change = -lr * (gradient + momentum * buffer if nesterov else buffer)
        norms.append(np.linalg.norm(change))
    return np.array(norms)


def adam_norms(gradients, lr, betas, *, eps=1e-8):
    """‖ΔW‖ of ``torch.optim.Adam``, in double precision, one replicate."""
    first = second = np.zeros(gradients.shape[1:])
    norms = []
    for step, gradient in enumerate(gradients, 1):
        first = betas[0] * first + (1 - betas[0]) * gradient
        second = betas[1] * second + (1 - betas[1]) * gradient**2
        change = lr * first / (1 - betas[0] ** step) / (np.sqrt(second / (1 - betas[1] ** step)) + eps)
        norms.append(np.linalg.norm(change))
    return np.array(norms)


KINDS = [Gradients(), Gradients(mean=0.3), Gradients(scatter=1.0), Gradients(curvature=0.5), Gradients(coordinates=4)]


@pytest.mark.parametrize("gradients", KINDS, ids=str)
@pytest.mark.parametrize("options", [{}, {"nesterov": True}, {"clip_norm": 0.9}], ids=str)
@pytest.mark.parametrize("start", [0, 7])
def test_sgd_is_that_of_torch_on_these_gradients(gradients, options, start):
    seen.clear()
    norms = member_norms(Setting(rule=SeenSGD(**options), n=40, start=start, lr=0.05, replicates=3), gradients, [1])
    drawn = np.array(seen)
    assert drawn.shape == (start + 40, gradients.coordinates or 64, 3)
    for replicate in range(3):
        expected = sgd_norms(drawn[..., replicate], 0.05, [0.9] * len(drawn), **options)[start:]
        np.testing.assert_allclose(norms[replicate], expected, rtol=1e-4)


@pytest.mark.parametrize("gradients", KINDS, ids=str)
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.95, 0.9)])
def test_adam_is_that_of_torch_on_these_gradients(gradients, betas):
    seen.clear()
    norms = member_norms(Setting(rule=SeenAdam(betas=betas), n=50, start=3, lr=0.01, replicates=3), gradients, [1])
    drawn = np.array(seen)
    for replicate in range(3):
        np.testing.assert_allclose(norms[replicate], adam_norms(drawn[..., replicate], 0.01, betas)[3:], rtol=1e-4)


def test_the_momentum_of_each_step_is_used():
    seen.clear()
    momenta = np.linspace(0.95, 0.5, 40)
    rules = tuple(SeenSGD(momentum=float(each)) for each in momenta)
    norms = member_norms(Setting(rule=rules[-1], n=40, start=0, lr=0.05, replicates=2, rules=rules), Gradients(mean=0.1), [2])
    for replicate in range(2):
        np.testing.assert_allclose(norms[replicate], sgd_norms(np.array(seen)[..., replicate], 0.05, momenta), rtol=1e-4)


def pace(logs):
    """Mean, spread and memory at a few lags of log norms, with the standard error of each over replicates, shape (2, figures)."""
    centred = logs - logs.mean()
    figures = np.array(
        [logs.mean(axis=1), *((centred[:, lag:] * centred[:, : logs.shape[1] - lag]).mean(axis=1) for lag in (0, 1, 5))]
    )
    return figures.mean(axis=1), figures.std(axis=1) / math.sqrt(len(logs))


@pytest.mark.parametrize("gradients", [Gradients(), Gradients(mean=0.3), Gradients(scatter=0.5)], ids=str)
def test_a_settled_window_is_that_of_a_long_run(gradients):
    """A loop from zero, 300 steps before the window, on gradients drawn here."""
    ours = np.log(member_norms(Setting(rule=MOMENTUM, n=100, lr=0.1, replicates=200), gradients, [3]))
    rng = np.random.default_rng(9)
    mean = rng.standard_normal((64, 200))
    mean *= math.sqrt(gradients.mean / (1 + gradients.mean)) / np.linalg.norm(mean, axis=0)
    buffer, theirs = np.zeros((64, 200)), []
    for _ in range(400):
        noise = rng.standard_normal((64, 200)) / 8 / math.sqrt(1 + gradients.mean)
        scales = np.exp(gradients.scatter * rng.standard_normal(200) - gradients.scatter**2)
        buffer = 0.9 * buffer + scales * noise + mean
        theirs.append(np.log(0.1 * np.linalg.norm(buffer, axis=0)))
    (found, error), (expected, other) = pace(ours), pace(np.array(theirs[300:]).T)
    assert np.all(np.abs(found - expected) < 4 * np.hypot(error, other))


@pytest.mark.parametrize("curvature", [0.1, 0.5])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_quadratic_is_stationary_throughout_the_window(name, curvature):
    rule = named(name, {"momentum": 0.9} if name == "sgd" else {"betas": (0.9, 0.99)})
    norms = np.log(member_norms(Setting(rule=rule, n=150, replicates=100), Gradients(curvature=curvature), [4]))
    first, last = norms[:, :50].mean(axis=1), norms[:, -50:].mean(axis=1)
    assert abs(first.mean() - last.mean()) < 4 * np.std(first - last) / 10


@pytest.mark.parametrize("start", [1, 12])
def test_a_later_start_is_the_same_run_later(start):
    setting = Setting(rule=named("adam", {}), n=30, start=start, replicates=4)
    whole = member_norms(replace(setting, n=30 + start, start=0), Gradients(mean=0.1), [5])
    np.testing.assert_array_equal(member_norms(setting, Gradients(mean=0.1), [5]), whole[:, start:])


@pytest.mark.parametrize("every", [2, 10])
@pytest.mark.parametrize("start", [None, 0, 5])
def test_a_thinned_log_is_every_so_many_of_a_full_one(every, start):
    thinned = Setting(rule=MOMENTUM, n=20, start=start, every=every, replicates=4)
    full = replace(thinned, n=20 * every - (every - 1), every=1)
    norms = member_norms(full, Gradients(mean=0.1), [6])[:, ::every]
    np.testing.assert_array_equal(member_norms(thinned, Gradients(mean=0.1), [6]), norms)


def test_steps_that_are_far_apart_are_replayed_at_200_steps():
    far, at_200 = (member_norms(Setting(rule=MOMENTUM, n=5, every=every, replicates=2), Gradients(), [0]) for every in (5000, 200))
    np.testing.assert_array_equal(far, at_200)


def test_a_thinned_null_has_fewer_replicates():
    shapes = {norms.shape for _, norms in replays(Setting(rule=SGD(), n=16, every=3, replicates=900))}
    assert shapes == {(families.THINNED, 16)}


@pytest.mark.parametrize(("name", "options"), [("sgd", {"momentum": 0.9}), ("adam", {"betas": (0.9, 0.95)})])
@pytest.mark.parametrize("times", [4.0, 64.0])
def test_more_coordinates_give_what_a_replay_with_that_many_gives(name, options, times):
    """Mean and spread of norms, along the start of a run."""
    setting = Setting(rule=named(name, options), n=60, start=0, lr=0.1, replicates=300)
    few = member_norms(setting, Gradients(), [7])
    mean = np.mean([np.mean(member_norms(setting, Gradients(), [8, turn]) ** 2, axis=0) for turn in range(8)], axis=0)
    scaled = with_more_coordinates(few, np.full(300, times), mean)
    many = member_norms(replace(setting, dimension=int(64 * times), replicates=60), Gradients(), [9])
    if name == "adam":  # each coordinate moves by about lr, however many there are
        many = many / math.sqrt(times)
    np.testing.assert_allclose(scaled.mean(axis=0)[1:], many.mean(axis=0)[1:], rtol=0.02)
    ratio = np.log(scaled[:, 1:]).std(axis=0).mean() / np.log(many[:, 1:]).std(axis=0).mean()
    assert ratio == pytest.approx(1, abs=0.1)
    steps = [np.corrcoef(np.log(each[:, 20]), np.log(each[:, 22]))[0, 1] for each in (scaled, many)]
    assert steps[0] == pytest.approx(steps[1], abs=0.35)


def test_as_many_coordinates_change_nothing():
    norms = np.random.default_rng(0).uniform(1, 2, (5, 30))
    np.testing.assert_allclose(with_more_coordinates(norms, np.ones(5), np.full(30, 2.0)), norms)


def test_members_of_the_start_have_the_coordinates_that_they_say():
    """Spread of the norms: as many times less as the root of the factor, drawn between its limits."""
    found = dict(replays(Setting(rule=MOMENTUM, n=48, start=0, replicates=150)))
    white = {member.times: norms for member, norms in found.items() if member.gradients == Gradients()}
    assert sorted(white) == sorted(zip(families.TIMES[:-1], families.TIMES[1:], strict=True))
    one = member_norms(Setting(rule=MOMENTUM, n=48, start=0, replicates=150), Gradients(), [0, 0])
    for (low, high), norms in white.items():
        ratio = np.mean(np.log(norms[:, 10:]).std(axis=0)) / np.mean(np.log(one[:, 10:]).std(axis=0))
        assert high**-0.5 * 0.9 < ratio < low**-0.5 * 1.1


def test_what_a_null_holds():
    settled = members(Setting(rule=MOMENTUM, n=100))
    assert settled[0] == Member(Gradients())
    assert len(set(settled)) == len(settled)
    kinds = [member.gradients for member in settled]
    assert {each.mean for each in kinds} >= {0.0, 0.1, 1.0}
    assert max(each.scatter for each in kinds) == 1.0
    assert max(each.curvature for each in kinds) == 0.5
    assert {each.coordinates for each in kinds} == {None, *families.FEW}
    started = members(Setting(rule=MOMENTUM, n=100, start=0))
    assert len(set(started)) == len(started)
    assert {member.gradients for member in started} <= set(kinds)
    assert max(member.times[1] for member in started) * 64 >= 50_000


def test_coordinates_that_are_known_are_kept():
    for start in (None, 0):
        kinds = members(Setting(rule=MOMENTUM, n=100, start=start, dimension=40))
        assert {(member.gradients.coordinates, member.times) for member in kinds} == {(None, (1.0, 1.0))}
        assert len(kinds) > 5
    assert member_norms(Setting(rule=SeenSGD(), n=4, start=0, dimension=40, replicates=2), Gradients(), [0]).shape == (2, 4)
    assert seen[-1].shape == (40, 2)


def test_optimizers_of_matrices_have_few_members():
    kinds = [member.gradients for member in members(Setting(rule=named("muon", {}), n=100, start=0))]
    assert Gradients() in kinds
    assert {bool(each.mean) for each in kinds} == {True, False}
    assert not any(each.curvature or each.coordinates for each in kinds)


@pytest.mark.parametrize("name", [name for name, rule in OPTIMIZERS.items() if len(rule.default_shape) == 1])
def test_a_quadratic_needs_a_known_gain(name):
    rule = named(name, {})
    curved = any(member.gradients.curvature for member in members(Setting(rule=rule, n=100)))
    assert curved is (rule.gain(1.0, 1.0) is not None)


@pytest.mark.parametrize(
    ("name", "start", "expected"),
    [("sgd", None, False), ("sgd", 0, True), ("sgd", 10_000, False), ("adam", 0, True), ("adam", 100, True), ("adam", 5000, False)],
)
def test_which_windows_hold_transients(name, start, expected):
    assert transient(Setting(rule=named(name, {}), n=100, start=start)) is expected


@pytest.mark.parametrize("start", [None, 0])
def test_a_seed_gives_the_same(start):
    setting = Setting(rule=SGD(), n=24, start=start, replicates=20, seed=1)
    first, again, other = (list(replays(each)) for each in (setting, setting, replace(setting, seed=2)))
    for (member, norms), (same, equal), (_, different) in zip(first, again, other, strict=True):
        assert member == same
        assert norms.shape == (20, 24)
        np.testing.assert_array_equal(norms, equal)
        assert np.abs(norms - different).max() > 0


def test_smoothing_keeps_slopes():
    line = 3 + 0.1 * np.arange(200)
    np.testing.assert_allclose(families._smooth(line), line)
    noise = np.random.default_rng(0).standard_normal(400)
    assert families._smooth(noise)[200:360].std() < 0.3
