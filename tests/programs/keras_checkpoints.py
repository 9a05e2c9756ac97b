"""A Keras run that is stopped, saved and gone on with in another process. Run by tests/backends/test_keras_checkpoints.py.

It is given a folder and commands. `save` runs to the end and leaves each kind of file half-way; `resume` goes on from each to the end;
both give the readings. `interrupt` stops a fit that keeps backups. `refuse` gives what is said where the optimizer is another. What
they give is printed as JSON.
"""

from __future__ import annotations

import json
import sys
import warnings

import keras

import wcdfa
from tests.programs.keras_runs import BACKEND, BATCH, compiled, data, on_host, plain
from wcdfa.backends.keras.parameters import WeightChangeCallback, monitored, read

HALF, STEPS, WINDOW = 13, 30, 10  # the ring has wrapped around once where it is saved
GROUPS = 2  # "net/first"; a model that is loaded has no "net" in its paths


@keras.saving.register_keras_serializable(package="tests")
def by_layer(path):
    return path.split("/")[-2]


def optimizer(**options):
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 60)
    return monitored(keras.optimizers.AdamW(schedule, clipnorm=1.0), **{"window": WINDOW, "groups": GROUPS} | options)


def trained(model, first, last, callbacks=()):
    x, y = data(STEPS)
    part = slice(first * BATCH, last * BATCH)
    model.fit(x[part], y[part], batch_size=BATCH, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model


def told(model):
    weights = [on_host(variable).ravel().tolist()[:5] for variable in model.trainable_variables]
    return plain(read(model)) | {"iterations": int(model.optimizer.iterations), "weights": weights}


def scaled():
    """A LossScaleOptimizer inside, whose scale is a part of what is saved."""
    inner = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01, momentum=0.9), initial_scale=2.0**4)
    return compiled(monitored(inner, window=WINDOW, groups=by_layer), dtype="mixed_float16")


def save(folder):
    model = trained(compiled(optimizer()), 0, HALF)
    model.save(f"{folder}/model.keras")
    model.save_weights(f"{folder}/model.weights.h5")
    if BACKEND == "tensorflow":
        import tensorflow as tf

        tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(f"{folder}/checkpoint")
    half = trained(scaled(), 0, HALF)
    half.save(f"{folder}/scaled.keras")
    return {"plain": told(trained(model, HALF, STEPS)), "scaled": told(trained(half, HALF, STEPS)), "epochs": epochs(None)}


def resume(folder):
    again = keras.saving.load_model(f"{folder}/model.keras")
    weights = compiled(optimizer())
    weights.optimizer.build(weights.trainable_variables)
    weights.load_weights(f"{folder}/model.weights.h5")
    found = {"model": again, "weights": weights}
    if BACKEND == "tensorflow":
        import tensorflow as tf

        for name, known in (("checkpoint", True), ("late checkpoint", False)):
            found[name] = model = compiled(optimizer())
            if known:
                model.optimizer.build(model.trainable_variables)
            tf.train.Checkpoint(model=model, optimizer=model.optimizer).read(f"{folder}/checkpoint")
    assert type(again.optimizer.inner_optimizer).__name__ == "AdamW"
    plain_runs = {name: told(trained(model, HALF, STEPS)) for name, model in found.items()}
    half = keras.saving.load_model(f"{folder}/scaled.keras")
    return {"plain": plain_runs, "scaled": told(trained(half, HALF, STEPS)), "epochs": epochs(folder)}


class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def epochs(folder):
    """Four epochs, with Keras' own backups; the process of `save` ends in the third."""
    x, y = data(STEPS)
    monitor = wcdfa.WeightChangeDFA(window=50, stride=10)
    model, backup = compiled(monitored(keras.optimizers.Adam(0.01), window=200)), []
    if folder is not None:
        backup = [keras.callbacks.BackupAndRestore(f"{folder}/backup")]
    callbacks = [*backup, WeightChangeCallback(monitor, every=10)]
    model.fit(x, y, batch_size=BATCH, epochs=4, shuffle=False, verbose=0, callbacks=callbacks)
    return plain(read(model)) | {"alpha": monitor.history, "signal": monitor.get_signal().tolist()}


def interrupt(folder):
    x, y = data(STEPS)
    model = compiled(monitored(keras.optimizers.Adam(0.01), window=200))
    backup = keras.callbacks.BackupAndRestore(f"{folder}/backup")
    try:
        model.fit(x, y, batch_size=BATCH, epochs=4, shuffle=False, verbose=0, callbacks=[backup, WeightChangeCallback(), Stop()])
    except KeyboardInterrupt:
        return read(model).count
    raise AssertionError


def frozen(folder):
    """A model that is saved with a layer frozen is of other variables when it is loaded."""
    model = trained(compiled(optimizer(groups={"first": "first/", "last": "last/"})), 0, 5)
    model.layers[0].trainable = False
    model.save(f"{folder}/frozen.keras")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        again = keras.saving.load_model(f"{folder}/frozen.keras")
    reading = read(trained(again, 0, 4))
    return [sorted(reading.groups), [str(each.message) for each in caught], reading.count]


def refuse(folder):
    """What loading says, and what the optimizer holds then."""
    bare = compiled(keras.optimizers.AdamW(0.01))
    trained(bare, 0, 3).save_weights(f"{folder}/bare.weights.h5")
    given = {"window": ("model", {"window": 7}), "groups": ("model", {"groups": None}), "bare": ("bare", {}), "late": ("model", {})}
    said = {"frozen": frozen(folder)}
    for name, (file, options) in given.items():
        model = compiled(optimizer(**options))
        if name != "late":
            model.optimizer.build(model.trainable_variables)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                model.load_weights(f"{folder}/{file}.weights.h5")
                error = None
            except ValueError as refused:
                error = str(refused)
        said[name] = [error, [str(each.message) for each in caught], read(trained(model, 0, 4)).count]
    return said


if __name__ == "__main__":
    folder, *commands = sys.argv[1:]
    print(json.dumps([globals()[command](folder) for command in commands]))
