"""From F(s) to α, its interval and its p-value.

`exponent` has `dfa`; `estimators` finds α in log F(s) with the constants of `calibration`, which `calibration_tables` makes from the
`moments` of log F(s) and keeps. `rolling` measures windows, `prepared` what `wcdfa.preprocess` gives, `legacy` as wcdfa 0.1.0 did.
"""

from wcdfa.inference.calibration_tables import expected
from wcdfa.inference.exponent import DFAResult, DFAWarning, dfa
from wcdfa.inference.fluctuation_spread import spread

__all__ = ["DFAResult", "DFAWarning", "dfa", "expected", "spread"]
