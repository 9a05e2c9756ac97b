"""What goes into a pipe is not wrapped, however narrow a terminal would be."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest

import wcdfa
from tests.helpers import commands
from tests.helpers.commands import PROGRAM, environment, run

LONG = "a_folder_with_a_long_name/" * 3
COMMANDS = {
    "analyze": ["analyze", f"{LONG}0.csv"],
    "details": ["analyze", f"{LONG}0.csv", "--optimizer", "sgd", "--details"],
    "many": ["analyze", LONG],
    "more than are shown": ["analyze", "many", "--no-diagnosis", "--jobs", 1],
    "compare": ["compare", f"{LONG}0.csv", f"{LONG}1.csv"],
    "folders": ["compare", LONG, "few"],
    "watch": ["watch", f"{LONG}0.csv", "--idle", 0.2, "--every", 0.1],
    "report": ["report", f"{LONG}0.csv", f"{LONG}notes.csv"],
    "explain": ["explain"],
    "one line": ["explain", "run-and-windows-lower"],
    "an error": ["analyze", f"{LONG}missing.csv"],
}
SECONDS = re.compile(r"[\d.]+ s\)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pipes")
    for place, count, n in ((LONG, 2, 600), ("few", 2, 600), ("many", 45, 60)):
        (root / place).mkdir(parents=True)
        for seed in range(count):
            norms = np.exp(0.1 * wcdfa.synthetic.white_noise(n, seed=seed + len(place)))
            rows = "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms.tolist(), start=1))
            (root / place / f"{seed}.csv").write_text(f"step,update_norm\n{rows}")
    (root / LONG / "notes.csv").write_text("a,b\n1,2\n")
    return root


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_the_width_of_a_terminal_makes_no_difference(folder, monkeypatch, arguments):
    """The same lines where a terminal would have 30 columns or 3,000; the longest is wider than 30, and no cell is left empty."""
    said = []
    for columns in ("30", "3000"):
        monkeypatch.setattr(commands, "environment", lambda cwd, columns=columns: environment(cwd) | {"COLUMNS": columns})
        done = run(*arguments, cwd=folder)
        said.append(SECONDS.sub("", done.stdout + done.stderr).splitlines())
    assert said[0] == said[1]
    assert max(map(len, said[0])) > 80
    rows = [line for line in said[0] if line.startswith("│")]
    assert all(row.split("│")[1].strip() for row in rows), rows  # the second line of a wrapped row begins with an empty cell


@pytest.mark.parametrize("columns", [{}, {"COLUMNS": "30"}])
def test_a_pipe_of_a_process(folder, columns):
    variables = {name: value for name, value in environment(folder).items() if name != "COLUMNS"} | columns
    command = [*PROGRAM, "explain", "run-and-windows-lower"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=variables, timeout=240)
    assert len(done.stdout.splitlines()) == 4
    assert max(map(len, done.stdout.splitlines())) > 150


def test_a_page_of_help_is_as_wide_as_a_terminal(folder):
    assert max(map(len, run("analyze", "--help", cwd=folder).stdout.splitlines())) <= 100
