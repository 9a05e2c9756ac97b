"""Reads recorded series: finds logs in a file or folder, and gives their numbers in the order of the steps."""

from wcdfa.readers.discovery import Source, sources
from wcdfa.readers.series import RecordedSeries, read_series, series_of

__all__ = ["RecordedSeries", "Source", "read_series", "series_of", "sources"]
