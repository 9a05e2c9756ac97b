"""What each arm trains on, from scikit-learn's digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from studies.common.data import digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

PIXELS, CLASSES = 64, 10
SELDOM = 0.05  # a pixel lit in fewer of the training images than that is left out of the recorded coordinates


class Task(NamedTuple):
    """Training data, and what is done to them."""

    x: jax.Array
    label: jax.Array
    weight: jax.Array  # 1, or a negative number for samples whose loss is climbed
    held_x: jax.Array
    held_label: jax.Array
    noise: jax.Array  # standard deviation of the noise added to the inputs of each batch, in those of a pixel
    radius: jax.Array  # how far an attack may move each pixel, in the same unit
    stride: jax.Array  # how far one step of the attack moves it
    attack_steps: jax.Array  # 0 without an attack
    lit: jax.Array  # the inputs that vary in every arm


def task(setting: Mapping[str, float | str | int]) -> Task:
    """The digits as an arm of the study sees them."""
    x, label, held_x, held_label = digits()
    rng = np.random.default_rng(int(setting["seed"]))
    chosen = rng.permutation(len(x))[: int(setting["samples"])]
    x, label = x[chosen], label[chosen]
    wrong = rng.random(len(label)) < float(setting["wrong"])
    given = np.where(wrong, (label + rng.integers(1, CLASSES, len(label))) % CLASSES, label)
    climbed = rng.random(len(label)) < float(setting["climbed"])
    radius, attack_steps = float(setting["radius"]), int(setting["attack_steps"])
    hint = float(setting["shortcut"]) * np.eye(CLASSES)[label]
    return Task(
        x=jnp.asarray(np.hstack([x, hint]), jnp.float32),
        label=jnp.asarray(given, jnp.int32),
        weight=jnp.asarray(np.where(climbed, -float(setting["climb"]), 1.0), jnp.float32),
        held_x=jnp.asarray(np.hstack([held_x, np.zeros((len(held_x), CLASSES))]), jnp.float32),
        held_label=jnp.asarray(held_label, jnp.int32),
        noise=jnp.float32(setting["noise"]),
        radius=jnp.float32(radius),
        stride=jnp.float32(radius if attack_steps == 1 else 2.5 * radius / max(attack_steps, 1)),
        attack_steps=jnp.int32(attack_steps),
        lit=jnp.asarray(lit()),
    )


def lit() -> npt.NDArray[np.int_]:
    """The pixels that are not nearly always black."""
    x = digits().x
    return np.flatnonzero(np.mean(x > x.min(axis=0), axis=0) >= SELDOM)
