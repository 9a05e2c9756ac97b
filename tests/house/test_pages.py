"""The pages of the site: their programs and commands run as a reader would run them, each page in a folder of its own."""

from __future__ import annotations

import gzip
import importlib.util
import os
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from studies.common.arguments import parsed
from studies.common.study import NAMES
from tests.helpers.commands import PROGRAM, environment, run
from tests.helpers.documents import DOCS, PAGES, ROOT, blocks, extras, fenced, write_log

TABS = DOCS / "start.md"  # each of its programs stands alone
FRAMEWORKS = (
    *("jax", "keras", "lightning", "mlflow", "mne", "optax", "pandas", "polars", "sklearn", "tensorflow", "torch", "trackio"),
    *("transformers", "wandb", "xarray"),
)
RUN = [
    page for page in PAGES if {"python", "sh"} & {block.kind for block in fenced(page.read_text())} and page.parent.name != "api"
]
KINDS = {"python", "sh", "text"}  # the first two are run here, and `{code-cell} python` by the build of the site


def start(program, folder):
    for name in FRAMEWORKS:
        if re.search(rf"^(import|from) {name}\b", program, flags=re.MULTILINE) and importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    (folder / "page.py").write_text(program)
    own = {"HOME": str(folder), "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    own |= {
        "HF_HUB_OFFLINE": "1",
        "TRACKIO_DIR": str(folder),
        "WANDB_DIR": str(folder),
        "WANDB_SILENT": "true",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def piped(before, arguments, folder):
    """Run a command on what another program prints."""
    printed = subprocess.run(shlex.split(before), cwd=folder, capture_output=True, check=True, timeout=60).stdout.decode()
    command = [*PROGRAM, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), input=printed, capture_output=True, text=True, check=False, timeout=240
    )


def write_logs(folder):
    """run.jsonl and three runs, where the page has not made its own, a sweep, and what a program printed."""
    logs = [Path("run.jsonl")] if not (folder / "run.jsonl").exists() else []
    logs += [Path("runs", f"seed={seed}.jsonl") for seed in range(3)] if not (folder / "runs").exists() else []
    logs += [Path("sweep", f"lr={rate}", f"seed={seed}.jsonl") for rate in (0.1, 0.3) for seed in range(2)]
    for seed, log in enumerate(logs):
        (folder / log).parent.mkdir(parents=True, exist_ok=True)
        write_log(folder / log, seed=seed)
    (folder / "run.jsonl.gz").write_bytes(gzip.compress((folder / "run.jsonl").read_bytes()))
    drawn = random.Random(0)
    norms = [drawn.lognormvariate(0, 0.1) for _ in range(1200)]
    lines = (f"<{step}> |g|={norm} eta=0.1 grad_norm: {norm}" for step, norm in enumerate(norms))
    (folder / "train.log").write_text("\n".join(lines) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("program", blocks("python", TABS.read_text()))
def test_each_tab_is_a_whole_program(program, tmp_path):
    assert re.search(r"α = \d\.\d\d \(\d\.\d\d–\d\.\d\d\)", start(program, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_programs_and_commands(page, tmp_path):
    text = page.read_text()
    if page.stem == "recorded_runs":  # whose program reads a log
        write_logs(tmp_path)
    if page != TABS and (program := "\n".join(blocks("python", text))):
        start(program, tmp_path)
    write_logs(tmp_path)
    for line in (line for block in blocks("sh", text) for line in block.splitlines()):
        before, _, command = line.rpartition(" | ")
        program, *arguments = shlex.split(command)
        if program == "pip":
            assert arguments[0] == "install"
            continue
        if [program, *arguments[:2]] == ["python", "-m", "studies"]:  # hours of runs: tests/studies tries them
            assert set(parsed(arguments[2:], "").names) <= set(NAMES), line
            continue
        assert program == "wcdfa", line
        done = piped(before, arguments, tmp_path) if before else run(*arguments, cwd=tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_extras_named_in_the_text_exist():
    for page in PAGES:
        for names in re.findall(r"pip install \'\.\[([a-z,]+)\]\'", page.read_text()):
            assert set(names.split(",")) <= set(extras()), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_is_of_a_kind_that_is_executed_or_is_output(page):
    for block in fenced(page.read_text()):
        if not re.fullmatch(r"\{(image|toctree|literalinclude|include)\}.*", block.kind):
            assert block.kind in KINDS | {"{code-cell} python"}, block
        if block.kind == "{code-cell} python":
            assert "file_format: mystnb" in page.read_text()
