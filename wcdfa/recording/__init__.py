"""Records the norms of a run.

- ring.py: `Ring`, the last norms in arrays of a fixed size, with pure functions `init`, `record`, `extend` and `read`.
- reading.py: `Reading`, the content of a ring as NumPy arrays, with its verdict and α.
- side_series.py: names what a ring holds beside the norms: gradient norms, and momentum and betas that may vary.
- groups.py: `members_of` assigns parameters to groups; `ALL` is the group of all parameters.
- recorder.py: collects the norms that `wcdfa.WeightChangeDFA.update` receives; parameters.py measures how far parameters have moved.
- protocols.py: the recipe for a new framework.
- cadence.py: decides when something is due. history.py: every α of a monitor.
"""

from wcdfa.recording.groups import ALL, members_of
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import Ring, extend, init, read, record

__all__ = ["ALL", "Reading", "Ring", "extend", "init", "members_of", "read", "record"]
