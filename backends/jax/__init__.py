"""JAX: ‖ΔW‖ of parameter trees, and the optimizer null in one compiled call."""

from wcdfa.support.extras import needed

with needed("wcdfa.backends.jax", "wcdfa[jax]"):
    import jax  # noqa: F401 - fails here if it is missing

from wcdfa.backends.jax.norms import (
    applied_change,
    as_stored,
    copied,
    delta_norm,
    group_norms,
    parameters_of,
    path_of,
    root,
    square_sum,
)
from wcdfa.backends.jax.null import optimizer_alphas
from wcdfa.backends.jax.sampling import direction_of, sampled

__all__ = [
    "applied_change",
    "as_stored",
    "copied",
    "delta_norm",
    "direction_of",
    "group_norms",
    "optimizer_alphas",
    "parameters_of",
    "path_of",
    "root",
    "sampled",
    "square_sum",
]
