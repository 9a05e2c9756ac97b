"""One module for each format. `FORMATS` has them by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.case import Case
from tests.fuzz.plan import Plan


class Format(NamedTuple):
    """A format that is fuzzed."""

    module: str
    """The module in this package; its `build` makes a case."""
    needs: tuple[str, ...] = ()
    """What must be installed."""
    args: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """A package that is needed and not installed."""
        return next((name for name in self.needs if importlib.util.find_spec(name) is None), None)

    def build(self, folder: Path, plan: Plan) -> Case:
        """Write the files of a case into a folder."""
        build: Callable[..., Case] = import_module(f"{__name__}.{self.module}").build
        return build(folder, plan, *self.args)


FORMATS = {
    "csv": Format("delimited", ("pyarrow",), (",",)),
    "tsv": Format("delimited", ("pyarrow",), ("\t",)),
    "jsonl": Format("jsonl"),
    "trainer_state": Format("trainer_state"),
    "npy": Format("npy"),
    "npz": Format("npz"),
    "tensorboard": Format("tensorboard", ("tensorboard", "google_crc32c")),
    "wandb": Format("wandb", ("wandb",)),
    "parquet": Format("parquet", ("pyarrow",)),
    "mlflow": Format("stores", (), ("mlflow",)),
    "trackio": Format("stores", (), ("trackio",)),
    "safetensors": Format("safetensors"),
    "torch": Format("torch", (), ("zip",)),
    "torch legacy": Format("torch", (), ("legacy",)),
    "orbax": Format("orbax", ("tensorstore",)),
    "folders": Format("folders"),
    "saved monitor": Format("monitor_state"),
}
