"""What is recorded of a training at every step: size and direction of the weight change, and what people log anyway."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch

from .loop import Loop

COORDINATES = 64  # of the weight change, followed one by one
EVERY = 10  # steps from one validation to the next

Floats = npt.NDArray[np.floating]


class Recorded(TypedDict):
    """Arrays along steps; those by name have one for each tensor.

    `steps` counts from 1, `validation` is NaN where nothing was held out to it, `cosine` is NaN at the first step and where nothing moved.
    """

    steps: npt.NDArray[np.int_]
    norms: Floats
    groups: dict[str, Floats]
    cosine: Floats
    cosines: dict[str, Floats]
    weight_norm: Floats
    sketch: Floats
    lr: Floats
    gradients: Floats
    loss: Floats
    validation: Floats


class Recorder:
    """Keeps the weights and the change of the last step, to know this step's."""

    def __init__(self, loop: Loop) -> None:
        self.names = list(loop.parameters)
        sizes = [each.numel() for each in loop.parameters.values()]
        self.offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.coordinates = spread(sum(sizes))
        self.weights = weights_of(loop)
        self.change = np.zeros_like(self.weights)
        self.squares = np.zeros(len(sizes))

    def observe(self, loop: Loop) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray]:
        """Squares of the norm of ΔW of each tensor, now and at the last step, products of both, the norm of W, and the coordinates."""
        weights = weights_of(loop)
        change = weights - self.weights
        squares = np.add.reduceat(change**2, self.offsets)
        products = np.add.reduceat(change * self.change, self.offsets)
        before = self.squares
        self.weights, self.change, self.squares = weights, change, squares
        return squares, before, products, float(np.sqrt(weights @ weights)), change[self.coordinates]


def record(loop: Loop, steps: int, recorder: Recorder) -> Recorded:
    """Train for so many steps; what was recorded in these. The recorder goes on from the last step that it saw."""
    observed, logged = [], []
    for _ in range(steps):
        lr, measured = loop.lr, loop.step()
        observed.append(recorder.observe(loop))
        validation = loop.validation() if loop.steps % EVERY == 0 else np.nan
        logged.append((loop.steps, lr, measured.gradient, measured.loss, validation))
    squares, before, products, weight_norm, sketch = (np.array(each) for each in zip(*observed, strict=True))
    step, lr_, gradients, loss, validations = np.array(logged).T
    return Recorded(
        steps=step.astype(int),
        norms=np.sqrt(squares.sum(1)),
        groups=by_name(recorder.names, np.sqrt(squares)),
        cosine=cosines(squares.sum(1), before.sum(1), products.sum(1)),
        cosines=by_name(recorder.names, cosines(squares, before, products)),
        weight_norm=weight_norm,
        sketch=sketch.astype(np.float32),
        lr=lr_,
        gradients=gradients,
        loss=loss,
        validation=validations,
    )


def weights_of(loop: Loop) -> np.ndarray:
    """All weights, one after the other, in float64."""
    return torch.cat([each.detach().reshape(-1).float() for each in loop.parameters.values()]).numpy().astype(np.float64)


def spread(size: int) -> np.ndarray:
    """Which coordinates are followed: one at random in each of as many equal parts, so that tensors have them in proportion to their size."""
    places = np.arange(COORDINATES) + np.random.default_rng(0).random(COORDINATES)
    return (places * size / COORDINATES).astype(int)


def cosines(squares: np.ndarray, before: np.ndarray, products: np.ndarray) -> np.ndarray:
    """Cosine of the angle between each change and the one before it, NaN where one of them is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = products / np.sqrt(squares * before)
    return np.where(np.isfinite(found), found, np.nan)


def by_name(names: list[str], values: np.ndarray) -> dict[str, Floats]:
    return {name: values[:, index].astype(np.float32) for index, name in enumerate(names)}
