"""What no run can have is refused with the value, the limit and the way out."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa

N = 300
NORMS = np.exp(0.1 * wcdfa.synthetic.white_noise(N, seed=0))


def one(at, value, of=0.1):
    return np.where(np.arange(N) == at, value, of)


REFUSED = [
    ({"start": -1}, ValueError, "start must be at least 0, got -1"),
    ({"start": 1.5}, ValueError, "start must be a whole number of steps, at least 0, got 1.5"),
    ({"lr": -0.1}, ValueError, "lr must be positive and finite, got -0.1; leave it out if it is unknown"),
    ({"lr": np.nan}, ValueError, "lr must be positive and finite, got nan"),
    ({"lr": True}, TypeError, "lr must be real numbers, got booleans"),
    ({"lr": one(7, -2)}, ValueError, "lr must be 0 or more and finite, got -2 at place 7; give NaN"),
    ({"lr": one(7, np.inf)}, ValueError, "got inf at place 7"),
    ({"norms": -NORMS}, ValueError, "norms must be 0 or more, got -"),
    ({"norms": one(1234 % N, -3, 1.0)}, ValueError, r"got -3 at place 34; give sizes, abs\(norms\)"),
    ({"norms": NORMS > 1}, TypeError, "norms must be real numbers, got booleans"),
    ({"norms": NORMS + 1j}, TypeError, "norms must be real numbers, got complex"),
    ({"weight_norm": -NORMS}, ValueError, "weight_norm must be 0 or more"),
    ({"gradient_norm": -NORMS}, ValueError, "gradient_norm must be 0 or more"),
    ({"groups": {"head": -NORMS}}, ValueError, r"groups\['head'\] must be 0 or more"),
    ({"groups": [NORMS]}, TypeError, "groups must be a dict from the name of each group to its numbers, .* got list"),
    ({"cosines": NORMS}, TypeError, "cosines must be a dict .* got ndarray"),
    ({"steps": np.arange(N, 0, -1)}, ValueError, "steps must increase, got 299 after 300; cut the run"),
    ({"steps": np.ones(N)}, ValueError, "steps must increase, got 1 after 1"),
]


@pytest.mark.parametrize(("given", "error", "said"), REFUSED, ids=lambda each: str(each)[:30] if isinstance(each, str) else "")
def test_it_is_refused(given, error, said):
    with pytest.raises(error, match=said):
        wcdfa.diagnose(**{"norms": NORMS, **given})


def test_gaps_are_no_error():
    gaps = one(5, np.nan, 1.0) * one(6, 0.0, 1.0)
    assert not wcdfa.diagnose(NORMS * gaps, lr=0.1 * gaps, weight_norm=gaps, gradient_norm=gaps, groups={"head": gaps}).deviations


@pytest.mark.parametrize("ask", [wcdfa.verdict, wcdfa.run_alpha, wcdfa.prepare])
def test_norms_are_numbers(ask):
    with pytest.raises(TypeError, match="norms must be real numbers, got bool; give the size of each change"):
        ask(NORMS > 1)
