"""TensorFlow under Keras: the norms of a fit are those of its weights."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import try_keras  # noqa: F401 - it runs when it is imported
