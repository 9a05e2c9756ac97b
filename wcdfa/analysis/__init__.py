"""Recorded runs: each series from the log to the verdict, many at once, and one against another."""

from wcdfa.analysis.comparison import Comparison, Difference, compare
from wcdfa.analysis.results import as_json
from wcdfa.analysis.series import Analysis, Settings, analyze

__all__ = ["Analysis", "Comparison", "Difference", "Settings", "analyze", "as_json", "compare"]
