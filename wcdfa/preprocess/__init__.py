"""What must be taken out of recorded norms before their exponent means anything."""

from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import LEAST, Prepared, prepare, with_usable_rates

__all__ = ["LEAST", "Preparation", "Prepared", "prepare", "with_usable_rates"]
