"""What the optimizer alone gives for the last α of a monitor, as numbers for trackers."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from wcdfa.monitor.computing import Computation
from wcdfa.preprocess.preparation import Prepared, with_usable_rates
from wcdfa.recording.groups import ALL
from wcdfa.recording.reading import Reading, rates
from wcdfa.verdicts.alongside import Alongside
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.expected_band import expected_band


def of_expected(run: Computation) -> dict[str, float]:
    """The band of α that the optimizer alone gives, and p of the window against it; empty if the optimizer is not known or not comparable.

    Nothing is replayed for it: see `wcdfa.verdicts.expected_band`.
    """
    reading, prepared, outcome = run.measured_from, run.prepared.get(ALL), run.outcomes[ALL]
    if reading is None or reading.optimizer is None or not isinstance(prepared, Prepared) or outcome.reason is not None:
        return {}
    criteria = _criteria(run.criteria, reading)
    if criteria is None:
        return {}
    with np.errstate(all="ignore"):
        band = expected_band(prepared, outcome.result, criteria, _beside(reading))
    if band is None:
        return {}
    return {"wcdfa/expected_low": band.low, "wcdfa/expected_high": band.high, "wcdfa/p": band.p_value}


def _criteria(criteria: Criteria, reading: Reading) -> Criteria | None:
    """The criteria of the monitor, with the optimizer of the reading and the steps that it has taken; None if it cannot be replayed."""
    start = {} if reading.taken is None else {"start": int(reading.taken)}
    with suppress(ValueError, TypeError):  # hyperparameters that the optimizer does not take
        return criteria.changed(**reading.naming(start))
    return None


def _beside(reading: Reading) -> Alongside:
    own = with_usable_rates(reading.norms, rates(reading))[1]
    return Alongside(lr=own, steps=reading.steps, counted=reading.taken is not None, varying=dict(reading.varying))
