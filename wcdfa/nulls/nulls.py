"""Nulls: the α that the optimizer alone, chance alone or short memory alone would give."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa import surrogates
from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import measure
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.replay import Dimension, optimizer_norms
from wcdfa.nulls.update_rules import resolved
from wcdfa.nulls.whittle import MemoryFit, memory_fit
from wcdfa.preprocess.outliers import THRESHOLDS, many_without_spikes
from wcdfa.preprocess.preparation import Spikes, check_options
from wcdfa.synthetic import Seed, ar1

Floats = npt.NDArray[np.float64]

ROUNDING = 1e-5
"""Norms that spread less than this, relative to their size, count as constant, because the replay is in single precision."""
STEPS = 32  # for simulation, atanh φ and atanh θ are rounded to 1/32
DECISIVE = 2.0
"""One kind of memory is favoured if it is ahead by more nats than this. On ARFIMA of 500 samples, 1 to 3 % then favour short memory."""


class NullResult(NamedTuple):
    """α of a window, compared with a null."""

    alpha: float
    """α of the window."""
    low: float
    """2.5 % quantile of α under the null."""
    median: float
    """Median of α under the null."""
    high: float
    """97.5 % quantile of α under the null."""
    excess: float
    """``alpha - median``: what the null leaves to explain."""
    p_value: float
    """(1 + replicates with at least this α) / (1 + replicates): one-sided, small if α is larger than the null explains."""


class ShortMemory(NamedTuple):
    """A `NullResult`, and whether the spectrum favours short or long memory."""

    alpha: float
    low: float
    median: float
    high: float
    excess: float
    p_value: float
    model: str
    """The short-memory model that was simulated: "AR(1)" or "ARMA(1,1)"."""
    parameters: dict[str, float]
    """Its phi and theta: x[t] = phi x[t-1] + e[t] + theta e[t-1]."""
    nats: float
    """How much better short memory explains the spectrum than long memory, in nats; negative if long memory explains it better."""
    favoured: str
    """"short" above 2 nats, "long" below -2, else "undecided"."""


def optimizer_null(
    norms: npt.ArrayLike,
    *,
    optimizer: str | Optimizer = "adamw",
    lr: npt.ArrayLike | None = None,
    replicates: int = 500,
    order: int = 1,
    method: Method = "robust",
    log: bool = True,
    gradient_norm: npt.ArrayLike | None = None,
    start: int | None = None,
    dimension: Dimension | None = None,
    seed: Seed = 0,
    **hyperparameters: object,
) -> NullResult:
    """Compare α of a window with the α of the same optimizer on white gradients, which have no memory of their own.

    >>> from wcdfa.nulls.replay import optimizer_norms
    >>> norms = optimizer_norms(200, optimizer="sgd", momentum=0.9, replicates=1, seed=1)[0]
    >>> null = optimizer_null(norms, optimizer="sgd", momentum=0.9, replicates=99, method="ols")
    >>> print(null.low < null.alpha < null.high, null.p_value > 0.05)
    True True

    If lr varies, what a line in log lr explains is removed from the window and from the replicates. For many windows of one length,
    replay once and call ``compare(alpha, optimizer_alphas(n, ...))`` for each.

    Parameters
    ----------
    norms : positive numbers of shape (n,)
        ‖ΔW‖ of one window, one per optimizer step.
    optimizer, lr, gradient_norm, start, dimension, **hyperparameters
        As in `wcdfa.nulls.replay.optimizer_norms`. The closer they are to those of the run, the more the null explains.
    replicates : int
        Windows of white gradients.
    order, method
        As in `dfa`.
    log : bool
        Take α of log norms.
    seed : int or numpy.random.Generator

    Returns
    -------
    NullResult
        NaN if α is undefined, for example for a constant window.

    Raises
    ------
    ValueError
        If norms are not one series, not finite, or not positive although log is asked for; and as `optimizer_norms`.
    TypeError
        If the optimizer lacks a hyperparameter.

    References
    ----------
    Adam: D. P. Kingma and J. Ba (2014), doi:10.48550/arXiv.1412.6980. AdamW: I. Loshchilov and F. Hutter (2017),
    doi:10.48550/arXiv.1711.05101. Others: the classes of `wcdfa.nulls.update_rules`.
    """
    x = _series(norms, log)
    alphas = optimizer_alphas(
        len(x),
        optimizer=resolved(optimizer, hyperparameters),
        lr=lr,
        replicates=replicates,
        order=order,
        method=method,
        log=log,
        gradient_norm=gradient_norm,
        start=start,
        dimension=dimension,
        seed=seed,
    )
    return compare(_alphas(without_schedule(x, lr, log), order, method), alphas)


def optimizer_alphas(
    n: int,
    *,
    optimizer: str | Optimizer = "adamw",
    lr: npt.ArrayLike | None = None,
    replicates: int = 500,
    order: int = 1,
    method: Method = "robust",
    log: bool = True,
    breaks: tuple[int, ...] = (),
    spikes: Spikes = None,
    gradient_norm: npt.ArrayLike | None = None,
    start: int | None = None,
    dimension: Dimension | None = None,
    seed: Seed = 0,
    **hyperparameters: object,
) -> Floats:
    """Compute α of each replicate of `optimizer_null`, for windows of n steps.

    >>> optimizer_alphas(200, optimizer="sgd", replicates=3, method="ols").shape
    (3,)

    Parameters
    ----------
    n : int
        Steps in a window.
    breaks
        As in `dfa`.
    spikes : "hampel" or None
        The spike filter of `wcdfa.prepare`. Take the one that the window went through: where norms are skewed, as those of Adafactor,
        it raises α.
    optimizer, lr, replicates, order, method, log, gradient_norm, start, dimension, seed, **hyperparameters
        As in `optimizer_null`.

    Returns
    -------
    array of shape (replicates,)
        NaN for an optimizer that has no α, such as Lion: its ``no_alpha`` says why.

    Raises
    ------
    ValueError, TypeError
        As `wcdfa.nulls.replay.optimizer_norms`.
    """
    rule = resolved(optimizer, hyperparameters)
    check_options(log, spikes, "skip")
    norms = optimizer_norms(
        n,
        optimizer=rule,
        lr=lr,
        replicates=replicates,
        gradient_norm=gradient_norm,
        start=start,
        dimension=dimension,
        seed=seed,
    )
    x = without_schedule(np.log(norms) if log else norms, lr, log)
    if spikes is not None:
        x = many_without_spikes(x, breaks, THRESHOLDS[spikes])
    # a constant norm, for example if every gradient is clipped, still has float32 noise
    constant = np.ptp(norms, axis=-1) < ROUNDING * np.max(norms, axis=-1)
    return np.where(constant | (rule.no_alpha is not None), math.nan, _alphas(x, order, method, breaks))


def without_schedule(x: Any, lr: npt.ArrayLike | None, log: bool) -> Any:
    """Remove from each series what a line in lr explains, as `wcdfa.prepare` does; a constant lr removes nothing."""
    if lr is None or np.ndim(lr) == 0 or np.ptp(lr) == 0:
        return x
    rate = np.log(lr) if log else np.asarray(lr, dtype=np.float64)
    rate = rate - np.mean(rate)
    return x - (x @ rate / (rate @ rate))[..., None] * rate


def shuffled(
    norms: npt.ArrayLike, *, replicates: int = 500, order: int = 1, method: Method = "robust", log: bool = True, seed: Seed = 0
) -> NullResult:
    """Compare α of a window with the α of its own values in random order, which have no memory at all.

    >>> from wcdfa import synthetic
    >>> print(shuffled(synthetic.random_walk(200, seed=0), log=False, replicates=99, method="ols").p_value)
    0.01

    Parameters
    ----------
    norms : positive numbers of shape (n,)
    replicates, order, method, log, seed
        As in `optimizer_null`.

    Returns
    -------
    NullResult
        NaN for a constant window.

    Raises
    ------
    ValueError
        If norms are not one series, not finite, or not positive although log is asked for.
    """
    x = _series(norms, log)
    return compare(_alphas(x, order, method), _alphas(surrogates.shuffled(x, _at_least_one(replicates), seed=seed), order, method))


def short_memory(
    norms: npt.ArrayLike,
    *,
    replicates: int = 500,
    order: int = 1,
    method: Method = "robust",
    log: bool = True,
    breaks: tuple[int, ...] = (),
    fitted: MemoryFit | None = None,
    seed: Seed = 0,
) -> ShortMemory:
    """Compare α of a window with the α of the short-memory model that fits it best, AR(1) or ARMA(1,1).

    >>> from wcdfa import synthetic
    >>> found = short_memory(synthetic.ar1(500, phi=0.7, seed=0), log=False, replicates=99, method="ols")
    >>> print(found.model, found.favoured, found.p_value > 0.05)
    AR(1) short True

    The model is chosen and fitted by Whittle likelihood (`wcdfa.nulls.whittle.memory_fit`), then simulated, with atanh φ and atanh θ rounded to
    1/32, so that similar windows share a simulation. A large p-value says that short memory is
    enough to give this α; ``nats`` says which kind of memory the whole spectrum favours.

    Parameters
    ----------
    norms : positive numbers of shape (n,), n at least 32
    replicates, order, method, log, breaks, seed
        As in `optimizer_null` and `dfa`.
    fitted : MemoryFit, optional
        The result of `wcdfa.nulls.whittle.memory_fit` for this window. Give it if you fit many windows at once.

    Returns
    -------
    ShortMemory
        NaN and "undecided" for a constant window.

    Raises
    ------
    ValueError
        If norms are not one series, too few, not finite, or not positive although log is asked for.

    References
    ----------
    P. Whittle, J. R. Stat. Soc. B 15, 125 (1953), doi:10.1111/j.2517-6161.1953.tb00131.x.
    """
    x = _series(norms, log)
    _at_least_one(replicates)
    alpha = _alphas(x, order, method, breaks)
    best = memory_fit(x) if fitted is None else fitted
    nats = (
        math.nan if math.isnan(alpha) else float(best.nats)
    )  # a window that is constant up to rounding would show the spectrum of the rounding
    parameters = {name: math.nan if math.isnan(nats) else float(value) for name, value in best.parameters.items()}
    alphas = np.full(replicates, math.nan)
    if not math.isnan(nats):
        rounded = (round(math.atanh(value) * STEPS) for value in (parameters["phi"], parameters["theta"]))
        simulate = _short_alphas if isinstance(seed, int) else _short_alphas.__wrapped__
        alphas = simulate(len(x), *rounded, replicates, order, method, breaks, seed)
    favoured = "short" if nats > DECISIVE else "long" if nats < -DECISIVE else "undecided"
    return ShortMemory(*compare(alpha, alphas), str(best.model), parameters, nats, favoured)


@lru_cache(maxsize=4096)
def _short_alphas(
    n: int, phi: int, theta: int, replicates: int, order: int, method: Method, breaks: tuple[int, ...], seed: Seed
) -> npt.NDArray[np.float64]:
    """α of ARMA(1,1) series; atanh of each parameter is given in units of 1 / `STEPS`. The array is cached: do not change it."""
    longer = ar1(n + 1, phi=math.tanh(phi / STEPS), batch=(replicates,), seed=seed)
    alphas: npt.NDArray[np.float64] = _alphas(longer[:, 1:] + math.tanh(theta / STEPS) * longer[:, :-1], order, method, breaks)
    return alphas


def compare(alpha: float, alphas: npt.ArrayLike, /) -> NullResult:
    """Compare one α with those of a null, of shape (replicates,). Replicates without an exponent (NaN) are left out.

    >>> compare(1.25, [0.9, 1.0, 1.1]).p_value
    0.25
    """
    alpha, given = float(alpha), np.asarray(alphas, dtype=np.float64)
    if not given.size:
        msg = "the null holds no α; give 500 or so, from optimizer_alphas(n, ...)"
        raise ValueError(msg)
    defined = given[np.isfinite(given)]
    if not defined.size:
        return NullResult(alpha, *[math.nan] * 5)
    low, median, high = (float(each) for each in np.quantile(defined, [0.025, 0.5, 0.975]))
    p_value = (1 + int(np.sum(defined >= alpha))) / (defined.size + 1)
    return NullResult(alpha, low, median, high, alpha - median, math.nan if math.isnan(alpha) else p_value)


def _alphas(x: Any, order: int, method: Method, breaks: tuple[int, ...] = ()) -> Any:
    return measure(x, order=order, method=method, breaks=breaks).alpha


def _series(norms: npt.ArrayLike, log: bool) -> Floats:
    x = np.asarray(norms, dtype=np.float64)
    if x.ndim != 1 or not x.size:
        msg = f"norms must be one window of shape (n,), got shape {x.shape}; for many, compare() each with one optimizer_alphas()"
        raise ValueError(msg)
    wrong = np.flatnonzero(~np.isfinite(x))
    if wrong.size:
        msg = f"norms[{wrong[0]}] is {x[wrong[0]]}; fill or leave out such steps with wcdfa.preprocess.preparation.prepare"
        raise ValueError(msg)
    wrong = np.flatnonzero(x <= 0)
    if log and wrong.size:
        msg = f"norms[{wrong[0]}] is {x[wrong[0]]}, which has no logarithm; treat zeros with wcdfa.preprocess.preparation.prepare, or pass log=False"
        raise ValueError(msg)
    return np.log(x) if log else x


def _at_least_one(replicates: int) -> int:
    if replicates < 1:
        msg = f"replicates must be at least 1, got {replicates}; no p-value is below 1 / (replicates + 1)"
        raise ValueError(msg)
    return replicates
