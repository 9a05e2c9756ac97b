"""What `wcdfa.backends.torch.attach` costs a training run, and whether it is right.

    python benchmarks/overhead_torch.py [step] [exact] [gradients] [sample] [direction] [errors] [syncs] [sharded] [resume] [--quick]
                                        [--all-threads] [--old folder of the unpacked sdist of wcdfa 0.1.0]

One thread, as the other benchmarks, unless --all-threads; times are those of the processor then, else of the clock. What is compared is
measured in turn, in random order; a share is the median of the paired differences over the median of the bare step, ± the standard error
of that median. A step is measured behind one of the same run, so that the cache holds what it would hold in training. Runs on the first
GPU where there is one.
"""

from __future__ import annotations

import os
import sys

if "--all-threads" not in sys.argv:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"

import argparse
import functools
import math
import socket
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from old import monitor_of_old

warnings.simplefilter("ignore")
sys.path.insert(0, str(Path(__file__).parents[1]))  # the runs of the tests are those that are checked here

import wcdfa
from tests.helpers.processes import printed, start
from wcdfa.backends.torch import attach
from wcdfa.backends.torch.norms import PIECE
from wcdfa.backends.torch.parts import NOT_SAMPLED_UP_TO

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SIZES = {"10 M": 10, "100 M": 100}  # layers of a million numbers
BARS = {
    "exact": 1.3,
    "old": 4.0,
    "tensor": 1.5,
    "adamw": 12.0,
    "noise": 0.1,
    "sample": 1.0,
    "memory": 2.0,
    "error": 0.5,
    "alpha": 0.02,
    "direction": 1.0,
}


def report(what: str, met: bool | None = None) -> None:
    print(f"  {'     ' if met is None else 'ok   ' if met else 'SHORT'} {what}", flush=True)


def compared(
    calls: dict[str, Callable[[], Any]],
    seconds: float,
    clock: Callable[[], float],
    before: Callable[[str], Any] = lambda _: None,
) -> dict[str, np.ndarray]:
    """Seconds of each call, in rounds of random order. What is done before a call is not counted."""
    rng, times = np.random.default_rng(0), {name: [] for name in calls}
    for call in calls.values():
        call()
    begun = time.perf_counter()
    while len(next(iter(times.values()))) < 5 or time.perf_counter() - begun < seconds:
        for name in rng.permutation(list(calls)):
            before(name)
            begin = clock()
            calls[name]()
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            times[name].append(clock() - begin)
    return {name: np.array(values) for name, values in times.items()}


