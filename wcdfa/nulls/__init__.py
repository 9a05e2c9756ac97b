"""Nulls: the α that the optimizer alone, chance alone or short memory alone would give."""

from wcdfa.nulls.nulls import NullResult, ShortMemory, compare, optimizer_alphas, optimizer_null, short_memory, shuffled
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.replay import optimizer_norms

__all__ = [
    "NullResult",
    "Optimizer",
    "ShortMemory",
    "compare",
    "optimizer_alphas",
    "optimizer_norms",
    "optimizer_null",
    "short_memory",
    "shuffled",
]
