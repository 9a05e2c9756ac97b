"""The two networks with their data: how weights begin, batches, loss, and how well a run does on data held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax

from studies.common import data
from studies.regimes import resnet, transformer

Batch = tuple[npt.NDArray[np.generic], npt.NDArray[np.generic]]
CONTEXT, TEXT, HELD_OUT = 32, 250_000, 50_000


@dataclass(frozen=True, eq=False)
class Task:
    """A network and its data."""

    begin: Callable[[jax.Array], resnet.Tree]
    logits: Callable[[resnet.Tree, jax.Array], jax.Array]
    batch: Callable[[np.random.Generator, int], Batch]
    """Inputs, and the label of each, drawn at random."""
    labels: npt.NDArray[np.generic]
    """All labels of training."""
    held_out: Batch
    guess: float
    """Loss of one who knows only how frequent each label is, in nats."""

    def loss(self, weights: resnet.Tree, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        """Mean cross-entropy, in nats."""
        return optax.softmax_cross_entropy_with_integer_labels(self.logits(weights, inputs), labels).mean()

    def score(self, weights: resnet.Tree) -> tuple[float, float]:
        """Loss and accuracy on data held out."""
        inputs, labels = self.held_out
        found = compiled(self)(weights, jnp.asarray(inputs))
        loss = optax.softmax_cross_entropy_with_integer_labels(found, jnp.asarray(labels)).mean()
        return float(loss), float((np.asarray(found).argmax(axis=-1) == labels).mean())


@cache
def compiled(task: Task) -> Callable[[resnet.Tree, jax.Array], jax.Array]:
    """The logits of a task, compiled once."""
    return jax.jit(task.logits)


@cache
def resnet_on_digits(width: int = 4, blocks: int = 3) -> Task:
    """The ResNet on scikit-learn's digits."""
    found = data.digits()
    x, x_held_out = (images.reshape(-1, 8, 8, 1) for images in (found.x, found.x_validation))
    return of_images(x, found.y, (x_held_out, found.y_validation), width, blocks)


def of_images(x: npt.NDArray[np.float32], y: npt.NDArray[np.int32], held_out: Batch, width: int, blocks: int) -> Task:
    """A ResNet on images of shape (images, height, width, channels)."""

    def batch(rng: np.random.Generator, size: int) -> Batch:
        picked = rng.integers(len(x), size=size)
        return x[picked], y[picked]

    begin = partial(resnet.begin, width=width, blocks=blocks, channels=x.shape[-1])
    return Task(begin, resnet.logits, batch, y, held_out, _entropy(y))


@cache
def transformer_on_text(width: int = 32, layers: int = 2, context: int = CONTEXT, characters: int = TEXT) -> Task:
    """The transformer on the modules of the standard library; the last part of the text is held out."""
    symbols, text = np.unique(data.text(characters + HELD_OUT), return_inverse=True)
    text = text.astype(np.int32)
    train, rest = text[:-HELD_OUT], text[-HELD_OUT:]

    def batch(rng: np.random.Generator, size: int) -> Batch:
        places = rng.integers(len(train) - context, size=size)[:, np.newaxis] + np.arange(context + 1)
        return train[places[:, :-1]], train[places[:, 1:]]

    stretches = rest[: 512 * (context + 1)][: len(rest) // (context + 1) * (context + 1)].reshape(-1, context + 1)
    begin = partial(transformer.begin, symbols=len(symbols), width=width, layers=layers, context=context)
    return Task(begin, transformer.logits, batch, train, (stretches[:, :-1], stretches[:, 1:]), _entropy(text))


def _entropy(labels: npt.NDArray[np.int32]) -> float:
    shares = np.bincount(labels) / len(labels)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())
