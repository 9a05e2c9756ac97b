"""The options for measuring α, kept together in one object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import DFAResult, check_confidence, check_method, measure
from wcdfa.kernel.arrays import Array
from wcdfa.kernel.checks import check_order

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Order, method and confidence of `wcdfa.dfa`.

    >>> import wcdfa
    >>> result = Measurement(order=2, method="gls").of(wcdfa.synthetic.white_noise(500, seed=0))
    >>> print(f"{result.alpha:.2f}")
    0.47

    Raises
    ------
    ValueError, TypeError
        If the order is not 1, 2, 3 or 4, the method is unknown, or the confidence is not between 0 and 1.
    """

    order: int = 1
    method: Method = "robust"
    confidence: float = 0.95

    def __post_init__(self) -> None:
        check_order(self.order)
        check_method(self.method)
        check_confidence(self.confidence)

    def of(self, x: Array | npt.ArrayLike, breaks: Iterable[int] = ()) -> DFAResult:
        """Measure α of a series, or of many of shape (..., n), without warnings; if there is no α, the result says why."""
        return measure(x, order=self.order, method=self.method, confidence=self.confidence, breaks=breaks)

    def at_order(self, order: int) -> Measurement:
        """A copy with another order."""
        return replace(self, order=order)
