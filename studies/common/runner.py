"""Runs what is missing of a study, on the cores of this machine or on a Dask cluster."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits

from studies.common import store
from studies.common.protocol import Protocol
from studies.common.store import Record
from studies.common.study import Settings, Study, StudyError, Value, load
from wcdfa.support.locks import lock
from wcdfa.support.progress import Progress

LIBRARIES = ("numpy", "scipy", "jax", "torch")
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
THREADS |= {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "NPROC": "1"}  # NPROC is the number of threads of JAX on a CPU
LOCAL = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}


def complete(
    study: Study,
    wanted: Iterable[Settings],
    folder: Path,
    protocol: Protocol,
    *,
    jobs: int = 1,
    dask: str | None = None,
    at_most: int | None = None,
) -> list[str]:
    """Run what is not in the folder yet and keep each run as soon as it ends. Return what went wrong, a text for each run that failed.

    Parameters
    ----------
    jobs : int
        Processes, each with one thread.
    dask : str or None
        Address of a Dask scheduler whose workers have the same checkout and packages; "local" starts a cluster with `jobs` workers.
    at_most : int or None
        How many runs to add; None for all that are missing.

    Raises
    ------
    StudyError
        If there is no such Dask scheduler, or the package for it is missing; if another process adds runs to the folder; or if runs in it
        followed another protocol.
    """
    if at_most == 0:
        return []
    with _alone(folder):
        wanted = list(wanted)
        store.same_protocol([*store.read_all(folder, wanted), {"settings": {}, "protocol": protocol._asdict()}])
        return _complete(study, store.missing(folder, wanted)[:at_most], folder, protocol, jobs, dask)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder, so that nothing is run twice."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ".lock", "ab") as file:
            lock(file.fileno())
            yield
    except TimeoutError as error:
        msg = f"another process adds runs to {folder}: wait for it, or give another folder with --runs"
        raise StudyError(msg) from error
    except OSError as error:
        msg = f"runs cannot be kept in {folder} ({error.strerror}): give another folder with --runs"
        raise StudyError(msg) from error


def _complete(study: Study, todo: list[Settings], folder: Path, protocol: Protocol, jobs: int, dask: str | None) -> list[str]:
    failures = []
    with _one_thread(), Progress(study.name, len(todo)) as progress:
        for record in _records(study.name, todo, protocol, jobs, dask):
            if "failure" in record:
                failures.append(f"{record['settings']}: {record['failure']}")
            else:
                store.write(folder, record)
            progress.advance()
    return failures


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have one thread for each process: those that start now inherit it, and so does JAX if it is imported now."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ |= THREADS
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _records(name: str, todo: list[Settings], protocol: Protocol, jobs: int, dask: str | None) -> Iterator[Record]:
    if jobs == 1 and dask is None:
        yield from (record_of(name, settings, protocol) for settings in todo)
        return
    with ExitStack() as stack:
        if dask is not None:
            stack.enter_context(_cluster(dask, jobs))
            stack.enter_context(parallel_config("dask", n_jobs=-1))
        else:
            stack.enter_context(parallel_config("loky", n_jobs=jobs, initializer=_end_with, initargs=(os.getpid(),)))
        calls = (delayed(record_of)(name, settings, protocol) for settings in todo)
        yield from Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")(calls)


def _end_with(parent: int) -> None:
    """End this process when its parent has gone: what it would bring is lost."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _cluster(address: str, jobs: int) -> ExitStack:
    try:
        distributed: Any = import_module("distributed")  # it has no type hints
    except ModuleNotFoundError as error:
        msg = f"a Dask cluster needs the package {error.name}: pip install 'wcdfa[dask]'"
        raise StudyError(msg) from error
    stack = ExitStack()
    cluster = address
    if address == "local":
        cluster = stack.enter_context(distributed.LocalCluster(n_workers=jobs, threads_per_worker=1, **LOCAL))
    try:
        stack.enter_context(distributed.Client(cluster))
    except (OSError, ValueError) as error:
        msg = f'no Dask scheduler answers at {address!r} ({error}): give an address such as "tcp://host:8786", or "local"'
        raise StudyError(msg) from error
    return stack


def record_of(name: str, settings: Settings, protocol: Protocol) -> Record:
    """Run once. An error of the run becomes its record, so that it stops no other."""
    start = time.process_time()
    record: Record = {"settings": dict(settings), "protocol": protocol._asdict(), "versions": versions()}
    try:
        with threadpool_limits(1):  # NumPy's, which may have been imported before the variables were set
            results = {key: _plain(value) for key, value in load(name).run(**settings).items()}
    except Exception:  # noqa: BLE001 - said with all others at the end
        return record | {"failure": traceback.format_exc()}
    return record | {"results": results, "seconds": round(time.process_time() - start, 2)}


def versions() -> dict[str, Value]:
    """The versions of wcdfa and of the libraries that the runs compute with."""
    found: dict[str, Value] = {}
    for name in ("wcdfa", *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _plain(value: object) -> Value:
    """As JSON holds it: arrays become lists, in single precision, which is enough for curves; numbers of NumPy become Python's."""
    array = np.asarray(value)
    if array.ndim > 1 or array.size > 200:
        msg = f"a result of shape {array.shape} is too much for the table of runs: give at most 200 numbers"
        raise ValueError(msg)
    if array.ndim and array.dtype.kind == "f":
        array = array.astype(np.float32).astype(np.float64)
    plain: Value = array.tolist() if value is not None else None
    return plain
