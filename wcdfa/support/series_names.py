"""Names the series that a recorder holds, as they are called in its memory and in its files."""

from __future__ import annotations

ALL = "all"
"""The group of all parameters. It always exists."""
BESIDE = "wcdfa_"
"""What the name of a series begins with that is no group of parameters."""
GRADIENTS = "wcdfa_gradients"
MOMENTUM, BETA1, BETA2 = "wcdfa_momentum", "wcdfa_beta1", "wcdfa_beta2"
GIVEN = "wcdfa_beside"
"""A series that a user gives beside the norms, such as the loss, is called wcdfa_beside/NAME."""
COSINE, WEIGHT_NORM, SKETCH = "wcdfa_cosine", "wcdfa_weight_norm", "wcdfa_sketch"
"""Cosine of this weight change with the last one; ‖W‖ after the step; some coordinates of the weight change, shape (window, K)."""
