"""Gets α, its interval and its p-value from F(s).

`exponent` has `dfa`. `estimators` finds α from log F(s), with the constants of `calibration`; `calibration_tables` makes these from the
`moments` of log F(s) and keeps them. A vector has one α: `vector_fluctuation` sums F²(s) over its coordinates, `effective_number` finds how many independent ones they are
worth (`effective_by_size`: at each box size), and `vector_moments` what that makes of the moments. `range_exponents` has slopes of ranges of sizes and what an autocorrelation
leads to expect of them; `sketch_exponents` measures recorded coordinates of ΔW. `rolling` measures windows, `prepared` measures prepared norms, and `legacy` works as wcdfa 0.1.0.
More than one exponent: `local_slopes`, `measured_ranges` and `crossovers`, which `single_exponent` and `bends` test, `crossover_fit` finds, and `crossover_result` tells; the
mean of F²(s) then comes from a `broken_power_law` through the `spectral_response` of the boxes.
Without F(s), `spectral_posterior` finds the α of a whole run from its spectrum (`multitaper`): `spectral_models` has the shapes that
it may have, `spectral_prior` their shares.
"""

from wcdfa.inference.calibration_tables import expected
from wcdfa.inference.exponent import DFAResult, DFAWarning, dfa
from wcdfa.inference.fluctuation_spread import spread
from wcdfa.inference.range_exponents import expected_exponents
from wcdfa.inference.sketch_exponents import VectorExponents, vector_exponents

__all__ = ["DFAResult", "DFAWarning", "VectorExponents", "dfa", "expected", "expected_exponents", "spread", "vector_exponents"]
