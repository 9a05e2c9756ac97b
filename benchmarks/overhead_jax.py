"""What `wcdfa.backends.optax.monitor` costs a training run in JAX: time, memory, transfers, compilations, digits, resuming.

    python benchmarks/overhead_jax.py [step] [memory] [transfers] [compilations] [alpha] [norms] [resume] [--quick] [--all-threads]
                                      [--batch 1024] [--old folder of the unpacked sdist of wcdfa 0.1.0]

Takes a quarter of an hour; --quick leaves out 100 M parameters. One thread, as the other benchmarks, unless --all-threads. All variants
of a step take the same parameters and moments in turn, in random order, so that a noisy machine is noisy for all; a share is the median
of the paired differences over the median of the bare step, ± the standard error of that median. What falls short is repeated at the end.
The direction of the updates is a row of its own: what it costs more than ‖ΔW‖ alone.
"""

from __future__ import annotations

import os
import sys

if "--all-threads" not in sys.argv:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
        os.environ[name] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import logging
import re
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from old import monitor_of_old

import wcdfa
from wcdfa.backends.jax import delta_norm
from wcdfa.backends.optax import MonitorState, monitor, read, record

warnings.simplefilter("ignore")
logging.getLogger("absl").setLevel(logging.ERROR)

LAYERS = 8
WIDTHS = {"1 M": 368, "10 M": 1120, "100 M": 3536}  # of square layers, which make so many parameters
SIZES = (1, 7, 100, 1023, 32_768, 40_001, 262_144, 1_000_003)  # of random arrays: few, as each compiles anew
BARS = {"update": 2.0, "applied": 5.0}  # per cent of a step, for ‖ΔW‖ alone
WITHIN = {("10 M", "update"): 0.5}  # per cent of a step by which this bar may be missed, as far as a step can be timed
MICROSECONDS = {"floats": 10, "JAX device scalars": 12}  # bars of a step of the monitor, the α of every 100 steps included
DIRECTION, MORE = "applied, with direction", 1.0  # per cent of a step more than "applied"
SECONDS, FEWEST, MOST = 40, 8, 200  # rounds of a comparison: for so long, but at least and at most so many
STEPS, WINDOW = 60, 50  # of the run that is stopped
short: list[str] = []


def report(what: str, met: bool | None = None) -> None:
    mark = "     " if met is None else "ok   " if met else "SHORT"
    print(f"  {mark} {what}", flush=True)
    if met is False:
        short.append(what)


def optimizers() -> dict[str, Any]:
    """By what is recorded; "bare" is the optimizer alone."""
    alone = {measure: monitor(optax.adamw(1e-3), measure=measure, direction=False) for measure in BARS}
    return {"bare": optax.adamw(1e-3)} | alone | {DIRECTION: monitor(optax.adamw(1e-3))}


def network(width: int, layers: int = LAYERS) -> list[dict[str, jax.Array]]:
    keys = jax.random.split(jax.random.key(0), layers)
    return [{"weight": jax.random.normal(key, (width, width)) / width**0.5, "bias": jnp.zeros(width)} for key in keys]


def loss(parameters: list[dict[str, jax.Array]], batch: jax.Array) -> jax.Array:
    for layer in parameters:
        batch = jnp.tanh(batch @ layer["weight"] + layer["bias"])
    return jnp.mean(batch**2)


def training_step(tx: Any, *, donated: bool = True) -> Any:
    def step(parameters: Any, state: Any, batch: jax.Array) -> tuple[Any, Any]:
        updates, state = tx.update(jax.grad(loss)(parameters, batch), state, parameters)
        return optax.apply_updates(parameters, updates), state

    return jax.jit(step, donate_argnums=(0, 1) if donated else ())


def update_alone(tx: Any) -> Any:
    """The optimizer's part of a step, with its state donated, on gradients that are at hand."""
    return jax.jit(lambda gradients, state, parameters: tx.update(gradients, state, parameters), donate_argnums=1)


def batch_of(width: int, samples: int = 32) -> jax.Array:
    return jax.random.normal(jax.random.key(1), (samples, width))


