"""Gradients without memory of their own, of the kinds that ordinary training has; a null holds all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wcdfa.kernel.arrays import Array

Noise = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """White noise, and what may come on top of it without giving the gradients any memory.

    >>> for kind in (Gradients(), Gradients(mean=0.1), Gradients(scatter=1.0), Gradients(curvature=0.5)):
    ...     print(kind)
    white gradients
    gradients with a mean of 10 % of their power
    gradients of batches whose scale is lognormal, σ = 1
    gradients on a quadratic, of whose error a step undoes 50 %
    """

    mean: float = 0.0
    """Power of a constant mean, relative to that of the noise."""
    scatter: float = 0.0
    """σ of the lognormal scale of each batch."""
    curvature: float = 0.0
    """On a quadratic: the share of an error in the steepest direction that a step undoes in the long run; the others fall off as 1 / k."""
    coordinates: int | None = None
    """How many coordinates they have; None takes what the optimizer takes."""

    def __str__(self) -> str:
        """What they are, in words."""
        if self.curvature:
            return f"gradients on a quadratic, of whose error a step undoes {100 * self.curvature:g} %"
        if self.scatter:
            return f"gradients of batches whose scale is lognormal, σ = {self.scatter:g}"
        if not self.mean:
            number = self.coordinates
            return "white gradients" + (
                "" if number is None else " of one coordinate" if number == 1 else f" of {number:,} coordinates"
            )
        return f"gradients with a mean of {100 * self.mean:g} % of their power"

    def drawn(self, rng: np.random.Generator, shape: tuple[int, ...], scale: float, hessian: float = 0.0) -> Iterator[Drawn]:
        """The gradient of each step, as a function of the weights.

        Parameters
        ----------
        rng : numpy.random.Generator
        shape : (..., replicates)
            Shape of a parameter, and the replicates.
        scale : float
            Root mean square of a coordinate, mean included.
        hessian : float
            Second derivative of the steepest direction, for those on a quadratic.
        """
        size = math.sqrt(math.prod(shape[:-1]))
        noise = np.float32(scale / math.sqrt(1 + self.mean))
        mean = self._mean(rng, shape, size * scale)
        falls_off = 1 / np.arange(1, shape[0] + 1, dtype=np.float32).reshape(-1, *[1] * (len(shape) - 1))
        steepness = np.float32(hessian) * falls_off
        # near a minimum the covariance of gradients is about proportional to the Hessian
        shares = np.sqrt(falls_off / falls_off.mean()) if self.curvature else np.ones_like(falls_off)
        while True:
            gradient: Noise = noise * shares * rng.standard_normal(shape, dtype=np.float32)
            if self.scatter:  # the mean square of the scale is 1
                spread = rng.standard_normal((*[1] * (len(shape) - 1), shape[-1]), dtype=np.float32)
                gradient *= np.exp(np.float32(self.scatter) * spread - np.float32(self.scatter**2))
            if self.mean:
                gradient += mean
            yield Drawn(gradient, steepness if self.curvature else None)

    def _mean(self, rng: np.random.Generator, shape: tuple[int, ...], norm: float) -> Noise:
        direction = rng.standard_normal(shape, dtype=np.float32)
        power = self.mean / (1 + self.mean)
        length = np.sqrt((direction * direction).sum(axis=tuple(range(len(shape) - 1)), keepdims=True))
        return np.asarray(direction * (np.float32(norm * math.sqrt(power)) / length), dtype=np.float32)


@dataclass(frozen=True)
class Drawn:
    """The gradient of one step: what was drawn, and the slope of a quadratic at the weights."""

    noise: Noise
    steepness: Noise | None

    def at(self, weights: Array) -> Array:
        """The gradient at these weights."""
        return self.noise if self.steepness is None else weights * self.steepness + self.noise
