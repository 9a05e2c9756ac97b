"""Finds how finely a log gives its values: as rounded decimals, as so many digits, as float32, or in full."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.readers.columns import Floats

DECIMALS, DIGITS = 8, 8  # the most that a log is rounded to, rather than written in full
SINGLE, DOUBLE = 2.0**-24, 2.0**-53  # half of the spacing of float32 and float64, relative to the value
FIRST = 4  # values, which mostly tell


class Resolution(NamedTuple):
    """One way in which a log may give its values."""

    kind: str
    """"decimals", "digits", "single" or "full"."""
    digits: int = 0

    def tolerance(self, values: Floats) -> Floats:
        """Half of the distance between neighbouring values that the log can hold."""
        size = np.abs(values)
        if self.kind == "decimals":
            return np.full(values.shape, 0.5 * 10.0**-self.digits)
        if self.kind == "digits":
            with np.errstate(divide="ignore"):
                return np.where(size > 0, 0.5 * 10.0 ** (np.floor(np.log10(size)) + 1 - self.digits), 0.0)
        return size * (SINGLE if self.kind == "single" else DOUBLE)

    def holds(self, values: Floats) -> bool:
        """Whether all values are such that this log can give them."""
        return all(self.rounded(part) == part.tolist() for part in (values[:FIRST], values))

    def rounded(self, values: Floats) -> list[float]:
        """The values as this log would give them."""
        if self.kind == "decimals":
            return [round(each, self.digits) for each in values.tolist()]
        if self.kind == "digits":
            return [float(f"{each:.{self.digits - 1}e}") for each in values.tolist()]
        with np.errstate(over="ignore"):
            found: list[float] = values.astype(np.float32).tolist()
        return found


def resolutions_of(values: Floats) -> tuple[Resolution, ...]:
    """The coarsest of each kind that all values fit: a log that writes four digits may seem to write four decimals.

    >>> [str(each.kind) for each in resolutions_of(np.array([0.125, 0.5])) + resolutions_of(np.array([1 / 3]))]
    ['decimals', 'digits', 'single', 'full']
    """
    kinds = (("decimals", DECIMALS), ("digits", DIGITS), ("single", 1)) if values.size else ()
    found = [_coarsest(kind, most, values) for kind, most in kinds]
    return tuple(each for each in found if each is not None) or (Resolution("full"),)


def _coarsest(kind: str, most: int, values: Floats) -> Resolution | None:
    return next((each for digits in range(1, most + 1) if (each := Resolution(kind, digits)).holds(values)), None)
