"""Computes F(s), the fluctuation function of detrended fluctuation analysis, on any array library.

`fluctuation` checks the series and chooses the method. `side_by_side` and `half_overlap` compute all sizes together in O(n), with the
constants of their plans; `boxes` fits any layout, one size at a time. `box_residuals` keeps the residual of every box, from which
`moments` makes F(s) of any moments. `arrays` and `protocols` define what an array library must offer.
"""

from wcdfa.kernel.fluctuation import fluctuations

__all__ = ["fluctuations"]
