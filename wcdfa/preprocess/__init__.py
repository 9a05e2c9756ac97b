"""Preparing recorded norms for `dfa`: what would distort the exponent is found, taken out and reported."""

from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import LEAST, Prepared, prepare, with_usable_rates

__all__ = ["LEAST", "Preparation", "Prepared", "prepare", "with_usable_rates"]