class Shared:
    """Parameters and moments that all variants take in turn, and the norms that each has recorded."""

    def __init__(self, width: int) -> None:
        self.parameters = network(width)
        self.moments = optimizers()["bare"].init(self.parameters)
        self.records = {name: tx.init(self.parameters).wcdfa_record for name, tx in optimizers().items() if name != "bare"}

    def state(self, variant: str) -> Any:
        """What the optimizer of a variant goes on from."""
        return self.moments if variant == "bare" else MonitorState(self.records[variant], self.moments)

    def keep(self, variant: str, state: Any) -> None:
        """Take over what it returns."""
        if isinstance(state, MonitorState):
            self.records[variant], self.moments = state
        else:
            self.moments = state


def compared(call: Callable[[str], Any]) -> dict[str, np.ndarray]:
    """Seconds of each variant in rounds of random order, the first of which compiles and does not count."""
    rng = np.random.default_rng(0)
    times: dict[str, list[float]] = {variant: [] for variant in optimizers()}
    for variant in times:
        call(variant)
    begun = time.perf_counter()
    while len(times["bare"]) < FEWEST or (len(times["bare"]) < MOST and time.perf_counter() - begun < SECONDS):
        for variant in rng.permutation(list(times)):
            start = time.perf_counter()
            call(variant)
            times[variant].append(time.perf_counter() - start)
    return {variant: np.array(values) for variant, values in times.items()}


def difference(times: dict[str, np.ndarray], measure: str, base: str = "bare") -> tuple[float, float]:
    """Median of the paired differences in seconds, and its standard error from their median absolute deviation."""
    differences = times[measure] - times[base]
    middle = float(np.median(differences))
    return middle, 1.2533 * 1.4826 * float(np.median(np.abs(differences - middle))) / len(differences) ** 0.5


def step(options: argparse.Namespace) -> None:
    print(f"AdamW on a tanh network of {LAYERS} square layers, float32, batch {options.batch}: monitored − bare")
    for size in options.sizes:
        batch = batch_of(WIDTHS[size], options.batch)
        for donated in (True, False):
            steps = {variant: training_step(tx, donated=donated) for variant, tx in optimizers().items()}
            shared = Shared(WIDTHS[size])

            def call(variant: str, steps: Any = steps, shared: Shared = shared, batch: jax.Array = batch) -> None:
                shared.parameters, state = jax.block_until_ready(steps[variant](shared.parameters, shared.state(variant), batch))
                shared.keep(variant, state)

            shares(size, "donated" if donated else "not donated", compared(call), options.batch)
        alone(size)


def shares(size: str, how: str, times: dict[str, np.ndarray], samples: int) -> None:
    bare = float(np.median(times["bare"]))
    spread = np.percentile(times["bare"], [10, 90]) * 1e3
    report(
        f"{size}, {how}: a bare step takes {bare * 1e3:.1f} ms (10–90 %: {spread[0]:.1f}–{spread[1]:.1f}), {len(times['bare'])} rounds"
    )
    for measure, bar in BARS.items():
        middle, error = difference(times, measure)
        within = WITHIN.get((size, measure), 0.0)
        share, least = 100 * middle / bare, 100 * (times[measure].min() / times["bare"].min() - 1)
        enough = f"; the bar is met from a batch of about {samples * share / bar:.0f} on" if share > 0 else ""
        report(
            f"{size}, {how}, {measure}: {share:.2f} ± {100 * error / bare:.2f} % of the step (bar <= {bar:.0f} % ± {within:g}), {middle * 1e3:.2f} ms; "
            f"of the fastest steps {least:.2f} %{enough}",
            share <= bar + within,
        )
    middle, error = difference(times, DIRECTION, "applied")
    ratio = float(np.median(times[DIRECTION] / times["applied"]))
    report(
        f"{size}, {how}, direction: {100 * middle / bare:.2f} ± {100 * error / bare:.2f} % of the step more than applied alone "
        f"(bar <= {MORE:.0f} %), {middle * 1e3:.2f} ms; ratio of the steps {ratio:.4f}, of the fastest "
        f"{times[DIRECTION].min() / times['applied'].min():.4f}",
        100 * middle / bare <= MORE,
    )


