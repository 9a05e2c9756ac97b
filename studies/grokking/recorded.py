"""What a run leaves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from studies.common.measures import Floats

EVERY = 50  # steps between two evaluations


class Recorded(NamedTuple):
    """One number for each step, or for each evaluation, which are EVERY steps apart."""

    norms: Floats
    """‖ΔW‖ as applied."""
    loss: Floats
    gradient: Floats
    """Norm of the gradient."""
    cosine: Floats
    """Between a weight change and the one before."""
    sketch: Floats
    """Of shape (steps, coordinates): the same random coordinates of each weight change."""
    train: Floats
    """Accuracy on the pairs for training, from here on at each evaluation."""
    test: Floats
    weights: Floats
    """‖W‖."""

    def followed_by(self, more: Recorded) -> Recorded:
        """Join what was recorded later."""
        return Recorded(*(np.concatenate(each) for each in zip(self, more, strict=True)))
