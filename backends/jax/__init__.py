"""JAX: ‖ΔW‖ of parameter trees, and the optimizer null in one compiled call."""

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

__all__ = [
    "applied_change",
    "as_stored",
    "copied",
    "delta_norm",
    "group_norms",
    "optimizer_alphas",
    "parameters_of",
    "path_of",
    "root",
    "square_sum",
]
