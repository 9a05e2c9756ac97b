"""The command line as a user runs it: in this process, which is quick, or in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

# where the tests run in the background of a shell, SIGINT is ignored, and processes inherit that
INTERRUPTIBLE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
PROGRAM = [sys.executable, "-W", "error", "-c", f"{INTERRUPTIBLE}; from wcdfa.cli.app import main; main()"]


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def environment(cwd: Path) -> dict[str, str]:
    """What a command needs, and nothing of the user's."""
    kept = {name: os.environ[name] for name in ("WCDFA_CACHE_DIR", "PYTHONPATH", "OMP_NUM_THREADS") if name in os.environ}
    return {"PATH": "", "COLUMNS": "100", "MPLCONFIGDIR": str(cwd), "PYTHONIOENCODING": "utf-8", "HOME": str(cwd), **kept}


def run(*arguments: object, cwd: Path) -> Done:
    """Run a command in this process; pytest makes each warning an error, as PROGRAM does."""
    from wcdfa.cli.app import main

    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    told = patch.object(sys, "argv", ["wcdfa", *map(str, arguments)]), patch.dict(os.environ, environment(cwd), clear=True)
    with chdir(cwd), redirect_stdout(stdout), redirect_stderr(stderr), told[0], told[1]:
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code
    return Done(code if isinstance(code, int) else int(code is not None), _said(stdout), _said(stderr))


def run_process(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, to its end."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment(cwd), timeout=240)


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment(cwd))


def _said(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
