"""What must be taken out of recorded norms before their exponent means anything."""

from wcdfa.preprocess.preparation import LEAST, Prepared, prepare, with_usable_rates

__all__ = ["LEAST", "Prepared", "prepare", "with_usable_rates"]
