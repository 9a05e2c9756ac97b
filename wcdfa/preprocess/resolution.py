"""What the digits of recorded norms can show: whether they fluctuate beyond rounding, and whether they are rounded or repeated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wcdfa.preprocess.outliers import Values

FEWEST = 17  # different values, from which on rounding no longer distorts α
HELD = 0.1  # share of repeated norms from which on α is wrong
RECUR = 1.1  # runs of equal values for each value: fewer, and the values were held; more, and they were rounded
ROUNDED = 4  # norms for each different value, from which on it is worth saying that they are rounded
DIGITS = 9  # the digits that float32 needs; a number written with fewer is no more precise than that


class Format(NamedTuple):
    """A floating-point format, and the relative spread that rounding alone may give norms stored in it."""

    name: str
    spread: float


# in float32, sums over many weights and the rounding of the weights themselves leave a hundred times the rounding of the norm
BFLOAT16, FLOAT16, FLOAT32 = Format("bfloat16", 2.0**-8), Format("float16", 2.0**-10), Format("float32", 1e-5)


class Names(NamedTuple):
    """What the values are called in a sentence."""

    one: str
    all: str


NORMS, VALUES = Names("norm", "the norms"), Names("value", "its values")


def no_fluctuation(norms: Values, values: Values, breaks: tuple[int, ...], *, log: bool, names: Names = NORMS) -> str | None:
    """The reason why α would be that of rounding, or of what a logger did; None if there is none.

    >>> constant = np.float32(0.00127 * (1 + 3e-6 * np.sin(np.arange(500))))
    >>> no_fluctuation(np.float64(constant), np.log(constant, dtype=np.float64), (), log=True)
    'the norms are constant up to the rounding of float32 (relative spread 2e-06)'
    >>> ten = np.arange(500.0) % 10
    >>> no_fluctuation(ten, ten, (), log=False)
    'the norms take only 10 different values, and α needs at least 17; log more digits'

    Parameters
    ----------
    norms : numbers of shape (m,)
        The norms as they were stored.
    values : numbers of shape (m,)
        The same after preparation.
    breaks : integers
        Positions in `values` where a new stretch begins.
    log : bool
        Whether `values` are logarithms.
    names : Names
        What the norms are called.
    """
    spread = float(np.sqrt(np.mean(np.concatenate([part - np.mean(part) for part in np.split(values, breaks)]) ** 2)))
    relative = spread if log else spread / max(abs(float(np.mean(values))), 1e-300)
    different = len(np.unique(norms))
    if different > 1 and 0 < relative < BFLOAT16.spread:
        stored = _format(norms, relative)
        if stored is not None and relative < stored.spread:
            return f"{names.all} are constant up to the rounding of {stored.name} (relative spread {relative:.0e})"
    if 1 < different < FEWEST:
        return f"{names.all} take only {different} different values, and α needs at least {FEWEST}; log more digits"
    repeats = _repeats(norms, different)
    if repeats > HELD * len(norms):
        return f"{_share(repeats, len(norms), names.one)} the one before: the logger held it, and α would be wrong; keep each {names.one} once"
    return None


def remarks(norms: Values) -> list[str]:
    """Sentences about norms that are rounded, or repeat the one before, where neither is enough to change α.

    >>> remarks(np.repeat(np.arange(400.0), np.where(np.arange(400) % 40, 1, 2)))
    ['10 of 410 norms repeat the one before']
    """
    different = len(np.unique(norms))
    repeats = _repeats(norms, different)
    said = [f"{_share(repeats, len(norms))} the one before"] if 0 < repeats <= HELD * len(norms) else []
    if FEWEST <= different < len(norms) / ROUNDED:
        said.append(f"the norms are rounded: {len(norms):,} take {different:,} different values")
    return said


def _repeats(norms: Values, different: int) -> int:
    """How many norms repeat the one before, if values do not come back otherwise: those of a logger that holds them do not."""
    repeats = int(np.sum(norms[1:] == norms[:-1]))
    return repeats if different > 1 and len(norms) - repeats <= RECUR * different else 0


def _share(repeats: int, n: int, one: str = NORMS.one) -> str:
    every = n / (n - repeats)
    if repeats > HELD * n and abs(every - round(every)) < 0.02 * every:
        return f"{round(every) - 1} of {round(every)} {one}s {'repeats' if round(every) == 2 else 'repeat'}"
    return f"{repeats:,} of {n:,} {one}s {'repeats' if repeats == 1 else 'repeat'}"


def _format(norms: Values, relative: float) -> Format | None:
    """The format that holds all norms exactly; None for float64."""
    with np.errstate(over="ignore"):  # what float32 or float16 cannot hold becomes infinite
        single = norms.astype(np.float32)
        if np.array_equal(single, norms):
            if not np.any(single.view(np.uint32) & 0xFFFF):
                return BFLOAT16
            return FLOAT16 if np.array_equal(single.astype(np.float16), single) else FLOAT32
    if relative < FLOAT32.spread and all(float(f"{norm:.{DIGITS}g}") == norm for norm in norms.tolist()):
        return FLOAT32
    return None
