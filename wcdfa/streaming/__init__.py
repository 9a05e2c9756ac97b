"""F(s) of a series that never ends or does not fit into memory: streams that are fed, merged and stored."""

from wcdfa.streaming.stream import Stream

__all__ = ["Stream"]
