"""Relearning: wrong labels under random hyperparameters, then the right ones."""

from __future__ import annotations

import math

import numpy as np

from studies.common.data import digits
from studies.common.measures import first_sustained
from studies.plasticity import measures
from studies.plasticity.continual import batches
from studies.plasticity.network import CLASSES, INPUTS, activations
from studies.plasticity.training import CHUNK, Data, Hyperparameters, State, fresh, trainer

DIGITS, TESTED, NOISES, LONGEST = 400, 400, 4096, 12
LEARNED = 0.3
"""Accuracy below which nothing was learned that could be corrected."""
ENOUGH, HELD = 0.8, 5
"""A correction is learned when the accuracy reaches this share of what it was, so many steps in a row."""

Settings = dict[str, str | float | bool | None]


def random_settings(seed: int) -> Settings:
    """Draw the hyperparameters of a run; SGD and AdamW take turns."""
    rng, adam = np.random.default_rng([seed, 1]), seed % 2 == 0
    momentum = float(rng.choice([0.0, 0.8, 0.9, 0.95]))
    rate = 10 ** rng.uniform(-3.7, -2.2) if adam else 3 * (1 - momentum) * 10 ** rng.uniform(-2.3, -1.2)
    decay = 10 ** (rng.uniform(-3, 0) if adam else rng.uniform(-5, -2.5))
    found: Settings = {"optimizer": "adamw" if adam else "sgd", "rate": float(rate), "momentum": momentum, "decay": float(decay)}
    found |= {"batch": int(rng.choice([8, 32, 128, DIGITS])), "noise": float(rng.choice([0.0, 0.3, 0.6, 1.0]))}
    return found | {"flips": float(rng.choice([0.0, 0.05, 0.2])), "length": CHUNK * int(rng.choice([2, 3, 4, 6, 8, 12]))}


def run(
    seed: int, optimizer: str, rate: float, momentum: float, decay: float, batch: int, noise: float, flips: float, length: int
) -> dict[str, float]:
    """Train on wrong labels, measure the last steps, and count the steps until the right ones are learned; NaN if training diverged."""
    rng = np.random.default_rng([seed, 2])
    hyper = Hyperparameters(float(optimizer == "adamw"), rate, momentum, decay)
    wrong, right = lessons(rng, noise, flips)
    state, train = fresh(rng), trainer(False)
    for _ in range(length // CHUNK):
        state, (scalars, sketch) = train(state, wrong, batches(rng, DIGITS, batch, noises=NOISES), hyper)
    if not np.isfinite(np.asarray(scalars)[:, :-1]).all():
        return dict.fromkeys(("loss", *measures.NAMES, "accuracy", "relearning"), math.nan)
    before = tested(state, wrong)
    found = measures.of_steps(np.asarray(scalars, dtype=float)) | measures.of_network(state.parameters, wrong.digits)
    found |= {name: each[0] for name, each in measures.vector_slopes(np.asarray(sketch)[None]).items()}
    time = steps_until(state, right, hyper, batch, rng, before) if before >= LEARNED else math.nan
    return found | {"accuracy": before, "relearning": time}


def lessons(rng: np.random.Generator, noise: float, flips: float) -> tuple[Data, Data]:
    """Digits whose labels are all wrong by one class, some of them random; and the same with the right labels."""
    known, one_hot = digits(), np.eye(CLASSES, dtype=np.float32)
    labels = (known.y[:DIGITS] + 1) % CLASSES
    random = rng.random(DIGITS) < flips
    labels[random] = rng.integers(CLASSES, size=int(random.sum()))
    added = (noise * rng.standard_normal((NOISES, INPUTS))).astype(np.float32)
    x, y = known.x_validation[:TESTED], known.y_validation[:TESTED]
    wrong = Data(known.x[:DIGITS], one_hot[labels], added, x, (y + 1) % CLASSES)
    return wrong, wrong._replace(labels=one_hot[known.y[:DIGITS]], test_labels=y)


def tested(state: State, data: Data) -> float:
    """Accuracy on the digits to test with."""
    logits = np.asarray(activations(state.parameters, data.test_digits)[2])
    return float((logits.argmax(axis=1) == data.test_labels).mean())


def steps_until(state: State, data: Data, hyper: Hyperparameters, batch: int, rng: np.random.Generator, before: float) -> float:
    """Count the steps until the accuracy is high enough often enough; all steps that are allowed if it never is."""
    accuracy = np.empty(0)
    for _ in range(LONGEST):
        state, (scalars, _) = trainer(True)(state, data, batches(rng, DIGITS, batch, noises=NOISES), hyper)
        accuracy = np.append(accuracy, np.asarray(scalars)[:, -1])
        found = first_sustained(accuracy >= ENOUGH * before, np.arange(1, len(accuracy) + 1), HELD)
        if math.isfinite(found):
            return found
    return float(LONGEST * CHUNK)
