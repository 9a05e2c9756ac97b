"""Analyzes many logs on the cores of this machine. Each result is yielded as soon as it is ready."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing.connection import Connection
from typing import NamedTuple

from wcdfa.analysis.result_types import Result
from wcdfa.analysis.results import failed, of_run
from wcdfa.analysis.series import Settings
from wcdfa.readers import Source

AHEAD = 3  # tasks in flight for each worker: no worker waits, and the number in flight stays bounded
SHARES = 8  # a store with many runs is split into this many parts per worker
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Task(NamedTuple):
    """Every `parts`-th run of a source, from the `part`-th on."""

    source: Source
    settings: Settings
    part: int = 0
    parts: int = 1


class Batch(list[Result]):
    """The results of a task, and the task."""

    def __init__(self, results: Iterable[Result], task: Task) -> None:
        super().__init__(results)
        self.task = task


def tasks(found: Iterable[Source], settings: Settings, workers: int) -> list[Task]:
    """Make one task for each log. A store, which may hold many runs, gets a few tasks for each worker."""
    split = [(source, SHARES * workers if source.reader.many_runs else 1) for source in found]
    return [Task(source, settings, part, parts) for source, parts in split for part in range(parts)]


def run_here(todo: Iterable[Task]) -> Iterator[Batch]:
    """Yield the results of each task in this process."""
    for task in todo:
        yield Batch(run_task(task), task)


def run_task(task: Task) -> list[Result]:
    """Compute the results of `wcdfa.analysis.results.of_run` for each run of the task; if the source cannot be read, one `failed`."""
    results: list[Result] = []
    try:
        for run in islice(task.source.runs(), task.part, None, task.parts):
            results.extend(of_run(run, task.settings))
    except Exception as error:  # noqa: BLE001 - no error in one log may stop the others
        if task.part == 0 or results:  # every part of an unreadable store would report the same error
            known = isinstance(error, (ValueError, OSError))
            results.append(failed(task.source.path, error if known else f"{type(error).__name__}: {error}"))
    return results


def in_processes(todo: Iterable[Task], workers: int) -> Iterator[Batch]:
    """Yield the results of each task as soon as it is done, on `workers` processes of this machine.

    If a process dies, the tasks in flight are repeated one at a time. A task whose process dies again is reported as failed; no other
    result is lost.
    """
    queue, suspects = deque(todo), deque[Task]()
    while queue or suspects:
        alone = bool(suspects)
        waiting, most = (suspects, 1) if alone else (queue, AHEAD * workers)
        running: dict[Future[list[Result]], Task] = {}
        with _pool(1 if alone else workers) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < most:
                        running[pool.submit(run_task, waiting[0])] = waiting[0]
                        waiting.popleft()  # only now, because a broken pool accepts nothing
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        results = future.result()
                        yield Batch(results, running.pop(future))
            except BrokenProcessPool:
                held = list(running.values())
                if alone and held:
                    text = "the process that read it died, twice: it may need more memory than there is"
                    yield Batch([failed(held[0].source.path, text)], held[0])
                else:
                    suspects.extend(held)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes with one thread each. An exception in the block ends them at once."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update({name: "1" for name in THREADS})  # the processes inherit it
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, initializer=_live_with, initargs=(theirs,))
    try:
        yield pool
    except BaseException:
        ours.close()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        ours.close()
        theirs.close()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _live_with(parent: Connection) -> None:
    """Leave Ctrl-C to the parent, and exit when the parent closes its end of the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    with suppress(EOFError, OSError):
        parent.recv_bytes()  # nothing is ever sent
    os._exit(1)