def alone(size: str) -> None:
    shared = Shared(WIDTHS[size])
    gradients = jax.tree.map(lambda parameter: 0.01 * parameter + 0.001, shared.parameters)
    updates = {variant: update_alone(tx) for variant, tx in optimizers().items()}

    def call(variant: str) -> None:
        _, state = jax.block_until_ready(updates[variant](gradients, shared.state(variant), shared.parameters))
        shared.keep(variant, state)

    times = compared(call)
    found = ", ".join(
        "{} + {:.2f} ± {:.2f} ms".format(each, *(1e3 * value for value in difference(times, each))) for each in (*BARS, DIRECTION)
    )
    report(f"{size}, tx.update alone: bare {np.median(times['bare']) * 1e3:.2f} ms, {found}")


def memory(options: argparse.Namespace) -> None:
    print("memory over the bare optimizer; window 500, parameters and state donated")
    for size in options.sizes:
        parameters = jax.eval_shape(lambda size=size: network(WIDTHS[size]))
        batch = jax.ShapeDtypeStruct((options.batch, WIDTHS[size]), jnp.float32)
        whole = bytes_of(parameters)
        states = {variant: jax.eval_shape(tx.init, parameters) for variant, tx in optimizers().items()}
        compiled = {
            variant: training_step(tx).lower(parameters, states[variant], batch).compile() for variant, tx in optimizers().items()
        }
        copies = {variant: copies_in(each.as_text(), WIDTHS[size]) for variant, each in compiled.items()}
        used = {variant: each.memory_analysis() for variant, each in compiled.items()}
        bare = used["bare"]
        for measure in (*BARS, DIRECTION):
            state = bytes_of(states[measure]) - bytes_of(states["bare"])
            most = whole // 64 + 2**20 if measure == DIRECTION else 8192
            report(f"{size}, {measure}: {state:,} bytes of state (bar <= {most:,})", state <= most)
            share = (used[measure].temp_size_in_bytes - bare.temp_size_in_bytes) / whole
            kept = used[measure].alias_size_in_bytes - state == bare.alias_size_in_bytes
            report(
                f"{size}, {measure}: temporaries {bare.temp_size_in_bytes:,} → {used[measure].temp_size_in_bytes:,} bytes, "
                f"{share:+.3f} of the parameters (bar <= 0.25: no copy); peak {peak(bare)} → {peak(used[measure])}; "
                f"{'all' if kept else 'not all'} that is donated is written in place; weights that XLA copies for a while: "
                f"{copies['bare']} → {copies[measure]} of {LAYERS}",
                share <= 0.25 and kept,
            )


def copies_in(program: str, width: int) -> int:
    """Copies of arrays of the shape of a layer in what XLA compiled."""
    return len(re.findall(rf"= f32\[{width},{width}\]\S* copy\(", program))


