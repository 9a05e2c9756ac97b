"""Recorded series: from a file or folder to numbers in the order of their steps."""

from wcdfa.readers.discovery import Source, sources
from wcdfa.readers.series import RecordedSeries, read_series, series_of

__all__ = ["RecordedSeries", "Source", "read_series", "series_of", "sources"]
