"""Analyzes many logs on a Dask cluster. Each result is yielded as soon as it is ready."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any

from wcdfa.analysis.parallel import AHEAD, Batch, Task, run_task
from wcdfa.analysis.results import failed
from wcdfa.support.extras import way_out

# Dask makes its workers return memory at once, so arrays of a few hundred kB cost page faults, half of the time here
TRIM = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
LOCAL = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}  # any free port: without an address Dask takes 8787
PATIENCE = 5  # seconds for a cluster to answer


def on_dask(todo: Iterable[Task], address: str, workers: int) -> Iterator[Batch]:
    """Yield the results of each task as soon as it is done, on a Dask cluster. If a worker dies, another repeats its task.

    Parameters
    ----------
    todo : iterable of Task
        All workers must find their files at the same paths.
    address : str
        Address of the scheduler; "local" starts a cluster on this machine.
    workers : int
        Number of processes in a local cluster.

    Raises
    ------
    ValueError
        If Dask is not installed, or the cluster does not answer.
    """
    try:
        distributed: Any = import_module("distributed")  # it has no type hints
    except ModuleNotFoundError as error:
        raise ValueError(way_out("a cluster", "wcdfa[dask]", error)) from error
    with ExitStack() as stack:
        try:
            cluster: Any = address
            if address == "local":
                with import_module("dask").config.set({TRIM: 1 << 27}):
                    cluster = stack.enter_context(distributed.LocalCluster(n_workers=workers, threads_per_worker=1, **LOCAL))
            client = stack.enter_context(distributed.Client(cluster, timeout=PATIENCE))
        except (OSError, ValueError, TimeoutError) as error:
            msg = f"no cluster of Dask answers at {address}: {error}"
            raise ValueError(msg) from error
        yield from _results(deque(todo), client, distributed.as_completed([]))


def _results(queue: deque[Task], client: Any, running: Any) -> Iterator[Batch]:
    held = AHEAD * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    known: dict[object, Task] = {}

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
        yield Batch([failed(task.source.path, f"no worker has read it: {died}")] if died is not None else future.result(), task)
        future.release()
        if queue:
            submit()
