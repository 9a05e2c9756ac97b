"""TensorFlow under Keras: the norms of a fit are those of its weights."""

import os

import numpy as np
from common import require_recorded

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras

from wcdfa.backends.keras import WeightChangeCallback
from wcdfa.backends.keras.optimizer import monitored

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile(monitored(keras.optimizers.Adam(), window=50), loss="mse")
moved = []


class Weights(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.before = [keras.ops.convert_to_numpy(each).astype(float) for each in model.trainable_variables]

    def on_train_batch_end(self, batch, logs=None):
        if hasattr(model, "jax_state_sync"):  # JAX holds the weights outside the model during fit
            model.jax_state_sync()
        now = [keras.ops.convert_to_numpy(each).astype(float) for each in model.trainable_variables]
        moved.append(np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(now, self.before, strict=True))))
        self.before = now


callback = WeightChangeCallback()
x = np.random.default_rng(0).standard_normal((160, 3))
model.fit(x, x[:, :1], batch_size=8, verbose=0, callbacks=[callback, Weights()])
require_recorded(callback.monitor.reading(), moved)
