"""Trains a small network on addition modulo 59 with AdamW, in NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MODULUS, WIDTH, HIDDEN, BATCH = 59, 48, 128, 256
RATE, BETAS, DECAY, EPSILON = 3e-3, (0.9, 0.98), 1.0, 1e-8  # with this much decay, the network generalises after it has memorised

Values = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.int64]
Parameters = dict[str, Values]


class Step(NamedTuple):
    """The state after one optimizer step."""

    loss: float  # loss of the minibatch before the step; NaN before the first step
    parameters: Parameters  # changed in place by the next step


def train(steps: int, *, seed: int = 0) -> Iterator[Step]:
    """Train on minibatches from half of all sums. Yields the initial state, and the state after each optimizer step."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(MODULUS**2)[: MODULUS**2 // 2]
    left, right = pairs // MODULUS, pairs % MODULUS
    parameters = _initial(rng)
    moments = {name: (np.zeros_like(p), np.zeros_like(p)) for name, p in parameters.items()}
    yield Step(float("nan"), parameters)
    for step in range(1, steps + 1):
        chosen = rng.integers(len(pairs), size=BATCH)
        loss, gradients = _loss_and_gradients(parameters, left[chosen], right[chosen])
        _adamw(parameters, gradients, moments, step)
        yield Step(loss, parameters)


def accuracy(parameters: Parameters) -> float:
    """Share of all sums, half of which were never trained on, that the network gets right."""
    left, right = np.divmod(np.arange(MODULUS**2), MODULUS)
    *_, logits = _forward(parameters, left, right)
    return float(np.mean(logits.argmax(axis=1) == (left + right) % MODULUS))


def _initial(rng: np.random.Generator) -> Parameters:
    shapes = {"left": (MODULUS, WIDTH), "right": (MODULUS, WIDTH), "hidden": (2 * WIDTH, HIDDEN), "output": (HIDDEN, MODULUS)}
    parameters = {name: rng.standard_normal(shape) / np.sqrt(shape[0]) for name, shape in shapes.items()}
    return parameters | {"hidden_bias": np.zeros(HIDDEN), "output_bias": np.zeros(MODULUS)}


def _forward(p: Parameters, left: Chosen, right: Chosen) -> tuple[Values, Values, Values]:
    embedded = np.concatenate([p["left"][left], p["right"][right]], axis=1)
    hidden = np.maximum(embedded @ p["hidden"] + p["hidden_bias"], 0)
    return embedded, hidden, hidden @ p["output"] + p["output_bias"]


def _loss_and_gradients(p: Parameters, left: Chosen, right: Chosen) -> tuple[float, Parameters]:
    """Cross-entropy of the sum modulo MODULUS, and its gradient by the chain rule."""
    embedded, hidden, logits = _forward(p, left, right)
    target = (left + right) % MODULUS, np.arange(len(left))
    logits -= logits.max(axis=1, keepdims=True)
    probability = np.exp(logits)
    probability /= probability.sum(axis=1, keepdims=True)
    loss = -float(np.mean(np.log(probability[target[1], target[0]] + 1e-300)))
    at_logits = probability
    at_logits[target[1], target[0]] -= 1
    at_logits /= len(left)
    at_hidden = (at_logits @ p["output"].T) * (hidden > 0)
    at_embedded = at_hidden @ p["hidden"].T
    gradients = {
        "left": np.zeros_like(p["left"]),
        "right": np.zeros_like(p["right"]),
        "hidden": embedded.T @ at_hidden,
        "hidden_bias": at_hidden.sum(axis=0),
        "output": hidden.T @ at_logits,
        "output_bias": at_logits.sum(axis=0),
    }
    np.add.at(gradients["left"], left, at_embedded[:, :WIDTH])
    np.add.at(gradients["right"], right, at_embedded[:, WIDTH:])
    return loss, gradients


def _adamw(parameters: Parameters, gradients: Parameters, moments: dict[str, tuple[Values, Values]], step: int) -> None:
    """One step in place; I. Loshchilov and F. Hutter, ICLR 2019, doi:10.48550/arXiv.1711.05101."""
    beta1, beta2 = BETAS
    for name, gradient in gradients.items():
        mean, square = moments[name]
        mean += (1 - beta1) * (gradient - mean)
        square += (1 - beta2) * (gradient**2 - square)
        direction = mean / (1 - beta1**step) / (np.sqrt(square / (1 - beta2**step)) + EPSILON)
        parameters[name] -= RATE * (direction + DECAY * parameters[name])
