"""What it costs to start: `wcdfa --help` beside an interpreter that imports numpy, cyclopts and rich alone; bar 0.5 s.

Usage: python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

REPEATS = 10
PROGRAMS = {
    "wcdfa --help": "from wcdfa.cli.app import app; app('--help', result_action='return_value')",
    "import wcdfa": "import wcdfa",
    "its libraries": "import numpy, cyclopts, rich.console, rich.table, rich.panel",
    "import numpy": "import numpy",
}
FRAMEWORKS = ("jax", "keras", "matplotlib", "pyarrow", "tensorflow", "torch", "transformers", "wandb")


def seconds(program: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    taken = {name: statistics.median(seconds(program) for _ in range(REPEATS)) for name, program in PROGRAMS.items()}
    for name, median in taken.items():
        print(f"{name:16} {median:6.3f} s")
    print(f"help is {taken['wcdfa --help'] / taken['its libraries']:.2f} times its libraries")
    asked = PROGRAMS["wcdfa --help"] + f"; import sys; sys.stderr.write(repr(sorted(set({FRAMEWORKS!r}) & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    print(f"frameworks imported: {done.stderr}")


if __name__ == "__main__":
    main()
