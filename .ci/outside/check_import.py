"""Run from outside the checkout, with the run-time dependencies alone: the core works, and imports no framework."""

import sys

import wcdfa

assert "site-packages" in wcdfa.__file__, wcdfa.__file__
x = wcdfa.synthetic.white_noise(500, seed=0)
for method in ("robust", "gls", "ols"):  # the calibrations ship with the wheel
    result = wcdfa.dfa(x, method=method)
    assert result.low < 0.5 < result.high, result
assert wcdfa.WeightChangeDFA().update({"w": x}).update({"w": x + 1}).n_samples == 1
allowed = {"numpy", "array_api_compat", "wcdfa"}
frameworks = {"jax", "torch", "tensorflow", "keras", "scipy", "matplotlib", "rich", "cyclopts", "pyarrow", "pandas"}
assert not frameworks & set(sys.modules), frameworks & set(sys.modules)
print("core: imported with its run-time dependencies alone")
