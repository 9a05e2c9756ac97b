"""Short runs of Keras, and their norms as NumPy counts them: batch by batch, in float64, from the variables alone."""

from __future__ import annotations

import json
import sys

import keras
import numpy as np

from tests.helpers.direction import direction_of
from tests.helpers.keras_data import BATCH, FEATURES, HIDDEN, data, initial

BACKEND = keras.backend.backend()


def network(dtype="float32"):
    keras.config.set_dtype_policy(dtype)
    layers = [keras.layers.Dense(HIDDEN, "tanh", name="first"), keras.layers.Dense(1, name="last")]
    model = keras.Sequential([keras.Input((FEATURES,)), *layers], name="net")
    keras.config.set_dtype_policy("float32")
    model.set_weights(initial())
    return model


def compiled(optimizer, dtype="float32", **options):
    model = network(dtype)
    model.compile(optimizer, loss="mse", **options)
    return model


def on_host(value):
    value = keras.ops.cast(value, "float32")
    value = value.detach() if hasattr(value, "detach") else value
    return np.array(value.numpy() if hasattr(value, "numpy") else value, dtype=np.float64)


class Weights(keras.callbacks.Callback):
    """The variables before the first and after each batch."""

    def on_train_begin(self, logs=None):
        self.seen = [self.now()]

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self.now())

    def now(self):
        return {variable.path: on_host(variable) for variable in self.model.trainable_variables}

    def norms(self, part=""):
        pairs = zip(self.seen[1:], self.seen[:-1], strict=True)
        return np.array([np.sqrt(sum(np.sum((b[path] - a[path]) ** 2) for path in b if part in path)) for b, a in pairs])


def fitted(model, batches=30, epochs=1, callbacks=(), **options):
    weights = Weights()
    x, y = data(batches)
    options = {"batch_size": BATCH, "epochs": epochs, "shuffle": False, "verbose": 0, **options}
    model.fit(x, y, callbacks=[*callbacks, weights], **options)
    return weights


def plain(reading):
    groups = {name: norms.tolist() for name, norms in reading.groups.items()}
    series = {name: getattr(reading, name).tolist() for name in ("norms", "lr", "steps")}
    source = {"optimizer": reading.optimizer, "hyperparameters": reading.hyperparameters}
    return {**series, **source, **direction_of(reading), "groups": groups, "count": reading.count, "skipped": reading.skipped}


def run_checks(*modules):
    """Run the functions of these modules that are called check_…, or those that the command line names; print what they return as JSON."""
    checks = {
        f"{module.__name__.rpartition('.')[2]}.{name.removeprefix('check_')}": each
        for module in modules
        for name, each in vars(module).items()
        if name.startswith("check_")
    }
    print(json.dumps({name: checks[name]() for name in sys.argv[1:] or checks}))
