"""The compiled replay gives the α of the other one, for each kind of memory, and ages with it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.conftest import require
from wcdfa.nulls import nulls
from wcdfa.nulls.update_rules import Adafactor


@pytest.fixture
def compiled():
    require("jax")
    from wcdfa.backends.jax.null import optimizer_alphas

    return lambda *args, **options: np.asarray(optimizer_alphas(*args, **options))


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        ("adam", {"amsgrad": True}),
        ("nadam", {"momentum_decay": 1.0}),
        ("schedule_free_adamw", {"weight_decay": 0.1}),
        ("adafactor", {}),
        (Adafactor(d=2.0), {"dimension": 16}),
        ("muon", {"dimension": (3, 8)}),
    ],
)
def test_alphas_are_those_of_the_other_replay(compiled, optimizer, options):
    settings = {"optimizer": optimizer, "replicates": 200, "method": "ols", **options}
    ours, theirs = nulls.optimizer_alphas(200, **settings), compiled(200, **settings)
    assert abs(ours.mean() - theirs.mean()) < 4 * math.hypot(ours.std(), theirs.std()) / math.sqrt(200)
    assert 0.8 < ours.std() / theirs.std() < 1.25


def test_lion_has_no_alpha(compiled):
    assert np.isnan(compiled(128, optimizer="lion", weight_decay=0.1, replicates=3, method="ols")).all()
