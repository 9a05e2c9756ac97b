"""F(s) of a series that never ends or does not fit into memory: streams that are fed, merged and stored."""

from wcdfa.streaming.sources import of_dask, of_file
from wcdfa.streaming.stream import Stream

__all__ = ["Stream", "of_dask", "of_file"]