class Model(torch.nn.Module):
    """A million numbers a layer, of which only the number matters."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = torch.nn.ParameterList(torch.nn.Parameter(torch.randn(1000, 1000, device=DEVICE)) for _ in range(layers))


def exact(options: argparse.Namespace) -> None:
    print(f"one norm of all parameters, exact, on {DEVICE}: against plain copies that read W and W_prev and write W_prev")
    for size, layers in SIZES.items():
        model = Model(layers)
        parameters = [part.detach() for part in model.parameters()]
        still = [torch.optim.SGD(model.parameters(), lr=0.1) for _ in range(2)]  # they never step: recorded by hand
        alone, directed = (attach(each, every=100, direction=on) for each, on in zip(still, (False, True), strict=True))
        previous = [part.clone() for part in parameters]
        scratch = torch.empty(PIECE, device=DEVICE)

        def copies(previous: Any = previous, parameters: Any = parameters, scratch: Any = scratch) -> None:
            for old, new in zip(previous, parameters, strict=True):
                for a, b in zip(old.view(-1).split(PIECE), new.view(-1).split(PIECE), strict=True):
                    scratch[: len(a)].copy_(a)
                    a.copy_(b)

        def one_pass(previous: Any = previous, parameters: Any = parameters) -> None:
            for old, new in zip(previous, parameters, strict=True):
                torch.add(old, new, out=old)

        def move(_: str, parameters: Any = parameters) -> None:
            for part in parameters:
                part.add_(1e-3)

        calls: dict[str, Callable[[], Any]] = {
            "copies": copies,
            "one pass": one_pass,
            "exact": alone.record,
            "direction": directed.record,
        }
        if options.old is not None:
            peer = monitor_of_old(options.old)(window=500)
            calls["0.1.0"] = lambda peer=peer, model=model: peer.update(model)
        times = {name: statistics.median(values) for name, values in compared(calls, options.seconds, options.clock, move).items()}
        ours = times["exact"]
        ratio = ours / times["copies"]
        report(
            f"{size}: {1e3 * ours:.1f} ms, {ratio:.2f} × the copies of {1e3 * times['copies']:.1f} ms (bar {BARS['exact']}), "
            f"{ours / times['one pass']:.2f} × one torch.add over the same memory",
            ratio <= BARS["exact"],
        )
        report(
            f"{size}: with the direction {1e3 * times['direction']:.1f} ms, {times['direction'] / times['copies']:.2f} × the copies"
        )
        if "0.1.0" in times:
            faster = times["0.1.0"] / ours
            report(
                f"{size}: {faster:.1f} × faster than wcdfa 0.1.0, {1e3 * times['0.1.0']:.0f} ms (bar {BARS['old']})",
                faster >= BARS["old"],
            )


ARMS: dict[str, dict[str, Any] | None] = {
    "bare": None,
    "exact": {"direction": False},
    "sample": {"direction": False, "mode": "sample"},
    "exact with the direction": {},
    "sample with the direction": {"mode": "sample"},
    "exact with ‖g‖": {"direction": False, "gradients": True},
}


def step(options: argparse.Namespace) -> None:
    print(f"a step of many tensors on {DEVICE}, the parts of attach added one by one: what it costs a tensor")
    for count, size in ((1000, 100), (300, 4096), (300, 16384)):
        for kind in (torch.optim.SGD, torch.optim.AdamW):
            if kind is torch.optim.AdamW and size > 4096:
                continue
            added, bare = added_by_attach(kind, count, size, options)
            name = f"{kind.__name__}, {count:,} tensors of {size:,}"
            default = {"exact": "without the direction", "exact with the direction": "as attach is by default"}
            for arm, what in default.items():
                each, share = 1e6 * added[arm] / count, 100 * added[arm] / bare
                if kind is torch.optim.AdamW:
                    said, met = f"{share:.1f} % more (bar {BARS['adamw']:.0f})", share <= BARS["adamw"]
                else:
                    said, met = (
                        f"{each:.2f} µs a tensor more" + (f" (bar {BARS['tensor']})" if size <= 4096 else ""),
                        each <= BARS["tensor"],
                    )
                report(f"{name}: bare {1e3 * bare:.2f} ms, exact, {what}, {said}", met if size <= 4096 else None)
            sampled, exactly = (1e6 * added[arm] / count for arm in ("sample", "exact"))
            if size <= NOT_SAMPLED_UP_TO:
                report(f"{name}: mode='sample' {sampled:.2f} µs; it measures all numbers of tensors up to {NOT_SAMPLED_UP_TO:,}")
            else:
                bar = f"(bar: exact, ± {BARS['noise']} µs)"
                report(f"{name}: mode='sample' {sampled:.2f} µs {bar}", sampled <= exactly + BARS["noise"])
            for arm in ("sample with the direction", "exact with ‖g‖"):
                report(
                    f"{name}: {arm} {1e6 * added[arm] / count:.2f} µs a tensor more, {100 * added[arm] / bare:.0f} % of the step"
                )


def added_by_attach(kind: Any, count: int, size: int, options: argparse.Namespace) -> tuple[dict[str, float], float]:
    """Seconds that each way to attach adds to a step of an optimizer, and those of the bare step."""
    optimizers, held = {}, []
    for name, settings in ARMS.items():
        parts = [torch.nn.Parameter(torch.randn(size, device=DEVICE)) for _ in range(count)]
        for part in parts:
            part.grad = torch.randn_like(part)
        optimizers[name] = kind(parts, lr=1e-3)
        held.append(None if settings is None else attach(optimizers[name], **settings))

    def steps(optimizer: Any, times: int) -> None:
        for _ in range(times):
            optimizer.step()

    calls = {name: functools.partial(steps, each, 3) for name, each in optimizers.items()}
    times = compared(calls, options.seconds, options.clock, lambda name: steps(optimizers[name], 1))
    each = {name: values / 3 for name, values in times.items()}
    return {name: float(np.median(each[name] - each["bare"])) for name in each}, float(np.median(each["bare"]))


def gradients(options: argparse.Namespace) -> None:
    print(f"a step of SGD of a million numbers on {DEVICE}: with ‖ΔW‖, and with ‖g‖ too")
    steps: dict[str, dict[str, Callable[[], Any]]] = {"one tensor": {}, "1,000 tensors": {}}
    held = []
    for (shapes, calls), shape in zip(steps.items(), [(1, 1000, 1000), (1000, 1000)], strict=True):
        for name, own in (("bare", None), ("‖ΔW‖", {}), ("‖ΔW‖ and ‖g‖", {"gradients": True})):
            parts = [torch.nn.Parameter(part.clone()) for part in torch.randn(shape, device=DEVICE)]
            for part in parts:
                part.grad = torch.randn_like(part)
            optimizer = torch.optim.SGD(parts, lr=1e-3)
            held.append(None if own is None else attach(optimizer, **own))
            calls[name] = optimizer.step
        times = {name: 1e3 * statistics.median(values) for name, values in compared(calls, options.seconds, options.clock).items()}
        norms, both = times["‖ΔW‖"] - times["bare"], times["‖ΔW‖ and ‖g‖"] - times["‖ΔW‖"]
        report(f"{shapes}: {times['bare']:.2f} ms, ‖ΔW‖ {norms:.2f} ms more, ‖g‖ {both:.2f} ms more", both <= norms)


def transformer(width: int = 384, layers: int = 6, heads: int = 6) -> torch.nn.Module:
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
    return torch.nn.Sequential(
        torch.nn.Embedding(256, width), torch.nn.TransformerEncoder(layer, layers), torch.nn.Linear(width, 256)
    ).to(DEVICE)


def sample(options: argparse.Namespace) -> None:
    model = transformer()
    count = sum(part.numel() for part in model.parameters())
    print(f"a step of a transformer of {count / 1e6:.1f} M parameters, 8 × 128 tokens, AdamW: monitored − bare")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    tokens = torch.randint(256, (8, 129), device=DEVICE)

    def step() -> None:
        logits = model(tokens[:, :-1])
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()

    held = {}

    def monitored(mode: str) -> Callable[[], None]:
        def call() -> None:
            step()
            held[mode].record()

        return call

    still = {mode: torch.optim.SGD(model.parameters()) for mode in ("sample", "exact")}
    for mode, own in still.items():  # on optimizers that never step: recorded by hand, so that all share one model
        held[mode] = attach(own, mode=mode)
    times = compared({"bare": step, "sample": monitored("sample"), "exact": monitored("exact")}, 3 * options.seconds, options.clock)
    bare = float(np.median(times["bare"]))
    for mode in ("sample", "exact"):
        differences = times[mode] - times["bare"]
        middle = float(np.median(differences))
        error = 1.2533 * 1.4826 * float(np.median(np.abs(differences - middle))) / math.sqrt(len(differences))
        share = 100 * middle / bare
        bar = f" (bar {BARS['sample']})" if mode == "sample" else ""
        report(
            f"{mode}: {share:.2f} ± {100 * error / bare:.2f} % of {1e3 * bare:.0f} ms{bar}",
            share <= BARS["sample"] if bar else None,
        )
    memory = 100 * sum(part.old.numel() for part in held["sample"]._snapshot.parts) / count
    report(f"sample: memory of {memory:.2f} % of the parameters (bar {BARS['memory']})", memory <= BARS["memory"])


def direction(options: argparse.Namespace) -> None:
    model = transformer()
    count = sum(part.numel() for part in model.parameters())
    print(f"the direction of the weight change, beside ‖ΔW‖, in a step of a transformer of {count / 1e6:.1f} M parameters, AdamW")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    tokens = torch.randint(256, (8, 129), device=DEVICE)
    held = {}
    for mode in ("exact", "sample"):
        for on in (False, True):
            still = torch.optim.SGD(model.parameters())  # never steps: recorded by hand, so that all share one model
            held[mode, on] = (attach(still, mode=mode, direction=on), still)
    rng, begun = np.random.default_rng(0), time.perf_counter()
    times: dict[Any, list[float]] = {name: [] for name in ("step", *held)}

    def timed(name: Any, call: Callable[[], Any]) -> None:
        begin = options.clock()
        call()
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        times[name].append(options.clock() - begin)

    def step() -> None:
        logits = model(tokens[:, :-1])
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()

    while len(times["step"]) < 10 or time.perf_counter() - begun < 3 * options.seconds:
        timed("step", step)
        for place in rng.permutation(len(held)):
            name = list(held)[place]
            timed(name, held[name][0].record)
    bare = statistics.median(times["step"])
    for mode in ("exact", "sample"):
        without, with_it = np.array(times[mode, False]), np.array(times[mode, True])
        differences = with_it - without
        middle = float(np.median(differences))
        error = 1.2533 * 1.4826 * float(np.median(np.abs(differences - middle))) / math.sqrt(len(differences))
        share = 100 * middle / bare
        report(
            f"{mode}: ‖ΔW‖ {1e3 * np.median(without):.2f} ms, with the direction {1e3 * np.median(with_it):.2f} ms, {share:.2f} ± "
            f"{100 * error / bare:.2f} % of a step of {1e3 * bare:.0f} ms more (bar {BARS['direction']})",
            share <= BARS["direction"],
        )
        memory = held[mode, True][0]._direction.memory
        allowed = 4 * count / 64 + 1e6
        report(f"{mode}: memory {memory / 1e6:.2f} MB (bar {allowed / 1e6:.2f})", memory <= allowed)


def digits_run(mode: str, steps: int) -> Any:
    """A real run: a network that learns to read the 1,797 digits of the UCI repository, as scikit-learn ships them."""
    from sklearn.datasets import load_digits

    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    images = images.float() / 16
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(64, 1700), torch.nn.ReLU(), torch.nn.Linear(1700, 1700), torch.nn.ReLU(), torch.nn.Linear(1700, 10)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
    handle = attach(optimizer, mode=mode, window=steps)
    for _ in range(steps):
        rows = torch.randint(len(images), (64,))
        torch.nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
    return handle.read()


def text_run(mode: str, steps: int) -> Any:
    """A real run: a small transformer that learns to write Python, from the sources of modules that come with it."""
    sources = "".join(Path(module.__file__).read_text() for module in (argparse, statistics, tempfile, socket))
    text = torch.tensor(list(sources.encode()), dtype=torch.long, device=DEVICE)
    model = transformer(192, 4, 4)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(64, device=DEVICE)
    model[1].forward = functools.partial(model[1].forward, mask=mask, is_causal=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
    handle = attach(optimizer, mode=mode, window=steps)
    for _ in range(steps):
        rows = torch.randint(len(text) - 65, (8, 1)) + torch.arange(65)
        batch = text[rows]
        torch.nn.functional.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return handle.read()


def errors(options: argparse.Namespace) -> None:
    steps = 300 if options.quick else 2000
    for run in (text_run, digits_run):
        print(f"{run.__doc__.partition(':')[2].strip()} {steps} steps of AdamW, sampled 1/64 and exact")
        sampled, whole = run("sample", steps), run("exact", steps)
        series = [np.log(reading.norms.astype(float)) for reading in (sampled, whole)]
        rms = 100 * float(np.sqrt(np.mean(np.diff(series[0] - series[1]) ** 2)))
        stated = f"stderr of a norm stated {100 * np.median(sampled.stderr):.2f} %"
        report(f"differences of log norms: rms error {rms:.2f} % (bar {BARS['error']}); {stated}", rms <= BARS["error"])
        alphas = [float(wcdfa.dfa(x).alpha) for x in series]
        apart = abs(alphas[0] - alphas[1])
        report(
            f"α of the whole run: {alphas[0]:.4f} and {alphas[1]:.4f}, apart {apart:.4f} (bar {BARS['alpha']})",
            apart <= BARS["alpha"],
        )
        if steps > 500:
            windows = [wcdfa.rolling_dfa(x, window=500, stride=100).result.alpha for x in series]
            report(f"α of windows of 500: at most {np.max(np.abs(windows[0] - windows[1])):.4f} apart")


def syncs(_: argparse.Namespace) -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    print("operations that wait for the device, in 100 steps")
    waited = []

    class Guard(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function.overloadpacket.__name__ in ("_local_scalar_dense", "is_nonzero", "equal", "nonzero"):
                waited.append(function)
            return function(*args, **(kwargs or {}))

    for mode in ("exact", "sample"):  # with the direction, which is recorded by default
        optimizer = torch.optim.SGD(Model(2).parameters(), lr=0.1)
        handle = attach(optimizer, mode=mode, every=10)
        waited.clear()
        with Guard():
            for _ in range(100):
                handle.record()
        report(f"{mode}: {len(waited)} (bar 0)", not waited)
    small = [torch.nn.Parameter(torch.randn(100, device=DEVICE)) for _ in range(1000)]
    for part in small:
        part.grad = torch.zeros_like(part)
    times = []
    for attached in (False, True):
        optimizer = torch.optim.SGD(small, lr=0.1)
        handle = attach(optimizer) if attached else None
        optimizer.step()
        begin = time.perf_counter()
        for _ in range(20):
            optimizer.step()
        times.append((time.perf_counter() - begin) / 20)
        if handle is not None:
            handle.detach()
    report(f"a step of SGD of 1,000 tensors of 100 numbers: {1e3 * times[0]:.1f} ms, attached {1e3 * times[1]:.1f} ms")


def sharded(_: argparse.Namespace) -> None:
    print("FSDP2 on 4 gloo processes against the parameters of all, gathered")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    running = [start("torch_sharded.py", "train", "fsdp", rank, 4, address, OMP_NUM_THREADS="1") for rank in range(4)]
    found = printed(running[0])
    for process in running[1:]:
        process.communicate()
    worst = float(np.max(np.abs(np.array(found["norms"]) / found["expected"][-10:] - 1)))
    report(f"largest relative difference {worst:.1e} (bar 1e-6), {found['reduced']} collectives in 12 steps", worst <= 1e-6)


def resume(_: argparse.Namespace) -> None:
    print("gone on with in a new process, from torch.save")
    with tempfile.TemporaryDirectory() as folder:
        whole, again = (printed(start("torch_checkpoints.py", command, folder)) for command in ("save", "resume"))
    for mode, reading in again.items():
        report(f"{mode}: {'identical' if reading == whole[mode] else 'another series'}", reading == whole[mode])


PARTS = {
    "step": step,
    "exact": exact,
    "gradients": gradients,
    "sample": sample,
    "direction": direction,
    "errors": errors,
    "syncs": syncs,
    "sharded": sharded,
    "resume": resume,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="a few rounds, to see that everything runs")
    parser.add_argument("--all-threads", action="store_true")
    parser.add_argument("--old", metavar="folder", help="unpacked sdist of wcdfa 0.1.0 (pip download --no-deps --no-binary :all:)")
    options = parser.parse_args()
    options.seconds = 3 if options.quick else 20
    options.clock = time.process_time if DEVICE == "cpu" and not options.all_threads else time.perf_counter
    if not options.all_threads:
        torch.set_num_threads(1)
    for part in options.parts or PARTS:
        PARTS[part](options)


if __name__ == "__main__":
    main()
