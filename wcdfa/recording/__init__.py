"""The norms of a run as they come in: parameters, groups, the ring, readings."""
