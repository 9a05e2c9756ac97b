"""A run that is stopped, saved by tf.train.Checkpoint and gone on with in another process. Run by tests/backends/test_tensorflow_recorder.py.

`save FOLDER STOP…` runs to the end and leaves a checkpoint at each stop; `resume FOLDER STOP…` goes on from each to the end, and
`late FOLDER STOP…` with a recorder that is restored before it knows its variables. `resume+late` does both. Prints, as JSON, the
readings that each command gives.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import tensorflow as tf

from tests.helpers.direction import direction_of
from wcdfa.backends.tensorflow.recorder import NormRecorder

STEPS, WINDOW = 12, 5


class Run(tf.Module):
    def __init__(self, known=True, jit_compile=False):
        super().__init__()
        rng = np.random.default_rng(0)
        self.first = tf.Variable(rng.standard_normal((9, 7)), dtype=tf.float32)
        self.last = tf.Variable(rng.standard_normal(5000), dtype=tf.bfloat16)
        self.trained = {"first": self.first, "last": self.last}
        settings = {"window": WINDOW, "groups": 1, "optimizer": "sgd", "momentum": 0.0}
        self.recorder = NormRecorder(
            self.trained if known else None, lr=lambda calls: 0.1 / (1 + tf.cast(calls, tf.float32)), **settings
        )
        self.step = tf.function(self._step, jit_compile=jit_compile)

    def _step(self, first, last):
        self.first.assign_sub(0.1 * first)
        self.last.assign_sub(tf.cast(0.1 * last, tf.bfloat16))
        self.recorder.record(self.trained)

    def train(self, start, stop, eager=False):
        for number in range(start + 1, stop + 1):
            rng = np.random.default_rng(number)
            still = np.float32(number != 4)
            gradients = (tf.constant(still * rng.standard_normal(shape), tf.float32) for shape in ((9, 7), (5000,)))
            (self._step if eager else self.step)(*gradients)
        return self

    def told(self):
        reading = self.recorder.read()
        arrays = {name: getattr(reading, name).tolist() for name in ("norms", "lr", "steps")}
        groups = {name: norms.tolist() for name, norms in reading.groups.items()}
        return (
            arrays
            | groups
            | direction_of(reading)
            | {"count": reading.count, "skipped": reading.skipped, "optimizer": reading.optimizer}
        )


def save(folder, *stops):
    run, at = Run(), 0
    for stop in stops:
        run.train(at, stop)
        tf.train.Checkpoint(run=run).write(f"{folder}/{stop}")
        at = stop
    return run.train(at, STEPS).told()


def resume(folder, *stops):
    found = []
    for stop in stops:
        run = Run()
        tf.train.Checkpoint(run=run).read(f"{folder}/{stop}").assert_consumed()
        found.append(run.train(stop, STEPS).told())
    return found


def late(folder, *stops):
    found = []
    for stop in stops:
        for eager in (False, True):
            run = Run(known=False)
            status = tf.train.Checkpoint(run=run).read(f"{folder}/{stop}")
            run.train(stop, STEPS, eager)
            status.assert_consumed()
            found.append(run.told())
    return found


if __name__ == "__main__":
    commands, folder, *stops = sys.argv[1:]
    print(json.dumps([globals()[command](folder, *map(int, stops)) for command in commands.split("+")]))
