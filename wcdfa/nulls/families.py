"""Replays an optimizer on every kind of gradients without memory: together they are the null of a window."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.gradients import Gradients
from wcdfa.nulls.optimizer import Optimizer, axes_of
from wcdfa.nulls.replay import Dimension, begin, plan

Floats = npt.NDArray[np.float64]

MEANS = (0.03, 0.1, 0.3, 1.0)
SCATTERS = (0.5, 1.0)
CURVATURES = (0.1, 0.2, 0.5)
FEW = (1, 4)  # coordinates
TIMES = (0.25, 1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
"""Limits of how many times as many coordinates a replicate stands for, where a window holds transients: with many, these stand out."""
PRECISE = 16  # times as many replicates for the mean square on white gradients
STATIONARY = 1500  # steps after which a quadratic is stationary where the norm is large
LONGEST = 200  # steps: a log of fewer is replayed as one of every 200th, when all memory of the optimizer is gone
THINNED = 250  # replicates of a thinned log, which takes many steps


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a window shares with its replays, apart from the gradients."""

    rule: Optimizer
    n: int
    """Norms in a window."""
    start: int | None = None
    """Steps that the optimizer took before the window; None if its transients are over."""
    every: int = 1
    """Optimizer steps from one norm to the next."""
    lr: float | None = None
    dimension: Dimension | None = None
    replicates: int = 500
    seed: int = 0
    rules: tuple[Optimizer, ...] = field(default=(), repr=False)
    """The optimizer at each norm of the window, where its hyperparameters vary."""


@dataclass(frozen=True)
class Member:
    """One kind of gradients in a null."""

    gradients: Gradients
    times: tuple[float, float] = (1.0, 1.0)
    """Each replicate stands for between so many times the replayed coordinates."""


def members(setting: Setting) -> tuple[Member, ...]:
    """The kinds of gradients that the null of a setting holds."""
    rule = setting.rule
    means = [Gradients(mean=each) for each in MEANS]
    scatters = [Gradients(scatter=each) for each in SCATTERS]
    if rule.depends_on_shape:
        return tuple(map(Member, (Gradients(), *means[1::2], scatters[1])))
    few = [] if setting.dimension is not None else [Gradients(coordinates=each) for each in FEW]
    curved = [] if rule.gain(1.0, 1.0) is None else [Gradients(curvature=each) for each in CURVATURES]
    if not transient(setting) or setting.dimension is not None:
        return tuple(map(Member, (Gradients(), *few, *means, *scatters, *curved)))
    cells = list(pairwise(TIMES))
    more = [Member(each, cell) for each in (Gradients(), means[1], means[3]) for cell in cells]
    steep = [Member(each, cell) for each in curved[::2] for cell in cells[1:2]]
    fewer = [Member(Gradients(coordinates=FEW[1]), cells[1])]
    return (*more, *steep, *map(Member, (*few, *scatters)), *fewer)


def transient(setting: Setting) -> bool:
    """Whether the window holds transients of the optimizer."""
    return setting.start is not None and setting.start <= setting.rule.starts_within()


def replays(setting: Setting) -> Iterator[tuple[Member, Floats]]:
    """The norms of each member, shape (replicates, n)."""
    if setting.every > 1:
        setting = replace(setting, replicates=min(setting.replicates, THINNED))
    replayed: dict[Gradients, tuple[Floats, Floats]] = {}
    for place, member in enumerate(members(setting)):
        gradients = member.gradients
        if gradients not in replayed:
            norms = member_norms(setting, gradients, [setting.seed, place])
            replayed[gradients] = (
                norms,
                _mean_square(setting, norms) if gradients == Gradients() and transient(setting) else (norms**2).mean(axis=0),
            )
        norms, mean = replayed[gradients]
        if member.times != (1.0, 1.0):
            low, high = np.log(member.times).tolist()
            times = np.exp(np.random.default_rng([setting.seed, place]).uniform(low, high, len(norms)))
            norms = with_more_coordinates(norms, times, _smooth(mean))
        yield member, norms


def _mean_square(setting: Setting, norms: Floats) -> Floats:
    """The mean of squared norms on white gradients, precise enough for very many coordinates, of which only it is left."""
    sums = (norms * norms).sum(axis=0)
    more = 0 if setting.every > 1 else PRECISE - 1
    for turn in range(more):
        sums += (member_norms(setting, Gradients(), [setting.seed, 1000 + turn]) ** 2).sum(axis=0)
    return np.asarray(sums / ((1 + more) * setting.replicates))


def with_more_coordinates(norms: Floats, times: Floats, mean: Floats) -> Floats:
    """Norms of so many times as many coordinates: squares of norms are sums, so their mean stays and their spread falls.

    >>> few = np.sqrt(np.random.default_rng(0).chisquare(64, (2000, 32)) / 64)
    >>> spread = np.std(with_more_coordinates(few, np.full(2000, 16.0), np.ones(32))) / np.std(few)
    >>> print(f"{spread:.2f}")
    0.25
    """
    squares = mean + (norms * norms - mean) / np.sqrt(times)[:, None]
    return np.asarray(np.sqrt(np.maximum(squares, 1e-3 * mean)))


def _smooth(mean: Floats) -> Floats:
    """The mean over replicates without its chance fluctuations: transients of an optimizer change by little from n to 1.1 n steps."""
    n = len(mean)
    place = np.arange(n)
    reach = np.minimum(place // 10, n - 1 - place)  # as far to the left as to the right, so that no slope is lost
    sums = np.concatenate([[0.0], np.cumsum(mean)])
    return np.asarray((sums[place + reach + 1] - sums[place - reach]) / (2 * reach + 1))


def member_norms(setting: Setting, gradients: Gradients, seed: Sequence[int]) -> Floats:
    """Norms ‖ΔW‖ of a setting on gradients of one kind, shape (replicates, n)."""
    rule, every = setting.rule, min(setting.every, LONGEST)
    steps = setting.n * every - (every - 1)
    dimension = gradients.coordinates or setting.dimension
    run = plan(steps, rule, setting.lr, None, setting.start, dimension)
    more = max(0, settling(rule, gradients) - run.before) if run.settled else 0
    rng = np.random.default_rng(list(seed))
    shape = (*run.shape, setting.replicates)
    weights, memory = begin(run, rng, shape)
    size = math.sqrt(math.prod(run.shape))
    gain = rule.gain(float(run.rates[0]), 1 / size)
    hessian = gradients.curvature / gain if gradients.curvature and gain is not None else 0.0
    drawn = gradients.drawn(rng, shape, 1 / size, hessian)
    norms, count = np.empty((setting.n, setting.replicates)), max(0.0, run.taken - more)
    for step in range(-run.before - more, steps):
        now = setting.rules[max(step, 0) // every] if setting.rules else rule
        count += 1
        change, memory = now.step(memory, weights, next(drawn).at(weights), float(run.rates[0]), count)
        weights = weights + change
        if step >= 0 and step % every == 0:
            norms[step // every] = np.sqrt(np.square(np.asarray(change), dtype=np.float64).sum(axis=axes_of(change)))
    return np.ascontiguousarray(norms.T)


def settling(rule: Optimizer, gradients: Gradients) -> int:
    """Steps after which the state of an optimizer no longer shows how it was drawn."""
    if gradients.curvature:
        return STATIONARY
    if gradients.scatter:
        return min(math.ceil(rule.settles_after()), 5000)
    return min(math.ceil(10 / (1 - rule._decays()[0])), 1000) if gradients.mean else 0
