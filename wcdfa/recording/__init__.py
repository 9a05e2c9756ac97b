"""The norms of a run as they come in.

- ring.py: `Ring`, the last norms in arrays of a fixed size, with pure functions `init`, `record`, `extend` and `read`.
- reading.py: `Reading`, what a ring holds as NumPy arrays, with its verdict and α.
- groups.py: `members_of`, which parameters belong to which group; `ALL` is the group of all parameters.
- recorder.py: collects what `wcdfa.WeightChangeDFA.update` is given; parameters.py measures how far parameters have moved.
- protocols.py: what a new framework must bring, as a recipe.
- cadence.py: when something is due. history.py: every α of a monitor.
"""

from wcdfa.recording.groups import ALL, members_of
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import Ring, extend, init, read, record

__all__ = ["ALL", "Reading", "Ring", "extend", "init", "members_of", "read", "record"]
