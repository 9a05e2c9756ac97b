"""Recorded runs: each series from the log to the verdict, many at once, and one against another."""

from wcdfa.analysis.series import Analysis, Settings, analyze, as_json

__all__ = ["Analysis", "Settings", "analyze", "as_json"]
