"""How two or more series move together at each box size: detrended cross-correlation, with its nulls."""
