"""α of the last norms, recomputed as training goes on."""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from wcdfa.core import DFAResult, dfa
from wcdfa.findings import Verdict, undefined, verdict
from wcdfa.preprocess import prepare, with_usable_rates
from wcdfa.regime import THRESHOLDS, label

SMALLEST_WINDOW = 50


class WeightChangeDFA:
    """DFA exponent of the norms ‖ΔW‖ in a rolling window.

    >>> import numpy as np
    >>> import wcdfa
    >>> monitor = wcdfa.WeightChangeDFA(window=256)
    >>> for noise in wcdfa.synthetic.white_noise(500, seed=0):
    ...     _ = monitor.update(np.exp(0.1 * noise))
    >>> monitor.ready, f"{monitor.alpha:.2f}", monitor.regime, len(monitor.history)
    (True, '0.44', 'disordered', 4)

    With parameters instead of norms, the first call sets the reference and records nothing; each later one records how far they
    have moved since the last:

    >>> parameters = {"weight": np.zeros((2, 2))}
    >>> monitor = wcdfa.WeightChangeDFA().update(parameters)
    >>> parameters["weight"][0, 0] = 3.0
    >>> monitor.update(parameters).get_signal()
    array([3.])

    The norms are prepared before α is computed, as `wcdfa.preprocess.prepare` does it: their logarithm is taken, spikes are
    replaced, boxes end where the level shifts. `get_signal` gives them as they came.

    Parameters
    ----------
    window : int
        Norms (training steps) that α is computed from, at least 50. 500 resolves about ± 0.13. A length that the package has no
        calibration for (it has 128, 256, 500, 512, 1000, 1024 and all above) takes a second or a few the first time.
    stride : int, optional
        Recompute α every so many norms. Default: a fifth of the window.
    thresholds : (float, float)
        α above which a run is called ordered, and below which disordered, where the interval of α allows it.
    order : 1, 2, 3 or 4
        Degree of the detrending polynomial; 2 ignores a smooth trend that order 1 reads as high α.
    method, confidence
        As in `dfa`.
    log, epoch_length, spikes
        As in `wcdfa.preprocess.prepare`.

    Raises
    ------
    ValueError
        If the window is below 50, the stride below 1, the thresholds are in the wrong order, or another setting is none.
    """

    def __init__(
        self,
        window: int = 500,
        stride: int | None = None,
        thresholds: tuple[float, float] = THRESHOLDS,
        *,
        order: int = 1,
        method: str = "robust",
        confidence: float = 0.95,
        log: bool = True,
        epoch_length: int | None = None,
        spikes: str | None = "hampel",
    ) -> None:
        if window < SMALLEST_WINDOW:
            msg = f"window must be at least {SMALLEST_WINDOW}, got {window}; below that α is noise (500 is the default)"
            raise ValueError(msg)
        if stride is not None and stride < 1:
            msg = f"stride must be at least 1, got {stride}; leave it out for a fifth of the window"
            raise ValueError(msg)
        self.window = window
        self.stride = max(1, window // 5) if stride is None else stride
        self.thresholds = thresholds
        self.order = order
        self._settings: dict[str, Any] = {"order": order, "method": method, "confidence": confidence}
        self._preparation: dict[str, Any] = {"log": log, "epoch_length": epoch_length, "spikes": spikes}
        self._norms: deque[float] = deque(maxlen=window)
        self._rates: deque[float] = deque(maxlen=window)
        self._reference: Any = None
        self._count = self._skipped = 0
        self._history: list[float] = []
        self._result: DFAResult | None = None
        self._reason: str | None = None
        # wrong settings, or a window too short for them, are misuse: say so now, and have the calibration ready
        label(0.0, 0.0, thresholds=thresholds)
        trial = prepare(1.0 + np.arange(window) % 7.0, **self._preparation)
        dfa(trial.values, **self._settings)

    def __repr__(self) -> str:
        """The settings, how full the window is, and α."""
        alpha = "not ready" if self.alpha is None else f"{self.alpha:.3f}"
        return f"{type(self).__name__}(window={self.window}, stride={self.stride}, n_samples={self.n_samples}, alpha={alpha})"

    def update(self, parameters_or_norm: Any, /, *, lr: float | None = None) -> WeightChangeDFA:
        """Record a norm, or how far the parameters have moved since the last call; returns the monitor, for chaining.

        A norm of 0 was no step (gradient accumulation, a skipped AMP step): it is counted in `skipped` and not recorded. One that is
        NaN or infinite is recorded, and boxes are split there. With `lr`, the learning rate of each step, a schedule that varies is
        taken out before α is computed; a norm without one, or with one that is not positive, then counts as missing.

        Raises
        ------
        TypeError
            If it is neither a number, an array of size 1, nor a dict or list of NumPy arrays.
        ValueError
            If the parameters differ in structure from those of the last call; nothing is recorded then.
        """
        norm = self._norm_of(parameters_or_norm)
        if norm is None:
            return self
        if norm == 0:
            self._skipped += 1
            return self
        self._norms.append(norm)
        self._rates.append(math.nan if lr is None else float(lr))
        self._count += 1
        if len(self._norms) == self.window and self._count % self.stride == 0:
            self._recompute()
        return self

    @property
    def alpha(self) -> float | None:
        """The last α; None until the window is full."""
        return None if self._result is None else float(self._result.alpha)

    @property
    def regime(self) -> str | None:
        """Name of the band that the interval of the last α lies in: "ordered", "critical" or "disordered"; else "undecided".

        None until the window is full, and where α is NaN.
        """
        if self._result is None:
            return None
        return label(float(self._result.low), float(self._result.high), thresholds=self.thresholds)

    @property
    def result(self) -> DFAResult | None:
        """The whole of the last result; None until the window is full."""
        return self._result

    @property
    def reason(self) -> str | None:
        """Why the last α is NaN; None where it is a number."""
        return self._reason

    @property
    def ready(self) -> bool:
        """Whether α has been computed."""
        return self._result is not None

    @property
    def history(self) -> list[float]:
        """Every α computed so far, oldest first."""
        return list(self._history)

    @property
    def n_samples(self) -> int:
        """Norms in the window, `window` at most."""
        return len(self._norms)

    @property
    def skipped(self) -> int:
        """How many norms of 0 were not recorded."""
        return self._skipped

    def verdict(self, **options: Any) -> Verdict:
        """`wcdfa.verdict` on the norms in the window, with the settings of the monitor; `options` name the optimizer.

        Raises
        ------
        ValueError
            If the window holds too few norms yet; and as `wcdfa.verdict` for options that are none.
        """
        if self._reason is not None:
            return undefined(self._reason, self.order)
        norms, lr = with_usable_rates(self._norms, self._rates)
        settings = {"lr": lr, "thresholds": self.thresholds, **self._preparation, **self._settings}
        return verdict(norms, **(settings | options))

    def get_signal(self) -> Any:
        """The norms in the window as a NumPy array, oldest first."""
        return np.array(self._norms)

    def reset(self) -> None:
        """Forget all norms, results and the reference."""
        self._norms.clear()
        self._rates.clear()
        self._history.clear()
        self._reference = self._result = self._reason = None
        self._count = self._skipped = 0

    def _norm_of(self, given: Any) -> float | None:
        if isinstance(given, (Mapping, list, tuple)) or (isinstance(given, np.ndarray) and given.size != 1):
            from wcdfa.backends.numpy import copy_parameters, delta_norm  # noqa: PLC0415

            moved = None if self._reference is None else delta_norm(given, self._reference)
            self._reference = copy_parameters(given)
            return moved
        with suppress(TypeError, ValueError):
            number = np.asarray(given)
            if number.size == 1 and number.dtype.kind in "iuf":
                return float(number.reshape(()))
        msg = (
            f"update takes a number, an array of size 1, or a dict or list of NumPy arrays; got {type(given).__name__}. "
            "Convert parameters of another framework with numpy.asarray, or give their ‖ΔW‖"
        )
        raise TypeError(msg)

    def _recompute(self) -> None:
        """Whatever the norms are, training goes on: what cannot be computed is NaN, with a reason."""
        norms, lr = with_usable_rates(self._norms, self._rates)
        self._reason = None
        with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
            warnings.simplefilter("always")
            try:
                prepared = prepare(norms, lr=lr, **self._preparation)
                self._result = dfa(prepared.values, breaks=prepared.cuts, **self._settings)
            except (ValueError, ArithmeticError) as error:
                self._reason = str(error)
                self._result = dfa(np.zeros(self.window), **self._settings)
        if self._reason is None and math.isnan(self._result.alpha):
            self._reason = str(caught[-1].message) if caught else "the norms do not fluctuate"
        self._history.append(float(self._result.alpha))
