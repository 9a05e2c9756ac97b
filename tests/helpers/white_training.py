"""Log ‖ΔW‖ of optimizers on white gradients, many runs at once: written apart from the replay of the package."""

from __future__ import annotations

import numpy as np


def log_norms(runs, steps, seed, *, rule="SGD", first=0.0, second=0.999, coordinates=64, changes=()):
    """From step 0, shape (runs, steps); `changes` maps steps to another momentum."""
    rng, momentum, changes = np.random.default_rng(seed), first, dict(changes)
    mean, square = (np.zeros((runs, coordinates), dtype=np.float32) for _ in range(2))
    norms = []
    for step in range(steps):
        momentum = changes.get(step, momentum)
        gradient = rng.standard_normal((runs, coordinates), dtype=np.float32)
        if rule == "SGD":
            mean = np.float32(momentum) * mean + gradient
            move = mean
        else:
            square += np.float32(1 - second) * (gradient * gradient - square)
            mean += np.float32(1 - momentum) * (gradient - mean)
            corrected = (
                np.float32([1 - momentum ** (step + 1), 1 - second ** (step + 1)]) if rule == "AdamW" else np.ones(2, np.float32)
            )
            move = mean / corrected[0] / (np.sqrt(square / corrected[1]) + np.float32(1e-8))
        norms.append(np.log(np.linalg.norm(move.astype(np.float64), axis=-1)))
    return np.array(norms).T
