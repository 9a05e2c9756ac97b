"""Gets α, its interval and its p-value from F(s).

`exponent` has `dfa`. `estimators` finds α from log F(s), with the constants of `calibration`; `calibration_tables` makes these from the
`moments` of log F(s) and keeps them. `rolling` measures windows, `prepared` measures prepared norms, and `legacy` works as wcdfa 0.1.0.
Without F(s), `spectral_posterior` finds the α of a whole run from its spectrum (`multitaper`): `spectral_models` has the shapes that
it may have, `spectral_prior` their shares.
"""

from wcdfa.inference.calibration_tables import expected
from wcdfa.inference.exponent import DFAResult, DFAWarning, dfa
from wcdfa.inference.fluctuation_spread import spread

__all__ = ["DFAResult", "DFAWarning", "dfa", "expected", "spread"]
