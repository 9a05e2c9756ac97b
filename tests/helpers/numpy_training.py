"""The training run of tests/programs/keras_runs.py in NumPy alone, in float64: the oracle of every backend."""

from __future__ import annotations

import numpy as np


def norms_of_sgd(x, y, weights, *, batch, steps, momentum=0.9, rate=0.1, decay_steps=60):
    """‖ΔW‖ of each step of SGD with momentum on y ~ tanh(x A + a) B + b; the rate falls as a cosine."""
    weights = [part.astype(np.float64) for part in weights]
    velocities = [np.zeros_like(part) for part in weights]
    norms = []
    for step in range(steps):
        rows = slice(step * batch, (step + 1) * batch)
        lr = rate * 0.5 * (1 + np.cos(np.pi * step / decay_steps))
        velocities = [momentum * v - lr * g for v, g in zip(velocities, gradients(x[rows], y[rows], *weights), strict=True)]
        weights = [part + v for part, v in zip(weights, velocities, strict=True)]
        norms.append(np.sqrt(sum(np.sum(v * v) for v in velocities)))
    return np.array(norms)


def gradients(x, y, kernel, bias, last_kernel, last_bias):
    """The gradients of the mean squared error."""
    hidden = np.tanh(x @ kernel + bias)
    error = 2 * (hidden @ last_kernel + last_bias - y) / y.size
    below = (error @ last_kernel.T) * (1 - hidden**2)
    return x.T @ below, below.sum(0), hidden.T @ error, error.sum(0)
