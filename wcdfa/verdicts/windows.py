"""Judges each window of a recorded series."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.rolling import laid_out
from wcdfa.nulls.whittle import SHORTEST, MemoryFit, memory_fits
from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import Prepared
from wcdfa.verdicts.across import RunVerdict, across, together
from wcdfa.verdicts.alongside import Alongside, check_gradients, checked, parted
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.evidence import Evidence, gathered
from wcdfa.verdicts.run_drifts import drifts, drifts_of
from wcdfa.verdicts.single_window import Values, Verdict

Places = npt.NDArray[np.intp]
WHITE = "gradients without memory"  # what gradient norms are compared with

__all__ = ["Judged", "drifts", "drifts_of", "judge", "judged_windows", "prepared_windows"]  # the drifts were defined here once


class Judged(NamedTuple):
    """Windows ``[start, stop)`` of a series, in samples, and the verdict on each."""

    starts: Places
    stops: Places
    verdicts: tuple[Verdict, ...]

    def numbers(self, name: str) -> Values:
        """One field of all verdicts, such as "alpha", "low" or "high", shape (windows,)."""
        return np.array([getattr(v, name) for v in self.verdicts], dtype=np.float64)

    @property
    def run(self) -> RunVerdict:
        """All windows together: whether any differs from its optimizer by more than so many windows would by chance."""
        trends = np.array([bool({"trend", "saturated"}.intersection(each.explained_by)) for each in self.verdicts])
        p_values = np.where(trends, np.nan, self.numbers("p_value"))
        run = across(p_values, dependent=_overlap(self.starts, self.stops))
        white = any(each.compared == WHITE for each in self.verdicts)
        return run._replace(against="white gradients") if white else run


def judge(
    norms: npt.ArrayLike,
    *,
    window: int = 500,
    stride: int | None = None,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
    gradient_norm: npt.ArrayLike | None = None,
    null: npt.ArrayLike | None = None,
    each: Callable[[int, int], None] = lambda done, total: None,
    **options: object,
) -> Judged:
    """Judge each window of a series with `verdict`.

    >>> import wcdfa
    >>> judged = judge(wcdfa.synthetic.arfima(1000, d=0.5, seed=1), window=500, log=False)
    >>> judged.stops, judged.verdicts[0].regime
    (array([ 500, 1000]), 'critical')

    Parameters
    ----------
    norms : numbers of shape (n,)
        ‖ΔW‖, one per optimizer step.
    window : int
        Samples in a window. A series shorter than that is one window.
    stride : int, optional
        Samples from the start of one window to that of the next. Default: `window`, so that windows are independent.
    lr, steps, gradient_norm : numbers of shape (n,), optional
        One for each norm, as in `verdict`.
    null : numbers of shape (replicates,), optional
        α of the optimizer alone in a window, as in `verdict`.
    each : callable
        Called after each window with the number done and the number in all.
    **options
        As in `verdict`.

    Returns
    -------
    Judged
        A remainder at the end, shorter than the stride, is left out. If a window cannot be judged, the `reason` of its verdict
        says why.

    Raises
    ------
    ValueError
        If norms are not one series or too short, or window or stride is below 1; and as `verdict`.
    """
    options, varying = parted(options)
    check_gradients(gradient_norm, options.get("optimizer"))
    beside = Alongside(lr=lr, steps=steps, gradient_norm=gradient_norm, varying=varying)
    return judged_windows(norms, Criteria.given(**options), beside, window=window, stride=stride, null=null, each=each)


def judged_windows(
    norms: npt.ArrayLike,
    criteria: Criteria,
    beside: Alongside,
    *,
    window: int = 500,
    stride: int | None = None,
    null: npt.ArrayLike | None = None,
    each: Callable[[int, int], None] = lambda done, total: None,
) -> Judged:
    """`judge` with given criteria."""
    x, starts, window = laid_out(norms, window, stride)
    checked(beside, len(x))
    prepared = prepared_windows(x, starts, window, criteria.preparation, lr=beside.lr, steps=beside.steps)
    memory = _memories(prepared, window)
    evidence: list[Evidence] = []
    failures: list[ValueError] = []
    for i, start in enumerate(starts):
        one = prepared[i]
        if isinstance(one, ValueError):
            evidence.append(Evidence(criteria=criteria, reason=str(one)))
            failures.append(one)
        else:
            own = beside.part(slice(start, start + window))
            evidence.append(gathered(one, criteria, beside=own, null=null, memory=memory.get(i)))
        each(i + 1, len(starts))
    if len(failures) == len(starts):  # every window failed, so the fault is in the series or the options
        criteria.preparation.of(x, lr=beside.lr, steps=beside.steps)  # the same fault, counted over the whole series
        raise failures[0]
    stops = starts + window
    return Judged(starts, stops, tuple(together(evidence, dependent=_overlap(starts, stops))))


def _overlap(starts: Places, stops: Places) -> bool:
    return bool(np.any(starts[1:] < stops[:-1]))


def prepared_windows(
    x: Values,
    starts: Places,
    window: int,
    preparation: Preparation,
    *,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
) -> list[Prepared | ValueError]:
    """Each window of a series, prepared, or the error that says why it cannot be prepared."""
    found: list[Prepared | ValueError] = []
    for start in starts:
        part = slice(start, start + window)
        try:
            found.append(preparation.of(x[part], lr=_part(lr, part), steps=_part(steps, part)))
        except ValueError as error:
            found.append(error)
    return found


def _memories(prepared: list[Prepared | ValueError], window: int) -> dict[int, MemoryFit]:
    """Short against long memory, of all complete windows at once."""
    whole = [i for i, one in enumerate(prepared) if isinstance(one, Prepared) and len(one.values) == window >= SHORTEST]
    return dict(zip(whole, memory_fits([prepared[i].values for i in whole]), strict=True)) if whole else {}  # type: ignore[union-attr]


def _part(values: npt.ArrayLike | None, part: slice) -> npt.ArrayLike | None:
    return values if values is None or np.ndim(values) == 0 else np.asarray(values)[part]
