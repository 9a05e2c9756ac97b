"""Every check of keras_recorder.py and its like, on the backend that KERAS_BACKEND names. Run by tests/backends/test_keras.py.

The checks share one process: importing a backend takes longer than most of them.
"""

from __future__ import annotations

import contextlib
import tempfile

from tests.programs import keras_beside, keras_callbacks, keras_direction, keras_recorder
from tests.programs.keras_runs import BACKEND, run_checks

if __name__ == "__main__":
    if BACKEND == "tensorflow":
        import tensorflow as tf

        one = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(one, [tf.config.LogicalDeviceConfiguration()] * 2)  # for a MirroredStrategy
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        run_checks(keras_recorder, keras_callbacks, keras_beside, keras_direction)
