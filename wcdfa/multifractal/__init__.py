"""Many moments of F(s): the generalised exponents h(q) and the spectrum f(α), with intervals and nulls."""
