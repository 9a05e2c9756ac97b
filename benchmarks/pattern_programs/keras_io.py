"""In the style of keras.io's guides: a model with a train_step of its own, compiled with an optimizer, trained by fit with callbacks."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from benchmarks.pattern_programs.step_end import step_end
from wcdfa.backends.keras import monitored, read  # wcdfa

SIDE = 8


class Denoiser(keras.Model):
    """Finds the picture in noise. Its train_step adds the noise, computes the loss, and applies the gradients itself."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = keras.Sequential(
            [keras.layers.Conv2D(16, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D()]
        )
        self.decoder = keras.Sequential(
            [
                *(keras.layers.Conv2DTranspose(16, 3, strides=2, padding="same"), keras.layers.BatchNormalization()),
                *(keras.layers.ReLU(), keras.layers.Conv2D(1, 3, padding="same")),
            ]
        )
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.seed_generator = keras.random.SeedGenerator(1337)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self.loss_tracker]

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.decoder(self.encoder(images, training=training), training=training)

    def train_step(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        noisy = images + 0.5 * keras.random.normal(keras.ops.shape(images), seed=self.seed_generator)
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.ops.square(self(noisy, training=True) - images))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.loss_tracker.update_state(loss)
        return {metric.name: metric.result() for metric in self.metrics}


class EachBatch(keras.callbacks.Callback):
    """Hands over the variables after each batch."""

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        step_end(self.model.trainable_variables)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        step_end(self.model.trainable_variables)


keras.utils.set_random_seed(1)
places = np.random.default_rng(0).uniform(1, SIDE - 1, (64 * 32, 2, 1, 1))
rows, columns = np.mgrid[:SIDE, :SIDE]
x_train = np.exp(-((rows - places[:, 0]) ** 2 + (columns - places[:, 1]) ** 2) / 4)[..., None].astype("float32")

model = Denoiser()
model(x_train[:1])  # makes the variables
schedule = keras.optimizers.schedules.CosineDecay(3e-3, 128)
optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=1.0)
optimizer = monitored(optimizer)  # wcdfa
model.compile(optimizer)
model.fit(x_train, batch_size=32, epochs=2, verbose=2, callbacks=[EachBatch()])
print(read(model).verdict())  # wcdfa
