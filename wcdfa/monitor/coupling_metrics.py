"""How closely the norms of the last α move together with what was given beside them, as numbers for trackers."""

from __future__ import annotations

from wcdfa.monitor.computing import Computation
from wcdfa.support.failures import Failures

REPLICATES = 199  # fewer than for a reader, since training waits: p is at least 0.005
_failures = Failures()


def of_coupling(run: Computation) -> dict[str, float]:
    """Numbers for each series: p over all box sizes, and ρ at the box size where it is clearest; NaN where the two were not compared.

    Nothing is computed unless a series was given.
    """
    reading = run.measured_from
    if reading is None or not reading.beside:
        return {}
    numbers: dict[str, float] = {}
    criteria = run.criteria
    for name in reading.beside:
        try:
            found = reading.coupling(
                name, preparation=criteria.preparation, order=criteria.measurement.order, replicates=REPLICATES
            )
        except Exception as error:  # noqa: BLE001 - no error here may end the training run
            _failures.log(f"the coupling with {name!r}", error)
            continue
        size, rho, _, _ = found.clearest
        keys = {"p": found.p_value, "rho": rho, "size": float(size)}
        numbers |= {f"wcdfa/coupling/{name}/{key}": value for key, value in keys.items()}
    return numbers
