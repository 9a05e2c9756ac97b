"""Turns the saved state of a recorder into the run that it recorded: its last norms, with what was recorded beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wcdfa.readers.columns import Column, Run
from wcdfa.readers.errors import LogError
from wcdfa.support.series_names import ALL, BESIDE, BETA1, BETA2, COSINE, GRADIENTS, MOMENTUM, WEIGHT_NORM

Floats = npt.NDArray[np.float64]

CALLED = {
    ALL: "wcdfa/update_norm",
    GRADIENTS: "wcdfa/gradient_norm",
    COSINE: "wcdfa/cosine",
    WEIGHT_NORM: "wcdfa/weight_norm",
    MOMENTUM: "wcdfa/momentum",
    BETA1: "wcdfa/beta1",
    BETA2: "wcdfa/beta2",
}
"""The columns of the series that a recorder may hold; groups are "wcdfa/update_norm/GROUP"."""


def run_of(
    path: Path,
    series: Mapping[str, npt.ArrayLike],
    lr: npt.ArrayLike,
    steps: npt.ArrayLike | None,
    count: int,
    *,
    name: str = "",
    notes: Sequence[str] = (),
) -> Run:
    """The run in the ring of a recorder.

    >>> run = run_of(Path("a.pt"), {"all": [3.0, 4.0, 2.0]}, [0.1] * 3, [4, 5, 3], 5)
    >>> run.columns["wcdfa/update_norm"].values, run.columns["wcdfa/update_norm"].steps, run.notes[0]
    (array([2., 3., 4.]), array([3, 4, 5]), 'a saved recorder, which holds the last 3 of 5 norms')

    Parameters
    ----------
    path : Path
    series : dict of numbers of shape (window,)
        The series of the ring by the names that they have in the file, and groups.
    lr, steps : numbers of shape (window,)
        Learning rate and training step of each place; without steps they are counted.
    count : int
        Norms recorded, with those that have left the ring.
    name, notes
        As in `Run`.

    Raises
    ------
    ValueError
        If the series differ in length, or the count is negative.
    """
    window = _window({"the learning rates": lr, "the steps": lr if steps is None else steps, **series}, count)
    kept = max(0, min(int(count), window))
    order = (int(count) - kept + np.arange(kept)) % max(window, 1)
    at = int(count) - kept + np.arange(kept) + 1 if steps is None else np.asarray(steps, dtype=np.int64)[order]

    def column(values: npt.ArrayLike) -> Column:
        return Column(np.asarray(values, dtype=np.float64)[order], steps=at)

    columns = {_called(each): column(values) for each, values in series.items() if each in CALLED or not each.startswith(BESIDE)}
    columns["wcdfa/lr"] = column(lr)
    found = {key: each for key, each in columns.items() if key == CALLED[ALL] or np.isfinite(each.values).any()}
    held = f"a saved recorder, which holds the last {kept:,} of {int(count):,} norms"
    return Run(path, name, found, (held, *notes))


def _window(series: Mapping[str, npt.ArrayLike], count: int) -> int:
    """The length that all series have."""
    shapes = {name: np.shape(values) for name, values in series.items()}
    first, shape = next(iter(shapes.items()))
    for name, other in shapes.items():
        if len(shape) != 1 or other != shape:
            msg = f"{first} are of shape {shape}, {name} of {other}"
            raise damaged(msg)
    if count < 0:
        msg = f"it holds {count} norms"
        raise damaged(msg)
    return int(shape[0])


def damaged(how: object) -> ValueError:
    """The error if the state of a recorder is not as it was written.

    >>> damaged("it holds -1 norms")
    ValueError('the state of its recorder is damaged: it holds -1 norms; start over without it')
    """
    return ValueError(f"the state of its recorder is damaged: {how}; start over without it")


@contextmanager
def undamaged() -> Iterator[None]:
    """Take a state apart: whatever fails, because something is missing or of another type, says that the state is damaged.

    >>> with undamaged():
    ...     {}["names"]
    Traceback (most recent call last):
    ValueError: the state of its recorder is damaged: it lacks 'names'; start over without it
    """
    try:
        yield
    except KeyError as error:
        msg = f"it lacks {error}"
        raise damaged(msg) from error
    except (AttributeError, ArithmeticError, IndexError, RecursionError, TypeError, ValueError) as error:
        known = isinstance(error, LogError) or str(error).startswith("the state of its recorder is damaged")
        raise error if known else damaged(error) from error


def _called(series: str) -> str:
    return CALLED.get(series, f"{CALLED[ALL]}/{series}")


def named(run: Run, source: object) -> Run:
    """The run with its optimizer, from what a monitor saves of it as JSON; unchanged if nothing is known.

    >>> named(Run(Path("a.pt"), "", {}), '{"optimizer": "sgd", "hyperparameters": {"momentum": 0.9}}').hyperparameters
    {'momentum': 0.9}
    """
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        held = json.loads(str(source))
        if isinstance(held["optimizer"], str):
            return run._replace(optimizer=held["optimizer"], hyperparameters=dict(held["hyperparameters"]))
    return run


def as_numbers(text: Sequence[Sequence[float | None]], window: int) -> Floats:
    """Numbers that a state holds as runs of one value: each with how often it stands there, in all as often as the window is long.

    >>> as_numbers([(0.9, 2), (None, 1)], 3)
    array([0.9, 0.9, nan])
    """
    values, times = [math.nan if value is None else float(value) for value, _ in text], [int(each or 0) for _, each in text]
    if sum(times) != window or min(times, default=0) < 0:
        msg = f"a number stands at {sum(times)} places of {window}"
        raise damaged(msg)
    return np.repeat(values, times)
