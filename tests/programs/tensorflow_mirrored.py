"""MirroredStrategy on two logical CPU devices; prints its norms as JSON. Run by tests/backends/test_tensorflow_recorder.py."""

from __future__ import annotations

import contextlib
import json
import sys

import numpy as np
import tensorflow as tf

from wcdfa.backends.tensorflow.recorder import NormRecorder, delta_norm

STEPS = 5


def trained(strategy, inside):
    """Norms of a run, recorded in variables made inside or outside the scope, and those of the copies before and after each step."""
    rng = np.random.default_rng(0)
    start = {"w": rng.standard_normal((30, 20)).astype(np.float32), "b": np.zeros(20, np.float32)}
    with strategy.scope():
        variables = {name: tf.Variable(value, name=name, aggregation=tf.VariableAggregation.MEAN) for name, value in start.items()}
    with strategy.scope() if inside else contextlib.nullcontext():
        recorder = NormRecorder(variables, window=4, groups=1)

    def replica_step(gradients):
        own = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
        for name, variable in variables.items():
            variable.assign_sub((1 + own) * 0.1 * gradients[name])  # the mean of what each replica has

    @tf.function
    def step(gradients):
        strategy.run(replica_step, args=(gradients,))
        recorder.record(variables, lr=0.1)

    expected = []
    for _ in range(STEPS):
        before = {name: variable.numpy() for name, variable in variables.items()}
        step({name: tf.constant(rng.standard_normal(value.shape), tf.float32) for name, value in start.items()})
        expected.append(float(np.sqrt(sum(np.sum((variables[name].numpy() - before[name]) ** 2) for name in variables))))
    reading = recorder.read()
    return {
        "norms": reading.norms.tolist(),
        "groups": {name: norms.tolist() for name, norms in reading.groups.items()},
        "expected": expected[-4:],
        "count": reading.count,
        "mirrored": [type(variables["w"]).__name__, type(recorder.ring.norms).__name__, type(recorder.reference[0]).__name__],
        "traces": step.experimental_get_tracing_count(),
        "delta_norm": float(delta_norm(variables, start)),
        "moved": float(np.sqrt(sum(np.sum((variables[name].numpy() - start[name]) ** 2) for name in variables))),
    }


def refused(strategy):
    """What record says inside strategy.run."""
    with strategy.scope():
        variable = tf.Variable([1.0])
    recorder = NormRecorder([variable])
    try:
        strategy.run(lambda: recorder.record([variable]))
    except RuntimeError as error:
        return str(error)
    return None


def main():
    first = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(first, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice())
    found = {"replicas": strategy.num_replicas_in_sync, "refused": refused(strategy)}
    for name, inside in (("outside", False), ("inside", True)):
        found[name] = trained(strategy, inside)
    return found


if __name__ == "__main__":
    print(json.dumps(main()))
    sys.stdout.flush()
