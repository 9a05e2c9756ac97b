"""Momentum on white gradients, with the direction of each change; a batch is used twice from some step on."""

from __future__ import annotations

import numpy as np

from wcdfa.verdicts.diagnosis import Diagnosis, diagnose

MOMENTUM, RATE = 0.9, 0.1


def white_run(n: int = 1200, *, coordinates: int = 64, twice_from: int | None = None, seed: int = 0) -> dict[str, np.ndarray]:
    """The series that `wcdfa.diagnose` takes."""
    rng = np.random.default_rng(seed)
    gradients = rng.standard_normal((n, coordinates))
    if twice_from is not None:
        gradients[twice_from + 1 :: 2] = gradients[twice_from : n - 1 : 2][: len(gradients[twice_from + 1 :: 2])]
    change, changes, weights = np.zeros(coordinates), [], np.full(coordinates, 10.0)
    weight_norm = []
    for gradient in gradients:
        change = MOMENTUM * change - RATE * gradient
        weights = weights + change
        changes.append(change)
        weight_norm.append(np.linalg.norm(weights))
    sketch = np.array(changes)
    norms = np.linalg.norm(sketch, axis=1)
    cosine = np.full(n, np.nan)
    cosine[1:] = (sketch[1:] * sketch[:-1]).sum(axis=1) / norms[1:] / norms[:-1]
    return {"norms": norms, "cosine": cosine, "weight_norm": np.array(weight_norm), "sketch": sketch, "lr": np.full(n, RATE)}


def diagnosed(names: tuple[str, ...] = ("cosine", "weight_norm", "sketch"), **options: object) -> Diagnosis:
    """The diagnosis with some of the series."""
    series = white_run(**options)  # type: ignore[arg-type]
    kept = {name: series[name] for name in names}
    return diagnose(series["norms"], lr=series["lr"], optimizer="sgd", momentum=MOMENTUM, start=0, **kept)  # type: ignore[arg-type]
