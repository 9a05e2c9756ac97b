"""Programs of tests/programs, run in processes of their own: with other devices, another backend, or a new life."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NO_GPU = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}


def start(program: str, *arguments: Any, **environment: str) -> subprocess.Popen[str]:
    """Start a program with these arguments and variables of the environment."""
    command = [sys.executable, str(ROOT / "tests" / "programs" / program), *map(str, arguments)]
    environment = {**os.environ, **NO_GPU, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def printed(process: subprocess.Popen[str], seconds: float = 480) -> Any:
    """The JSON that it prints last; the end of what it said if it fails."""
    try:
        output, said = process.communicate(timeout=seconds)
    finally:
        process.kill()
    assert process.returncode == 0, said[-6000:]
    return json.loads(output.splitlines()[-1])
