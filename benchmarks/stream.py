"""Streams: time, memory, digits, merging, files, Dask, and the coverage of the interval.

    python benchmarks/stream.py [time] [memory] [merge] [files] [peers] [coverage] [dask-small] [dask] [--trials 400]

time: a sample in blocks beside `wcdfa.fluctuations` of the whole array, n = 1e7. memory: what a stream holds after 1e9 samples, which
are pushed. merge: 1,000 parts against the whole. files: memory that reading a file takes. peers: time and memory of packages that need the
whole array. coverage: of the interval of `exponent`. dask: 1e9 samples on two local workers against one process, which needs two idle
cores; dask-small: 1e8.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from harness import chunks, header, increments_of, row, run, seed, share, summed, value, within

import wcdfa
from wcdfa import Stream
from wcdfa.analysis.cluster import LOCAL, TRIM
from wcdfa.streaming import of_dask

N = 10_000_000
BLOCK = 1_000_000
CHUNK = 4_000_000  # of an array of Dask: each costs it a millisecond
ALPHAS = (0.5, 0.8, 1.0, 1.2, 1.4)
RANGES = ((None, None), (16, 4096), (256, 4096), (16, 256))
CHILD = """
import time
from pathlib import Path
import numpy as np
{setup}
peak = lambda: int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
before, start = peak(), time.perf_counter()
{work}
print(time.perf_counter() - start, peak() - before)
"""


def pushed(blocks: Any) -> Stream:
    stream = Stream()
    for block in blocks:
        stream.push(block)
    return stream


def cut(x: np.ndarray, size: int) -> list[np.ndarray]:
    return [x[i : i + size] for i in range(0, len(x), size)]


def furthest(F: np.ndarray, reference: np.ndarray) -> float:
    """Largest relative difference."""
    return float(np.max(np.abs(F / reference - 1)))


def interleaved(functions: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Medians of rounds taken in turn, so that a noisy machine is noisy for all."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for name, function in [*functions.items()] * rounds:
        start = time.perf_counter()
        function()
        times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def of_time(_: int) -> None:
    x = seed("time").standard_normal(N)
    few = x[: N // 10].tolist()
    blocks = (10_000, BLOCK)
    times = interleaved(
        {"batch": lambda: wcdfa.fluctuations(x)}
        | {str(size): lambda size=size: pushed(cut(x, size)).fluctuations() for size in blocks}  # type: ignore[misc]
        | {"single": lambda: pushed(few)},
        7,
    )
    print(
        f"n = {N:,}, order 1, {len(wcdfa.fluctuations(x)[0])} sizes; fluctuations of the array: {times['batch'] / N * 1e9:.1f} ns a sample"
    )
    for size in blocks:
        ratio = times[str(size)] / times["batch"]
        value(f"blocks of {size:,}: {times[str(size)] / N * 1e9:.1f} ns a sample, ratio", ratio, "<= 2", ratio <= 2)
    print(f"        one by one: {times['single'] / len(few) * 1e9:.0f} ns a sample")
    stream = pushed(cut(x, 10_000))
    looks = interleaved({"fluctuations": stream.fluctuations, "to_bytes": stream.to_bytes}, 21)
    print(f"        a look: fluctuations {looks['fluctuations'] * 1e3:.1f} ms, to_bytes {looks['to_bytes'] * 1e3:.1f} ms")
    difference = furthest(stream.fluctuations()[1], wcdfa.fluctuations(x)[1])
    print(f"        largest relative difference from fluctuations of the array: {difference:.1e}")


def of_memory(_: int) -> None:
    x = seed("memory").standard_normal(BLOCK)
    stream = Stream()
    for decade in (10**7, 10**8, 10**9):
        start, before = time.perf_counter(), stream.n
        while stream.n < decade:
            stream.push(x)
        each = (time.perf_counter() - start) / (stream.n - before) * 1e9
        held = bytes_of(stream)
        print(
            f"        {stream.n:>13,} samples: {held / 1e6:.2f} MB held, {len(stream.to_bytes()):,} bytes stored, {each:.1f} ns a sample"
        )
    value("held at 1e9 samples, MB", held / 1e6, "<= 1", held <= 1e6)
    tracemalloc.start()
    stream.push(x)
    print(f"        during a push, at most {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB more")
    tracemalloc.stop()


def bytes_of(thing: object) -> int:
    """The size of an object and of everything in it."""
    if isinstance(thing, (list, tuple)):
        inside: list[object] = list(thing)
    elif isinstance(thing, np.ndarray):
        inside = [] if thing.base is None else [thing.base]
    else:
        inside = [getattr(thing, name) for name in getattr(type(thing), "__slots__", ())]
    return sys.getsizeof(thing) + sum(map(bytes_of, inside))


def of_merge(_: int) -> None:
    noise = np.round(seed("merge").standard_normal(N) * 2**20) / 2**20  # so that an offset rounds nothing
    walk = np.cumsum(noise)
    for name, x in (("white noise", noise), ("random walk", walk), ("white noise + 1e6", noise + 1e6)):
        reference = wcdfa.fluctuations(noise if x is not walk else walk)[1]
        for how, places in (
            ("equal", np.arange(1, 1000) * (N // 1000)),
            ("unequal", np.sort(seed("cuts").choice(N, 999, replace=False))),
        ):
            parts = [_part(x, int(a), int(b)) for a, b in pairwise([0, *places, N])]
            for order, merge in (("in order", _in_order), ("as a tree", _as_a_tree)):
                difference = furthest(merge(parts).fluctuations()[1], reference)
                value(
                    f"{name}, 1,000 {how} parts merged {order}, difference / 1e-12", difference / 1e-12, "<= 1", difference <= 1e-12
                )


def _part(x: np.ndarray, start: int, stop: int) -> Stream:
    part = Stream(start=start)
    part.push(x[start:stop])
    return Stream.from_bytes(part.to_bytes())  # as it comes from another process: boxes, and hardly a sample


def _in_order(parts: list[Stream]) -> Stream:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.merge(part)
    return whole


def _as_a_tree(parts: list[Stream]) -> Stream:
    while len(parts) > 1:
        parts = [a.merge(b) for a, b in zip(parts[::2], parts[1::2], strict=False)] + parts[len(parts) // 2 * 2 :]
    return parts[0]


def in_a_child(setup: str, work: str) -> tuple[float, float]:
    """Seconds, and megabytes of memory beyond what the imports take."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(setup=setup, work=work)], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


