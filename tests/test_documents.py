"""What the documents say is executed: the README's code and commands, and the notebooks."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import numpy as np
import pytest

from tests.conftest import require

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
NAMES = {"CHANGELOG", "CONTRIBUTING", "DFA", "FSDP2", "JAX", "MFDFA", "MIT", "XLA"}


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


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


def test_the_python_of_the_readme_runs(capsys):
    for framework in ("optax", "keras", "tensorflow", "torch"):
        require(framework)
    scope = {}
    assert len(blocks("python")) == 5
    with require("jax").enable_x64(False):  # as a reader has it; tests of the core switch it on
        for code in blocks("python"):
            exec(code, scope)
    printed = capsys.readouterr().out
    assert "True" in printed
    quoted = re.findall(r"`([^`]*explained by[^`]*)`", README)
    assert len(quoted) == 2
    assert set(quoted) < set(printed.splitlines())
    assert len(scope["history"].history["wcdfa/alpha"]) == 1
    assert np.isfinite(scope["history"].history["wcdfa/alpha"]).all()
    assert scope["result"].alpha.shape == (3,)


def test_no_figure_is_left_open():
    """A figure that is still to be measured stands there in capitals."""
    assert set(re.findall(r"\b[A-Z]{3,}[0-9E]*\b", README)) <= NAMES


def test_the_command_of_the_readme_runs(tmp_path):
    (command,) = [c for c in blocks("sh") if "analyze" in c]
    shutil.copytree(ROOT / "tests" / "data", tmp_path / "tests" / "data")
    arguments = shlex.split(command)[1:]
    done = subprocess.run([sys.executable, "-c", "from wcdfa.cli import main; main()", *arguments], cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert (tmp_path / "alpha.png").is_file()


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
