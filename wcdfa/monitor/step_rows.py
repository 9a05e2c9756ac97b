"""The numbers of each step in a reading, for a log that α is computed from again."""

from __future__ import annotations

import math

import numpy as np

from wcdfa.recording.reading import Reading, numbered

Row = dict[str, float]


class StepRows:
    """Collects the numbers of the steps that are new in each reading.

    >>> rows = StepRows()
    >>> for count in (2, 3):
    ...     rows.take(Reading(np.array([0.5, 0.25, 0.125][:count]), count, 0), 0, 10 * count)
    >>> [(step, row["wcdfa/update_norm"]) for step, row in rows.taken()]
    [(10, 0.5), (20, 0.25), (30, 0.125)]

    Parameters
    ----------
    count : int
        How many norms the recorder held at the beginning, as after a restart: their steps are no new ones.
    """

    def __init__(self, count: int = 0) -> None:
        self._count = count
        self._rows: list[tuple[int, Row]] = []

    def take(self, reading: Reading, before: int, now: int) -> None:
        """Add what is new in a reading. The trainer counted `before` at the last reading, and `now` at this one."""
        count = int(reading.count)
        new = min(count - self._count, len(reading.norms)) if count >= self._count else len(reading.norms)
        self._count = count
        if not new:
            return
        steps, places = numbered(reading), range(len(reading.norms) - new, len(reading.norms))
        began = int(steps[-1]) - new
        at = np.rint(np.interp(steps[places.start :], [began, int(steps[-1])], [before, now])).astype(int)
        self._rows += [(int(step), _row(reading, place, int(steps[place]))) for step, place in zip(at, places, strict=True)]

    def taken(self) -> list[tuple[int, Row]]:
        """The steps of the trainer with their numbers since the last call."""
        rows, self._rows = self._rows, []
        return rows


def _row(reading: Reading, place: int, step: int) -> Row:
    """The finite numbers of one step."""
    series = {
        "wcdfa/update_norm": reading.norms,
        "wcdfa/lr": reading.lr,
        "wcdfa/gradient_norm": reading.gradients,
        "wcdfa/cosine": reading.cosine,
        "wcdfa/weight_norm": reading.weight_norm,
        **{f"wcdfa/update_norm/{name}": norms for name, norms in reading.groups.items()},
        **{f"wcdfa/cosine/{name}": cosines for name, cosines in reading.cosines.items()},
        **{f"wcdfa/beside/{name}": values for name, values in reading.beside.items()},
    }
    row = {"wcdfa/step": float(step)} | {key: float(values[place]) for key, values in series.items() if values is not None}
    if row.get("wcdfa/weight_norm", 0.0) > 0:
        row["wcdfa/update_ratio"] = row["wcdfa/update_norm"] / row["wcdfa/weight_norm"]
    return {key: value for key, value in row.items() if math.isfinite(value)}
