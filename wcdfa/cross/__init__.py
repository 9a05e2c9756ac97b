"""How two or more series move together at each box size: detrended cross-correlation, with its nulls.

`fluctuation` computes the signed F²xy(s). `coupling` sets the coefficient ρ(s) against the pairs without coupling that `null` simulates:
`frame` says which samples are compared, at which lags and in which boxes, `series` prepares the two sides, `compare` finds intervals and
p-values, `exponent` the cross-exponent λ, `result` holds all that and `sentences` says it.
"""

from wcdfa.cross.coupling import Coupling, coupling
from wcdfa.cross.fluctuation import cross_fluctuations

__all__ = ["Coupling", "coupling", "cross_fluctuations"]
