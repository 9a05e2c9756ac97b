"""Many runs at once: over the cores of this machine, or over a cluster of Dask. What is found comes as it is found."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import Any, NamedTuple

from wcdfa.analysis.series import Plain, Settings, failed, of_run
from wcdfa.readers import Source

AHEAD = 3  # tasks in flight for each worker: none waits for work, and what is in flight stays bounded
# Dask has its workers give memory back at once, so that arrays of a few hundred kB cost page faults, half of the time here
TRIM = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
PATIENCE = 5  # seconds for a cluster to answer
SHARES = 8  # of a store, for each worker
STORES = ("formats.sqlite.read_sqlite",)  # readers of many runs in one file, which several workers share
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Task(NamedTuple):
    """Every `parts`-th run of a source, from the `part`-th on."""

    source: Source
    settings: Settings
    part: int = 0
    parts: int = 1


def tasks(found: Iterable[Source], settings: Settings, workers: int) -> list[Task]:
    """One for each log; of a store, which may hold many runs, a few for each worker."""
    split = [(source, SHARES * workers if source.reader in STORES else 1) for source in found]
    return [Task(source, settings, part, parts) for source, parts in split for part in range(parts)]


def run_task(task: Task) -> list[Plain]:
    """`wcdfa.analysis.series.of_run` of each of its runs; one `failed` of a source that cannot be read."""
    results: list[Plain] = []
    try:
        for run in islice(task.source.runs(), task.part, None, task.parts):
            results.extend(of_run(run, task.settings))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not end what is done with the other logs
        if task.part == 0 or results:  # every part of a store that cannot be read would say the same
            known = isinstance(error, (ValueError, OSError))
            results.append(failed(task.source.path, error if known else f"{type(error).__name__}: {error}"))
    return results


def in_processes(todo: Iterable[Task], workers: int) -> Iterator[list[Plain]]:
    """What each task finds, as it is done, on so many processes of this machine.

    Where a process dies, all that it may have been at is done again, one task at a time; one that kills its process again is found
    to have failed, and the others lose nothing.
    """
    queue, suspects = deque(todo), deque[Task]()
    while queue or suspects:
        alone = bool(suspects)
        waiting, most = (suspects, 1) if alone else (queue, AHEAD * workers)
        running: dict[Future[list[Plain]], Task] = {}
        with _pool(1 if alone else workers) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < most:
                        running[pool.submit(run_task, waiting[0])] = waiting[0]
                        waiting.popleft()  # only now: a pool that has broken takes nothing
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        result = future.result()
                        del running[future]
                        yield result
            except BrokenProcessPool:
                held = list(running.values())
                if alone and held:
                    text = "the process that read it died, twice: it may need more memory than there is"
                    yield [failed(held[0].source.path, text)]
                else:
                    suspects.extend(held)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes with one thread each, which are ended, whatever they are at, when what uses them is left."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update({name: "1" for name in THREADS})  # they inherit it
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    try:
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def on_dask(todo: Iterable[Task], address: str, workers: int) -> Iterator[list[Plain]]:
    """The same on a cluster of Dask: that at an address, or with "local" one of so many processes of this machine.

    The files must lie at the same path for all of its workers. A task whose worker dies is done again by another.

    Raises
    ------
    ValueError
        If Dask is not installed, or the cluster does not answer.
    """
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError as error:
        msg = f"a cluster needs {error.name}, which is not installed: pip install 'wcdfa[dask]'"
        raise ValueError(msg) from error
    local: Any = None
    try:
        if address == "local":
            with import_module("dask").config.set({TRIM: 1 << 27}):
                local = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
        client = distributed.Client(local or address, timeout=PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        msg = f"no cluster of Dask answers at {address}: {error}"
        raise ValueError(msg) from error
    queue = deque(todo)
    try:
        held = AHEAD * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        known: dict[Any, Task] = {}
        running = distributed.as_completed([])

        def submit() -> None:
            task = queue.popleft()
            future = client.submit(run_task, task, pure=False)
            known[future.key] = task
            running.add(future)

        while queue and len(known) < held:
            submit()
        for future in running:
            task = known.pop(future.key)
            died = future.exception()
            yield [failed(task.source.path, f"no worker has read it: {died}")] if died is not None else future.result()
            future.release()
            if queue:
                submit()
    finally:
        client.close()
        if local is not None:
            local.close()
