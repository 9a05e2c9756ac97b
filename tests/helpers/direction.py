"""The direction of the weight change as a slow loop counts it, in float64."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from wcdfa.recording.sample import sample_of


class Direction:
    """Cosines, weight norms and sketch of a history: the values of all parameters by path, before the first and after each step.

    Steps of 0 are left out. All is measured on the sample.
    """

    def __init__(self, history, groups=(), coordinates=64):
        paths = list(history[0])
        self.sample = sample_of({path: np.size(history[0][path]) for path in paths}, coordinates)
        members = {name: [path for path in paths if name in path] for name in groups}
        steps = [(new, self._changes(new, old)) for old, new in pairwise(history)]
        steps = [(new, change) for new, change in steps if any(np.any(each) for each in change.values())]
        changes = [change for _, change in steps]
        self.cosine = self._cosines(changes, paths)
        self.cosines = {name: self._cosines(changes, own) for name, own in members.items()}
        self.weight_norm = [self._weight_norm(new) for new, _ in steps]
        self.sketch = [self._together(change, paths)[list(self.sample.kept)] for change in changes]

    def _changes(self, new, old):
        found = {}
        for path, value in new.items():
            change = (np.asarray(value, np.float64) - np.asarray(old[path], np.float64)).ravel()
            found[path] = change[self.sample.places(path)]
        return found

    def _weight_norm(self, values):
        """Each number of the sample stands for as many."""
        squares = [float(w) ** 2 for path, value in values.items() for w in np.ravel(value)[self.sample.places(path)]]
        return math.sqrt(sum(squares) * sum(map(np.size, values.values())) / len(squares))

    def _together(self, change, paths):
        return np.concatenate([change[path] for path in paths]) if paths else np.zeros(0)

    def _cosines(self, changes, paths):
        found = [math.nan]
        for old, new in pairwise(changes):
            along = before = after = 0.0
            for a, b in zip(self._together(old, paths), self._together(new, paths), strict=True):
                along, before, after = along + a * b, before + a * a, after + b * b
            found.append(along / math.sqrt(before) / math.sqrt(after) if before > 0 and after > 0 else math.nan)
        return found


def require_direction(reading, expected, atol=2e-6, rtol=1e-6):
    """The reading has the end of what is expected."""
    n = len(reading.norms)
    np.testing.assert_allclose(reading.cosine, expected.cosine[-n:], atol=atol)
    np.testing.assert_allclose(reading.weight_norm, expected.weight_norm[-n:], rtol=rtol)
    np.testing.assert_allclose(reading.sketch, expected.sketch[-n:], rtol=rtol)
    assert set(reading.cosines) == set(reading.groups)
    for name, cosines in expected.cosines.items():
        np.testing.assert_allclose(reading.cosines[name], cosines[-n:], atol=atol)


def direction_of(reading):
    """The direction in a reading as JSON takes it, None where there is no number, so that two are equal if they are the same."""
    series = {"cosine": reading.cosine, "weight_norm": reading.weight_norm, "sketch": reading.sketch}
    series |= {f"cosine/{name}": cosines for name, cosines in reading.cosines.items()}
    return {name: np.where(np.isnan(each), None, each).tolist() for name, each in series.items() if each is not None}
