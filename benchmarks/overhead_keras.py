"""What `wcdfa.backends.keras` costs a training run on each of Keras' backends, and whether it is right.

    python benchmarks/overhead_keras.py [step] [direction] [callback] [norms] [transfers] [resume] [--quick] [--backends jax tensorflow torch]
                                        [--all-threads] [--batch 1024]

Each backend has a process of its own. One thread, as the other benchmarks, unless --all-threads. Two models of the same weights are
fitted in turn, in random order, for a few steps at a time; a share is the median of the paired differences over the median of the bare
steps, ± the standard error of that median. With one thread the time is that of the processor, with --all-threads that of the clock:
TensorFlow's one thread sometimes waits for its own input, in steps of half a second, monitored or not.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the runs of the tests are those that are checked here
BACKENDS = ("jax", "tensorflow", "torch")
PARTS = ("step", "direction", "callback", "norms", "transfers", "resume")
LAYERS = 8
WIDTHS = {"1 M": 368, "10 M": 1120}  # of square layers, which make so many parameters
SHARE, DIRECTION_SHARE, CALLBACK_SHARE = 5.0, 1.0, 1.0  # per cent of a step
EVERY, SMALL_BATCH = (
    100,
    128,
)  # steps between two readings of the callback, and the batch it is measured with: small, so that it shows
FEWEST, MOST = 8, 60  # rounds of a comparison: for --seconds, but at least and at most so many


def report(what: str, met: bool | None = None) -> None:
    print(f"  {'     ' if met is None else 'ok   ' if met else 'SHORT'} {what}", flush=True)


def network(width: int, optimizer: Any) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(width, "tanh") for _ in range(LAYERS)]
    model = keras.Sequential([keras.Input((width,)), *layers])
    model.compile(optimizer, loss="mse")
    return model


def compared(fits: dict[str, Any], options: argparse.Namespace) -> tuple[float, float, float]:
    """Median of the paired differences of the second and the first, its standard error, and the median of the first, in seconds."""
    import numpy as np

    clock = time.perf_counter if options.all_threads else time.process_time
    rng, times = np.random.default_rng(0), {name: [] for name in fits}
    for fit in fits.values():
        fit()
    begun = time.perf_counter()
    while len(times[next(iter(fits))]) < FEWEST or (
        len(times[next(iter(fits))]) < MOST and time.perf_counter() - begun < options.seconds
    ):
        for name in rng.permutation(list(fits)):
            start = clock()
            fits[name]()
            times[name].append(clock() - start)
    bare, other = (np.array(times[name]) for name in fits)
    middle = float(np.median(other - bare))
    spread = 1.2533 * 1.4826 * float(np.median(np.abs(other - bare - middle))) / len(bare) ** 0.5
    return middle, spread, float(np.median(bare))


def fits_of(width: int, optimizers: dict[str, Any], options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """A fit of a few steps for each optimizer, and how many steps it has."""
    import numpy as np

    steps = 10 if width < 1000 else 3
    x = np.random.default_rng(0).standard_normal((steps * options.batch, width), dtype=np.float32)
    models = {name: network(width, optimizer) for name, optimizer in optimizers.items()}
    return {
        name: lambda model=model: model.fit(x, x, batch_size=options.batch, shuffle=False, verbose=0)
        for name, model in models.items()
    }, steps


def step(backend: str, options: argparse.Namespace) -> None:
    import keras

    from wcdfa.backends.keras import monitored

    for size, width in WIDTHS.items():
        bare, other = keras.optimizers.AdamW(1e-3), monitored(keras.optimizers.AdamW(1e-3))
        report_share(f"{backend}, {size} parameters: monitored", width, {"bare": bare, "monitored": other}, SHARE, options)


def direction(backend: str, options: argparse.Namespace) -> None:
    """What the direction costs more than ‖ΔW‖ alone, and what it keeps."""
    import keras

    from wcdfa.backends.keras import monitored

    for size, width in WIDTHS.items():
        optimizers = {
            name: monitored(keras.optimizers.AdamW(1e-3), direction=name == "direction") for name in ("norms", "direction")
        }
        report_share(f"{backend}, {size} parameters: the direction", width, optimizers, DIRECTION_SHARE, options)
        kept = [4 * sum(math.prod(v.shape) for v in each.variables) for each in optimizers.values()]
        most = 4 * LAYERS * width * (width + 1) / 64 + 2**20
        report(
            f"{backend}, {size} parameters: it keeps {(kept[1] - kept[0]) / 2**20:.2f} MB (bar {most / 2**20:.2f})",
            kept[1] - kept[0] <= most,
        )


def report_share(what: str, width: int, optimizers: dict[str, Any], bar: float, options: argparse.Namespace) -> None:
    fits, steps = fits_of(width, optimizers, options)
    more, error, bare = compared(fits, options)
    share, error = 100 * more / bare, 100 * error / bare
    report(f"{what} adds {share:.1f} ± {error:.1f} % to {1e3 * bare / steps:.0f} ms (bar {bar})", share <= bar)


def callback(backend: str, options: argparse.Namespace) -> None:
    import keras
    import numpy as np

    from wcdfa.backends.keras import WeightChangeCallback, monitored

    width = WIDTHS["1 M"]
    x = np.random.default_rng(0).standard_normal((EVERY * SMALL_BATCH, width), dtype=np.float32)
    model = network(width, monitored(keras.optimizers.AdamW(1e-3)))  # one: where weights lie in memory matters more than a callback

    def fit(*callbacks: Any) -> None:
        model.fit(x, x, batch_size=SMALL_BATCH, shuffle=False, verbose=0, callbacks=list(callbacks))

    draining = WeightChangeCallback(every=EVERY, alarms=None)
    fits = {"without": fit, "with": lambda: fit(draining)}
    for _ in range(6):
        fits["with"]()  # until there is an α, so that each round computes one
    more, error, bare = compared(fits, options)
    share, error = 100 * more / bare, 100 * error / bare
    report(
        f"{backend}, batch {SMALL_BATCH}: draining every {EVERY} steps adds {share:.2f} ± {error:.2f} % to {1e3 * bare / EVERY:.1f} ms "
        f"a step (bar {CALLBACK_SHARE})",
        share <= CALLBACK_SHARE,
    )


def norms(backend: str, options: argparse.Namespace) -> None:
    """Of 50 steps of SGD with momentum and a cosine schedule, against NumPy in float64; α of one series in the arrays of the backend."""
    import keras
    import numpy as np

    import wcdfa
    from tests.helpers.keras_data import BATCH, data, initial
    from tests.helpers.numpy_training import norms_of_sgd
    from tests.programs.keras_runs import compiled, fitted, on_host
    from wcdfa.backends.keras import monitored, read

    model = compiled(monitored(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 60), momentum=0.9)))
    fitted(model, 50)
    expected = norms_of_sgd(*data(50), initial(), batch=BATCH, steps=50)
    worst = float(np.max(np.abs(read(model).norms / expected - 1)))
    report(f"{backend}: norms of steps 1 to 50 are those of NumPy to {worst:.1e} (bar 1e-5)", worst <= 1e-5)
    series = np.exp(0.1 * wcdfa.synthetic.arfima(512, d=0.4, batch=(100,), seed=0)).astype(np.float32)
    here = on_host(wcdfa.dfa(keras.ops.convert_to_tensor(series)).alpha)
    worst = float(np.max(np.abs(here - wcdfa.dfa(series).alpha)))
    report(f"{backend}: α of 100 recorded series is that of NumPy to {worst:.1e} (bar 1e-6)", worst <= 1e-6)


def transfers(backend: str, options: argparse.Namespace) -> None:
    """What leaves the device in 100 compiled steps of the optimizer."""
    import keras

    from wcdfa.backends.keras import monitored, read

    variables = network(64, "sgd").trainable_variables
    optimizer = monitored(keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-3, 200)))
    optimizer.build(variables)
    if backend == "jax":
        import jax

        step = jax.jit(optimizer.stateless_apply)
        state, weights = ([variable.value for variable in part] for part in (optimizer.variables, variables))
        gradients = list(weights)
        weights, state = step(state, gradients, weights)  # compiling moves constants
        with jax.transfer_guard("disallow"):
            for _ in range(100):
                weights, state = step(state, gradients, weights)
        calls = str(jax.make_jaxpr(optimizer.stateless_apply)(state, gradients, weights)).count("callback")
        report(f"jax: 100 steps with no transfer, which would raise, and {calls} callbacks to the host (bar 0)", calls == 0)
    elif backend == "tensorflow":
        import tensorflow as tf

        step = tf.function(lambda *gradients: optimizer.apply(gradients, variables), jit_compile=True)
        gradients = [tf.ones(variable.shape) for variable in variables]
        for _ in range(100):
            step(*gradients)
        whole = read(optimizer).count == 100 and step.experimental_get_tracing_count() == 1
        report(
            "tensorflow: 100 steps in one function, compiled as a whole by XLA, which takes no operation of the host (bar 0)", whole
        )
    else:
        report("torch: it runs step by step from the host; the recorder itself reads nothing from the device")


def resume(backend: str, options: argparse.Namespace) -> None:
    from tests.helpers.processes import printed, start

    with tempfile.TemporaryDirectory() as folder:
        whole, again = (
            printed(start("keras_checkpoints.py", command, folder, KERAS_BACKEND=backend)) for command in ("save", "resume")
        )
    for kind, reading in again["plain"].items():
        same = reading == whole["plain"]
        report(f"{backend}: gone on with in a new process from {kind}: {'identical' if same else 'another series'}", same)


def child(options: argparse.Namespace) -> None:
    for part in options.parts:
        globals()[part](options.backend, options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--all-threads", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a few rounds, to see that everything runs")
    parser.add_argument("--backend", help=argparse.SUPPRESS)  # of the child
    options = parser.parse_args()
    options.parts = options.parts or PARTS
    options.seconds = 5 if options.quick else 60
    if options.backend:
        child(options)
        return
    threads = (
        {} if options.all_threads else dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1")
    )
    if not options.all_threads:
        threads |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
        threads["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    flags = [
        "--batch",
        str(options.batch),
        *(flag for flag, given in (("--quick", options.quick), ("--all-threads", options.all_threads)) if given),
    ]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    for part in options.parts:
        print(part, flush=True)
        for backend in options.backends:
            command = [sys.executable, __file__, part, *flags, "--backend", backend]
            subprocess.run(command, env=os.environ | threads | quiet | {"KERAS_BACKEND": backend}, check=True)


if __name__ == "__main__":
    main()
