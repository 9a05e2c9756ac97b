"""Prepares recorded norms for `dfa`: finds what would distort the exponent, removes it and reports it."""

from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import LEAST, Prepared, prepare, with_usable_rates

__all__ = ["LEAST", "Preparation", "Prepared", "prepare", "with_usable_rates"]
