"""The α of a run whose only memory is that of its optimizer: short, so 0.5."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa


@pytest.mark.parametrize(("optimizer", "hyperparameters"), [("sgd", {"momentum": 0.9}), ("adamw", {"betas": (0.9, 0.95)})])
def test_momentum_is_no_long_memory(optimizer, hyperparameters):
    """Robust DFA of windows of 500 finds about 1 on the same norms."""
    runs = wcdfa.nulls.optimizer_norms(5000, optimizer=optimizer, replicates=10, seed=0, **hyperparameters)
    found = [wcdfa.run_alpha(norms) for norms in runs]
    assert np.mean([each.alpha for each in found]) == pytest.approx(0.5, abs=0.05)
    assert sum(each.low <= 0.5 <= each.high for each in found) >= 7
    assert not any(each.regime in ("critical", "ordered") for each in found)
    assert np.mean(wcdfa.dfa(np.log(runs[:, :500])).alpha) > 0.8
