"""Prepares recorded norms for `dfa`: finds what would distort the exponent, removes it and reports it."""

from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import Prepared, prepare, with_usable_rates
from wcdfa.support.shortest import LEAST

__all__ = ["LEAST", "Preparation", "Prepared", "prepare", "with_usable_rates"]
