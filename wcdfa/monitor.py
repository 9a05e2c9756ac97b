"""α of the last norms, recomputed as training goes on."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from wcdfa.core import DFAResult, DFAWarning, dfa

SMALLEST_WINDOW = 50


class WeightChangeDFA:
    """DFA exponent of the norms ‖ΔW‖ in a rolling window.

    >>> import wcdfa
    >>> monitor = wcdfa.WeightChangeDFA(window=200)
    >>> for norm in wcdfa.synthetic.white_noise(400, seed=0):
    ...     _ = monitor.update(norm)
    >>> monitor.ready, f"{monitor.alpha:.2f}", len(monitor.history)
    (True, '0.50', 6)

    With parameters instead of norms, the first call sets the reference and records nothing; each later one records how far they
    have moved since the last:

    >>> parameters = {"weight": np.zeros((2, 2))}
    >>> monitor = wcdfa.WeightChangeDFA().update(parameters)
    >>> parameters["weight"][0, 0] = 3.0
    >>> monitor.update(parameters).get_signal()
    array([3.])

    Parameters
    ----------
    window : int
        Norms (training steps) that α is computed from, at least 50. 500 resolves about ± 0.1.
    stride : int, optional
        Recompute α every so many norms. Default: a fifth of the window.
    order : 1, 2, 3 or 4
        Degree of the detrending polynomial; 2 ignores a smooth trend that order 1 reads as high α.

    Raises
    ------
    ValueError
        If the window is below 50, the stride below 1, or the order none.
    """

    def __init__(self, window: int = 500, stride: int | None = None, *, order: int = 1) -> None:
        if window < SMALLEST_WINDOW:
            msg = f"window must be at least {SMALLEST_WINDOW}, got {window}; below that α is noise (500 is the default)"
            raise ValueError(msg)
        if stride is not None and stride < 1:
            msg = f"stride must be at least 1, got {stride}; leave it out for a fifth of the window"
            raise ValueError(msg)
        dfa(np.arange(window) % 7.0, order=order)  # a wrong order, or a window too short for it, is misuse: say so now
        self.window = window
        self.stride = max(1, window // 5) if stride is None else stride
        self.order = order
        self._norms: deque[float] = deque(maxlen=window)
        self._reference: Any = None
        self._count = 0
        self._history: list[float] = []
        self._result: DFAResult | None = None
        self._reason: str | None = None

    def __repr__(self) -> str:
        """The settings, how full the window is, and α."""
        alpha = "not ready" if self.alpha is None else f"{self.alpha:.3f}"
        return f"WeightChangeDFA(window={self.window}, stride={self.stride}, n_samples={self.n_samples}, alpha={alpha})"

    def update(self, parameters_or_norm: Any, /) -> WeightChangeDFA:
        """Record a norm, or how far the parameters have moved since the last call; returns the monitor, for chaining.

        A norm that is NaN or infinite is recorded too: α is NaN, with a `reason`, until it has left the window.

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
        self._norms.append(norm)
        self._count += 1
        if len(self._norms) == self.window and self._count % self.stride == 0:
            self._recompute()
        return self

    @property
    def alpha(self) -> float | None:
        """The last α; None until the window is full."""
        return None if self._result is None else float(self._result.alpha)

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

    def get_signal(self) -> Any:
        """The norms in the window as a NumPy array, oldest first."""
        return np.array(self._norms)

    def reset(self) -> None:
        """Forget all norms, results and the reference."""
        self._norms.clear()
        self._history.clear()
        self._reference = self._result = self._reason = None
        self._count = 0

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
        norms = self.get_signal()
        finite = np.isfinite(norms)
        self._reason = None
        if not finite.all():
            self._reason = f"{np.count_nonzero(~finite)} of the {self.window} norms in the window are not finite"
            norms = np.zeros_like(norms)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DFAWarning)
            self._result = dfa(norms, order=self.order)
        if caught and self._reason is None:
            self._reason = str(caught[-1].message)
        self._history.append(float(self._result.alpha))
