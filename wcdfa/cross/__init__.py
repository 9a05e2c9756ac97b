"""How two or more series move together at each box size: detrended cross-correlation, with its nulls.

`fluctuation` computes the signed F²xy(s). `coupling` compares the coefficient ρ(s) with that of pairs without coupling, which `null` simulates:
`frame` says which samples are compared, at which lags and in which boxes, `series` prepares the two sides, `compare` finds intervals and
p-values, `exponent` finds the cross-exponent λ, `result` holds all of it and `sentences` says it in words. `matrix` takes several series:
`all_pairs` computes ρ(s) of their pairs, and `partial` what is left of it when the others are taken out.
"""

from wcdfa.cross.coupling import Coupling, coupling
from wcdfa.cross.fluctuation import cross_fluctuations
from wcdfa.cross.matrix import CouplingMatrix, coupling_matrix

__all__ = ["Coupling", "CouplingMatrix", "coupling", "coupling_matrix", "cross_fluctuations"]
