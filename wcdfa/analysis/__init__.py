"""Analyzes recorded runs: judges each series of a log, many logs at once, and compares runs."""

from wcdfa.analysis.comparison import Comparison, Difference, compare
from wcdfa.analysis.results import as_json
from wcdfa.analysis.series import Analysis, Settings, analyze

__all__ = ["Analysis", "Comparison", "Difference", "Settings", "analyze", "as_json", "compare"]
