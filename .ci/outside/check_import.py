"""Run from outside the checkout, with the run-time dependencies alone: the core works, and imports no framework."""

import sys

import wcdfa

assert "site-packages" in wcdfa.__file__, wcdfa.__file__
x = wcdfa.synthetic.white_noise(500, seed=0)
assert 0.3 < wcdfa.dfa(x).alpha < 0.7
assert wcdfa.WeightChangeDFA().update({"w": x}).update({"w": x + 1}).n_samples == 1
allowed = {"numpy", "array_api_compat", "wcdfa"}
frameworks = {"jax", "torch", "tensorflow", "keras", "scipy", "matplotlib", "rich", "cyclopts", "pyarrow", "pandas"}
assert not frameworks & set(sys.modules), frameworks & set(sys.modules)
print("core: imported with its run-time dependencies alone")
