"""Runs with a recorded direction, on white gradients: written apart from the recorders and the replay of the package."""

from __future__ import annotations

import numpy as np

from wcdfa.recording.reading import Reading

OPTIMIZERS = {
    "sgd": {"momentum": 0.9},
    "adamw": {"betas": (0.9, 0.99)},
}


def run_on_white(rule, steps, seed, *, groups=4, each=64, coordinates=64, fault=None, at=0):
    """A reading of all steps of SGD(.9) or AdamW(.9, .99) on white gradients. From step `at` on there is a fault.

    "repeat" uses each batch twice, "momentum" is .6 instead of .9, "frozen" stops the first group, "rounded" keeps weights in bfloat16.
    """
    rng = np.random.default_rng(seed)
    size = groups * each
    weights = rng.standard_normal(size).astype(np.float32)
    mean, square, rows, gradient = np.zeros(size), np.zeros(size), [], np.zeros(size)
    lr = 0.01
    for step in range(steps):
        now = fault if step >= at else None
        if not (now == "repeat" and step % 2):
            gradient = rng.standard_normal(size)
        momentum = 0.6 if now == "momentum" else 0.9
        if rule == "sgd":
            mean = momentum * mean + gradient
            move = -lr * mean
        else:
            mean = momentum * mean + (1 - momentum) * gradient
            square = 0.99 * square + 0.01 * gradient**2
            move = -lr * mean / (1 - momentum ** (step + 1)) / (np.sqrt(square / (1 - 0.99 ** (step + 1))) + 1e-8)
        if now == "frozen":
            move[:each] = 0
        new = (weights + move).astype(np.float32)
        if now == "rounded":
            new = (new.view(np.uint32) + 0x8000 & 0xFFFF0000).view(np.float32)
        rows.append(new - weights)
        weights = new
    changes = np.array(rows, dtype=np.float64)
    kept = np.linspace(0, size - 1, coordinates).astype(int)
    parts = {f"layer{i}": changes[:, i * each : (i + 1) * each] for i in range(groups)}
    norms = np.linalg.norm(changes, axis=1)
    return Reading(
        norms,
        steps,
        0,
        lr=np.full(steps, lr),
        steps=np.arange(1, steps + 1),
        groups={name: np.linalg.norm(part, axis=1) for name, part in parts.items()},
        optimizer=rule,
        hyperparameters=OPTIMIZERS[rule],
        taken=0,
        cosine=cosines(changes),
        weight_norm=np.full(steps, np.linalg.norm(weights)),
        sketch=changes[:, kept].astype(np.float32),
        cosines={name: cosines(part) for name, part in parts.items()},
    )


def cosines(changes):
    """Of each change with the one before it; NaN at first."""
    sizes = np.linalg.norm(changes, axis=1)
    with np.errstate(all="ignore"):
        found = (changes[1:] * changes[:-1]).sum(axis=1) / (sizes[1:] * sizes[:-1])
    return np.concatenate([[np.nan], found])


def until(reading, count, window=500):
    """What a recorder with such a window would give after so many steps."""
    part = slice(max(0, count - window), count)

    def cut(values):
        return None if values is None else values[part]

    return reading._replace(
        norms=reading.norms[part],
        count=count,
        lr=cut(reading.lr),
        steps=cut(reading.steps),
        groups={name: values[part] for name, values in reading.groups.items()},
        cosine=cut(reading.cosine),
        weight_norm=cut(reading.weight_norm),
        sketch=cut(reading.sketch),
        cosines={name: values[part] for name, values in reading.cosines.items()},
        taken=part.start,
    )
