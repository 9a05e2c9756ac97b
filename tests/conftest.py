"""The `xp` fixture: every core test runs on each array library, and again under ``jax.jit``."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_api_extra.testing import patch_lazy_xp_functions

from wcdfa.inference import calibration_tables as tables
from wcdfa.nulls import null_tables


def _cache_folder() -> Path:
    """Calibrations and nulls that the tests compute: kept between runs and shared by the workers, until the code that makes them changes."""
    made_by = b"".join(
        Path(tables.__file__).with_stem(name).read_bytes()
        for name in ("calibration", "approximate_moments", "moments", "calibration_tables")
    )
    made_by += b"".join(path.read_bytes() for path in sorted(Path(null_tables.__file__).parent.glob("*.py")))
    owner = getattr(os, "getuid", int)()
    return Path(tempfile.gettempdir(), f"wcdfa-tests-{owner}-{tables.VERSION}-{hashlib.sha256(made_by).hexdigest()[:12]}")


os.environ["WCDFA_CACHE_DIR"] = str(_cache_folder())  # never the user's own
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of each worker of pytest-xdist, which inherits this: together they use every core
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # for a few calls, compiling takes longer than running; so too in the next line
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("KERAS_BACKEND", "tensorflow" if importlib.util.find_spec("tensorflow") else "jax")


@pytest.hookimpl(tryfirst=True)  # before pytest selects by mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what starts a process, and what JAX compiles: of each test its first case stays in the quick set.

    What starts a process comes first, so that no worker is left with a long test at the end.
    """
    from tests.helpers.slow import starts_a_process

    compiled, processes = set(), {item.nodeid for item in items if starts_a_process(item)}
    items.sort(key=lambda item: item.nodeid not in processes)
    for item in items:
        jitted = isinstance(item, pytest.Function) and "library" in item.fixturenames and "[jax" in item.nodeid
        if item.nodeid in processes or (jitted and item.function in compiled):
            item.add_marker("slow")
        if jitted:
            compiled.add(item.function)


class Library(Enum):
    """An array library to test with; two are hostile on purpose."""

    NUMPY = "array_api_compat.numpy"
    NUMPY_READONLY = "array_api_compat.numpy, every array read-only"
    ARRAY_API_STRICT = "array_api_strict"
    JAX = "jax.numpy"
    TORCH = "array_api_compat.torch"


NEEDS = {Library.ARRAY_API_STRICT: "array_api_strict", Library.JAX: "jax", Library.TORCH: "torch"}


def require(module: str) -> Any:
    """Import a framework, or skip the test saying which is absent."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    return importlib.import_module(module)


@pytest.fixture(params=list(Library), ids=lambda library: library.name.lower())
def library(request: pytest.FixtureRequest) -> Library:
    if request.param in NEEDS:
        module = require(NEEDS[request.param])
        if request.param is Library.JAX:
            module.config.update("jax_enable_x64", True)
        if request.param is Library.ARRAY_API_STRICT:
            module.set_array_api_strict_flags(boolean_indexing=False, data_dependent_shapes=False)
    return request.param


@pytest.fixture
def xp(library: Library, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The namespace of the library. Under JAX, functions marked with ``lazy_xp_function`` run jitted."""
    namespace = importlib.import_module(library.value.partition(",")[0])
    with _jitted_once(request, namespace):
        yield namespace


_jitted: dict[Callable[..., Any], Callable[..., Any]] = {}


@contextmanager
def _jitted_once(request: pytest.FixtureRequest, namespace: Any) -> Iterator[None]:
    """Jit what the module of the test marks: each function once, so that tests with arguments of one shape share what is compiled."""
    module = request.module
    plain = dict(vars(module))
    with patch_lazy_xp_functions(request, xp=namespace):
        if "monkeypatch" not in request.fixturenames:  # it may change what is traced
            for name, function in plain.items():
                if vars(module)[name] is not function:
                    setattr(module, name, _jitted.setdefault(function, vars(module)[name]))
        yield


@pytest.fixture
def array(library: Library, xp: Any) -> Any:
    """Turn a NumPy array into one of the library, read-only where that is the point."""

    def convert(values: Any, dtype: str | None = None) -> Any:
        values = np.array(values)
        if library is Library.NUMPY_READONLY:
            values = values.astype(dtype or values.dtype)
            values.setflags(write=False)
            return values
        return xp.asarray(values, dtype=None if dtype is None else getattr(xp, dtype))

    return convert


@pytest.fixture
def float32() -> Iterator[None]:
    """JAX as it comes, even after a test of the core that switched float64 on."""
    with require("jax").enable_x64(False):
        yield


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """``log("csv")``: the path of a log of this kind, which its library has written; not to be changed."""
    from tests.helpers.log_files import WRITERS

    folder = tmp_path_factory.mktemp("logs")
    return functools.cache(lambda kind: WRITERS[kind](folder / kind))


@pytest.fixture
def optax() -> Any:
    return require("optax")


@pytest.fixture
def optax_backend(optax: Any) -> Any:
    from wcdfa.backends.optax import recorder as backend

    return backend


@pytest.fixture
def torch() -> Any:
    return require("torch")


@pytest.fixture
def attach(torch: Any) -> Any:
    from wcdfa.backends.torch.hooks import attach

    return attach


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow, which takes seconds to make."""
    require("mlflow")
    require("sqlalchemy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what it imports
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path = tmp_path_factory.mktemp("mlflow") / "template.db"
    SqlAlchemyStore(f"sqlite:///{path}", str(path.with_suffix(".artifacts"))).engine.dispose()
    return path


@pytest.fixture
def mlflow(mlflow_template: Path, tmp_path: Path) -> Iterator[Any]:
    """MLflow with an empty database of its own, in mlflow.db."""
    import mlflow

    shutil.copy(mlflow_template, tmp_path / "mlflow.db")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    yield mlflow
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.set_tracking_uri(before)
