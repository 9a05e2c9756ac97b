"""Faults put into real trainings, what is recorded of these, and how well each statistic finds the fault.

    from benchmarks.fault_runs import faults, loading, trainings

    recorded = loading.run(folder, "mlp", "adamw_99", "batch twice", seed=0)  # baseline and what follows, one dict of arrays
    recorded["norms"], recorded["groups"]["0.weight"], recorded["cosine"], recorded["steps"]

`trainings` holds the data sets, models and learning rates, `faults` the faults, `recording` what is measured at every step, `runs` which
runs there are and where they are kept, `statistics` and `detection` what finds a fault. A script of this folder's parent imports the same
from ``fault_runs``.
"""
