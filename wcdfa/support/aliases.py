"""Names of types that many signatures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Series: TypeAlias = "npt.NDArray[np.float64]"  # strings: numpy.typing takes 0.5 ms to import,
Seed: TypeAlias = "int | np.random.Generator"  # and numpy.random 15 ms
