"""The norms of a run as they come in: parameters, groups, the ring, readings."""

from wcdfa.recording.groups import ALL, members_of
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import Ring, extend, init, read, record

__all__ = ["ALL", "Reading", "Ring", "extend", "init", "members_of", "read", "record"]
