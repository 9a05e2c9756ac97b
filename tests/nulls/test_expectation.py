"""What replays of a named optimizer give, against closed forms."""

from __future__ import annotations

import math

import pytest

from wcdfa.nulls.expectation import expectation
from wcdfa.nulls.memory_filter import memory_filter
from wcdfa.nulls.update_rules import named

OPTIMIZERS = [
    named("sgd", {"momentum": 0.9}),
    named("sgd", {"momentum": 0.9, "nesterov": True}),
    named("adamw", {"betas": (0.9, 0.99)}),
    named("sgd", {}),
    named("muon", {}),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_closed_forms_are_what_replays_give(optimizer):
    found, exact = expectation(optimizer), memory_filter(optimizer)
    reach = 4 / math.sqrt(60)
    assert found.cosine.mean == pytest.approx(exact.cosine(), abs=reach * found.cosine.spread + 0.005)
    small, large = exact.exponents(500)
    assert found.small_boxes.mean == pytest.approx(small, abs=reach * found.small_boxes.spread + 0.005)
    assert found.large_boxes.mean == pytest.approx(large, abs=reach * found.large_boxes.spread + 0.01)


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_a_mean_gradient(share):
    sgd = OPTIMIZERS[0]
    assert expectation(sgd, mean_share=share).cosine.mean == pytest.approx(memory_filter(sgd).cosine(share), abs=0.005)


def test_a_schedule_of_the_rate_is_divided_out():
    assert expectation(OPTIMIZERS[0], decay=0.998).cosine.mean == pytest.approx(0.9, abs=0.004)


def test_norms_of_a_momentum_have_the_square_of_its_memory():
    """‖ΔW‖ of many coordinates is like the sum of squares of AR(1): 0.81 at lag 1, less by the bias of a window of 500."""
    found = expectation(OPTIMIZERS[0])
    assert found.lag1.mean == pytest.approx(0.81, abs=0.02)
    assert found.deviation.mean == pytest.approx(1 / math.sqrt(2 * 64), rel=0.1)
    assert expectation(OPTIMIZERS[0], coordinates=256).deviation.mean == pytest.approx(found.deviation.mean / 2, rel=0.1)


def test_the_start_of_a_run():
    fresh, settled = expectation(OPTIMIZERS[2], 100, start=0), expectation(OPTIMIZERS[2], 100)
    assert fresh.deviation.mean > 1.5 * settled.deviation.mean


def test_changes_of_one_size_have_no_memory_of_norms():
    found = expectation(named("lion", {}))
    assert math.isnan(found.alpha.mean)
    assert math.isnan(found.lag1.mean)
    assert found.cosine.mean == pytest.approx(0.23, abs=0.02)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="mean_share must lie from 0 to below 1"):
        expectation(OPTIMIZERS[0], mean_share=share)
