"""An ordinary Keras training with our two lines: it saves its model, and prints the norms."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np

from wcdfa.backends.keras.parameters import WeightChangeCallback, monitored, read


def loss(x, output):
    """Its gradient with respect to the kernel is x."""
    return keras.ops.sum(output)


def main(folder, rate):
    noise = np.load(folder / "noise.npy")
    model = keras.Sequential([keras.Input((noise.shape[1],)), keras.layers.Dense(1, use_bias=False)])
    model.compile(monitored(keras.optimizers.SGD(rate)), loss=loss)
    log = keras.callbacks.CSVLogger(folder / "epochs.csv")
    model.fit(noise, noise, batch_size=1, shuffle=False, verbose=0, callbacks=[WeightChangeCallback(), log])
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    print(json.dumps(read(model).norms.tolist()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
