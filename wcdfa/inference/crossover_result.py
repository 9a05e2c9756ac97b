"""What `crossovers` returns, and how it says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.inference.exponent import CEILING
from wcdfa.inference.log_fluctuations import counted, reason_of
from wcdfa.support.text import ordinal, probability, several

if TYPE_CHECKING:
    import numpy.typing as npt


POOR = 0.01  # below this p-value of the misfit, what was fitted does not describe the series; a choice: 1 in 100 of those that it does describe


class Crossovers(NamedTuple):
    """What `crossovers` returns: NumPy arrays, with the batch shape ``(...)`` for input ``(..., n)``; NaN where a series has fewer crossovers, or it is undecided."""

    number: npt.NDArray[np.int_]
    """How many crossovers were found and measured; 0 also where it is undecided, and where there is no F(s)."""
    places: npt.NDArray[np.float64]
    """Box size at which the straight lines of F(s) before and after a crossover meet, in samples, shape ``(..., most)``."""
    place_low: npt.NDArray[np.float64]
    """Lower end of the interval of each place; the smallest box size if it may be smaller."""
    place_high: npt.NDArray[np.float64]
    """Upper end of the interval of each place; the largest box size if it may be larger."""
    exponents: npt.NDArray[np.float64]
    """The exponents before, between and after the crossovers, shape ``(..., most + 1)``."""
    low: npt.NDArray[np.float64]
    """Lower end of the interval of each exponent."""
    high: npt.NDArray[np.float64]
    """Upper end of the interval of each exponent."""
    p_values: npt.NDArray[np.float64]
    """p of each crossover in the order in which they were tested, shape ``(..., most)``: the last one tested was not found, unless
    there are `most`. Where more are below the level than there are crossovers, log F(s) bends once more, but what lies beside that bend is not determined."""
    adequacy: npt.NDArray[np.float64]
    """The p-value of the misfit of what was found, or tried where it is undecided; small if log F(s) is not even like that."""
    saturated: npt.NDArray[np.bool_]
    """Whether an exponent is within 0.1 of ``order + 1``, the largest value that the order can show: a trend."""
    level: float
    confidence: float
    cause: npt.NDArray[np.int8]
    """Why there are no exponents, as a key of `wcdfa.inference.exponent.REASONS`; 0 where there are. `reason` says it in words."""
    undecided: npt.NDArray[np.bool_]
    """Whether log F(s) bends, but no exponents are named: they do not describe it, or it leaves one of them open."""

    @property
    def bends(self) -> npt.NDArray[np.int_]:
        """How many bends of log F(s) were found, measured or not."""
        return np.asarray(np.sum(self.p_values < self.level, axis=-1))

    @property
    def reason(self) -> str | None:
        """Why there are no exponents, in words; None if there are. For many series, the most informative reason."""
        return reason_of(self.cause)

    def __str__(self) -> str:
        """What was found in one series; for many series, in how many something was."""
        if self.cause.ndim:
            return self._of_many()
        return f"no exponents: {self.reason}" if self.cause else "\n".join(self._lines())

    def _of_many(self) -> str:
        said = f"crossovers at a level of {self.level:g}: in {np.count_nonzero(self.number):,} of {several(self.cause.size, 'series', 'series')}"
        undecided = np.count_nonzero(self.undecided)
        return said + (f"; undecided: {undecided:,}" if undecided else "") + counted(self.cause)

    def _lines(self) -> Iterator[str]:
        if self.undecided:
            yield self._undecided()
            return
        if not self.number:
            yield f"no crossover was found ({probability(float(self.p_values[0]))}): {self._exponent(0)}"
        else:
            yield f"{several(int(self.number), 'crossover', 'crossovers')} ({self._tests()})"
            for k in range(self.number + 1):
                yield f"{self._exponent(k)}{',' if self.saturated[k] else ''} {self._span(k)}"
        if self.bends > self.number:
            yield f"log F(s) bends once more ({probability(float(self.p_values[self.number]))}); the exponents beside that bend are not determined"
        if self.adequacy < POOR:
            yield f"log F(s) is not well described by {several(int(self.number) + 1, 'exponent', 'exponents')} ({probability(float(self.adequacy))})"

    def _undecided(self) -> str:
        bends = f"undecided: log F(s) bends ({probability(float(self.p_values[0]))}), but"
        if self.adequacy < POOR:
            return f"{bends} exponents with crossovers between them do not describe it ({probability(float(self.adequacy))})"
        return f"{bends} the exponents beside the bend are not determined"

    def _tests(self) -> str:
        """The p-value of each crossover, in the order in which they were tested."""
        each = [probability(float(p)) for p in self.p_values[: self.number]]
        return each[0] if len(each) == 1 else ", ".join(f"{ordinal(k)} test: {p}" for k, p in enumerate(each, 1))

    def _exponent(self, k: int) -> str:
        said = f"exponent {self.exponents[k]:.2f} ({self.low[k]:.2f} to {self.high[k]:.2f})"
        return f"{said}, {CEILING}" if self.saturated[k] else said

    def _span(self, k: int) -> str:
        def at(j: int) -> str:
            return f"{about(self.places[j])} ({about(self.place_low[j])} to {about(self.place_high[j])})"

        if k == 0:
            return f"up to boxes of {at(0)} samples"
        return f"from there up to boxes of {at(k)} samples" if k < self.number else "above"


def about(size: float) -> str:
    """A box size to two digits: more are not known.

    >>> about(12.3), about(267.4), about(2048)
    ('12', '270', '2,000')
    """
    return f"{float(f'{size:.2g}'):,.0f}"