def bytes_of(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def peak(used: Any) -> str:
    found = getattr(used, "peak_memory_in_bytes", None)
    return "unknown" if found is None else f"{found:,}"


def transfers(_: argparse.Namespace) -> None:
    print("100 steps under jax.transfer_guard('disallow')")
    for measure in (*BARS, DIRECTION):
        tx, parameters, batch = optimizers()[measure], network(64), batch_of(64)
        compiled = training_step(tx).lower(parameters, tx.init(parameters), batch).compile()
        words = [word for word in ("callback", "infeed", "outfeed", " send(", " recv(") if word in compiled.as_text()]
        state, made = tx.init(parameters), 0
        with jax.transfer_guard("disallow"):
            try:
                for _ in range(100):
                    parameters, state = compiled(parameters, state, batch)
            except jax.errors.JaxRuntimeError as error:
                made, words = 1, [str(error)]
        report(f"{measure}: {made} transfers (bar 0), callbacks in what XLA compiled: {words or 'none'}", not made and not words)
        assert read(state).count == 100


def compilations(_: argparse.Namespace) -> None:
    print("300 steps with a window of 50, parameters and state donated")
    for name, tx in {
        **{measure: monitor(optax.adamw(1e-3), window=50, measure=measure) for measure in BARS},
        "applied, groups=1, inject_hyperparams, schedule": monitor(
            optax.inject_hyperparams(optax.adamw)(optax.cosine_decay_schedule(1e-3, 300)), window=50, groups=1
        ),
    }.items():
        parameters, batch, run = network(64), batch_of(64), training_step(tx)
        state = tx.init(parameters)
        for _ in range(300):
            parameters, state = run(parameters, state, batch)
        assert read(state).count == 300
        report(f"{name}: compiled {run._cache_size()} time(s) (bar 1)", run._cache_size() == 1)


def alpha(options: argparse.Namespace) -> None:
    print("α on the host every 100 steps, WeightChangeDFA(window=500), per step once the window is full")
    norms = np.exp(0.1 * wcdfa.synthetic.white_noise(3000, seed=0))
    given = {"floats": norms.tolist(), "JAX device scalars": list(jax.block_until_ready(jnp.asarray(norms, dtype=jnp.float32)))}
    times: dict[str, list[float]] = {name: [] for name in given}
    without: dict[str, list[float]] = {name: [] for name in given}
    for _ in range(7):
        for name, values in given.items():
            times[name].append(per_step(wcdfa.WeightChangeDFA(window=500), values))
            without[name].append(per_step(wcdfa.WeightChangeDFA(window=500, stride=10**6), values))
    old = None if options.old is None else monitor_of_old(options.old)
    peer = None if old is None else statistics.median(per_step(old(window=500), given["floats"][:1500]) for _ in range(3))
    for name, values in times.items():
        ours = statistics.median(values) * 1e6
        against = "" if peer is None else f"; wcdfa 0.1.0 takes {peer * 1e6 / ours:.0f} times as long"
        bar, rest = MICROSECONDS[name], statistics.median(without[name]) * 1e6
        spread = f"{min(values) * 1e6:.1f} to {max(values) * 1e6:.1f}"
        report(f"{name}: {ours:.1f} µs a step (bar <= {bar}), {spread}; without α {rest:.1f} µs{against}", ours <= bar)
    report(
        "wcdfa 0.1.0 not measured: give --old" if peer is None else f"wcdfa 0.1.0, floats: {peer * 1e3:.2f} ms a step (stated: 1.2)"
    )


def per_step(monitor: Any, values: list[Any]) -> float:
    for value in values[:500]:
        monitor.update(value)
    start = time.perf_counter()
    for value in values[500:]:
        monitor.update(value)
    assert monitor.n_samples == 500
    assert (monitor.alpha is None) == (getattr(monitor, "stride", 0) == 10**6)
    return (time.perf_counter() - start) / (len(values) - 500)


def norms(_: argparse.Namespace, trees: int = 40) -> None:
    print(f"norms of {trees} random trees each against float64: the worst relative error (bar <= 1e-5)")
    for dtype in (jnp.bfloat16, jnp.float16):
        rng = np.random.default_rng(0)
        errors = [np.array(list(errors_of(rng, dtype).values())) for _ in range(trees)]
        for name, error, typical in zip(NORMS, np.max(errors, axis=0), np.median(errors, axis=0), strict=True):
            met = None if name.startswith("optax") else bool(error <= 1e-5)
            report(f"{jnp.dtype(dtype).name}, {name}: {error:.1e} (median {typical:.1e})", met)


NORMS = (
    "delta_norm",
    "recorder, applied",
    "recorder, update",
    "optax.tree.norm of the difference",
    "optax.tree.norm of the update",
)


def errors_of(rng: np.random.Generator, dtype: Any) -> dict[str, float]:
    """One tree of one to five arrays, with updates of 1e-3 to 1 of their size."""
    sizes = rng.choice(SIZES, rng.integers(1, 6))
    scale = np.exp(rng.uniform(np.log(1e-3), np.log(1.0)))
    old = {str(i): jnp.asarray(rng.normal(size=size), dtype=dtype) for i, size in enumerate(sizes)}
    update = {name: jnp.asarray(scale * (1 + rng.normal(size=part.size)), dtype=dtype) for name, part in old.items()}
    new = optax.apply_updates(old, update)
    moved = exact(jax.tree.map(lambda a, b: np.asarray(a, np.float64) - np.asarray(b, np.float64), new, old))
    handed = exact(jax.tree.map(lambda a: np.asarray(a, np.float64), update))
    found = (
        (float(delta_norm(new, old)), moved),
        (recorded("applied", update, old), moved),
        (recorded("update", update, old), handed),
        (float(optax.tree.norm(optax.tree.sub(new, old))), moved),
        (float(optax.tree.norm(update)), handed),
    )
    return {name: abs(norm / truth - 1) if truth else 0.0 for name, (norm, truth) in zip(NORMS, found, strict=True)}


def exact(tree: dict[str, np.ndarray]) -> float:
    return float(np.sqrt(sum(np.sum(part**2) for part in tree.values())))


def recorded(measure: str, update: Any, parameters: Any) -> float:
    tx = record(window=1, measure=measure, direction=False)
    _, state = jax.jit(tx.update)(update, tx.init(parameters), parameters)
    found = read(state)
    return float(found.norms[0]) if found.count else 0.0


def resume(_: argparse.Namespace, stops: int = 3) -> None:
    from orbax import checkpoint

    print(f"a run of {STEPS} steps with a window of {WINDOW}, saved with orbax, restored in a new process")
    whole = trained(0, STEPS, *beginning())
    for stop in sorted(np.random.default_rng().choice(np.arange(1, STEPS), stops, replace=False).tolist()):
        with tempfile.TemporaryDirectory() as folder:
            with checkpoint.StandardCheckpointer() as saver:
                saver.save(Path(folder) / "checkpoint", trained(0, stop, *beginning()))
            command = [sys.executable, __file__, *(["--all-threads"] if "--all-threads" in sys.argv else [])]
            subprocess.run([*command, "--go-on", folder, str(stop)], check=True)
            with np.load(Path(folder) / "series.npz") as resumed:
                same = all(np.array_equal(resumed[name], value, equal_nan=True) for name, value in series(*whole))
        report(f"stopped at step {stop}: norms, direction, steps and parameters bit-identical: {'yes' if same else 'no'}", same)


def go_on(folder: str, stop: str) -> None:
    from orbax import checkpoint

    with checkpoint.StandardCheckpointer() as saver:
        restored = saver.restore(Path(folder) / "checkpoint", beginning())
    np.savez(Path(folder) / "series.npz", **dict(series(*trained(int(stop), STEPS, *restored))))


def resumable() -> Any:
    return monitor(optax.adamw(1e-3), window=WINDOW, groups=1)


def beginning() -> tuple[Any, Any]:
    parameters = network(64, 3)
    return parameters, resumable().init(parameters)


def trained(first: int, last: int, parameters: Any, state: Any) -> tuple[Any, Any]:
    run = training_step(resumable())
    for number in range(first, last):
        batch = jax.random.normal(jax.random.fold_in(jax.random.key(2), number), (32, 64))
        parameters, state = run(parameters, state, batch)
    return parameters, state


def series(parameters: Any, state: Any) -> Iterator[tuple[str, Any]]:
    reading = read(state)
    yield from {"norms": reading.norms, "steps": reading.steps, "count": reading.count}.items()
    yield from {"cosine": reading.cosine, "weight norm": reading.weight_norm, "sketch": reading.sketch}.items()
    yield from ((f"group {name}", values) for name, values in reading.groups.items())
    yield from ((f"cosine of {name}", values) for name, values in reading.cosines.items())
    yield from ((f"parameter {i}", np.asarray(leaf)) for i, leaf in enumerate(jax.tree.leaves(parameters)))


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "memory": memory,
    "transfers": transfers,
    "compilations": compilations,
    "alpha": alpha,
    "norms": norms,
    "resume": resume,
    "step": step,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="1 M and 10 M parameters only")
    parser.add_argument("--all-threads", action="store_true", help="let XLA use every core")
    parser.add_argument("--batch", type=int, default=1024, help="samples in a step")
    parser.add_argument("--old", metavar="folder", help="unpacked sdist of wcdfa 0.1.0 (pip download --no-deps --no-binary :all:)")
    parser.add_argument("--go-on", nargs=2, help=argparse.SUPPRESS)  # the new process of `resume`
    options = parser.parse_args()
    if options.go_on:
        go_on(*options.go_on)
        return
    if unknown := sorted(set(options.parts) - set(PARTS)):
        parser.error(f"no part is called {unknown[0]!r}; there are {', '.join(PARTS)}")
    options.sizes = list(WIDTHS)[: 2 if options.quick else None]
    print(f"jax {jax.__version__}, optax {optax.__version__}, {jax.devices()[0].device_kind}, {threads(options.all_threads)}")
    for part in options.parts or PARTS:
        start = time.perf_counter()
        PARTS[part](options)
        print(f"  [{part}: {time.perf_counter() - start:.0f} s]\n", flush=True)
    print(f"{len(short)} fall short" + "".join(f"\n  SHORT {what}" for what in short))


def threads(every: bool) -> str:
    return f"{os.cpu_count()} cores" if every else "one thread"


if __name__ == "__main__":
    main()
