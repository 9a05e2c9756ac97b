"""What the documents say is executed: the README's code and commands, and the notebooks."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys

import jupytext
import numpy as np
import pandas as pd
import pytest

import wcdfa
from tests.commands import run
from tests.conftest import require
from tests.documents import ROOT, blocks
from wcdfa.readers import read_series

README = (ROOT / "README.md").read_text()
NAMES = {"CHANGELOG", "CONTRIBUTING", "DFA", "FSDP2", "JAX", "JSON", "MFDFA", "MIT", "XLA"}


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("title", "command"),
    [("Try it", "pip install '.[cli]' && wcdfa demo"), ("Test it", "pip install -e '.[test]' && pytest")],
)
def test_the_two_commands(title, command):
    assert blocks("sh", section(title)) == [command + "\n"]


def test_the_readme_opens_with_a_picture_that_exists():
    picture = re.match(r"# wcdfa\n\n!\[[^]]+\]\(([^)]+)\)", README)
    assert (ROOT / picture[1]).read_bytes()[:4] == b"\x89PNG"
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("http") or (ROOT / link).exists(), link


def test_the_python_of_the_readme_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for framework in ("optax", "keras", "tensorflow", "torch"):
        require(framework)
    scope = {}
    assert len(blocks("python", README)) == 6
    with require("jax").enable_x64(False):  # as a reader has it; tests of the core switch it on
        for code in blocks("python", README):
            exec(code, scope)
    printed = capsys.readouterr().out
    assert "True" in printed
    quoted = re.findall(r"`([^`]*explained by[^`]*)`", README)
    assert len(quoted) == 2
    assert set(quoted) < set(printed.splitlines())
    assert len(scope["history"].history["wcdfa/alpha"]) == 1
    assert np.isfinite(scope["history"].history["wcdfa/alpha"]).all()
    assert scope["result"].alpha.shape == (3,)
    np.testing.assert_array_equal(read_series("run.jsonl").values[-500:], scope["monitor"].get_signal())


def test_no_figure_is_left_open():
    """A figure that is still to be measured stands there in capitals."""
    assert set(re.findall(r"\b[A-Z]{3,}[0-9E]*\b", README)) <= NAMES


def test_the_command_of_the_readme_runs(tmp_path):
    (command,) = [c for c in blocks("sh", README) if "analyze tests" in c]
    shutil.copytree(ROOT / "tests" / "data", tmp_path / "tests" / "data")
    arguments = shlex.split(command)[1:]
    done = subprocess.run([sys.executable, "-c", "from wcdfa.cli import main; main()", *arguments], cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert (tmp_path / "alpha.png").is_file()


def test_the_commands_on_many_runs_run(tmp_path):
    (commands,) = [c for c in blocks("sh", README) if "compare" in c]
    for rate, d in ((0.1, 0.0), (0.2, 0.4)):
        for seed in range(2):
            norms = np.exp(rate * wcdfa.synthetic.arfima(1000, d=d, seed=seed))
            rows = [json.dumps({"step": step, "update_norm": norm}) for step, norm in enumerate(norms.tolist(), start=1)]
            log = tmp_path / "runs" / f"lr={rate}" / f"seed={seed}.jsonl"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("\n".join(rows) + "\n")
    analyze, compare, watch = (run(*shlex.split(line)[1:], cwd=tmp_path) for line in commands.replace("60", "0.1").splitlines())
    assert "lr=0.2: update_norm" in analyze.stdout
    assert len(pd.read_parquet(tmp_path / "windows.parquet")) == 8
    assert "over all windows they differ" in compare.stdout
    assert "step 1,000: " in watch.stdout


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_notebook(notebook, tmp_path):
    for module in ("torch", "jax", "tensorflow", "keras"):
        require(module)
    nbclient = require("nbclient")
    book = jupytext.read(notebook)
    nbclient.NotebookClient(
        book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT / "notebooks")}}
    ).execute()
    executed = [cell for cell in book.cells if cell.cell_type == "code"]
    assert executed
    assert all(cell.execution_count for cell in executed)
