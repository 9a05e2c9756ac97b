"""Gradients that mundane training gives: noise, alone or with a mean or a slope that any training has.

Each kind is a description; `begin` starts runs with it: weights, and a function that draws the gradients at them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .optimizers import Floats, Optimizer

Draw = Callable[[Floats], Floats]


@dataclass
class Running:
    """Runs that have begun."""

    weights: Floats
    at: Draw

    def draw(self) -> Floats:
        """Gradients at the weights as they are."""
        return self.at(self.weights)


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """What all kinds share: the number of weights."""

    d: int = 128

    def begin(self, optimizer: Optimizer, runs: int, rng: np.random.Generator) -> Running:
        """Start runs of shape (runs, d)."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class White(Gradients):
    """Independent from step to step and the same in all directions, with E‖noise‖² = 1.

    mean : power of a constant mean, as a share of the noise's. scale : σ of a lognormal factor that each batch has.
    """

    mean: float = 0.0
    scale: float = 0.0

    def begin(self, optimizer: Optimizer, runs: int, rng: np.random.Generator) -> Running:
        """Weights of zero."""
        size = np.float32(self.d**-0.5)
        mean = self._mean(runs, rng) if self.mean else None

        def at(weights: Floats) -> Floats:
            noise = rng.standard_normal(weights.shape, dtype=np.float32)
            noise *= size
            if mean is not None:
                noise += mean
            if self.scale:
                noise *= np.exp(np.float32(self.scale) * rng.standard_normal((runs, 1), dtype=np.float32))
            return noise

        return Running(np.zeros((runs, self.d), np.float32), at)

    def _mean(self, runs: int, rng: np.random.Generator) -> Floats:
        direction = rng.standard_normal((runs, self.d))
        return (direction * self.mean**0.5 / np.linalg.norm(direction, axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Quadratic(Gradients):
    """Loss ½ wᵀHw with H = diag(h k⁻¹) and gradient noise of covariance H / h, begun where weights have settled.

    sharpness : largest share of an error that one step takes away in the long run, lr · h for SGD without momentum.
    """

    sharpness: float = 0.5

    def begin(self, optimizer: Optimizer, runs: int, rng: np.random.Generator) -> Running:
        """Weights from the distribution that SGD settles to, which is nearly that of the others too."""
        spectrum = 1 / np.arange(1.0, self.d + 1)
        slope, size = self.sharpness / optimizer.pace * spectrum, spectrum**0.5
        pace = optimizer.pace / (1.0 if optimizer.name == "sgd" else size)  # the others divide by the size of gradients
        kept = optimizer.memory
        variance = pace * size**2 * (1 + kept) / (slope * (2 * (1 + kept) - (1 - kept) * pace * slope))
        h, s = slope.astype(np.float32), size.astype(np.float32)

        def at(weights: Floats) -> Floats:
            return h * weights + s * rng.standard_normal(weights.shape, dtype=np.float32)

        return Running((rng.standard_normal((runs, self.d)) * variance**0.5).astype(np.float32), at)


@dataclass(frozen=True, kw_only=True)
class LeastSquares(Gradients):
    """Linear regression on fresh batches: features of covariance diag(k⁻¹), labels with noise.

    rate : lr · trace(H) in the long run, for SGD; the others take the features as they are. noise : of labels, as a share of
    their standard deviation. distance : standard deviation of the solution's coordinates from the weights at the start; with 0
    runs start at the solution.
    """

    d: int = 64
    batch: int = 16
    rate: float = 0.5
    noise: float = 0.3
    distance: float = 0.0

    def begin(self, optimizer: Optimizer, runs: int, rng: np.random.Generator) -> Running:
        """Weights are the distance to the solution."""
        power = 1 / np.arange(1.0, self.d + 1)
        if optimizer.name == "sgd":
            power *= self.rate / (optimizer.pace * power.sum())
        size, label = (power**0.5).astype(np.float32), np.float32(self.noise * power.sum() ** 0.5)

        def at(weights: Floats) -> Floats:
            features = rng.standard_normal((len(weights), self.batch, self.d), dtype=np.float32) * size
            residuals = features @ weights[:, :, None] + label * rng.standard_normal(
                (len(weights), self.batch, 1), dtype=np.float32
            )
            slope: Floats = (features * residuals).mean(axis=1)
            return slope

        return Running(self._start(runs, rng), at)

    def _start(self, runs: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        return np.float32(self.distance) * rng.standard_normal((runs, self.d), dtype=np.float32)


GRADIENTS: dict[str, Gradients] = {
    "white": White(),
    "mean 10 %": White(mean=0.1),
    "mean 100 %": White(mean=1.0),
    "batch lognormal .3": White(scale=0.3),
    "batch lognormal 1": White(scale=1.0),
    "least squares": LeastSquares(distance=1.0),
    "least squares, solved": LeastSquares(),
    "quadratic .1": Quadratic(sharpness=0.1),
    "quadratic .5": Quadratic(sharpness=0.5),
}
"""The gradients that verdicts are measured with."""
