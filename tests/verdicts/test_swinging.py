"""Runs whose weights swing about a minimum in every direction, as small regressions do: healthy, and told from faults."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa.verdicts.checked_window import Window


def swinging(seed, *, curvature, steps=1000, coordinates=40, used=1, momentum=0.9):
    """A diagnosis of SGD on a quadratic with the same curvature in all directions, each noise of a batch used some times in a row."""
    drawn = np.random.default_rng(seed)
    weights, change = drawn.standard_normal(coordinates), np.zeros(coordinates)
    changes = np.empty((steps, coordinates))
    for step in range(steps):
        if step % used == 0:
            noise = drawn.standard_normal(coordinates)
        change = momentum * change - 0.1 * (10 * curvature * weights + noise)
        weights = weights + change
        changes[step] = change
    norms = np.linalg.norm(changes, axis=1)
    cosine = np.full(steps, np.nan)
    cosine[1:] = (changes[1:] * changes[:-1]).sum(1) / (norms[1:] * norms[:-1])
    return wcdfa.diagnose(norms, cosine=cosine, sketch=changes, optimizer="sgd", momentum=momentum, lr=0.1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("curvature", [0.02, 0.1, 0.3])
def test_a_run_that_swings_is_healthy(seed, curvature):
    diagnosis = swinging(seed, curvature=curvature)
    assert Window(diagnosis.record).swing > 0.02
    assert str(diagnosis).startswith("nothing found")


@pytest.mark.parametrize(("curvature", "used"), [(0.02, 2), (0.02, 4), (0.1, 2)])
def test_batches_used_again_are_found_all_the_same(curvature, used):
    found = str(swinging(3, curvature=curvature, used=used))
    assert found.startswith("found from step 1 on:")
    assert "have more in common" in found


@pytest.mark.parametrize("seed", range(3))
def test_without_curvature_nothing_swings(seed):
    assert Window(swinging(seed, curvature=0.0).record).swing < 0.02
