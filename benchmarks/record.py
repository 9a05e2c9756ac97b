"""Runs a benchmark and keeps what it prints in benchmarks/results, from which the page on benchmarks is made.

    python benchmarks/record.py speed [what the benchmark is given]

Above the output stand the command, the day, the machine with its load, and the versions of the packages that are measured.
What was kept before is replaced only by a run that ends well.
"""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
PEERS = (
    *(
        "numpy",
        "scipy",
        "jax",
        "optax",
        "torch",
        "tensorflow-cpu",
        "keras",
        "nolds",
        "antropy",
        "fathon",
        "MFDFA",
        "neurokit2",
        "statsmodels",
    ),
    *("wandb", "tensorboard", "mlflow-skinny", "trackio", "pandas", "safetensors", "tensorstore", "distributed"),
)


def main() -> None:
    name, *arguments = sys.argv[1:]
    script = HERE / f"{Path(name).stem}.py"
    if not script.is_file():
        sys.exit(f"there is no benchmark {name!r}; there are {', '.join(sorted(path.stem for path in HERE.glob('*.py')))}")
    load = os.getloadavg()[0]
    done = subprocess.run([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    if done.returncode:
        sys.exit(f"{script.name} ended with status {done.returncode}: nothing is kept")
    given = " ".join("<folder>" if Path(each).is_dir() else "<file>" if Path(each).is_file() else each for each in arguments)
    head = [
        f"python benchmarks/{script.name} {given}".rstrip(),
        f"{datetime.date.today()}, {_processor()}, {os.cpu_count()} cores, load {load:.1f} when it began",
        f"Python {platform.python_version()}, {', '.join(_versions())}",
    ]
    target = HERE / "results" / f"{script.stem}.txt"
    target.write_text("\n".join([*head, "", *(line.rstrip() for line in done.stdout.strip("\n").splitlines())]) + "\n")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> list[str]:
    found = []
    for name in PEERS:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