def of_files(_: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        array, table = Path(folder, "x.npy"), Path(folder, "x.parquet")
        x = seed("files").standard_normal(5 * N)
        np.save(array, x)
        pq.write_table(pa.table({"step": np.arange(len(x)), "norm": x}), table, row_group_size=BLOCK)
        small = Path(folder, "small.parquet")  # what reading takes at all sizes does not count
        pq.write_table(pa.table({"norm": x[:BLOCK]}), small)
        del x
        for path, column in ((array, None), (table, "norm")):
            setup = f"from wcdfa.streaming import of_file; of_file({str(small)!r})"
            seconds, megabytes = in_a_child(setup, f"of_file({str(path)!r}, {column!r})")
            size = path.stat().st_size / 1e6
            print(f"        {path.suffix}, {5 * N:,} samples, {size:.0f} MB: {megabytes:.0f} MB of memory, {seconds:.1f} s")


def of_peers(_: int) -> None:
    n = N // 5
    make = f"rng = np.random.default_rng(0); sizes = np.unique(np.geomspace(4, {n} // 4, 20).astype(int))"
    whole = f"x = rng.standard_normal({n}); "
    programs = {
        "wcdfa.Stream": (
            "import wcdfa; wcdfa.Stream",
            f"s = wcdfa.Stream()\nwhile s.n < {n}: s.push(rng.standard_normal({BLOCK}))\ns.fluctuations()",
        ),
        "wcdfa.fluctuations": ("import wcdfa; wcdfa.fluctuations", f"{whole}wcdfa.fluctuations(x)"),
        "antropy": (
            "import antropy; antropy.detrended_fluctuation(rng.standard_normal(999))",
            f"{whole}antropy.detrended_fluctuation(x)",
        ),
        "fathon, 20 sizes": (
            "import fathon; from fathon import fathonUtils",
            f"{whole}fathon.DFA(fathonUtils.toAggregated(x)).computeFlucVec(sizes, polOrd=1)",
        ),
        "MFDFA, 20 sizes": ("import MFDFA", f"{whole}MFDFA.MFDFA(x, sizes, order=1, q=2)"),
    }
    print(f"n = {n:,}, the numbers made in the same process; nolds and neurokit2, the slowest, are left out")
    for name, (setup, work) in programs.items():
        seconds, megabytes = in_a_child(f"{make}\n{setup}", work)
        print(f"        {name:<20} {seconds:6.2f} s, {megabytes:6.0f} MB")


def of_coverage(trials: int) -> None:
    n = 100_000
    print(f"n = {n:,}: 95 % intervals of exponent(low, high) that hold the true α of ARFIMA, in %, {trials} series")
    header("sizes", ALPHAS)
    hits: dict[object, list[np.ndarray]] = {bounds: [] for bounds in RANGES}
    for alpha in ALPHAS:
        found: dict[object, list[bool]] = {bounds: [] for bounds in RANGES}
        rng = seed("coverage", alpha)
        for batch in chunks(trials, n):
            for x in summed(increments_of(alpha, n, batch, rng), alpha):
                stream = pushed([x])
                for bounds in RANGES:
                    result = stream.exponent(*bounds)
                    found[bounds].append(result.low <= alpha <= result.high)
        for bounds in RANGES:
            hits[bounds].append(np.array(found[bounds]))
    for low, high in RANGES:
        what = "all" if low is None else f"{low} to {high}"
        row(what, [share(each) for each in hits[low, high]], "92 to 98", within(92, 98), digits=1)


def noise(chunk: int) -> np.ndarray:
    return np.random.default_rng([5, chunk]).standard_normal(CHUNK)


def of_dask_with(samples: int) -> None:
    import dask
    import dask.array as da
    import distributed

    count = samples // CHUNK
    start = time.perf_counter()
    alone = pushed(map(noise, range(count)))
    one = time.perf_counter() - start
    make = dask.delayed(noise, pure=True)
    x = da.concatenate([da.from_delayed(make(i), (CHUNK,), float) for i in range(count)])
    with (
        dask.config.set({TRIM: 1 << 27}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, **LOCAL) as cluster,
        distributed.Client(cluster),
    ):
        of_dask(x[: 4 * CHUNK])  # the workers import
        start = time.perf_counter()
        together = of_dask(x)
        two = time.perf_counter() - start
    print(f"n = {samples:,} in chunks of {CHUNK:,}, each made where it is used: one process {one:.1f} s, 2 workers {two:.1f} s")
    value("one process / 2 workers", one / two, ">= 1.7", one / two >= 1.7)
    difference = furthest(together.fluctuations()[1], alone.fluctuations()[1])
    value("largest relative difference of F / 1e-12", difference / 1e-12, "<= 1", difference <= 1e-12)


if __name__ == "__main__":
    parts: dict[str, Callable[[int], None]] = {
        "time": of_time,
        "memory": of_memory,
        "merge": of_merge,
        "files": of_files,
        "peers": of_peers,
        "coverage": of_coverage,
        "dask-small": lambda _: of_dask_with(10**8),
        "dask": lambda _: of_dask_with(10**9),
    }
    run(parts, __doc__)
