"""Mundane runs: norms of training in which nothing remarkable happens, to judge verdicts with.

Written apart from wcdfa, of which nothing is imported here, so that a mistake of its replay cannot hide in both.

    from benchmarks.mundane import windows
    from benchmarks.mundane.gradients import White
    from benchmarks.mundane.optimizers import SGD
    from benchmarks.mundane.schedules import WarmupCosine

    made = windows(SGD(momentum=0.9), White(mean=0.1), runs=400, window=500, first=0, seed=0, schedule=WarmupCosine())
    made.norms, made.lr, made.steps, SGD(momentum=0.9).keywords  # what wcdfa.verdict takes

A script of this folder's parent imports the same from ``mundane``. `noise` holds series of known exponent.
"""

from .runs import Windows, windows

__all__ = ["Windows", "windows"]
