"""A recurrent Hebbian network that is perturbed at some of its steps, at several frequencies side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
FRACTIONS = (0.0, 0.02, 0.1, 0.4, 0.95)
"""Shares of steps that are perturbed; those that the claim names, and one between."""
KINDS = ("state", "reset", "weights", "silent")
STEPS, SETTLING, COORDINATES = 2200, 200, 24


class Cell(NamedTuple):
    """A point of the free range."""

    size: int
    kind: str  # what a perturbed step does: noise on the input, a new state, noise on the weights, no activity
    amplitude: float
    rate: float  # of learning
    gain: float  # spectral radius of the first weights
    leak: float  # share of the state that stays in a step
    drive: float  # constant input
    decay: float  # of the weights, relative to the rate
    noise: float  # on the input in each step


class Recorded(NamedTuple):
    """What a network did, at each frequency of perturbation; without the first steps."""

    norms: Floats  # (fractions, steps)
    perturbed: npt.NDArray[np.bool_]  # (fractions, steps)
    sketch: Floats  # (fractions, steps, coordinates): some coordinates of ΔW


class _Draws:
    """Random numbers of one network, the same ones at each frequency, so that these differ by nothing else."""

    def __init__(self, seed: int, cell: Cell, steps: int) -> None:
        rng, n = np.random.default_rng(seed), cell.size
        self.weights = cell.gain * rng.standard_normal((n, n)) / np.sqrt(n)
        self.state = 0.5 * rng.standard_normal(n)
        self.drive = cell.drive * rng.standard_normal(n)
        self.places = rng.integers(n, size=(2, COORDINATES))
        self.perturbed = rng.random(steps) < np.array(FRACTIONS)[:, None]
        self.noise = cell.noise * rng.standard_normal((steps, n))
        self.kicks = rng


def simulate(seed: int, cell: Cell, steps: int = STEPS) -> Recorded:
    """Run a network at each frequency of perturbation, from the same start.

    The change in a step is ΔW = rate (y xᵀ / √N − decay W), with x the state before and y = leak x + (1 − leak) tanh(W x + input).
    """
    draws = _Draws(seed, cell, steps)
    count, n = len(FRACTIONS), cell.size
    weights, state = np.repeat(draws.weights[None], count, axis=0), np.tile(draws.state, (count, 1))
    change, part = np.empty_like(weights), np.empty_like(weights)
    norms, sketch = np.empty((count, steps)), np.empty((count, steps, COORDINATES))
    rows, columns = draws.places
    for step in range(steps):
        hit = draws.perturbed[:, step, None]
        incoming, kick = draws.drive + draws.noise[step], None
        if hit.any():
            state, incoming, kick = _perturbed(cell, draws.kicks, hit, state, incoming)
        if kick is not None:
            weights += kick
        reached = np.tanh((weights @ state[..., None])[..., 0] + incoming)
        following = cell.leak * state + (1 - cell.leak) * reached
        np.multiply((cell.rate / np.sqrt(n)) * following[:, :, None], state[:, None, :], out=change)
        np.multiply(weights, cell.rate * cell.decay, out=part)
        change -= part
        weights += change
        if kick is not None:
            change += kick
        norms[:, step] = np.sqrt(np.einsum("fij,fij->f", change, change))
        sketch[:, step] = change[:, rows, columns]
        state = following
    return Recorded(norms[:, SETTLING:], draws.perturbed[:, SETTLING:], sketch[:, SETTLING:])


def _perturbed(
    cell: Cell, rng: np.random.Generator, hit: npt.NDArray[np.bool_], state: Floats, incoming: Floats
) -> tuple[Floats, Floats, Floats | None]:
    """State, input and kick of the weights in a step that is perturbed at some frequencies."""
    n = cell.size
    if cell.kind == "weights":
        return state, incoming, np.where(hit[..., None], 0.01 * cell.amplitude * rng.standard_normal((n, n)) / np.sqrt(n), 0.0)
    kick = cell.amplitude * rng.standard_normal(n)
    if cell.kind == "state":
        return state, incoming + np.where(hit, kick, 0.0), None
    if cell.kind == "reset":
        return np.where(hit, kick, state), incoming, None
    return np.where(hit, 0.0, state), np.where(hit, 0.1 * kick, incoming), None
