"""What it takes to record programs written as public ones are: lines, digits, and the time of a step.

    python benchmarks/patterns.py [nano_gpt] [min_gpt] [clean_rl] [timm_like] [lightning_gan] [lora] [equinox_rnn] [keras_io]

The programs are in benchmarks/pattern_programs. Each is run as it is, and without the lines that are marked "# wcdfa": the weights after
every step must be the same. The norms that were recorded are compared with norms computed in float64 from all parameters after each step.
The time of a step is processor time of the whole loop, data and logging included, one thread; both programs take their steps in turn, and the figure is the
median of the paired differences over the median step without recording, ± the standard error of that median. The programs are small: what
recording adds, about the same time for any model with as many tensors, is a larger share of their steps than of those of a real model.
"""

from __future__ import annotations

import os
import sys

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ |= {"JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

import contextlib
import io
import logging
import math
import subprocess
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.pattern_programs.running import PROGRAMS, Saved, added, executed, read, recorded, without
from benchmarks.pattern_programs.turns import Turns

LINES, ERROR = 3, 1e-6
STEPS, WARM_UP = 110, 15  # steps that are timed, and those before


def report(what: str, met: bool | None = None) -> None:
    print(f"  {'     ' if met is None else 'ok   ' if met else 'SHORT'} {what}", flush=True)


def measure(name: str) -> None:
    style, _ = PROGRAMS[name]
    print(f"{style} ({name}.py)", flush=True)
    lines = added(name)
    report(f"lines added: {len(lines)} (bar <= {LINES})", len(lines) <= LINES)
    text, reader = recorded(name, answer=True)
    saved, bare, said = Saved(), Saved(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        norms = read(executed(text, saved), reader)
        answer = said.getvalue().splitlines()[-1]
        executed(without(name), bare)
    error = float(np.max(np.abs(norms / saved.norms - 1))) if len(norms) == len(saved.norms) else math.inf
    report(f"norms: {len(norms)} of {len(saved.norms)}, largest relative error {error:.1e} (bar <= {ERROR:.0e})", error <= ERROR)
    same = bare.squares == saved.squares and np.array_equal(bare.last, saved.last)
    report(f"weights with and without: {'the same at every step' if same else 'not the same'} (bar: the same)", same)
    report(f"answer: {answer}")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        times = Turns(WARM_UP + STEPS).run((without(name), recorded(name)[0]))
    report(overhead(*(np.array(each[WARM_UP:]) for each in times)))


def overhead(bare: np.ndarray, ours: np.ndarray) -> str:
    """What a step takes more, in per cent of the bare step."""
    differences, middle = ours - bare, float(np.median(bare))
    more = float(np.median(differences))
    error = 1.2533 * 1.4826 * float(np.median(np.abs(differences - more))) / math.sqrt(len(differences))
    return f"step: {1e3 * middle:.2f} ms, recorded {100 * more / middle:+.1f} ± {100 * error / middle:.1f} % ({1e6 * more:+.0f} µs)"


def available(name: str) -> bool:
    done = subprocess.run([sys.executable, "-c", f"import {PROGRAMS[name][1]}"], capture_output=True, check=False)
    return done.returncode == 0


def main() -> None:
    if unknown := set(sys.argv[1:]) - set(PROGRAMS):
        sys.exit(f"no program is called {min(unknown)!r}; there are {', '.join(PROGRAMS)}")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    if len(sys.argv) == 2:
        measure(sys.argv[1])
        return
    for name in sys.argv[1:] or PROGRAMS:  # each in a process of its own, so that no framework slows another
        if available(name):
            subprocess.run([sys.executable, __file__, name], check=True)
        else:
            print(f"{PROGRAMS[name][0]}: left out, {PROGRAMS[name][1]} is not installed", flush=True)


if __name__ == "__main__":
    main()
