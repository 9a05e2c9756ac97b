"""What the documents say is executed: the README's code and commands, and the notebooks."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import jupytext
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.commands import run
from tests.helpers.documents import DOCS, ROOT, blocks, write_log
from wcdfa.verdicts import findings

README = (ROOT / "README.md").read_text()
NAMES = {"CHANGELOG", "CONTRIBUTING", "DFA", "JAX", "JSON", "MFDFA", "MIT", "RELEASING", "SECURITY"}


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("title", "command"),
    [("Try it", "pip install '.[cli]' && wcdfa demo"), ("Test it", "pip install -e '.[test]' && pytest")],
)
def test_the_two_commands(title, command):
    assert blocks("sh", section(title)) == [command + "\n"]


def test_every_kind_of_finding_is_in_the_table_of_verdicts():
    calls = [each for each in ast.walk(ast.parse(Path(findings.__file__).read_text())) if isinstance(each, ast.Call)]
    made = [each.args[0] for each in calls if isinstance(each.func, ast.Name) and each.func.id == "Finding"]
    kinds = {each.value for each in made if isinstance(each, ast.Constant)}
    rows = re.findall(r"^\| ([a-z ,]+) \|", (DOCS / "verdict.md").read_text(), re.MULTILINE)
    listed = {kind for row in rows[1:] for kind in row.split(", ")}
    assert len(kinds) >= 7
    assert kinds <= listed


def test_the_readme_opens_with_a_picture_that_exists():
    picture = re.match(r"# wcdfa\n\n!\[[^]]+\]\(([^)]+)\)", README)
    assert (ROOT / picture[1]).read_bytes()[:4] == b"\x89PNG"
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("http") or (ROOT / link).exists(), link


def test_the_three_uses_are_twelve_lines_that_run(capsys):
    for framework in ("optax", "tensorflow"):
        require(framework)
    from wcdfa.backends.optax import monitor

    (code,) = blocks("python", README)
    assert len(code.splitlines()) <= 12
    optax, tf, jnp = require("optax"), require("tensorflow"), require("jax.numpy")
    norms = wcdfa.synthetic.arfima(500, d=0.5, seed=0)
    with require("jax").enable_x64(False):  # as a reader has it; tests of the core switch it on
        tx = monitor(optax.adamw(1e-3))
        params = jnp.zeros(50)
        opt_state = tx.init(params)
        step = require("jax").jit(tx.update)
        for key in require("jax").random.split(require("jax").random.key(0), 200):
            updates, opt_state = step(require("jax").random.normal(key, params.shape), opt_state, params)
            params = optax.apply_updates(params, updates)
        scope = {"norms": norms, "opt_state": opt_state, "new": [tf.constant([3.0, 4.0])], "old": [tf.constant([0.0, 0.0])]}
        exec(code, scope)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"{wcdfa.dfa(norms).alpha} {wcdfa.dfa(norms).low} {wcdfa.dfa(norms).high}"
    assert "α = " in second
    assert third == "None None"  # of one norm
    assert scope["watch"].get_signal().tolist() == [5.0]


def test_the_line_that_the_readme_quotes_is_what_a_verdict_says():
    norms = wcdfa.nulls.optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1)[0]
    line = str(wcdfa.verdict(norms, optimizer="sgd", momentum=0.9))
    assert f"`{line}`" in README
    assert blocks("text", (DOCS / "start.md").read_text()) == [line + "\n"]


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 120


def test_no_figure_is_left_open():
    """A figure that is still to be measured stands there in capitals."""
    assert set(re.findall(r"\b[A-Z]{3,}[0-9E]*\b", README)) <= NAMES


def test_the_first_own_alpha_takes_three_commands(tmp_path):
    """`.ci/run` does the same in an environment of its own, the installation too."""
    (block,) = blocks("sh", section("Your first α"))
    install, *commands = block.splitlines()
    assert install == "pip install '.[cli]'"
    assert len(commands) == 2
    write_log(tmp_path / "run.jsonl")
    analyze, report = (run(*shlex.split(line)[1:], cwd=tmp_path) for line in commands)
    assert (analyze.returncode, report.returncode) == (0, 0)
    assert "last window: " in analyze.stdout
    assert (tmp_path / "run-wcdfa.png").is_file()
    assert (tmp_path / "report.html").stat().st_size < 5e6


@pytest.mark.slow
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
