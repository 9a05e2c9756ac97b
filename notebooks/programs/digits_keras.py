"""A Keras classifier of handwritten digits whose optimizer is monitored, on the backend that KERAS_BACKEND names.

    KERAS_BACKEND=jax python notebooks/programs/digits_keras.py run.npz

Weights and batches come from NumPy, so that every backend has the same. What was recorded goes into the file.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
from sklearn.datasets import load_digits

import wcdfa
from wcdfa.backends.keras import WeightChangeCallback, monitored

BATCH, EPOCHS = 50, 60
rng = np.random.default_rng(0)

images, labels = load_digits(return_X_y=True)
images = (images.reshape(-1, 8, 8, 1) / 16).astype(np.float32)
train, test = slice(0, 1500), slice(1500, None)
order = np.concatenate([rng.permutation(1500) for _ in range(EPOCHS)])  # all epochs in one, shuffled here

model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, activation="relu", name="convolution"),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu", name="hidden"),
        keras.layers.Dense(10, name="logits"),
    ],
    name="digits",
)
for layer in model.layers:
    layer.set_weights([rng.normal(0, np.prod(w.shape[:-1]) ** -0.5, w.shape) if w.ndim > 1 else w for w in layer.get_weights()])

schedule = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=len(order) // BATCH, alpha=0.1)
optimizer = monitored(keras.optimizers.AdamW(schedule, beta_2=0.99, weight_decay=0.01), window=2000)  # the one argument
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer, loss=loss, metrics=["accuracy"])
callback = WeightChangeCallback(wcdfa.WeightChangeDFA(window=500, stride=50))
history = model.fit(images[order], labels[order], batch_size=BATCH, shuffle=False, verbose=0, callbacks=[callback])

reading = optimizer.read()
_, accuracy = model.evaluate(images[test], labels[test], verbose=0)
print(f"{keras.backend.backend()}: test accuracy {accuracy:.3f}, {callback.monitor}")
np.savez(
    sys.argv[1],
    norms=reading.norms,
    lr=reading.lr,
    steps=callback.watch.stops,
    alpha=callback.watch.alphas,
    optimizer=reading.optimizer,
    hyperparameters=json.dumps(reading.hyperparameters),
    alpha_in_history=history.history["wcdfa/alpha"],
)
