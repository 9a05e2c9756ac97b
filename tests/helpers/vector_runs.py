"""Runs whose weight change is known as a vector: an optimizer of one's own on gradients of one's own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class VectorRun(NamedTuple):
    """What a recorder would have seen."""

    norms: Floats
    cosine: Floats
    sketch: Floats
    gradient_norm: Floats
    weight_norm: Floats

    def series(self) -> dict[str, Floats]:
        """All but the norms, as `wcdfa.diagnose` takes them."""
        return {name: values for name, values in self._asdict().items() if name != "norms"}


def sgd(gradients: Floats, momentum: float | Floats = 0.9, lr: float | Floats = 0.1, rounded: bool = False) -> VectorRun:
    """SGD with momentum on gradients of shape (n, d); weights may be kept in bfloat16."""
    n, d = gradients.shape
    momenta, rates = np.broadcast_to(momentum, n), np.broadcast_to(lr, n)
    weights, buffer = np.random.default_rng(9).standard_normal(d).astype(np.float32), np.zeros(d)
    changes, sizes = np.empty((n, d)), np.empty(n)
    for t in range(n):
        buffer = momenta[t] * buffer + gradients[t]
        new = (weights - rates[t] * buffer).astype(np.float32)
        if rounded:
            new = (new.view(np.uint32) + 0x8000 & 0xFFFF0000).astype(np.uint32).view(np.float32)
        changes[t], weights = new.astype(np.float64) - weights, new
        sizes[t] = np.linalg.norm(weights)
    return seen(changes, np.linalg.norm(gradients, axis=1), sizes)


def adam(gradients: Floats, betas: tuple[float, float] = (0.9, 0.99), lr: float = 1e-3, reset: int = 0) -> VectorRun:
    """Adam on gradients of shape (n, d), by the book; its state may be lost every so many steps."""
    n, d = gradients.shape
    first, second, since = np.zeros(d), np.zeros(d), 0
    changes, weights, sizes = np.empty((n, d)), np.ones(d), np.empty(n)
    for t in range(n):
        if reset and t and t % reset == 0:
            first, second, since = np.zeros(d), np.zeros(d), 0
        since += 1
        first = betas[0] * first + (1 - betas[0]) * gradients[t]
        second = betas[1] * second + (1 - betas[1]) * gradients[t] ** 2
        mean, square = first / (1 - betas[0] ** since), second / (1 - betas[1] ** since)
        changes[t] = -lr * mean / (np.sqrt(square) + 1e-8)
        weights = weights + changes[t]
        sizes[t] = np.linalg.norm(weights)
    return seen(changes, np.linalg.norm(gradients, axis=1), sizes)


def seen(changes: Floats, gradient_norm: Floats, weight_norm: Floats, coordinates: int = 64) -> VectorRun:
    """The series of these changes."""
    norms = np.linalg.norm(changes, axis=1)
    with np.errstate(all="ignore"):
        cosine = (changes[1:] * changes[:-1]).sum(axis=1) / (norms[1:] * norms[:-1])
    return VectorRun(norms, np.concatenate([[np.nan], cosine]), changes[:, :coordinates], gradient_norm, weight_norm)


def white(n: int, d: int = 100, seed: int = 0, mean: float = 0.0) -> Floats:
    """White gradients; the mean is in units of a coordinate's standard deviation."""
    return np.random.default_rng(seed).standard_normal((n, d)) + mean
