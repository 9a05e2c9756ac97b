"""What it costs to start, from a wheel in an environment of its own: ``import wcdfa`` beside ``import numpy`` (bar 1.15), help (bar 0.5 s).

Usage: python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

REPEATS = 15
ROOT = Path(__file__).parents[1]
PROGRAMS = {
    "nothing": "pass",
    "import numpy": "import numpy",
    "import wcdfa": "import wcdfa",
    "import wcdfa; wcdfa.dfa": "import wcdfa; wcdfa.dfa",
    "import wcdfa; all of it": "import wcdfa; [getattr(wcdfa, name) for name in wcdfa.__all__]",
    "its libraries": "import numpy, cyclopts, rich.console, rich.table, rich.panel",
    "wcdfa --help": "from wcdfa.cli.app import app; app('--help', result_action='return_value')",
}
FRAMEWORKS = ("jax", "keras", "matplotlib", "pyarrow", "tensorflow", "torch", "transformers", "wandb")


def installed(folder: str) -> str:
    """The interpreter of an environment in which the wheel of this checkout is installed, with its command line."""
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", folder, ROOT], check=True)
    venv.create(Path(folder, "env"), with_pip=True)
    python = Path(folder, "env", "Scripts" if sys.platform == "win32" else "bin", "python")
    (wheel,) = Path(folder).glob("*.whl")
    subprocess.run([python, "-m", "pip", "-q", "--disable-pip-version-check", "install", f"{wheel}[cli]"], check=True)
    return str(python)


def seconds(python: str, program: str) -> float:
    start = time.perf_counter()
    subprocess.run([python, "-I", "-c", program], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        python = installed(folder)
        rounds = [{name: seconds(python, program) for name, program in PROGRAMS.items()} for _ in range(REPEATS)]
        taken = {name: statistics.median(each[name] for each in rounds) for name in PROGRAMS}
        for name, median in taken.items():
            print(f"{name:24} {median:6.3f} s, {median / taken['import numpy']:.2f} times import numpy")
        print(f"help is {taken['wcdfa --help'] / taken['its libraries']:.2f} times its libraries")
        asked = PROGRAMS["wcdfa --help"] + f"; import sys; sys.stderr.write(repr(sorted(set({FRAMEWORKS!r}) & set(sys.modules))))"
        done = subprocess.run([python, "-I", "-c", asked], check=True, capture_output=True, text=True)
        print(f"frameworks imported: {done.stderr}")


if __name__ == "__main__":
    main()
