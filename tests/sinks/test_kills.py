"""A few of the kills and resumes that the benchmarks count by the hundred: nothing promised is lost, damaged or left over."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from tests.helpers.processes import NO_GPU, ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def printed(script, *arguments):
    """What a benchmark prints; it ends with an error if a bar is missed."""
    command = [sys.executable, ROOT / "benchmarks" / script, *arguments]
    environment = {**os.environ, **NO_GPU, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


def test_processes_that_are_killed():
    parts = ["save", "jsonl", "shared", *(["parquet"] if importlib.util.find_spec("pyarrow") else [])]
    lines = printed("kills.py", *parts, "--trials", "8", "--seed", "1").splitlines()
    found = [line for line in lines if re.search(r" 0 lost,   0 damaged,   0 left ", line)]
    assert [line.split()[0] for line in found] == parts


def test_processes_that_resume_at_once():
    assert re.search(r"JSONLinesSink +0 lines lost,   0 torn; in 0 of 6 trials", printed("resumes.py", "--trials", "6"))
