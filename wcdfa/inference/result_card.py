"""What a notebook shows of a `DFAResult`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wcdfa.kernel.arrays import on_host
from wcdfa.support.cards import card, or_text
from wcdfa.support.markup import Markup
from wcdfa.support.text import probability, several
from wcdfa.support.vignettes import curve, ruler

if TYPE_CHECKING:
    from wcdfa.inference.exponent import DFAResult

Values = npt.NDArray[np.float64]

POOR = 0.05  # a p-value of the straight line that is worth a word
NEXT = "For norms ‖ΔW‖, call wcdfa.verdict(norms): it says what else explains this α."
UNREAD = "The numbers cannot be read: a compiler is tracing, or they are on a device that NumPy does not read."
NO_LINE = "it has no single exponent, so look at F(s) with wcdfa.plotting.plot_fluctuations."
TREND = "Measure with a higher order: at this order, a smooth trend gives this α too."


@or_text
def result_card(result: DFAResult) -> Markup:
    """α with its interval and F(s); of many series, how their α are spread.

    >>> import wcdfa
    >>> "<svg" in result_card(wcdfa.dfa(wcdfa.synthetic.white_noise(500, seed=0)))
    True
    """
    alpha = _on_host(result.alpha)
    if alpha is None:
        return card("α is not known here", UNREAD)
    return _of_one(result, float(alpha)) if alpha.ndim == 0 else _of_many(result, alpha)


def _of_one(result: DFAResult, alpha: float) -> Markup:
    if math.isnan(alpha):
        return card("no α", f"{_sentence(result.reason)}" if result.reason else "α is not a number.")
    low, high, adequacy = (float(_known(part)) for part in (result.low, result.high, result.adequacy))
    sizes, fluctuations = _known(result.scales), _known(result.fluctuations)
    interval = f" ({low:.2f}–{high:.2f})" if math.isfinite(low + high) else ""
    said = f"α = {alpha:.2f}{interval}"
    with np.errstate(all="ignore"):
        logs = np.log(sizes), np.log(fluctuations)
    picture = curve(
        *logs, alpha, name="F(s), both axes logarithmic", said=f"log F(s) against log s, and a line of slope {alpha:.2f}"
    )
    boxes = f"F(s) of {several(len(sizes), 'box size', 'box sizes')}, {sizes.min():,.0f} to {sizes.max():,.0f} samples."
    poor = f"F(s) is no straight line ({probability(adequacy)}): {NO_LINE}" if adequacy < POOR else ""
    return card(said, boxes, poor, picture=picture, todo=TREND if bool(_known(result.saturated)) else NEXT)


def _of_many(result: DFAResult, alpha: Values) -> Markup:
    known = alpha[np.isfinite(alpha)]
    head = f"α of {several(alpha.size, 'series', 'series')}, shape {alpha.shape}"
    missing = f"{several(alpha.size - known.size, 'series has', 'series have')} no α." if known.size < alpha.size else ""
    if not known.size:
        return card(head, f"{missing} {_sentence(result.reason)}" if result.reason else missing)
    middle, low, high = float(np.median(known)), float(known.min()), float(known.max())
    spread = f"median {middle:.2f}, from {low:.2f} to {high:.2f}"
    picture = ruler(middle, low, high, said=f"α: {spread}")
    return card(head, f"α: {spread}.", missing, picture=picture, todo="result.at(i) gives the result of one series.")


def _sentence(reason: str | None) -> str:
    text = reason or ""
    return f"{text[:1].upper()}{text[1:]}."


def _known(part: Any) -> Values:
    """The numbers of a part whose α is known."""
    numbers = _on_host(part)
    return np.array(math.nan) if numbers is None else numbers


def _on_host(part: Any) -> Values | None:
    """The numbers of an array of any library; None if they cannot be read, as under tracing."""
    values = on_host(part)
    return None if values is None else np.asarray(values, dtype=np.float64)
