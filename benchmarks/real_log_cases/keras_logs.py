"""What Keras writes: CSVLogger, TensorBoard, History."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .cases import Log, Series, case, counted, norms
from .tensorboard import by_events

EPOCHS = 120


def fit(*callbacks, epochs: int = EPOCHS, batches: int = 1):
    """Train a line with Keras; returns its History."""
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    x = np.random.default_rng(0).standard_normal((4 * batches, 2)).astype("float32")
    return model.fit(x, x[:, :1], epochs=epochs, batch_size=4, shuffle=False, verbose=0, callbacks=list(callbacks))


def with_norm():
    """A callback that adds the norm of each epoch to the logs, as many do."""
    import keras

    class Norm(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            logs["update_norm"] = float(norms()[epoch])

    return Norm()


@case("Keras", "CSVLogger, a norm an epoch", "keras", "torch")
def csv_logger(folder: Path) -> Log:
    import keras

    folder.mkdir()
    fit(with_norm(), keras.callbacks.CSVLogger(str(folder / "log.csv")))
    return Log(folder / "log.csv", [Series(norms()[:EPOCHS], None)], "epoch")


@case("Keras", "CSVLogger, a loss only", "keras", "torch")
def csv_loss(folder: Path) -> Log:
    import keras

    folder.mkdir()
    fit(keras.callbacks.CSVLogger(str(folder / "log.csv")))
    return Log(folder / "log.csv", says="norm")


@case("Keras", "History as JSON, a norm an epoch", "keras", "torch")
def history(folder: Path) -> Log:
    folder.mkdir()
    (folder / "history.json").write_text(json.dumps(fit(with_norm()).history))
    return Log(folder / "history.json", [Series(norms()[:EPOCHS], None)])


@case("Keras", "History as JSON, a loss only", "keras", "torch")
def history_loss(folder: Path) -> Log:
    folder.mkdir()
    (folder / "history.json").write_text(json.dumps(fit().history))
    return Log(folder / "history.json", says="norm")


@case("Keras", "History by pandas, a norm an epoch", "keras", "torch", "pandas")
def history_table(folder: Path) -> Log:
    import pandas

    folder.mkdir()
    pandas.DataFrame(fit(with_norm()).history).to_csv(folder / "history.csv")
    return Log(folder / "history.csv", [Series(norms()[:EPOCHS], counted(EPOCHS))])


@case("Keras", "TensorBoard(update_freq=1), a loss only", "keras", "torch", "tensorflow")
def tensorboard_loss(folder: Path) -> Log:
    import keras

    fit(keras.callbacks.TensorBoard(str(folder), update_freq=1), epochs=3, batches=100)
    return Log(folder, says="norm")


@case("Keras", "tf.summary at each batch, beside TensorBoard", "keras", "torch", "tensorflow")
def tensorboard_norm(folder: Path) -> Log:
    import keras
    import tensorflow as tf

    class Norm(keras.callbacks.Callback):
        def on_train_begin(self, logs: object = None) -> None:
            self.step, self.writer = 0, tf.summary.create_file_writer(str(folder / "train"))

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            with self.writer.as_default():
                tf.summary.scalar("update_norm", norms()[self.step], step=self.step)
            self.step += 1

        def on_train_end(self, logs: object = None) -> None:
            self.writer.close()

    fit(keras.callbacks.TensorBoard(str(folder), write_graph=False), Norm(), epochs=3, batches=100)
    return Log(folder, [by_events(folder / "train", "update_norm")])


@case("Keras", "wcdfa's own callback and JSON lines", "keras", "torch")
def ours(folder: Path) -> Log:
    import keras

    from wcdfa.backends.keras import WeightChangeCallback, monitored
    from wcdfa.sinks.jsonl import JSONLinesSink

    folder.mkdir()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile(monitored(keras.optimizers.Adam(), window=100), loss="mse")
    x = np.random.default_rng(0).standard_normal((800, 2)).astype("float32")
    with JSONLinesSink(folder / "wcdfa.jsonl") as sink:
        model.fit(x, x[:, :1], batch_size=4, verbose=0, callbacks=[WeightChangeCallback(every=1, logger=sink, log_every=1)])
    found = [json.loads(line) for line in (folder / "wcdfa.jsonl").read_text().splitlines()]
    values = [(row["wcdfa/step"], row["wcdfa/update_norm"]) for row in found if "wcdfa/update_norm" in row]
    steps, held = zip(*values, strict=True)
    return Log(folder / "wcdfa.jsonl", [Series(np.array(held), np.array(steps))])
