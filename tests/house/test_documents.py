"""What the documents say is executed: the README's code and commands, and the notebooks."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import jupytext
import pytest
from sklearn.datasets import load_digits

import wcdfa
from tests.conftest import require
from tests.helpers.commands import run
from tests.helpers.documents import DOCS, ROOT, blocks, write_log
from wcdfa.verdicts import findings

README = (ROOT / "README.md").read_text()
NAMES = {"CHANGELOG", "SGD", "CONTRIBUTING", "DFA", "JAX", "JSON", "MFDFA", "MIT", "MNE", "RELEASING", "SECURITY"}


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


def test_the_readme_says_whose_problem_it_solves_and_shows_a_fault():
    opening = re.match(r"# wcdfa\n\n\*\*([^*\n]+\.)\*\*\n\n!\[[^]]+\]\(([^)]+)\)", README)
    assert opening[1] in (DOCS / "index.md").read_text()
    assert (ROOT / opening[2]).read_bytes()[:4] == b"\x89PNG"
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("http") or (ROOT / link).exists(), link


def test_the_three_lines_find_the_fault_that_the_readme_shows(capsys):
    """A real training that forgets `zero_grad`, as in the sixth notebook; the README quotes what is printed of it."""
    torch = require("torch")
    lines = [line for line in blocks("python", README)[0].splitlines() if line]
    assert len(lines) == 3
    images, labels = load_digits(return_X_y=True)
    images, labels = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    scope = {"optimizer": (optimizer := torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99)))}
    exec("\n".join(lines[:2]), scope)
    order = torch.Generator().manual_seed(1)
    for step in range(500):
        if step % 4 == 0:
            optimizer.zero_grad()
        batch = torch.randint(len(labels), (50,), generator=order)
        torch.nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    exec(lines[2], scope)
    (quoted,) = blocks("text", README)
    assert quoted.strip() in capsys.readouterr().out


def test_what_the_readme_does_with_norms_runs(capsys):
    exec(blocks("python", README)[1], {"norms": wcdfa.synthetic.arfima(500, d=0.5, seed=0)})
    assert len(capsys.readouterr().out.split()) == 3


def test_the_line_that_the_start_quotes_is_what_a_verdict_says():
    norms = wcdfa.nulls.optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1)[0]
    line = str(wcdfa.verdict(norms, optimizer="sgd", momentum=0.9))
    assert blocks("text", (DOCS / "start.md").read_text()) == [line + "\n"]


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 120


def test_each_heading_of_the_readme_stands_once_and_has_text_below():
    headings = re.findall(r"^## .*$", README, flags=re.MULTILINE)
    assert len(set(headings)) == len(headings) > 5
    assert not re.search(r"^## [^\n]*\n\s*(## |\Z)", README, flags=re.MULTILINE)


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
