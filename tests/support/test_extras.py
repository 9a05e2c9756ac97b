"""A library that is missing is named by the command that installs it, wherever it is used first."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

EVENTS, CSV = "events.out.tfevents.1.host.1.0", "log.csv"
IMPORTS = {  # what is hidden, what is imported, and the package that is named
    "torch": ("torch", "wcdfa.backends.torch", "'wcdfa[torch]'"),
    "jax": ("jax", "wcdfa.backends.jax", "'wcdfa[jax]'"),
    "optax": ("jax,optax", "wcdfa.backends.optax", "'wcdfa[optax]'"),
    "keras": ("keras", "wcdfa.backends.keras", "'wcdfa[keras]'"),
    "tensorflow": ("tensorflow", "wcdfa.backends.tensorflow", "'wcdfa[tensorflow]'"),
    "flax": ("jax,flax", "wcdfa.backends.flax", "flax"),
    "lightning": ("torch,lightning", "wcdfa.backends.lightning", "'wcdfa[lightning]'"),
    "transformers": ("torch,transformers", "wcdfa.backends.transformers", "'wcdfa[transformers]'"),
    "mlflow": ("mlflow", "wcdfa.sinks.mlflow", "'wcdfa[mlflow]'"),
    "trackio": ("trackio", "wcdfa.sinks.trackio", "'wcdfa[trackio]'"),
    "parquet": ("pyarrow.parquet", "wcdfa.sinks.parquet", "'wcdfa[cli]'"),
    "matplotlib": ("matplotlib", "wcdfa.plotting", "'wcdfa[cli]'"),
    "results": ("pyarrow", "wcdfa.analysis.results_table", "'wcdfa[cli]'"),
}
COMMANDS = {  # what is hidden, the command, and the package that is named
    "protobuf": ("google.protobuf", ["analyze", EVENTS], "'wcdfa[tensorboard]'"),
    "google": ("google", ["analyze", EVENTS], "'wcdfa[tensorboard]'"),
    "crc32c": ("google_crc32c", ["analyze", EVENTS], "'wcdfa[tensorboard]'"),
    "wandb": ("wandb", ["analyze", "run-a.wandb"], "'wcdfa[wandb]'"),
    "a run of wandb": ("wandb", ["analyze", "wandb://me/project/run"], "'wcdfa[wandb]'"),
    "pyarrow": ("pyarrow", ["analyze", CSV], "'wcdfa[cli]'"),
    "a pattern": ("regex", ["analyze", "log.txt", "--pattern", r"norm (?P<value>\S+)"], "'wcdfa[cli]'"),
    "fsspec": ("fsspec", ["analyze", "s3://bucket/log.csv"], "'wcdfa[remote]'"),
    "dask": ("distributed", ["analyze", "update_norm.npy", "other.npy", "--dask", "local"], "'wcdfa[dask]'"),
    "a picture": ("matplotlib", ["analyze", "update_norm.npy"], "'wcdfa[cli]'"),
    "plotly": ("plotly", ["report", "update_norm.npy"], "'wcdfa[cli]'"),
    "the command line": ("cyclopts", ["--help"], "'wcdfa[cli]'"),
    "its letters": ("rich", ["--help"], "'wcdfa[cli]'"),
}


def run(program, hidden, cwd):
    """Run a program to which these modules are not there, whatever is installed."""
    hide = f"import sys; sys.modules.update(dict.fromkeys({hidden.split(',')!r}))\n"
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "WCDFA_CACHE_DIR") if name in os.environ}
    environment = {"PATH": "", "HOME": str(cwd), "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1", **kept}
    command = [sys.executable, "-c", hide + program]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment, timeout=120)


def says_what_is_missing(said, hidden, package):
    """Whether a text names the library that is missing, or the part of it, and the command that installs it."""
    if hidden == "pyarrow.parquet" and find_spec("pyarrow") is not None:
        return f"needs {hidden}, which the installed pyarrow does not have: pip install --upgrade {package}" in said
    return any(f"needs {name}, which is not installed: pip install {package}" in said for name in hidden.split(","))


@pytest.mark.parametrize(("hidden", "module", "package"), IMPORTS.values(), ids=IMPORTS)
def test_a_module_names_what_to_install(tmp_path, hidden, module, package):
    done = run(f"import {module}", hidden, tmp_path)
    assert says_what_is_missing(done.stderr.splitlines()[-1], hidden, package), done.stderr


@pytest.mark.parametrize(("hidden", "arguments", "package"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_names_what_to_install(tmp_path, hidden, arguments, package):
    if hidden != "cyclopts":
        pytest.importorskip("cyclopts", reason="cyclopts, which the command line needs, is not installed")
    norms = np.exp(0.1 * np.random.default_rng(0).standard_normal(100))
    np.save(tmp_path / "update_norm.npy", norms)
    np.save(tmp_path / "other.npy", norms[::-1])
    (tmp_path / CSV).write_text("step,update_norm\n" + "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms.tolist())))
    (tmp_path / EVENTS).write_bytes(bytes(40))
    (tmp_path / "run-a.wandb").write_bytes(b":W&B\xb0\xcf\x01" + bytes(40))
    (tmp_path / "log.txt").write_text("norm 1.5\n" * 30)
    program = f"sys.argv = ['wcdfa', *{arguments!r}]\nfrom wcdfa.cli.app import main\nmain()"
    done = run(program, hidden, tmp_path)
    said = done.stdout + done.stderr
    assert says_what_is_missing(said, hidden, package), said
    assert "Traceback" not in said


def test_wandb_says_so_too(tmp_path):
    done = run("from wcdfa.sinks.wandb import WandbSink; WandbSink()", "wandb", tmp_path)
    assert done.stderr.splitlines()[-1].endswith("pip install 'wcdfa[wandb]'"), done.stderr
