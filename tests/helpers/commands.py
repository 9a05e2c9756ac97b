"""The command line as a user runs it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-W", "error", "-c", "from wcdfa.cli.app import main; main()"]


def environment(cwd: Path) -> dict[str, str]:
    """What it needs, and nothing of the user's."""
    kept = {name: os.environ[name] for name in ("WCDFA_CACHE_DIR", "PYTHONPATH") if name in os.environ}
    return {"PATH": "", "COLUMNS": "100", "MPLCONFIGDIR": str(cwd), "PYTHONIOENCODING": "utf-8", "HOME": str(cwd), **kept}


def run(*arguments: Any, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment(cwd), timeout=240)


def start(*arguments: Any, cwd: Path) -> subprocess.Popen[str]:
    """Start a command."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment(cwd))
